//! The Nth call of the disk fails, for every N until a run meets no fault (faults F-05, F-07, F-08, F-11;
//! rules R2 to R6): no panic, no wrong bytes, no success that is none, no second sync of a file whose sync failed.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test fails by panicking"
)]

#[path = "faults/flips.rs"]
mod flips;
mod support;

use std::ops::Range;

use lifeboat_store::disk::sim::{Among, Budget, ERRNOS, Fault, Harm, SimDisk};
use lifeboat_store::{ChunkId, Kind, Result, Store, StoreError};
use rayon::prelude::*;
use support::{Acknowledged, assert_none, back_up, backing, look, recover, unseal, words};

const EIO: i32 = 5;

/// Chunks of the backup before the fault, of the one that meets it, and of the one after.
const BEFORE: Range<u32> = 0..9;
const DURING: Range<u32> = 4..13;
const AFTER: Range<u32> = 2..15;

/// A pack for each chunk: with the second backup there are enough for the index cache to be written.
const PACK_BYTES: u64 = 500;

/// A repository with one backup, all durable.
fn repository() -> (SimDisk, Acknowledged) {
    let disk = SimDisk::new();
    let store = Store::create(backing(&disk, 1)).unwrap();
    let done = back_up(&store, BEFORE, PACK_BYTES).unwrap();
    disk.settle();
    (disk, done)
}

/// The same after one more backup, with an index cache.
fn grown_repository() -> (SimDisk, Acknowledged) {
    let (disk, _) = repository();
    let done = open_and_back_up(&disk).unwrap();
    disk.settle();
    assert!(disk.files().keys().any(|path| path.starts_with("cache/")));
    (disk, done)
}

fn open_and_back_up(disk: &SimDisk) -> Result<Acknowledged> {
    back_up(&Store::open(backing(disk, 2))?, DURING, PACK_BYTES)
}

/// Every way in which a call can fail.
fn harms() -> Vec<Harm> {
    let errnos = ERRNOS.into_iter().map(Harm::Errno);
    errnos.chain([Harm::Half(EIO), Harm::Done(EIO)]).collect()
}

/// Runs for N = 1, 2, … until no fault is met; returns the failures and how many faults there were.
fn each_nth(
    fault: impl Fn(u64) -> Fault,
    run: impl Fn(Fault) -> (bool, std::result::Result<(), String>),
) -> (Vec<String>, u64) {
    let mut failures = Vec::new();
    for nth in 1.. {
        let fault = fault(nth);
        let what = format!("{fault:?}");
        let (struck, result) = run(fault);
        if !struck {
            return (failures, nth - 1);
        }
        failures.extend(result.err().map(|error| format!("{error}\n  {what}")));
    }
    (failures, 0)
}

/// All harms, once and for ever, in parallel.
fn each_harm(
    among: Among,
    run: impl Fn(Fault) -> (bool, std::result::Result<(), String>) + Sync,
) -> (Vec<String>, u64) {
    let cases: Vec<(Harm, bool)> = harms()
        .into_iter()
        .flat_map(|harm| [(harm, false), (harm, true)])
        .collect();
    cases
        .into_par_iter()
        .map(|(harm, forever)| {
            let fault = |nth| {
                let fault = Fault::nth(nth, harm).among(among);
                if forever { fault.forever() } else { fault }
            };
            each_nth(fault, &run)
        })
        .reduce(Default::default, |(mut all, count), (more, further)| {
            all.extend(more);
            (all, count + further)
        })
}

/// What must hold on the disk once the fault is over, with the process dead and after a power cut on top.
fn aftermath(
    disk: &SimDisk,
    created: bool,
    mut known: Vec<Acknowledged>,
) -> std::result::Result<(), String> {
    let again = disk.synced_after_failure();
    if !again.is_empty() {
        return Err(format!("synced again after a failure: {again:?}"));
    }
    disk.clear_faults();
    let next = recover(disk, 3, created, &known, AFTER)?;
    known.push(next);
    let last = Budget {
        exhaustive: 1,
        random: 1,
        seed: 2,
        from: disk.operations().len(),
    };
    for state in disk.crash_states(&last) {
        look(&state.disk, 4, true, &known).map_err(|what| format!("{what}\n  {state}"))?;
    }
    Ok(())
}

#[test]
fn a_backup_that_meets_a_fault_fails_or_is_whole() {
    let (base, before) = repository();
    let (failures, count) = each_harm(Among::All, |fault| {
        let disk = base.copy();
        disk.inject(fault);
        let result = open_and_back_up(&disk);
        let struck = disk.faults_struck() > 0;
        let known = [Ok(before.clone()), result].into_iter().flatten().collect();
        (struck, aftermath(&disk, true, known))
    });
    println!("{count} faults during a backup");
    assert_none(&failures);
}

#[test]
fn a_creation_that_meets_a_fault_fails_or_is_whole_and_can_be_repeated() {
    let (failures, count) = each_harm(Among::All, |fault| {
        let disk = SimDisk::without_root();
        disk.inject(fault);
        let created = Store::create(backing(&disk, 1)).is_ok();
        let struck = disk.faults_struck() > 0;
        (struck, aftermath(&disk, created, Vec::new()))
    });
    println!("{count} faults during a creation");
    assert_none(&failures);
}

#[test]
fn reading_under_faults_gives_the_right_bytes_or_the_fault() {
    let (base, before) = grown_repository();
    let (failures, count) = each_harm(Among::Reads, |fault| {
        let disk = base.copy();
        disk.inject(fault);
        let read = read_all(&disk, &before);
        let struck = disk.faults_struck() > 0;
        let result = match read {
            Ok(()) | Err(StoreError::Io { .. }) => Ok(()),
            // A disk that does not answer proves nothing about what is on it.
            Err(error) => Err(format!("told as: {}", words(error))),
        };
        (struck, result)
    });
    println!("{count} faults during reading");
    assert_none(&failures);
}

#[test]
fn a_pack_that_cannot_be_read_is_not_told_as_missing() {
    let (cached, before) = grown_repository();
    let bare = cached.copy();
    let files = cached.files();
    let of = |folder: &'static str| files.keys().filter(move |path| path.starts_with(folder));
    of("cache/").for_each(|path| bare.delete(path).unwrap());
    let mut failures = Vec::new();
    for (base, what) in [(&cached, "with a cache"), (&bare, "without a cache")] {
        for pack in of("packs/") {
            let disk = base.copy();
            disk.inject(Fault::nth(1, Harm::Errno(EIO)).under(pack).forever());
            match read_all(&disk, &before) {
                Ok(()) | Err(StoreError::Io { .. }) => {}
                Err(error) => failures.push(format!("{what}\n  told as: {}", words(error))),
            }
        }
    }
    assert_none(&failures);
}

/// Reads everything; panics on what is wrong without being an error.
fn read_all(disk: &SimDisk, before: &Acknowledged) -> Result<()> {
    let store = Store::open(backing(disk, 2))?;
    assert!(store.records()?.contains(&before.id));
    assert_eq!(store.record(before.id)?, before.record);
    read_chunks(&store, unseal(&before.record).unwrap())
}

/// Reads these; panics on wrong bytes that nothing tells as such.
fn read_chunks(store: &Store, ids: Vec<ChunkId>) -> Result<()> {
    for id in ids {
        let plain = store.get(&id)?;
        assert!(
            Kind::ALL
                .iter()
                .any(|&kind| ChunkId::of(kind, &plain) == id)
        );
    }
    Ok(())
}

#[test]
fn a_full_disk_is_told_and_harms_nothing_and_space_is_enough_to_go_on() {
    let (base, before) = repository();
    let used: usize = base.files().values().map(Vec::len).sum();
    let whole = base.copy();
    open_and_back_up(&whole).unwrap();
    let needed: usize = whole.files().values().map(Vec::len).sum::<usize>() - used;
    let failures: Vec<String> = (0..needed)
        .step_by(197)
        .par_bridge()
        .filter_map(|room| {
            let disk = base.copy();
            disk.set_capacity(Some((used + room) as u64));
            let result = full_disk(&disk, &before);
            result
                .err()
                .map(|what| format!("{what}\n  with room for {room} of {needed} bytes"))
        })
        .collect();
    println!("{} sizes of a full disk", needed.div_ceil(197));
    assert_none(&failures);
}

fn full_disk(disk: &SimDisk, before: &Acknowledged) -> std::result::Result<(), String> {
    let mut known = vec![before.clone()];
    match open_and_back_up(disk) {
        Err(StoreError::Io { source, .. }) if source.kind() == std::io::ErrorKind::StorageFull => {}
        Err(error) => return Err(format!("told as: {}", words(error))),
        // What did not fit was the cache.
        Ok(done) => known.push(done),
    }
    let files = disk.files();
    let left: Vec<_> = files.keys().filter(|path| path.ends_with(".tmp")).collect();
    if !left.is_empty() {
        return Err(format!("left behind: {left:?}"));
    }
    look(disk, 3, true, &known)?;
    disk.set_capacity(None);
    aftermath(disk, true, known)
}
