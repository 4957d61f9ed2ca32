//! Work that goes well, fails and panics, over files and over a database that is open meanwhile.

use std::fs;
use std::path::PathBuf;

use rusqlite::Connection;
use tempfile::TempDir;

use super::*;
use crate::filter::Filter;

struct Bench {
    folder: TempDir,
    repository: Repository,
}

impl Bench {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        fs::create_dir(folder.path().join("data")).unwrap();
        fs::write(folder.path().join("data/notes.txt"), "remember").unwrap();
        let repository = Repository::create(&folder.path().join("repository")).unwrap();
        Self { folder, repository }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join("data").join(name)
    }

    fn guard(&self) -> Guard<'_> {
        let plan = Backup {
            sources: vec![self.folder.path().join("data")],
            host: "here".to_owned(),
            ..Backup::default()
        };
        Guard::new(&self.repository, plan)
    }

    fn latest(&self) -> Snapshot {
        self.repository.find("latest", &Filter::default()).unwrap()
    }
}

#[test]
fn work_that_goes_well_leaves_a_described_snapshot_that_is_not_pinned() {
    let bench = Bench::new();
    let notes = bench.path("notes.txt");
    let done = bench.guard().protect("forget", || fs::write(&notes, "new"));
    done.unwrap();
    assert_eq!(fs::read(&notes).unwrap(), b"new");
    assert_eq!(bench.latest().description, "forget");
    assert!(bench.repository.pins().unwrap().is_empty());
}

#[test]
fn work_that_fails_gives_its_error_and_the_snapshot_and_changes_back_nothing_unasked() {
    let bench = Bench::new();
    let notes = bench.path("notes.txt");
    let result = bench.guard().protect("forget", || {
        assert_eq!(bench.repository.pins().unwrap().len(), 1);
        fs::write(&notes, "half").unwrap();
        Err::<(), _>("no")
    });
    let Err(ProtectError::Failed {
        error,
        snapshot,
        undone,
    }) = result
    else {
        panic!("{result:?}")
    };
    assert_eq!((error, snapshot.id), ("no", bench.latest().id));
    assert!(matches!(undone, Undone::NotAsked));
    assert_eq!(fs::read(&notes).unwrap(), b"half");
}

#[test]
fn work_that_fails_is_undone_on_request_under_a_connection_that_stays_open() {
    let bench = Bench::new();
    let connection = Connection::open(bench.path("clinic.db")).unwrap();
    connection
        .execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE patients(name); INSERT INTO patients VALUES('Ann'),('Bob')")
        .unwrap();
    let online = InPlace {
        online: true,
        ..InPlace::default()
    };
    let result = bench.guard().undoing(online).protect("delete patient", || {
        fs::write(bench.path("half.txt"), "made by the work").unwrap();
        connection.execute_batch("DELETE FROM patients WHERE name = 'Ann'; SELECT * FROM nowhere")
    });
    let Err(ProtectError::Failed {
        undone: Undone::Done(report),
        ..
    }) = result
    else {
        panic!("{result:?}")
    };
    let count = || {
        connection.query_row("SELECT count(*) FROM patients", [], |row| {
            row.get::<_, i64>(0)
        })
    };
    assert_eq!(count().unwrap(), 2);
    assert!(!bench.path("half.txt").exists());
    let safety = bench.repository.tree(&report.safety.unwrap()).unwrap();
    assert!(
        safety
            .walk()
            .any(|found| found.unwrap().0.to_string() == "half.txt")
    );
}

#[test]
fn a_panic_goes_on_when_everything_was_put_back() {
    let bench = Bench::new();
    let notes = bench.path("notes.txt");
    let guard = bench.guard().undoing(InPlace::default());
    let work = || -> Result<(), &str> {
        fs::write(&notes, "half").unwrap();
        panic!("on purpose")
    };
    let panicked = catch_unwind(AssertUnwindSafe(|| guard.protect("forget", work)));
    assert!(panicked.is_err());
    assert_eq!(fs::read(&notes).unwrap(), b"remember");
    assert_eq!(
        bench.repository.pins().unwrap().len(),
        2,
        "and that of the safety snapshot"
    );
}

#[test]
fn without_a_snapshot_nothing_is_begun() {
    let bench = Bench::new();
    fs::remove_dir_all(bench.folder.path().join("data")).unwrap();
    let result = bench
        .guard()
        .protect("forget", || -> Result<(), &str> { panic!("begun") });
    assert!(matches!(result, Err(ProtectError::NotSaved(_))));
    assert!(result.unwrap_err().into_work().is_none());
}
