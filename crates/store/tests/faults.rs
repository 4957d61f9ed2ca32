//! The Nth call of the disk fails, for every N until a run meets no fault (harness H2; faults F-05, F-07, F-08, F-11;
//! rules R2 to R6): no panic, no wrong bytes, no success that is none, no second sync of a file whose sync failed.

mod support;

use std::ops::Range;

use lifeboat_store::disk::sim::{Among, Budget, Call, ERRNOS, Fault, Harm, SimDisk};
use lifeboat_store::{ChunkId, Result, SnapshotId, Store, StoreError};
use rayon::prelude::*;
use support::{Acknowledged, assert_none, back_up, backing, check, look, recover, unseal, words};

const EIO: i32 = 5;

/// Chunks of the backup before the fault, of the one that meets it, and of the one after.
const BEFORE: Range<u32> = 0..6;
const DURING: Range<u32> = 4..11;
const AFTER: Range<u32> = 2..13;

/// A repository with one backup, all durable.
fn repository() -> (SimDisk, Acknowledged) {
    let disk = SimDisk::new();
    let store = Store::create(backing(&disk, 1)).unwrap();
    let done = back_up(&store, BEFORE, 4000).unwrap();
    disk.settle();
    (disk, done)
}

fn open_and_back_up(disk: &SimDisk) -> Result<Acknowledged> {
    back_up(&Store::open(backing(disk, 2))?, DURING, 4000)
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
    let (base, before) = repository();
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

/// Reads everything; panics on what is wrong without being an error.
fn read_all(disk: &SimDisk, before: &Acknowledged) -> Result<()> {
    let store = Store::open(backing(disk, 2))?;
    assert_eq!(store.records()?, [before.id]);
    assert_eq!(store.record(before.id)?, before.record);
    for id in unseal(&before.record).unwrap() {
        let plain = store.get(&id)?;
        assert_eq!(ChunkId::of(&plain), id);
    }
    Ok(())
}

#[test]
fn a_bit_that_flips_on_its_way_to_the_disk_or_back_is_never_read_as_right() {
    let (base, before) = repository();
    let flip = |nth| {
        let position = usize::try_from(nth * 7919).unwrap_or(0);
        Fault::nth(
            nth,
            Harm::Flip {
                position,
                mask: 1 << (nth % 8),
            },
        )
    };
    let (failures, writes) = each_nth(
        |nth| flip(nth).among(Among::Only(Call::Write)),
        |fault| {
            let disk = base.copy();
            disk.inject(fault);
            let result = open_and_back_up(&disk);
            let struck = disk.faults_struck() > 0;
            disk.clear_faults();
            (struck, never_silent(&disk, &before, result))
        },
    );
    assert_none(&failures);
    let (failures, reads) = each_nth(
        |nth| flip(nth).among(Among::Only(Call::Read)),
        |fault| {
            let disk = base.copy();
            disk.inject(fault);
            let _ = read_any(&disk, before.id); // panics on wrong bytes
            (disk.faults_struck() > 0, Ok(()))
        },
    );
    println!("{writes} writes and {reads} reads with a wrong bit");
    assert_none(&failures);
}

/// Reads everything; panics on wrong bytes that nothing tells as such. A record's bytes are its reader's to check.
fn read_any(disk: &SimDisk, id: SnapshotId) -> Result<()> {
    let store = Store::open(backing(disk, 2))?;
    assert_eq!(store.records()?, [id]);
    for id in unseal(&store.record(id)?).unwrap_or_default() {
        let plain = store.get(&id)?;
        assert_eq!(ChunkId::of(&plain), id);
    }
    Ok(())
}

/// The earlier backup is whole; of the new one, everything is right or found to be wrong.
fn never_silent(
    disk: &SimDisk,
    before: &Acknowledged,
    result: Result<Acknowledged>,
) -> std::result::Result<(), String> {
    let store = Store::open(backing(disk, 3)).map_err(words)?;
    if store.record(before.id).map_err(words)? != before.record {
        return Err("the earlier record has changed".to_owned());
    }
    for id in unseal(&before.record).unwrap() {
        store.get(&id).map_err(words)?;
    }
    let damage = check(&store, &[before.clone()]);
    match result {
        // The bit is in a file that counts, and nobody finds it.
        Ok(_) if damage.is_ok() => Err("a wrong bit was not found".to_owned()),
        _ => Ok(()),
    }
}

#[test]
fn a_full_disk_is_told_and_harms_nothing_and_space_is_enough_to_go_on() {
    let (base, before) = repository();
    let used: usize = base.files().values().map(Vec::len).sum();
    let whole = base.copy();
    open_and_back_up(&whole).unwrap();
    let needed: usize = whole.files().values().map(Vec::len).sum::<usize>() - used;
    let failures: Vec<String> = (0..needed)
        .step_by(97)
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
    println!("{} sizes of a full disk", needed.div_ceil(97));
    assert_none(&failures);
}

fn full_disk(disk: &SimDisk, before: &Acknowledged) -> std::result::Result<(), String> {
    match open_and_back_up(disk) {
        Err(StoreError::Io { source, .. }) if source.kind() == std::io::ErrorKind::StorageFull => {}
        Err(error) => return Err(format!("told as: {}", words(error))),
        Ok(_) => return Err("success on a full disk".to_owned()),
    }
    let files = disk.files();
    let left: Vec<_> = files.keys().filter(|path| path.ends_with(".tmp")).collect();
    if !left.is_empty() {
        return Err(format!("left behind: {left:?}"));
    }
    check(
        &Store::open(backing(disk, 3)).map_err(words)?,
        &[before.clone()],
    )?;
    disk.set_capacity(None);
    aftermath(disk, true, vec![before.clone()])
}
