//! A repository with more damage than can be mended: what stays is kept whatever interrupts the repair.

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};

use lifeboat_store::disk::sim::{Among, Budget, ERRNOS, Fault, Harm, Naming, SimDisk};
use lifeboat_store::{ChunkId, Repaired, SnapshotId};
use rayon::prelude::*;

use crate::support::{assert_none, words};
use crate::{Contents, contents, damage, files_in, repair, repository};

/// More than parity mends: most of a pack is gone, of another the trailer, and one file is deleted.
fn ruined() -> (SimDisk, SimDisk, SnapshotId) {
    let (whole, id) = repository(&[50_000, 900, 40_000, 60_000, 2000, 30_000], 70_000);
    let disk = whole.copy();
    let packs: Vec<(String, Vec<u8>)> = whole
        .files()
        .into_iter()
        .filter(|(path, _)| path.starts_with("packs/"))
        .collect();
    assert!(packs.len() >= 4, "{}", packs.len());
    let [one, two, three, four] = &packs[..4] else {
        panic!()
    };
    let ruin = |bytes: &mut Vec<u8>| {
        let half = bytes.len() / 2;
        bytes[10..half].fill(0);
        Ok(())
    };
    disk.damage(&one.0, ruin).unwrap();
    disk.corrupt(&two.0, two.1.len() / 2, |byte| byte ^ 1)
        .unwrap();
    disk.truncate(&three.0, three.1.len() / 3).unwrap();
    disk.delete(&four.0).unwrap();
    disk.delete("config").unwrap();
    disk.settle();
    (whole, disk, id)
}

/// What is readable after is at least what was readable before, and as much as an undisturbed repair gives.
fn loses_nothing(
    disk: &SimDisk,
    before: &Contents,
    id: SnapshotId,
) -> std::result::Result<(), String> {
    let after = contents(disk, id);
    for (id, bytes) in before {
        if bytes.is_some() && after.get(id) != Some(bytes) {
            return Err(format!("{id} was readable"));
        }
    }
    Ok(())
}

#[test]
fn what_cannot_be_mended_is_named_and_everything_else_is_kept() {
    let (whole, disk, id) = ruined();
    let before = contents(&disk, id);
    let examination = repair(&disk, 2).unwrap().examination;
    loses_nothing(&disk, &before, id).unwrap();
    let after = contents(&disk, id);
    let lost: HashSet<ChunkId> = after
        .iter()
        .filter(|(_, bytes)| bytes.is_none())
        .map(|(id, _)| *id)
        .collect();
    assert!(!lost.is_empty());
    assert!(lost.iter().all(|id| !examination.good.contains(id)));
    let kept = after.iter().filter(|(_, bytes)| bytes.is_some());
    assert!(kept.clone().all(|(id, _)| examination.good.contains(id)));
    assert!(kept.count() > before.values().flatten().count());
    // The one that lost its trailer stays, since nobody knows what is in it.
    let stays = damage(&disk);
    assert!(
        stays.len() == 1 && stays[0].contains("does not end as a pack"),
        "{stays:?}"
    );
    // Nothing is thrown away: what is left of the damaged files is in the quarantine, byte for byte.
    let (_, untouched, _) = ruined();
    let remains: Vec<Vec<u8>> = files_in(&disk, "quarantine/")
        .iter()
        .map(|path| disk.files()[path].clone())
        .collect();
    for (path, bytes) in untouched.files() {
        let is_there = disk.files().get(&path) == Some(&bytes);
        assert!(
            is_there || remains.contains(&bytes) || path.starts_with("cache/"),
            "{path}"
        );
    }
    // A second repair finds that one, and nothing to do.
    let done = repair(&disk, 3).unwrap();
    let again = done.examination;
    let [unknown] = again.packs.as_slice() else {
        panic!("{again:?}")
    };
    assert!(!unknown.is_spent() && !unknown.is_known, "{again:?}");
    assert!(again.parity.is_empty() && again.configs.is_empty());
    assert_eq!(done.repaired, Repaired::default());
    assert_eq!(contents(&disk, id), after);
    drop(whole);
}

#[test]
fn a_repair_publishes_nothing_that_is_not_durable() {
    let (_, disk, _) = ruined();
    repair(&disk, 2).unwrap();
    disk.assert_published_synced(Naming {
        publishes: |path| {
            path.ends_with(".pack") || path.ends_with(".parity") || path.starts_with("config")
        },
        commits: |path| path.ends_with(".snapshot"),
    });
}

/// The repair that follows an interrupted one ends where an undisturbed one does.
fn recovers(
    disk: &SimDisk,
    before: &Contents,
    expected: &Contents,
    id: SnapshotId,
) -> std::result::Result<(), String> {
    loses_nothing(disk, before, id)?;
    repair(disk, 4).map_err(|error| format!("the next repair: {}", words(error)))?;
    if contents(disk, id) != *expected {
        return Err("the next repair ends elsewhere".to_owned());
    }
    match damage(disk).as_slice() {
        [one] if one.contains("does not end as a pack") => Ok(()),
        damage => Err(format!("damage is left: {damage:?}")),
    }
}

fn undisturbed() -> (SimDisk, SnapshotId, [Contents; 2]) {
    let (_, disk, id) = ruined();
    let before = contents(&disk, id);
    let done = disk.copy();
    repair(&done, 2).unwrap();
    let expected = contents(&done, id);
    (disk, id, [before, expected])
}

fn cut_power_during_repair(budget: &Budget) -> usize {
    let (disk, id, [before, expected]) = undisturbed();
    repair(&disk, 2).unwrap();
    let count = AtomicUsize::new(0);
    let failures: Vec<String> = disk
        .crash_states(budget)
        .par_bridge()
        .filter_map(|state| {
            count.fetch_add(1, Ordering::Relaxed);
            let failed = recovers(&state.disk, &before, &expected, id).err()?;
            Some(format!("{failed}\n  {state}"))
        })
        .collect();
    let count = count.into_inner();
    println!(
        "{count} crash states of {} operations",
        disk.operations().len()
    );
    assert_none(&failures);
    count
}

#[test]
fn f02_r9_a_power_cut_at_any_step_of_a_repair_loses_nothing_that_was_readable() {
    let budget = Budget {
        exhaustive: 64,
        random: 32,
        ..Budget::default()
    };
    assert!(cut_power_during_repair(&budget) > 250);
}

/// `cargo test --release -p lifeboat-store --test repair -- --ignored --nocapture every_power_cut`
#[test]
#[ignore = "minutes in a release build"]
fn f02_every_power_cut_during_a_repair() {
    let budget = Budget {
        exhaustive: 1 << 14,
        random: 4096,
        ..Budget::default()
    };
    assert!(cut_power_during_repair(&budget) > 2000);
}

#[test]
fn f01_r9_a_kill_at_any_step_of_a_repair_loses_nothing_that_was_readable() {
    let (disk, id, [before, expected]) = undisturbed();
    let base = disk.operations().len();
    repair(&disk, 2).unwrap();
    let failures: Vec<String> = (base..=disk.operations().len())
        .into_par_iter()
        .filter_map(|at| {
            let killed = disk.killed_after(at);
            let failed = recovers(&killed, &before, &expected, id).err()?;
            Some(format!("{failed}, after a kill after operation {at}"))
        })
        .collect();
    assert_none(&failures);
}

#[test]
fn f05_f08_no_failing_call_during_a_repair_loses_anything_or_ends_in_a_false_success() {
    let (base, id, [before, expected]) = undisturbed();
    let harms = ERRNOS.into_iter().map(Harm::Errno);
    let harms = harms.chain([Harm::Half(28), Harm::Done(5)]);
    let changes = harms.map(|harm| (harm, Among::Changes));
    // What fails to be read is mistaken for damaged by no one who may move it away.
    let reads = [Harm::Errno(5), Harm::Half(5)].map(|harm| (harm, Among::Reads));
    let cases: Vec<_> = changes
        .chain(reads)
        .flat_map(|(harm, among)| [(harm, among, false), (harm, among, true)])
        .collect();
    let count = AtomicUsize::new(0);
    let failures: Vec<String> = cases
        .into_par_iter()
        .flat_map_iter(|(harm, among, forever)| {
            let mut failures = Vec::new();
            for nth in 1.. {
                let disk = base.copy();
                let fault = Fault::nth(nth, harm).among(among);
                disk.inject(if forever { fault.forever() } else { fault });
                let result = repair(&disk, 2);
                if disk.faults_struck() == 0 {
                    break;
                }
                count.fetch_add(1, Ordering::Relaxed);
                let again = disk.synced_after_failure();
                disk.clear_faults();
                let failed = match recovers(&disk, &before, &expected, id) {
                    Ok(()) if !again.is_empty() => Some(format!("synced again: {again:?}")),
                    Ok(()) => None,
                    Err(what) => Some(what),
                };
                let is_ok = result.is_ok();
                failures.extend(
                    failed.map(|what| format!("{what}: {harm:?}, {nth}, {forever}, {is_ok}")),
                );
            }
            failures
        })
        .collect();
    println!("{} faults during a repair", count.into_inner());
    assert_none(&failures);
}
