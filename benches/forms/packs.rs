//! Sizes of packs: what a first backup's writing costs, and how many files there are then.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use lifeboat_snapshot::store::{Backing, Kind, Options, Store};

use crate::clinic;
use crate::support::measure::{median, settle};
use crate::support::table::{Table, bytes, seconds};
use crate::support::{Ask, Scratch};

const EXTENT: u64 = 64 << 10;

pub(crate) fn measure(ask: &Ask) {
    let scratch = Scratch::new("packs");
    let mut table = Table::new(&[
        "pack",
        "write",
        "open and get one",
        "pack files",
        "repository",
    ]);
    for mib in [8, 16, 32, 64] {
        let (mut writes, mut opens, mut packs) = (Vec::new(), Vec::new(), 0);
        let place = scratch.path().join("repository");
        for _ in 0..ask.runs {
            scratch.fresh("repository");
            settle();
            let began = Instant::now();
            let id = write(&place, mib << 20);
            writes.push(began.elapsed().as_secs_f64());
            let began = Instant::now();
            let store = Store::open(Backing::local(&place)).expect("the repository opens");
            store.get(&id).expect("the chunk is there");
            opens.push(began.elapsed().as_secs_f64());
            packs = count(&place.join("packs"));
        }
        table.row(&[
            format!("{mib} MiB"),
            seconds(median(writes)),
            seconds(median(opens)),
            packs.to_string(),
            bytes(crate::support::size_of(&place, "cache")),
        ]);
    }
    table.print("Sizes of packs: the extents of the 683 MB database, two threads");
}

/// Puts all extents into a new repository; gives the id of the first.
fn write(place: &std::path::Path, pack_bytes: u64) -> lifeboat_snapshot::store::ChunkId {
    let file = File::open(clinic::cached(clinic::STANDARD)).expect("the data set is there");
    let extents = file.metadata().expect("it can be looked at").len() / EXTENT;
    let store = Store::create(Backing::local(place)).expect("a new repository");
    let session = store
        .begin(Options {
            pack_bytes,
            ..Options::default()
        })
        .expect("a session");
    let next = AtomicU64::new(0);
    let put = || {
        let mut buffer = vec![0; EXTENT as usize];
        loop {
            let extent = next.fetch_add(1, Ordering::Relaxed);
            if extent >= extents {
                break;
            }
            file.read_exact_at(&mut buffer, extent * EXTENT)
                .expect("the data set can be read");
            session
                .put(Kind::Data, &buffer, None)
                .expect("it can be stored");
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(put);
        scope.spawn(put);
    });
    let mut first = vec![0; EXTENT as usize];
    file.read_exact_at(&mut first, 0)
        .expect("the data set can be read");
    let id = session
        .put(Kind::Data, &first, None)
        .expect("it can be stored")
        .id;
    session.commit(b"a record").expect("it can be committed");
    id
}

fn count(folder: &std::path::Path) -> usize {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| {
            if entry.path().is_dir() {
                count(&entry.path())
            } else {
                1
            }
        })
        .sum()
}
