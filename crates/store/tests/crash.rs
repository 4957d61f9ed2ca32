//! Power cuts and kills at every operation of creating a repository and of four backups, the last two at once
//! (faults F-01 to F-04 and F-17; rules R1, R3, R9).

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test fails by panicking"
)]

mod support;

use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

use lifeboat_store::Store;
use lifeboat_store::disk::sim::{Budget, CrashState, Naming, SimDisk};
use rayon::prelude::*;
use support::{Acknowledged, BackUp, assert_none, back_up, backing, look, recover};

const CREATED: &str = "created";

/// Chunks of the backup after the fault: some are there already.
const NEXT: Range<u32> = 2..9;

/// A backup of one chunk that is there already from the first pack on.
const NOTHING_NEW: Range<u32> = 1..2;

/// Names as the store uses them: a pending record is written under its name, and a snapshot relies on all packs.
const NAMING: Naming = Naming {
    publishes: |path| {
        path.ends_with(".pack") || path.ends_with(".snapshot") || path.starts_with("config")
    },
    commits: |path| path.ends_with(".snapshot"),
};

/// Stored bytes after which the workload closes its packs, give or take.
const PACK_BYTES: u64 = 1000;

/// Creates a repository and backs up twice, each in a process of its own, then twice at once.
fn workload(pack_bytes: u64) -> (SimDisk, Vec<Acknowledged>) {
    let disk = SimDisk::without_root();
    Store::create(backing(&disk, 1)).unwrap();
    disk.mark(CREATED);
    let mut acknowledged = Vec::new();
    let mut note = |done: Acknowledged| {
        disk.mark(&done.mark());
        acknowledged.push(done);
    };
    for (process, chunks, packs) in [(2, 0..12, 1), (3, 6..20, 9)] {
        let store = Store::open(backing(&disk, process)).unwrap();
        note(back_up(&store, chunks, packs * pack_bytes).unwrap());
    }
    let stores = [10, 11].map(|process| Store::open(backing(&disk, process)).unwrap());
    let [mut one, mut other] = stores
        .each_ref()
        .map(|store| BackUp::begin(store, 3 * pack_bytes).unwrap());
    for number in 18..24 {
        one.put(number).unwrap();
        other.put(number + 3).unwrap();
    }
    note(one.commit().unwrap());
    note(other.commit().unwrap());
    (disk, acknowledged)
}

#[test]
fn the_workload_reaches_every_folder() {
    let (disk, _) = workload(PACK_BYTES);
    for folder in ["config", "packs/", "snapshots/", "cache/"] {
        assert!(
            disk.files().keys().any(|path| path.starts_with(folder)),
            "{folder}"
        );
    }
}

fn acknowledged_before(state: &CrashState, all: &[Acknowledged]) -> Vec<Acknowledged> {
    let before = all.iter().filter(|record| state.is_after(&record.mark()));
    before.cloned().collect()
}

/// Little for each operation: nothing kept, all kept, the telling mixtures.
fn small(from: usize) -> Budget {
    Budget {
        exhaustive: 1,
        random: 6,
        seed: 1,
        from,
    }
}

#[test]
fn every_step_is_durable_before_the_next_relies_on_it() {
    let (disk, _) = workload(PACK_BYTES);
    disk.assert_published_synced(NAMING);
}

#[test]
fn no_power_cut_loses_anything_acknowledged_and_the_next_backup_needs_no_help() {
    let (disk, all) = workload(PACK_BYTES);
    let count = AtomicUsize::new(0);
    let failures: Vec<String> = disk
        .crash_states(&Budget::default())
        .par_bridge()
        .filter_map(|state| {
            count.fetch_add(1, Ordering::Relaxed);
            let acknowledged = acknowledged_before(&state, &all);
            let recovered = recover(&state.disk, 4, state.is_after(CREATED), &acknowledged, NEXT);
            recovered.err().map(|what| format!("{what}\n  {state}"))
        })
        .collect();
    let operations = disk.operations().len();
    println!(
        "{} crash states of {operations} operations",
        count.into_inner()
    );
    assert_none(&failures);
}

#[test]
fn a_power_cut_during_recovery_loses_nothing_either() {
    cut_twice(workload(PACK_BYTES), 2, &small(0));
}

/// Power cuts, recoveries and power cuts during them; of the first only every `step`th is gone on with.
fn cut_twice((disk, all): (SimDisk, Vec<Acknowledged>), step: usize, budget: &Budget) -> usize {
    let count = AtomicUsize::new(0);
    let failures: Vec<String> = disk
        .crash_states(budget)
        .step_by(step)
        .par_bridge()
        .filter_map(|state| {
            let mut known = acknowledged_before(&state, &all);
            let created = state.is_after(CREATED);
            let next = match recover(&state.disk, 4, created, &known, NEXT) {
                Ok(next) => next,
                Err(what) => return Some(format!("{what}\n  {state}")),
            };
            known.push(next);
            let failure = again(&state.disk, &known, created, budget, &count);
            failure.map(|what| format!("{what}\n  after a {state}"))
        })
        .collect();
    let count = count.into_inner();
    println!("{count} crash states during recovery");
    assert_none(&failures);
    count
}

/// The first failure after a second power cut. `known` ends with the record of the recovery, which need not be there
/// before its mark.
fn again(
    disk: &SimDisk,
    known: &[Acknowledged],
    created: bool,
    budget: &Budget,
    count: &AtomicUsize,
) -> Option<String> {
    let (next, before) = known.split_last()?;
    disk.crash_states(budget).find_map(|second| {
        count.fetch_add(1, Ordering::Relaxed);
        let after = second.is_after(&next.mark());
        let expected = if after { known } else { before };
        let found = look(&second.disk, 5, created || after, expected);
        found.err().map(|what| format!("{what}\n  {second}"))
    })
}

#[test]
fn a_kill_and_later_a_power_cut_lose_nothing_that_was_acknowledged_between() {
    kill_and_cut(workload(PACK_BYTES), &small(0));
}

/// Kills after every operation, backups after them and power cuts during and after those.
fn kill_and_cut((disk, all): (SimDisk, Vec<Acknowledged>), budget: &Budget) -> usize {
    let operations = disk.operations().len();
    let count = AtomicUsize::new(0);
    // The next backup may store much, or nothing but a reference to what it finds.
    let runs = (0..=operations).flat_map(|at| [(at, NEXT), (at, NOTHING_NEW)]);
    let failures: Vec<String> = runs
        .par_bridge()
        .filter_map(|(at, next)| {
            let killed = disk.killed_after(at);
            let budget = Budget {
                from: at,
                ..budget.clone()
            };
            let failure = go_on(&killed, &budget, next, &all, &count);
            failure.map(|what| format!("{what}\n  after a kill after operation {at}"))
        })
        .collect();
    let count = count.into_inner();
    println!("{count} crash states after {} kills", operations + 1);
    assert_none(&failures);
    count
}

/// Backs up in another process after a kill, and tells the first failure after a power cut from there on.
fn go_on(
    killed: &SimDisk,
    budget: &Budget,
    next: Range<u32>,
    all: &[Acknowledged],
    count: &AtomicUsize,
) -> Option<String> {
    let marked = all.iter().filter(|record| killed.marked(&record.mark()));
    let mut known: Vec<Acknowledged> = marked.cloned().collect();
    let next = match recover(killed, 4, killed.marked(CREATED), &known, next) {
        Ok(next) => next,
        Err(what) => return Some(what),
    };
    known.push(next.clone());
    killed.crash_states(budget).find_map(|state| {
        count.fetch_add(1, Ordering::Relaxed);
        let expected = acknowledged_before(&state, &known);
        let created = state.is_after(CREATED) || state.is_after(&next.mark());
        let found = look(&state.disk, 5, created, &expected);
        found.err().map(|what| format!("{what}\n  {state}"))
    })
}

/// The same with more choices at each operation, and packs of several sizes.
#[test]
#[ignore = "minutes in a release build"]
fn a_million_states() {
    let large = Budget {
        exhaustive: 1 << 10,
        random: 128,
        ..Budget::default()
    };
    let mut states = 0;
    let mut last = Vec::new();
    for pack_bytes in (500..).step_by(250) {
        let disk = workload(pack_bytes).0;
        if std::mem::replace(&mut last, disk.operations()) == disk.operations() {
            continue; // The same packs: no new states.
        }
        states += cut_twice(workload(pack_bytes), 1, &large);
        states += kill_and_cut(workload(pack_bytes), &large);
        if states >= 1_000_000 {
            break;
        }
    }
    println!("{states} crash states");
}
