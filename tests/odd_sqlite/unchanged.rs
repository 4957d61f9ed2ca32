//! "Nothing has changed": never said where it is not so, and said where it is.

use std::fs;
use std::path::Path;

use lifeboat_snapshot::{BackupReport, Snapshot, Unwatched};
use rusqlite::Connection;

use super::{DELETE, WAL, closed};
use crate::support::ledger::{self, assert_committed};
use crate::support::{Ledger, Workbench};

/// Backs up, restores, and checks that the newest state is there; the databases that were not read are counted.
fn up_to_date(bench: &Workbench, ledger: &Ledger, name: &str) -> (usize, i64) {
    let report = bench.backup();
    let unchanged = report
        .databases
        .iter()
        .filter(|database| database.unchanged)
        .count();
    let restored = bench.restore(report.snapshot.as_ref().unwrap(), name);
    let counter = assert_committed(&restored.join("app.db"), ledger.acknowledged());
    (unchanged, counter)
}

/// Backs up again and again until the database is taken to be unchanged: so recent a change is never trusted.
fn settled(bench: &Workbench) -> BackupReport {
    let mut reports = (0..1000).map(|_| bench.backup());
    let is_settled =
        |report: &BackupReport| report.databases.iter().all(|database| database.unchanged);
    reports
        .find(is_settled)
        .expect("an unchanged database is recognised at some time")
}

#[test]
fn f28_an_unchanged_database_is_not_read_and_a_changed_one_always_is() {
    let bench = Workbench::new();
    let path = bench.data().join("app.db");
    for (number, pragmas) in [(0, WAL), (1, DELETE)] {
        let ledger = closed(&path, pragmas, 5);
        assert_eq!(settled(&bench).read_bytes, 0);
        let app = Connection::open(&path).unwrap();
        for round in 0..3 {
            ledger.commit(&app);
            let found = up_to_date(&bench, &ledger, &format!("restored-{number}-{round}"));
            assert_eq!(
                found,
                (0, ledger.acknowledged()),
                "{pragmas}, round {round}"
            );
        }
        app.close().unwrap();
        fs::remove_file(&path).unwrap();
        fs::remove_file(bench.path("app.db.acknowledged")).unwrap();
    }
}

/// Sets a file's time of modification back to what it was, as a restore or a copy tool does.
fn keep_mtime(path: &Path, change: impl FnOnce()) {
    let before = fs::metadata(path).unwrap().modified().unwrap();
    change();
    let file = fs::File::options().write(true).open(path).unwrap();
    file.set_modified(before).unwrap();
}

#[test]
fn f28_unchanged_is_not_believed_of_an_older_file_with_the_same_time_and_size() {
    let bench = Workbench::new();
    let path = bench.data().join("app.db");
    let ledger = closed(&path, DELETE, 5);
    let app = Connection::open(&path).unwrap();
    // The same size before and after.
    app.execute_batch("UPDATE log SET note = note || 'x' WHERE n = 1")
        .unwrap();
    let older = fs::read(&path).unwrap();
    app.execute_batch("UPDATE log SET note = 'entry 1' WHERE n = 1")
        .unwrap();
    app.close().unwrap();
    assert_eq!(older.len() as u64, fs::metadata(&path).unwrap().len());
    settled(&bench);
    keep_mtime(&path, || fs::write(&path, &older).unwrap());
    let report = bench.backup();
    assert!(!report.databases[0].unchanged);
    let note = note_in(&bench, report.snapshot.as_ref().unwrap());
    assert_eq!(note, "entry 1x");
    drop(ledger);
}

fn note_in(bench: &Workbench, snapshot: &Snapshot) -> String {
    let restored = bench.restore(snapshot, "older");
    let copy = Connection::open(restored.join("app.db")).unwrap();
    copy.query_row("SELECT note FROM log WHERE n = 1", [], |row| row.get(0))
        .unwrap()
}

#[test]
fn f28_unchanged_is_not_believed_of_a_wal_that_starts_over_with_the_same_size() {
    let bench = Workbench::new();
    let path = bench.data().join("app.db");
    let ledger = closed(&path, WAL, 1);
    let app = Connection::open(&path).unwrap();
    app.execute_batch("PRAGMA wal_autocheckpoint = 0").unwrap();
    let wal = bench.data().join("app.db-wal");
    let mut sizes = Vec::new();
    for round in 0..4 {
        ledger.commit(&app);
        sizes.push(fs::metadata(&wal).unwrap().len());
        assert_eq!(
            up_to_date(&bench, &ledger, &format!("restored-{round}")).1,
            ledger.acknowledged()
        );
        settled(&bench);
        // The next commit writes over the WAL from its beginning, and the file keeps its length.
        app.query_row("PRAGMA wal_checkpoint(RESTART)", [], |_| Ok(()))
            .unwrap();
    }
    assert!(sizes.windows(2).any(|pair| pair[0] == pair[1]), "{sizes:?}");
}

#[test]
fn f28_unchanged_is_not_believed_of_a_wal_that_came_and_went() {
    let bench = Workbench::new();
    let path = bench.data().join("app.db");
    drop(closed(&path, WAL, 5));
    settled(&bench);
    let change_counter = || fs::read(&path).unwrap()[24..28].to_vec();
    let before = (change_counter(), fs::metadata(&path).unwrap().len());
    keep_mtime(&path, || {
        let app = Connection::open(&path).unwrap();
        app.execute_batch("UPDATE log SET note = 'entry 1x' WHERE n = 1")
            .unwrap();
        app.close().unwrap();
    });
    // Nothing but the times, of which one can be set, and a page in its middle tell.
    assert!(!bench.data().join("app.db-wal").exists());
    let after = (change_counter(), fs::metadata(&path).unwrap().len());
    assert_eq!(after, before);
    let report = bench.backup();
    assert!(!report.databases[0].unchanged);
    let note = note_in(&bench, report.snapshot.as_ref().unwrap());
    assert_eq!(note, "entry 1x");
}

#[test]
fn f28_unchanged_is_not_believed_after_vacuum() {
    let bench = Workbench::new();
    let path = bench.data().join("app.db");
    let ledger = closed(&path, DELETE, 200);
    settled(&bench);
    let app = Connection::open(&path).unwrap();
    keep_mtime(&path, || app.execute_batch("VACUUM").unwrap());
    let (unchanged, counter) = up_to_date(&bench, &ledger, "restored");
    assert_eq!((unchanged, counter), (0, 200));
}

#[test]
fn f33_a_database_that_is_replaced_by_another_is_read_anew() {
    let bench = Workbench::new();
    let path = bench.data().join("app.db");
    closed(&path, DELETE, 3);
    settled(&bench);
    let other = bench.path("other.db");
    fs::copy(&path, &other).unwrap();
    let app = Connection::open(&other).unwrap();
    ledger::commit(&app).unwrap();
    app.close().unwrap();
    keep_mtime(&path, || fs::rename(&other, &path).unwrap());
    let report = bench
        .repository()
        .backup(&bench.plan(), &Unwatched)
        .unwrap();
    let restored = bench.restore(&report.snapshot.unwrap(), "restored");
    assert_eq!(assert_committed(&restored.join("app.db"), 4), 4);
}
