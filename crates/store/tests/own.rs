//! What a session stored itself is known to it wherever it is told: in memory, or in the index cache, to which it goes once it
//! is long.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]
#![allow(dead_code, reason = "support is shared with the tests of crashes")]

mod support;

use std::collections::BTreeMap;

use lifeboat_store::disk::sim::{Among, Call, Fault, Harm, SimDisk};
use lifeboat_store::{Backing, ChunkId, Kind, Options, Session, Store};
use support::{backing, chunk, unseal};

/// Chunks that are stored.
const COUNT: u32 = 300;

const EIO: i32 = 5;

fn options() -> Options {
    Options {
        level: 1,
        pack_bytes: 4000,
        most_held: 7,
        ..Options::default()
    }
}

fn put_all(session: &Session<'_>, numbers: impl Iterator<Item = u32>) -> Vec<(ChunkId, bool)> {
    numbers
        .map(|number| {
            let kind = Kind::ALL[number as usize % 2];
            let put = session.put(kind, &chunk(number), None).unwrap();
            (put.id, put.new)
        })
        .collect()
}

/// Segments in the cache, by name and length.
fn segments(disk: &SimDisk) -> BTreeMap<String, usize> {
    let files = disk.files().into_iter();
    let segments = files.filter(|(path, _)| path.ends_with(".index"));
    segments.map(|(path, bytes)| (path, bytes.len())).collect()
}

/// Stores all chunks, then all of them again, and commits; the disk and what is in the record.
fn store_twice(disk: &SimDisk, backing: Backing) -> Vec<ChunkId> {
    let store = Store::create(backing).unwrap();
    let session = store.begin(options()).unwrap();
    let first = put_all(&session, 0..COUNT);
    assert!(first.iter().all(|(_, new)| *new));
    let again = put_all(&session, (0..COUNT).rev());
    assert!(again.iter().all(|(_, new)| !new), "stored twice");
    assert_eq!(session.totals().new_chunks, u64::from(COUNT));
    let ids: Vec<ChunkId> = first.into_iter().map(|(id, _)| id).collect();
    let mut record: Vec<u8> = ids.iter().flat_map(|id| *id.as_bytes()).collect();
    let seal = *blake3::hash(&record).as_bytes();
    record.extend_from_slice(&seal);
    let id = session.id();
    session.commit(&record).unwrap();
    assert_eq!(unseal(&store.record(id).unwrap()).unwrap(), ids);
    disk.settle();
    ids
}

/// A later process finds every chunk, and stores none again.
fn assert_found(disk: &SimDisk, ids: &[ChunkId]) {
    let store = Store::open(backing(disk, 9)).unwrap();
    for (number, id) in (0..).zip(ids) {
        assert_eq!(store.get(id).unwrap(), chunk(number));
    }
    let session = store.begin(options()).unwrap();
    let again = put_all(&session, 0..COUNT);
    assert!(again.iter().all(|(_, new)| !new), "not found");
    session.abandon().unwrap();
}

#[test]
fn chunks_that_went_to_the_cache_are_not_stored_again_and_segments_stay_few() {
    let disk = SimDisk::new();
    let ids = store_twice(&disk, backing(&disk, 1));
    let written = segments(&disk);
    assert!((1..=9).contains(&written.len()), "{written:?}");
    assert_found(&disk, &ids);
}

#[test]
fn without_a_cache_they_are_known_as_well() {
    let disk = SimDisk::new();
    let without = Backing {
        cache: None,
        ..backing(&disk, 1)
    };
    let ids = store_twice(&disk, without);
    assert_eq!(segments(&disk), BTreeMap::new());
    assert_found(&disk, &ids);
}

#[test]
fn where_the_cache_cannot_be_written_they_are_known_as_well() {
    let disk = SimDisk::new();
    let cache = SimDisk::new();
    cache.inject(
        Fault::nth(1, Harm::Errno(EIO))
            .among(Among::Only(Call::Write))
            .forever(),
    );
    let broken = Backing {
        cache: Some(std::sync::Arc::new(cache.clone())),
        ..backing(&disk, 1)
    };
    let ids = store_twice(&disk, broken);
    assert_eq!(segments(&cache), BTreeMap::new());
    assert_found(&disk, &ids);
}

#[test]
fn segments_that_are_lost_while_the_session_is_at_work_cost_room_at_most() {
    let disk = SimDisk::new();
    let store = Store::create(backing(&disk, 1)).unwrap();
    let session = store.begin(options()).unwrap();
    let first = put_all(&session, 0..COUNT / 2);
    // As another process does that merges them, or whoever deletes the cache.
    for path in segments(&disk).keys() {
        lifeboat_store::Disk::remove(&disk, path).unwrap();
    }
    put_all(&session, 0..COUNT);
    session.commit(b"record").unwrap();
    let ids: Vec<ChunkId> = first.into_iter().map(|(id, _)| id).collect();
    let store = Store::open(backing(&disk, 9)).unwrap();
    for (number, id) in (0..).zip(&ids) {
        assert_eq!(store.get(id).unwrap(), chunk(number));
    }
}

#[test]
fn a_session_that_is_dropped_leaves_a_cache_that_tells_nothing_wrong() {
    let disk = SimDisk::new();
    let store = Store::create(backing(&disk, 1)).unwrap();
    let session = store.begin(options()).unwrap();
    put_all(&session, 0..COUNT / 2);
    assert!(!segments(&disk).is_empty());
    drop(session);
    drop(store);
    // Its packs are there, and what the cache tells of them; the chunks of the one that was not closed are not.
    let store = Store::open(backing(&disk, 2)).unwrap();
    let session = store.begin(options()).unwrap();
    let puts = put_all(&session, 0..COUNT);
    let found = puts.iter().filter(|(_, new)| !new).count() as u32;
    assert!((COUNT / 2 - 20..=COUNT / 2).contains(&found), "{found}");
    session.commit(b"record").unwrap();
    let store = Store::open(backing(&disk, 3)).unwrap();
    for (number, (id, _)) in (0..).zip(&puts) {
        assert_eq!(store.get(id).unwrap(), chunk(number));
    }
}
