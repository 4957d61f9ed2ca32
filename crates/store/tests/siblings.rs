//! Small files that say the same words: later ones are told by a dictionary of those before them.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use lifeboat_store::disk::sim::SimDisk;
use lifeboat_store::random::SeededRandom;
use lifeboat_store::random::noise;
use lifeboat_store::storage::LocalStorage;
use lifeboat_store::{Backing, ChunkId, Kind, Options, Session, Store};

/// Notes of one test, 3 MB together.
const NOTES: u32 = 1000;

fn store() -> Store {
    let disk = Arc::new(SimDisk::new());
    let store = Store::create(Backing {
        storage: Arc::new(LocalStorage::new(disk)),
        cache: None,
        random: Arc::new(SeededRandom::new(1)),
    });
    store.unwrap()
}

/// A hundred words out of a thousand, each of which is in it once or twice.
fn note(number: u32) -> Vec<u8> {
    let word = |number: u32| blake3::hash(&(number % 1000).to_le_bytes()).to_hex();
    let mut state = number.wrapping_mul(2_654_435_761);
    let words = (0..100).map(|_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        word(state >> 16).chars().take(30).collect::<String>()
    });
    let text = words.collect::<Vec<_>>().join(" ");
    format!("note {number}: {text}").into_bytes()
}

fn stored(session: &Session<'_>) -> u64 {
    session.flush().unwrap();
    session.totals().stored_bytes
}

/// Whether so many bytes are less than half of what these notes take one by one.
fn assert_half(told: u64, notes: impl IntoIterator<Item = u32>) {
    let store = store();
    let session = store.begin(Options::default()).unwrap();
    for number in notes {
        session.put(Kind::Data, &note(number), None).unwrap();
    }
    let alone = stored(&session);
    assert!(told < alone / 2, "{told} of {alone} bytes");
}

/// Whether these are the notes from this number on.
fn assert_are(store: &Store, ids: &[ChunkId], first: u32) {
    for (number, id) in (first..).zip(ids) {
        assert_eq!(store.get(id).unwrap(), note(number));
    }
}

fn put_siblings(session: &Session<'_>, notes: impl IntoIterator<Item = u32>) -> Vec<ChunkId> {
    let put = |number| session.put_sibling(&note(number), None).unwrap().id;
    notes.into_iter().map(put).collect()
}

#[test]
fn notes_of_the_same_words_are_stored_in_less_than_half_and_come_back() {
    let store = store();
    let session = store.begin(Options::default()).unwrap();
    let ids = put_siblings(&session, 0..NOTES);
    let told = stored(&session);
    session.commit(b"record").unwrap();
    assert_half(told, 0..NOTES);
    assert_are(&store, &ids, 0);
}

#[test]
fn what_is_put_twice_is_stored_once() {
    let store = store();
    let session = store.begin(Options::default()).unwrap();
    let ids = put_siblings(&session, 0..NOTES);
    let before = session.totals().new_chunks;
    assert_eq!(put_siblings(&session, 0..NOTES), ids);
    assert_eq!(session.totals().new_chunks, before);
}

#[test]
fn noise_gets_no_dictionary() {
    let store = store();
    let session = store.begin(Options::default()).unwrap();
    for number in 0..NOTES {
        session
            .put_sibling(&noise(3000, u64::from(number)), None)
            .unwrap();
    }
    assert_eq!(session.totals().new_chunks, u64::from(NOTES));
}

#[test]
fn a_new_note_is_told_by_what_those_beside_it_are_told_by() {
    let store = store();
    let session = store.begin(Options::default()).unwrap();
    let ids = put_siblings(&session, 0..NOTES);
    session.commit(b"first").unwrap();

    let session = store.begin(Options::default()).unwrap();
    // The first notes were stored before there was a dictionary: they are told by nothing.
    session.recall_sibling(*ids.last().unwrap());
    session.recall_sibling(*ids.first().unwrap());
    let new = put_siblings(&session, NOTES..NOTES + 20);
    let told = stored(&session);
    session.commit(b"second").unwrap();
    assert_half(told, NOTES..NOTES + 20);
    assert_are(&store, &new, NOTES);
}

#[test]
fn notes_that_are_told_by_their_own_past_make_no_dictionary() {
    let store = store();
    let session = store.begin(Options::default()).unwrap();
    let ids = put_siblings(&session, 0..NOTES);
    session.commit(b"first").unwrap();

    let session = store.begin(Options::default()).unwrap();
    for (number, id) in (0..).zip(&ids) {
        let edited = [note(number), b" and more".to_vec()].concat();
        session.put_sibling(&edited, Some(id)).unwrap();
    }
    assert_eq!(session.totals().new_chunks, u64::from(NOTES));
}
