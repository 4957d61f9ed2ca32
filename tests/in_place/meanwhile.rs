//! What other programs do between the saving and the end of a restore that writes databases back (fault F-51): no commit is
//! lost unsaved, and what was changed already is told.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use lifeboat_snapshot::monitor::{Monitor, Progress, Task};
use lifeboat_snapshot::{InPlace, InPlaceError, InPlaceReport, SnapshotError, Unwatched};
use rusqlite::Connection;

use super::online::{ONLINE, bench};
use super::{database, in_place, notes};
use crate::support::tree::{differences, looks};
use crate::support::{Process, Workbench};

/// Does something once everything is saved: when what is to come is laid ready, or right before a database is written.
struct Meanwhile<'a> {
    /// The database; none for the earlier moment.
    at: Option<&'a Path>,
    act: &'a (dyn Fn() + Sync),
    is_saved: AtomicBool,
    is_done: AtomicBool,
}

impl Meanwhile<'_> {
    fn act(&self) {
        if self.is_saved.load(Ordering::Relaxed) && !self.is_done.swap(true, Ordering::Relaxed) {
            (self.act)();
        }
    }
}

impl Progress for Meanwhile<'_> {}

impl Monitor for Meanwhile<'_> {
    fn begin(&self, task: Task, _total: Option<u64>) {
        if task == Task::Restore {
            self.is_saved.store(true, Ordering::Relaxed);
            if self.at.is_none() {
                self.act();
            }
        }
    }

    fn item(&self, path: &Path) {
        if Some(path) == self.at {
            self.act();
        }
    }
}

/// A restore of the only snapshot, with something else going on.
fn restored(
    bench: &Workbench,
    at: Option<&Path>,
    act: &(dyn Fn() + Sync),
) -> Result<InPlaceReport, SnapshotError> {
    let options = InPlace {
        online: true,
        busy_timeout: std::time::Duration::ZERO,
        host: "host".into(),
        ..InPlace::default()
    };
    restored_with(bench, &options, at, act)
}

/// The same, as asked for.
pub(super) fn restored_with(
    bench: &Workbench,
    options: &InPlace,
    at: Option<&Path>,
    act: &(dyn Fn() + Sync),
) -> Result<InPlaceReport, SnapshotError> {
    let repository = bench.repository();
    let listing = repository.snapshots().unwrap();
    let snapshot = listing.snapshots.last().unwrap().clone();
    let plan = repository
        .plan_in_place(&snapshot, options, &Unwatched)
        .unwrap();
    let meanwhile = Meanwhile {
        at,
        act,
        is_saved: AtomicBool::new(false),
        is_done: AtomicBool::new(false),
    };
    let result = repository.restore_in_place(&snapshot, options, plan, &meanwhile);
    assert!(meanwhile.is_done.into_inner(), "it was not reached");
    result
}

/// A commit that leaves the first page alone, of a program that is gone afterwards, and so is its WAL.
fn short_visit(path: &Path) {
    let connection = Connection::open(path).unwrap();
    connection
        .execute("UPDATE notes SET text = 'late' WHERE id = 3", [])
        .unwrap();
    connection.close().unwrap();
}

fn late_notes(path: &Path) -> i64 {
    let connection = Connection::open(path).unwrap();
    let count = "SELECT count(*) FROM notes WHERE text = 'late'";
    connection.query_row(count, [], |row| row.get(0)).unwrap()
}

#[test]
fn f51_online_a_commit_of_a_short_visit_after_the_saving_is_not_overwritten() {
    for mode in ["WAL", "DELETE"] {
        for is_last_moment in [false, true] {
            let bench = bench(mode);
            let path = bench.data().join("app.db");
            let at = is_last_moment.then_some(path.as_path());
            let result = restored(&bench, at, &|| short_visit(&path));
            let changed = matches!(
                result,
                Err(SnapshotError::InPlace(
                    InPlaceError::ChangedMeanwhile { .. }
                ))
            );
            assert!(changed, "{mode} {is_last_moment}: {result:?}");
            assert_eq!((notes(&path), late_notes(&path)), (13, 1), "{mode}");
            assert_eq!(fs::read(bench.data().join("notes.txt")).unwrap(), b"now");
        }
    }
}

#[test]
fn f51_online_a_file_that_changes_before_the_databases_are_written_leaves_them_alone() {
    let bench = bench("WAL");
    let file = bench.data().join("notes.txt");
    let result = restored(&bench, None, &|| fs::write(&file, "later").unwrap());
    let changed = matches!(
        result,
        Err(SnapshotError::InPlace(
            InPlaceError::ChangedMeanwhile { .. }
        ))
    );
    assert!(changed, "{result:?}");
    assert_eq!(notes(&bench.data().join("app.db")), 13);
    assert_eq!(fs::read(file).unwrap(), b"later");
}

#[test]
fn f51_online_a_file_that_changes_after_a_database_was_written_is_told_with_the_way_back() {
    let bench = bench("WAL");
    let (path, file) = (bench.data().join("app.db"), bench.data().join("notes.txt"));
    let result = restored(&bench, Some(&path), &|| fs::write(&file, "later").unwrap());
    let Err(SnapshotError::InPlace(InPlaceError::WrittenBack {
        written, safety, ..
    })) = result
    else {
        panic!("{result:?}");
    };
    assert_eq!(written, std::slice::from_ref(&path));
    assert_eq!(notes(&path), 10);
    assert_eq!(fs::read(&file).unwrap(), b"later");
    let safety = safety.unwrap().to_string();
    let args = ["restore", &safety, "--in-place", "--online", "--yes"];
    bench.lifeboat(&args).exits(0);
    assert_eq!(notes(&path), 13);
    assert_eq!(fs::read(&file).unwrap(), b"now");
}

/// Two databases of ten notes that were backed up, and have three more since, beside a file that changed.
fn two(bench: &Workbench, mode: &str) -> [PathBuf; 2] {
    let paths = ["a.db", "b.db"].map(|name| bench.data().join(name));
    paths.iter().for_each(|path| database(path, mode, 10));
    bench.write("notes.txt", "then");
    bench.backs_up();
    paths.iter().for_each(|path| database(path, mode, 3));
    bench.write("notes.txt", "now");
    paths
}

#[test]
fn f51_online_no_database_is_written_while_another_is_locked() {
    for mode in ["WAL", "DELETE"] {
        for locked in [0, 1] {
            let bench = Workbench::new();
            let paths = two(&bench, mode);
            let before = looks(&bench.data());
            let holder = Process::start("writing", &paths[locked]);
            let answer = in_place(&bench, &ONLINE).exits(11);
            let event = answer.events().pop().unwrap();
            assert_eq!(event["pids"][0], holder.id(), "{answer}");
            assert!(event["written_back"].is_null(), "{answer}");
            assert_eq!(holder.says(), "14 then 14 ok", "{mode} {locked}");
            assert_eq!(notes(&paths[1 - locked]), 13, "{mode} {locked}");
            if mode == "DELETE" {
                let other = format!("{}.db", ["b", "a"][locked]);
                let differences = differences(&before, &looks(&bench.data()));
                assert!(
                    differences.iter().all(|line| !line.contains(&other)),
                    "{differences:?}"
                );
            }
            in_place(&bench, &ONLINE).exits(0);
            assert_eq!(paths.map(|path| notes(&path)), [10, 10], "{mode}");
        }
    }
}

#[test]
fn f51_online_a_commit_to_any_database_leaves_all_of_them_alone() {
    for mode in ["WAL", "DELETE"] {
        let bench = Workbench::new();
        let [one, other] = two(&bench, mode);
        let result = restored(&bench, Some(&other), &|| short_visit(&other));
        let changed = matches!(
            result,
            Err(SnapshotError::InPlace(
                InPlaceError::ChangedMeanwhile { .. }
            ))
        );
        assert!(changed, "{mode}: {result:?}");
        assert_eq!((notes(&one), notes(&other)), (13, 13), "{mode}");
        assert_eq!(late_notes(&other), 1, "{mode}");
    }
}
