//! Power cuts, kills and faults at every operation of a collection, and what the next one makes of it.

use std::sync::atomic::{AtomicUsize, Ordering};

use lifeboat_store::disk::sim::{Budget, ERRNOS, Fault, Harm, SimDisk};
use rayon::prelude::*;

use crate::stage::{backs_up, check_clean, collect, forget, open, repack, repository};
use crate::support::{Acknowledged, BackUp, assert_none, back_up, check, words};

const PACK_BYTES: u64 = 1000;

/// A repository with garbage of every sort, all of it durable: a forgotten snapshot, and what a dead session left.
fn garbage() -> (SimDisk, Vec<Acknowledged>) {
    let disk = repository();
    let old = backs_up(&disk, 2, 0..5, PACK_BYTES);
    let kept = backs_up(&disk, 3, 3..8, PACK_BYTES);
    let dying = open(&disk, 4);
    let mut session = BackUp::begin(&dying, PACK_BYTES).unwrap();
    (20..23).for_each(|number| session.put(number).unwrap());
    // As a killed process leaves it: locks go, files stay.
    let disk = disk.copy();
    (disk, vec![old, kept])
}

/// Forgets a snapshot, collects, backs up, forgets that, and collects again: each by a process of its own.
fn workload() -> (SimDisk, Vec<Acknowledged>) {
    let (disk, mut known) = garbage();
    forget(&disk, known[0].id);
    collect(&open(&disk, 5)).unwrap();
    let next = backs_up(&disk, 6, 1..4, PACK_BYTES);
    forget(&disk, next.id);
    known.push(next);
    repack(&open(&disk, 7)).unwrap();
    (disk, known)
}

/// What must be there: what was acknowledged and not asked to be forgotten. What is listed besides must be whole, which
/// `check` wants of everything.
fn expected(known: &[Acknowledged]) -> &[Acknowledged] {
    &known[1..2]
}

/// What the next start finds, and what its collection and backup make of it without anybody's help.
fn recover(disk: &SimDisk, expected: &[Acknowledged]) -> Result<(), String> {
    let store = open(disk, 8);
    check(&store, expected).map_err(|what| format!("before anything: {what}"))?;
    let next =
        back_up(&store, 2..7, PACK_BYTES).map_err(|error| format!("backup: {}", words(error)))?;
    let mut all = expected.to_vec();
    all.push(next);
    repack(&open(disk, 9)).map_err(|error| format!("collection: {}", words(error)))?;
    check(&open(disk, 10), &all).map_err(|what| format!("after the collection: {what}"))?;
    check_clean(disk, 11).map_err(|what| format!("after the collection: {what}"))
}

#[test]
fn f02_i10_a_power_cut_at_any_operation_leaves_what_the_next_collection_finishes() {
    let (disk, known) = workload();
    let budget = Budget {
        exhaustive: 1 << 6,
        random: 16,
        ..Budget::default()
    };
    let count = AtomicUsize::new(0);
    let failures: Vec<String> = disk
        .crash_states(&budget)
        .par_bridge()
        .filter_map(|state| {
            count.fetch_add(1, Ordering::Relaxed);
            let expected = expected(&known);
            let found = recover(&state.disk, expected);
            found.err().map(|what| format!("{what}\n  {state}"))
        })
        .collect();
    println!(
        "{} crash states of {} operations",
        count.into_inner(),
        disk.operations().len()
    );
    assert_none(&failures);
}

#[test]
fn f01_a_kill_at_any_operation_leaves_what_the_next_collection_finishes() {
    let (disk, known) = workload();
    let failures: Vec<String> = (0..=disk.operations().len())
        .into_par_iter()
        .filter_map(|at| {
            let killed = disk.killed_after(at);
            let expected = expected(&known);
            let found = recover(&killed, expected);
            found
                .err()
                .map(|what| format!("{what}\n  after operation {at}"))
        })
        .collect();
    assert_none(&failures);
}

#[test]
fn f08_i8_a_collection_that_meets_a_fault_loses_nothing_and_the_next_finishes() {
    let (base, known) = garbage();
    forget(&base, known[0].id);
    base.settle();
    let harms = ERRNOS.map(Harm::Errno).into_iter();
    let harms = harms.chain([Harm::Half(5), Harm::Done(5)]);
    let cases: Vec<(Harm, bool)> = harms
        .flat_map(|harm| [(harm, false), (harm, true)])
        .collect();
    let count = AtomicUsize::new(0);
    let failures: Vec<String> = cases
        .into_par_iter()
        .flat_map_iter(|(harm, forever)| {
            let mut failures = Vec::new();
            for nth in 1.. {
                let disk = base.copy();
                let fault = Fault::nth(nth, harm);
                disk.inject(if forever { fault.forever() } else { fault });
                let _ = lifeboat_store::Store::open(crate::support::backing(&disk, 5))
                    .and_then(|store| repack(&store));
                if disk.faults_struck() == 0 {
                    break;
                }
                count.fetch_add(1, Ordering::Relaxed);
                let again = disk.synced_after_failure();
                disk.clear_faults();
                let found = match again.is_empty() {
                    true => recover(&disk, expected(&known)),
                    false => Err(format!("synced again after a failure: {again:?}")),
                };
                let place = || format!("{harm:?}, call {nth}, forever: {forever}");
                failures.extend(found.err().map(|what| format!("{what}\n  {}", place())));
            }
            failures
        })
        .collect();
    println!("{} faults", count.into_inner());
    assert_none(&failures);
}

#[test]
fn f05_a_full_disk_is_collected() {
    let (disk, known) = garbage();
    forget(&disk, known[0].id);
    let used: usize = disk.files().values().map(Vec::len).sum();
    // What a plan needs, and no more.
    disk.set_capacity(Some(used as u64 + 1024));
    collect(&open(&disk, 5)).unwrap();
    let left: usize = disk.files().values().map(Vec::len).sum();
    assert!(left < used);
    disk.set_capacity(None);
    recover(&disk, expected(&known)).unwrap();
}
