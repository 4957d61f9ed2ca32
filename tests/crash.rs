//! Power cuts and kills at every operation of whole backups, on a simulated disk that loses or keeps every effect which was
//! not made durable (faults F-01 to F-05, F-08, F-79; rules R1, R2, R3, R5, R9).

use std::sync::atomic::{AtomicUsize, Ordering};

use lifeboat_snapshot::{Repository, Restore, SnapshotError, Unwatched, Verify};
use lifeboat_store::StoreError;
use lifeboat_store::disk::sim::{Budget, CrashState, SimDisk};

use crate::support::snapshots::contents;
use crate::support::{parallel, tree};
use stage::{CREATED, FIRST, Known, NEXT, SECOND, Sources, create, open, words};

/// Every call to the disk failing in turn.
mod failing;
/// What is backed up, and what is known of it.
mod stage;
/// The other commands.
mod verbs;

/// A repository is created and two backups are taken, each in a process of its own.
fn workload() -> (SimDisk, Sources, Vec<Known>) {
    let disk = SimDisk::without_root();
    let sources = Sources::new();
    create(&disk, 1).unwrap();
    disk.mark(CREATED);
    let first = Known::back_up(&disk, 2, FIRST, &sources);
    sources.change();
    let second = Known::back_up(&disk, 3, SECOND, &sources);
    assert_ne!(first.contents, second.contents);
    (disk, sources, vec![first, second])
}

/// Every snapshot that is listed is one of those known, whole and byte for byte; those that were acknowledged are there.
fn check(
    repository: &Repository,
    known: &[Known],
    is_acknowledged: impl Fn(&Known) -> bool,
) -> Result<(), String> {
    let listing = repository.snapshots().map_err(words)?;
    if !listing.damaged.is_empty() {
        return Err(format!("damaged records: {:?}", listing.damaged));
    }
    for known in known.iter().filter(|known| is_acknowledged(known)) {
        if !listing.snapshots.contains(&known.snapshot) {
            return Err(format!("the acknowledged {} is gone", known.mark));
        }
    }
    for snapshot in &listing.snapshots {
        let found = contents(repository, snapshot).map_err(words)?;
        let expected = known.iter().find(|known| known.snapshot.id == snapshot.id);
        if expected.is_none_or(|known| known.contents != found) {
            return Err(format!(
                "snapshot {} holds what nobody backed up",
                snapshot.id
            ));
        }
    }
    Ok(())
}

/// What the next start finds and does, without anybody's help; gives the snapshot of its backup.
fn recover(
    disk: &SimDisk,
    sources: &Sources,
    known: &[Known],
    is_after: &dyn Fn(&str) -> bool,
) -> Result<Known, String> {
    let repository = match open(disk, 4) {
        Err(SnapshotError::Store(StoreError::NoRepository { .. })) if !is_after(CREATED) => {
            create(disk, 4).map_err(words)?
        }
        result => result.map_err(words)?,
    };
    check(&repository, known, |known| is_after(known.mark))?;
    let report = repository.backup(&sources.plan(), &Unwatched);
    let next = report.map_err(|error| format!("the next backup: {}", words(error)))?;
    let snapshot = next.snapshot.ok_or("the next backup made no snapshot")?;
    let contents = contents(&repository, &snapshot).map_err(words)?;
    if known
        .last()
        .is_none_or(|newest| newest.contents != contents)
    {
        return Err("the next backup holds something else".to_owned());
    }
    let plan = Verify {
        read_data: true,
        threads: Some(1),
        ..Verify::default()
    };
    let report = repository.verify(&plan, &Unwatched).map_err(words)?;
    if !report.damaged.is_empty() {
        return Err(format!("{:?}", report.damaged));
    }
    Ok(Known {
        mark: NEXT,
        snapshot,
        contents,
    })
}

/// Checks every state, and tells the first few failures with what was lost in them.
fn each(
    states: impl Iterator<Item = CrashState> + Send,
    check: impl Fn(&CrashState) -> Result<(), String> + Sync,
) -> usize {
    let count = AtomicUsize::new(0);
    let failures = parallel::each(states, |state| {
        count.fetch_add(1, Ordering::Relaxed);
        check(&state).err().map(|what| format!("{what}\n  {state}"))
    });
    parallel::assert_none(&failures);
    count.into_inner()
}

fn cut_power(budget: &Budget) -> usize {
    let (disk, sources, known) = workload();
    let operations = disk.operations().len();
    let states = each(disk.crash_states(budget), |state| {
        recover(&state.disk, &sources, &known, &|mark| state.is_after(mark)).map(drop)
    });
    println!("{states} crash states of {operations} operations");
    states
}

#[test]
fn f02_no_power_cut_harms_what_was_acknowledged_and_the_next_backup_needs_no_help() {
    assert!(cut_power(&Budget::default()) > 500);
}

/// `cargo test --release -p lifeboat --test suite -- --ignored --nocapture every_power_cut`
#[test]
#[ignore = "minutes; see docs/testing.md"]
fn f02_every_power_cut_of_a_large_budget() {
    let mut states = 0;
    for seed in 1.. {
        states += cut_power(&Budget {
            exhaustive: 1 << 14,
            random: 4096,
            seed,
            from: 0,
        });
        states += cut_power_twice(
            &Budget {
                exhaustive: 64,
                random: 64,
                seed,
                from: 0,
            },
            1,
        );
        if states > 100_000 {
            break;
        }
    }
}

/// Cuts the power during the backup that follows a power cut; of the first cuts every `step`th is gone on with.
fn cut_power_twice(budget: &Budget, step: usize) -> usize {
    let (disk, sources, mut known) = workload();
    let second = known.pop().unwrap();
    let count = AtomicUsize::new(0);
    each(disk.crash_states(budget).step_by(step), |state| {
        let mut all = vec![known[0].clone(), second.clone()];
        let next = recover(&state.disk, &sources, &all, &|mark| state.is_after(mark))?;
        state.disk.mark(NEXT);
        all.push(next);
        let mut again = state.disk.crash_states(budget);
        again.try_for_each(|cut| {
            count.fetch_add(1, Ordering::Relaxed);
            let is_after = |mark: &str| cut.is_after(mark) || state.is_after(mark);
            let repository = match open(&cut.disk, 6) {
                Err(SnapshotError::Store(StoreError::NoRepository { .. }))
                    if !is_after(CREATED) && !is_after(NEXT) =>
                {
                    return Ok(());
                }
                result => result.map_err(words)?,
            };
            let found = check(&repository, &all, |known| is_after(known.mark));
            found.map_err(|what| format!("{what}\n  {cut}"))
        })
    });
    let count = count.into_inner();
    println!("{count} crash states during the backup after a power cut");
    count
}

#[test]
fn f01_a_power_cut_during_the_backup_after_a_power_cut() {
    let budget = Budget {
        exhaustive: 1,
        random: 4,
        ..Budget::default()
    };
    assert!(cut_power_twice(&budget, 4) > 500);
}

#[test]
fn f01_a_kill_after_any_operation_harms_nothing() {
    let (disk, sources, known) = workload();
    let failures = parallel::each(0..=disk.operations().len(), |at| {
        let killed = disk.killed_after(at);
        let found = recover(&killed, &sources, &known, &|mark| killed.marked(mark));
        found
            .err()
            .map(|what| format!("{what}, after a kill after operation {at}"))
    });
    parallel::assert_none(&failures);
}

#[test]
fn f04_a_restored_folder_after_a_power_cut_is_as_the_one_backed_up() {
    let (disk, sources, known) = workload();
    let last = disk
        .crash_states(&Budget::default())
        .filter(|state| state.is_after(SECOND));
    let state = last.last().unwrap();
    let repository = open(&state.disk, 5).unwrap();
    let target = sources.bench.path("restored");
    let plan = Restore {
        target: target.clone(),
        ..Restore::default()
    };
    repository
        .restore(&known[1].snapshot, &plan, &Unwatched)
        .unwrap();
    let database = |path: &std::path::PathBuf| path.ends_with("app.db");
    let [mut expected, mut found] =
        [sources.bench.data(), target].map(|folder| tree::looks(&folder));
    expected.retain(|path, _| !database(path));
    found.retain(|path, _| !database(path));
    assert_eq!(tree::differences(&expected, &found), [""; 0]);
}
