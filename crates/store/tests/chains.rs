//! What a chunk costs that changes a little with every snapshot, over hundreds of them.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use lifeboat_store::disk::sim::SimDisk;
use lifeboat_store::random::SeededRandom;
use lifeboat_store::storage::LocalStorage;
use lifeboat_store::{Backing, ChunkId, Kind, Options, Store};

const VERSIONS: u32 = 300;

/// A list of a thousand ids, as that of a database, of which each version names two anew.
fn version(number: u32) -> Vec<u8> {
    let id = |slot: u32| {
        // The last version that touched the slot: 467 is prime to 1000, so neighbours in time are none in the list.
        let touched = (0..=number).rev().take(500).find(|&touch| {
            let place = touch.wrapping_mul(934) % 1000;
            touch > 0 && (place == slot || (place + 467) % 1000 == slot)
        });
        let seed = [slot.to_le_bytes(), touched.unwrap_or(0).to_le_bytes()].concat();
        *blake3::hash(&seed).as_bytes()
    };
    (0..1000).flat_map(id).collect()
}

/// Stores all versions, a session each; what each grew the repository by, and its id.
fn series(kind: Kind) -> (Store, Vec<(u64, ChunkId)>) {
    let disk = SimDisk::new();
    let store = Store::create(Backing {
        storage: Arc::new(LocalStorage::new(Arc::new(disk.clone()))),
        cache: Some(Arc::new(disk.below("cache"))),
        random: Arc::new(SeededRandom::new(1)),
    });
    let store = store.unwrap();
    let mut near = None;
    let grown = (0..VERSIONS)
        .map(|number| {
            let session = store.begin(Options::default()).unwrap();
            let id = session
                .put(kind, &version(number), near.as_ref())
                .unwrap()
                .id;
            session.flush().unwrap();
            let stored = session.totals().stored_bytes;
            session.commit(b"record").unwrap();
            near = Some(id);
            (stored, id)
        })
        .collect();
    (store, grown)
}

fn mean(grown: &[(u64, ChunkId)]) -> u64 {
    grown.iter().map(|(bytes, _)| bytes).sum::<u64>() / grown.len() as u64
}

#[test]
fn a_description_costs_as_much_after_hundreds_of_snapshots_as_after_some() {
    let (store, grown) = series(Kind::Meta);
    let (early, late) = (mean(&grown[1..100]), mean(&grown[200..]));
    assert!(
        late <= 2 * early,
        "{late} bytes a snapshot after 200 of them, {early} before"
    );
    for (number, (_, id)) in grown.iter().enumerate() {
        assert_eq!(store.get(id).unwrap(), version(number as u32));
    }
}

#[test]
fn a_chunk_of_data_is_found_again_however_often_it_changed() {
    let (store, grown) = series(Kind::Data);
    for (number, (_, id)) in grown.iter().enumerate() {
        assert_eq!(store.get(id).unwrap(), version(number as u32));
    }
}
