//! A repair with live sources on a simulated disk: killed after every operation, cut off at every operation, and repeated.

use std::sync::Arc;

use lifeboat_snapshot::{Repair, Repository, Snapshot, SnapshotError, Unwatched, Verify};
use lifeboat_store::clock::FixedClock;
use lifeboat_store::disk::sim::{Budget, SimDisk};
use lifeboat_store::random::SeededRandom;
use lifeboat_store::storage::LocalStorage;
use lifeboat_store::{Backing, RealDisk};

use super::{bench, noise};
use crate::support::snapshots::{Contents, contents};
use crate::support::{Workbench, parallel};

fn open(disk: &SimDisk, process: u64) -> Result<Repository, SnapshotError> {
    let backing = Backing {
        storage: Arc::new(LocalStorage::new(Arc::new(disk.clone()))),
        cache: Some(Arc::new(disk.below("cache"))),
        random: Arc::new(SeededRandom::new(process)),
    };
    let clock = FixedClock::at(chrono::DateTime::UNIX_EPOCH);
    Repository::open_on(backing, Arc::new(clock))
}

/// A repository of two snapshots with one pack damaged beyond parity, one within it, a config lost, one record damaged, and of
/// the other the copy; the sources are there.
fn stage() -> (Workbench, SimDisk, Vec<(Snapshot, Contents)>) {
    let bench = bench();
    let first = bench.backup().snapshot.unwrap();
    bench.write("second.bin", noise(90_000, 9));
    let second = bench.backup().snapshot.unwrap();
    let disk = SimDisk::copy_from(&RealDisk::new(bench.place())).unwrap();
    let whole = open(&disk, 1).unwrap();
    let known = [first, second].map(|snapshot| {
        let held = contents(&whole, &snapshot).unwrap();
        (snapshot, held)
    });
    let files = disk.files().into_iter();
    let mut packs: Vec<_> = files
        .filter(|(path, _)| path.starts_with("packs/"))
        .collect();
    packs.sort_by_key(|(_, bytes)| bytes.len());
    let [.., (small, _), (large, bytes)] = packs.as_slice() else {
        panic!("{packs:?}");
    };
    let ruin = |bytes: &mut Vec<u8>| {
        bytes[50_000..600_000].fill(1);
        Ok(())
    };
    assert!(bytes.len() > 700_000);
    disk.damage(large, ruin).unwrap();
    disk.corrupt(small, 300, |byte| byte ^ 0x20).unwrap();
    disk.delete("config").unwrap();
    let record = format!("snapshots/{}.snapshot", known[0].0.id);
    disk.corrupt(&record, 40, |byte| byte ^ 1).unwrap();
    let copy = format!("copies/{}.copy", known[1].0.id);
    disk.truncate(&copy, 20).unwrap();
    disk.settle();
    (bench, disk, known.into())
}

fn repair(disk: &SimDisk, process: u64) -> Result<(), String> {
    let plan = Repair {
        apply: true,
        threads: Some(1),
        ..Repair::default()
    };
    let repository = open(disk, process).map_err(|error| error.to_string())?;
    let report = repository.repair(&plan, &Unwatched);
    let report = report.map_err(|error| error.to_string())?;
    match report.stays() {
        true => Err(format!("lost: {:?}", report.lost)),
        false => Ok(()),
    }
}

/// One more repair, without help, and everything is as it was.
fn recovers(disk: &SimDisk, known: &[(Snapshot, Contents)]) -> Result<(), String> {
    repair(disk, 3)?;
    let repository = open(disk, 4).map_err(|error| error.to_string())?;
    for (snapshot, held) in known {
        let found = contents(&repository, snapshot).map_err(|error| error.to_string())?;
        if found != *held {
            return Err("a snapshot holds something else".to_owned());
        }
    }
    let plan = Verify {
        read_data: true,
        threads: Some(1),
        ..Verify::default()
    };
    let report = repository.verify(&plan, &Unwatched);
    match report
        .map_err(|error| error.to_string())?
        .damaged
        .as_slice()
    {
        [] => Ok(()),
        damaged => Err(format!("{damaged:?}")),
    }
}

#[test]
fn f01_r9_a_repair_from_live_sources_may_be_killed_at_any_step() {
    let (_bench, disk, known) = stage();
    let base = disk.operations().len();
    repair(&disk, 2).unwrap();
    let steps = base..=disk.operations().len();
    assert!(steps.clone().count() > 30);
    let failures = parallel::each(steps, |at| {
        let killed = disk.killed_after(at);
        let failed = recovers(&killed, &known).err()?;
        Some(format!("{failed}, after a kill after operation {at}"))
    });
    parallel::assert_none(&failures);
}

#[test]
fn f02_r9_a_power_cut_during_a_repair_from_live_sources_loses_nothing() {
    let (_bench, disk, known) = stage();
    let budget = Budget {
        exhaustive: 1,
        random: 2,
        seed: 1,
        from: disk.operations().len(),
    };
    repair(&disk, 2).unwrap();
    let failures = parallel::each(disk.crash_states(&budget), |state| {
        let failed = recovers(&state.disk, &known).err()?;
        Some(format!("{failed}\n  {state}"))
    });
    parallel::assert_none(&failures);
}
