//! What is held in memory of each thing that is stored.

use lifeboat_store::{Backing, Kind, Options, Share, Store};

use crate::support::memory::peak_of;

/// The most that a session held in memory that stored so many chunks, its commit included.
fn peak_of_session(has_cache: bool, chunks: u32) -> usize {
    let folder = tempfile::tempdir().unwrap();
    let mut backing = Backing::local(&folder.path().join("repository"));
    if !has_cache {
        backing.cache = None;
    }
    let store = Store::create(backing).unwrap();
    let options = Options {
        level: 1,
        pack_bytes: 32 << 10,
        parity: Share::NONE,
        most_held: 2000,
    };
    let work = || {
        let session = store.begin(options).unwrap();
        for number in 0..chunks {
            let put = session.put(Kind::Data, &number.to_le_bytes(), None);
            assert!(put.unwrap().new);
        }
        session.commit(b"record").unwrap();
    };
    peak_of(work).1
}

/// Bytes that each further chunk takes.
fn bytes_per_chunk(has_cache: bool) -> usize {
    let (few, many) = (10_000, 60_000);
    let [less, more] = [few, many].map(|chunks| peak_of_session(has_cache, chunks));
    more.saturating_sub(less) / (many - few) as usize
}

#[test]
fn a_session_holds_few_bytes_of_each_chunk_that_it_stored() {
    let bytes = bytes_per_chunk(true);
    assert!(bytes <= 32, "{bytes}");
}

#[test]
fn without_a_cache_it_holds_what_its_index_has_of_it() {
    let bytes = bytes_per_chunk(false);
    assert!(bytes <= 200, "{bytes}");
}
