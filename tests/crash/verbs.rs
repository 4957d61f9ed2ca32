//! Every command beside backup that writes to the repository, on a simulated disk: killed after every operation, cut off at every
//! operation, and with every call failing in turn (harnesses H1, H2; faults F-01, F-02, F-05, F-08, F-79; rules R1 to R5). An
//! import unpacks to a real folder, of which nothing is relied on; restores write elsewhere.

use std::sync::atomic::{AtomicUsize, Ordering};

use lifeboat_snapshot::{Repository, Snapshot, SnapshotError, Unwatched};
use lifeboat_store::disk::sim::{Among, Budget, ERRNOS, Fault, Harm, SimDisk};

use super::each;
use super::stage::{Known, open, words};
use crate::support::parallel;
use crate::support::snapshots::contents;
use all::{After, Stage, VERBS, Verb, collect, undamaged};

/// The commands.
mod all;
/// Exports, and the import of one.
mod zips;

/// When a command was acknowledged.
const DONE: &str = "done";

/// That a snapshot holds what it held.
fn holds(repository: &Repository, known: &Known) -> Result<(), String> {
    let found = contents(repository, &known.snapshot).map_err(words)?;
    (found == known.contents)
        .then_some(())
        .ok_or_else(|| format!("{} holds something else", known.mark))
}

/// What the next start finds and does, without anybody's help: what must hold holds, the same command can be given again, a
/// backup and a collection work, and nothing is left over.
fn recover(stage: &Stage, verb: &Verb, disk: &SimDisk, is_done: bool) -> Result<(), String> {
    let repository = open(disk, 20).map_err(words)?;
    let holds_now = |repository: &Repository, is_done| {
        (verb.holds)(
            stage,
            &After {
                repository,
                disk,
                is_done,
            },
        )
    };
    holds_now(&repository, is_done)?;
    if verb.name != "repair" {
        undamaged(&repository)?;
    }
    holds(&repository, &stage.newer)?;
    let listed = repository.snapshots().map_err(words)?;
    let is_older = |snapshot: &Snapshot| snapshot.id == stage.older.snapshot.id;
    if verb.keeps_older || listed.snapshots.iter().any(is_older) {
        holds(&repository, &stage.older)?;
    }
    for snapshot in &listed.snapshots {
        contents(&repository, snapshot).map_err(words)?;
    }
    let again = open(disk, 21).map_err(words)?;
    match (verb.act)(stage, &again, disk) {
        Err(error) if verb.name != "pin" => return Err(format!("again: {}", words(error))),
        _ => holds_now(&open(disk, 24).map_err(words)?, true)?,
    }
    let repository = open(disk, 22).map_err(words)?;
    let report = repository.backup(&stage.sources.plan(), &Unwatched);
    let next = report.map_err(|error| format!("the next backup: {}", words(error)))?;
    let next = next.snapshot.ok_or("no snapshot")?;
    if contents(&repository, &next).map_err(words)? != stage.newer.contents {
        return Err("the next backup holds something else".to_owned());
    }
    if verb.name == "repair" {
        stage.repair(&repository).map_err(words)?;
    }
    let repository = open(disk, 23).map_err(words)?;
    collect(&repository).map_err(|error| format!("the next gc: {}", words(error)))?;
    let left = |path: &&String| {
        let endings = [".partial", ".pending", ".evicted", ".forgotten"];
        endings.iter().any(|ending| path.ends_with(ending))
    };
    if let Some(left) = disk.files().keys().find(left) {
        return Err(format!("left over: {left}"));
    }
    undamaged(&repository)
}

fn act(stage: &Stage, verb: &Verb, disk: &SimDisk) -> Result<(), SnapshotError> {
    (verb.act)(stage, &open(disk, 10)?, disk)
}

/// All states after power cuts and kills during every command.
fn enumerate(budget: &Budget) -> usize {
    let mut count = 0;
    for verb in &VERBS {
        let stage = Stage::with(verb);
        let from = stage.disk.operations().len();
        act(&stage, verb, &stage.disk).unwrap();
        stage.disk.mark(DONE);
        let budget = Budget {
            from,
            ..budget.clone()
        };
        let states = each(stage.disk.crash_states(&budget), |state| {
            let recovered = recover(&stage, verb, &state.disk, state.is_after(DONE));
            recovered.map_err(|what| format!("{}: {what}", verb.name))
        });
        let kills = from..=stage.disk.operations().len();
        let operations = kills.clone().count() - 1;
        let failures = parallel::each(kills, |at| {
            let killed = stage.disk.killed_after(at);
            let failed = recover(&stage, verb, &killed, killed.marked(DONE)).err()?;
            Some(format!("{}: {failed}, killed after {at}", verb.name))
        });
        parallel::assert_none(&failures);
        println!(
            "{}: {operations} operations, {states} crash states",
            verb.name
        );
        count += states + operations;
    }
    count
}

#[test]
fn f01_f02_a_kill_or_a_power_cut_during_any_command_that_writes_harms_nothing() {
    let budget = Budget {
        exhaustive: 8,
        random: 4,
        ..Budget::default()
    };
    assert!(enumerate(&budget) > 400);
}

/// `cargo test --release -p lifeboat --test suite -- --ignored --nocapture each_command_cut`
#[test]
#[ignore = "minutes; see docs/testing.md"]
fn f02_each_command_cut_off_in_very_many_ways() {
    let budget = Budget {
        exhaustive: 1 << 10,
        random: 512,
        ..Budget::default()
    };
    println!("{} states", enumerate(&budget));
}

#[test]
fn f05_f08_no_failing_call_of_any_command_that_writes_harms_anything() {
    let harms = [
        Harm::Errno(ERRNOS[0]),
        Harm::Errno(ERRNOS[1]),
        Harm::Half(ERRNOS[1]),
        Harm::Done(ERRNOS[0]),
    ];
    let mut count = 0;
    for verb in &VERBS {
        let stage = Stage::with(verb);
        let runs = harms
            .iter()
            .flat_map(|harm| [(*harm, false), (*harm, true)]);
        let struck = AtomicUsize::new(0);
        let failures = parallel::each(runs, |(harm, forever)| {
            for nth in 1.. {
                let disk = stage.disk.copy();
                let fault = Fault::nth(nth, harm).among(Among::All);
                disk.inject(if forever { fault.forever() } else { fault });
                let answer = act(&stage, verb, &disk);
                if disk.faults_struck() == 0 {
                    return answer
                        .err()
                        .map(|error| format!("{}: {}", verb.name, words(error)));
                }
                struck.fetch_add(1, Ordering::Relaxed);
                let again = disk.synced_after_failure();
                disk.clear_faults();
                let failed = match recover(&stage, verb, &disk, answer.is_ok()) {
                    Ok(()) if !again.is_empty() => Some(format!("synced again: {again:?}")),
                    Ok(()) => None,
                    Err(what) => Some(what),
                };
                if let Some(what) = failed {
                    return Some(format!(
                        "{}: {what}: {harm:?}, call {nth}, forever: {forever}",
                        verb.name
                    ));
                }
            }
            None
        });
        parallel::assert_none(&failures);
        println!(
            "{}: {} calls failed in turn",
            verb.name,
            struck.load(Ordering::Relaxed)
        );
        count += struck.into_inner();
    }
    assert!(count > 300, "{count}");
}
