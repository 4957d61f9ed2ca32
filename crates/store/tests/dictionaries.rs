//! Chunks that are told by a dictionary: what it saves, and that it stands and falls with nothing else.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::io::ErrorKind;
use std::sync::Arc;

use lifeboat_store::disk::sim::{Among, Fault, Harm, SimDisk};
use lifeboat_store::random::SeededRandom;
use lifeboat_store::random::noise;
use lifeboat_store::storage::LocalStorage;
use lifeboat_store::{Backing, ChunkId, Kind, Options, Session, Store};

const CHUNK: usize = 64 << 10;

fn store() -> (Store, SimDisk) {
    let disk = SimDisk::new();
    let store = Store::create(Backing {
        storage: Arc::new(LocalStorage::new(Arc::new(disk.clone()))),
        cache: None,
        random: Arc::new(SeededRandom::new(1)),
    });
    (store.unwrap(), disk)
}

/// The store as another process finds it.
fn reopened(disk: &SimDisk) -> Store {
    let store = Store::open(Backing {
        storage: Arc::new(LocalStorage::new(Arc::new(disk.clone()))),
        cache: None,
        random: Arc::new(SeededRandom::new(2)),
    });
    store.unwrap()
}

/// Rows of a few words out of a thousand: much is said again, but not within a chunk.
fn rows(seed: u32) -> Vec<u8> {
    let word = |number: u32| blake3::hash(&(number % 1000).to_le_bytes()).to_hex();
    let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(1);
    let mut bytes = Vec::new();
    while bytes.len() < CHUNK {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        bytes.extend_from_slice(word(state >> 16).as_bytes());
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(CHUNK);
    bytes
}

/// A dictionary of the first eight kilobytes of each.
fn sample(chunks: &[Vec<u8>]) -> Vec<u8> {
    chunks
        .iter()
        .flat_map(|chunk| &chunk[..8192])
        .copied()
        .collect()
}

fn refs(chunks: &[Vec<u8>]) -> Vec<&[u8]> {
    chunks.iter().map(Vec::as_slice).collect()
}

fn put_like(session: &Session<'_>, chunks: &[Vec<u8>], like: Option<&ChunkId>) -> Vec<ChunkId> {
    let put = |chunk: &Vec<u8>| session.put_like(Kind::Data, chunk, None, like).unwrap().id;
    chunks.iter().map(put).collect()
}

fn stored(session: &Session<'_>) -> u64 {
    session.flush().unwrap();
    session.totals().stored_bytes
}

#[test]
fn chunks_that_say_the_same_words_are_a_good_deal_smaller_by_a_dictionary() {
    let chunks: Vec<_> = (0..32).map(rows).collect();
    let (alone, _) = store();
    let session = alone.begin(Options::default()).unwrap();
    put_like(&session, &chunks, None);
    let alone = stored(&session);

    let (store, _) = store();
    let session = store.begin(Options::default()).unwrap();
    let dictionary = session.put_dictionary(&sample(&chunks), &refs(&chunks[..4]));
    let dictionary = dictionary.unwrap().unwrap();
    let ids = put_like(&session, &chunks, Some(&dictionary));
    let told = stored(&session);
    session.commit(b"record").unwrap();
    assert!(told < alone / 4 * 3, "{told} of {alone} bytes");
    for (id, chunk) in ids.iter().zip(&chunks) {
        assert_eq!(&store.get(id).unwrap(), chunk);
    }
}

#[test]
fn what_no_dictionary_helps_gets_none() {
    let (store, _) = store();
    let session = store.begin(Options::default()).unwrap();
    let chunks: Vec<_> = (0..16).map(|seed| noise(CHUNK, seed)).collect();
    let made = session.put_dictionary(&sample(&chunks), &refs(&chunks[..4]));
    assert_eq!(made.unwrap(), None);
    assert_eq!(session.totals().new_chunks, 0);
    // What zstd takes for a dictionary of its own kind is none of ours.
    let chunks: Vec<_> = (0..16).map(rows).collect();
    let mut sample = sample(&chunks);
    sample[..4].copy_from_slice(&[0x37, 0xa4, 0x30, 0xec]);
    let made = session.put_dictionary(&sample, &refs(&chunks[..4]));
    assert_eq!(made.unwrap(), None);
}

#[test]
fn later_chunks_are_told_by_the_dictionary_of_those_that_they_are_like() {
    let chunks: Vec<_> = (0..32).map(rows).collect();
    let (store, _) = store();
    let session = store.begin(Options::default()).unwrap();
    let dictionary = session.put_dictionary(&sample(&chunks), &refs(&chunks[..4]));
    let dictionary = dictionary.unwrap().unwrap();
    let ids = put_like(&session, &chunks, Some(&dictionary));
    session.commit(b"record").unwrap();

    let cost = |new: Vec<u8>, like: Option<&ChunkId>| {
        let session = store.begin(Options::default()).unwrap();
        let id = put_like(&session, std::slice::from_ref(&new), like)[0];
        let stored = stored(&session);
        session.commit(b"record").unwrap();
        assert_eq!(store.get(&id).unwrap(), new);
        stored
    };
    let (alone, like) = (cost(rows(777), None), cost(rows(778), ids.last()));
    assert!(like < alone / 4 * 3, "{like} of {alone} bytes");
}

#[test]
fn f10_a_dictionary_that_is_damaged_is_missed_by_what_is_told_by_it_alone() {
    let chunks: Vec<_> = (0..32).map(rows).collect();
    let (store, disk) = store();
    let none = Options {
        parity: lifeboat_store::Share::NONE,
        ..Options::default()
    };
    let session = store.begin(none).unwrap();
    let dictionary = session.put_dictionary(&sample(&chunks), &refs(&chunks[..4]));
    let dictionary = dictionary.unwrap().unwrap();
    let told = put_like(&session, &chunks, Some(&dictionary));
    let whole = session.put(Kind::Data, &noise(CHUNK, 1), None).unwrap().id;
    session.commit(b"record").unwrap();

    let files = disk.files();
    let pack = files.keys().find(|path| path.ends_with(".pack")).unwrap();
    // The dictionary was stored first.
    disk.corrupt(pack, 100, |byte| byte ^ 1).unwrap();
    let store = reopened(&disk);
    assert!(store.get(&dictionary).unwrap_err().is_damage());
    assert!(told.iter().all(|id| store.get(id).is_err()));
    assert_eq!(store.get(&whole).unwrap(), noise(CHUNK, 1));
    // The next backup of the same builds on nothing that is lost.
    let session = store.begin(none).unwrap();
    let new = rows(900);
    let id = put_like(&session, std::slice::from_ref(&new), told.last())[0];
    session.commit(b"record").unwrap();
    assert_eq!(store.get(&id).unwrap(), new);
}

#[test]
fn a_repair_makes_no_dictionary_since_nobody_lacks_it() {
    let chunks: Vec<_> = (0..32).map(rows).collect();
    let (store, _) = store();
    let session = store.begin_salvage(Options::default()).unwrap();
    let made = session.put_dictionary(&sample(&chunks), &refs(&chunks[..4]));
    assert_eq!(made.unwrap(), None);
}

/// A dictionary and a chunk that is told by it, in packs of their own.
fn apart(store: &Store) -> (ChunkId, ChunkId) {
    let chunks: Vec<_> = (0..32).map(rows).collect();
    let session = store.begin(Options::default()).unwrap();
    let dictionary = session.put_dictionary(&sample(&chunks), &refs(&chunks[..4]));
    let dictionary = dictionary.unwrap().unwrap();
    session.commit(b"record").unwrap();
    let session = store.begin(Options::default()).unwrap();
    let told = put_like(&session, &chunks[..1], Some(&dictionary))[0];
    session.commit(b"record").unwrap();
    (dictionary, told)
}

#[test]
fn f07_a_dictionary_that_cannot_be_read_right_now_is_not_told_as_damage() {
    let (store, disk) = store();
    let before = disk.files();
    let (_, told) = apart(&store);
    let is_new = |path: &&String| path.ends_with(".pack") && !before.contains_key(*path);
    let files = disk.files();
    // The pack of the dictionary is the larger one.
    let pack = files
        .keys()
        .filter(is_new)
        .max_by_key(|path| files[*path].len());
    let stale = Fault::nth(1, Harm::Kind(ErrorKind::StaleNetworkFileHandle));
    let of_reads = stale.among(Among::Reads).under(pack.unwrap()).forever();
    disk.inject(of_reads);
    let error = store.get(&told).unwrap_err();
    assert!(!error.is_damage(), "{error}");
    disk.clear_faults();
    assert_eq!(reopened(&disk).get(&told).unwrap(), rows(0));
}
