//! Locks: ours hold nobody up for long, and looking at a file does not drop anybody's.

use std::fs::{self, File};
use std::time::Duration;

use rusqlite::Connection;

use super::support::{
    Child, Collected, capture_with, captured, check, database, folder, options, refused, rows,
};
use crate::sqlite::{
    ExtentSink, SqliteError, Stopped, capture, fingerprint, is_kept, keep_open, sniff,
};

#[test]
fn bad_39_a_locked_database_is_busy() {
    let (_folder, path) = folder();
    let app = database(&path, "", 100);
    app.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let error = refused(&path, &options());
    assert!(matches!(error, SqliteError::Busy { .. }), "{error:?}");
    app.execute_batch("COMMIT").unwrap();
    captured(&path);
    app.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA locking_mode = EXCLUSIVE; DELETE FROM visits",
    )
    .unwrap();
    drop(app);
    let app = Connection::open(&path).unwrap();
    app.execute_batch("PRAGMA locking_mode = EXCLUSIVE; DELETE FROM visits")
        .unwrap();
    assert!(!path.with_extension("db-shm").exists());
    let error = refused(&path, &options());
    assert!(matches!(error, SqliteError::Busy { .. }), "{error:?}");
}

#[test]
fn a_pending_write_transaction_is_no_obstacle() {
    let (_folder, path) = folder();
    let app = database(&path, "", 100);
    app.execute_batch("BEGIN IMMEDIATE; DELETE FROM visits")
        .unwrap();
    assert_eq!(captured(&path).1.row_counts["visits"], 100);
    app.execute_batch("COMMIT").unwrap();
}

#[test]
fn the_lock_is_reported_in_rollback_mode() {
    let (_folder, path) = folder();
    drop(database(&path, "", 100));
    assert!(captured(&path).1.lock > Duration::ZERO);
}

#[test]
fn the_names_of_a_large_schema_are_looked_up_in_tables_that_grow() {
    let connection = Connection::open_in_memory().unwrap();
    let asked = "SELECT sqlite_compileoption_used('MALLOC_SOFT_LIMIT=0')";
    let is_built_so: bool = connection.query_row(asked, [], |row| row.get(0)).unwrap();
    // Else writers wait for 17 s where there are 100,000 tables, and for as long as is allowed where there are more.
    assert!(is_built_so, "see .cargo/config.toml");
}

#[test]
fn f34_a_second_process_stays_locked_out_while_we_look() {
    let (_folder, path) = folder();
    let app = database(&path, "", 100);
    app.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert_eq!(Child::run("write", &path), "busy");
    let file = File::open(&path).unwrap();
    sniff(&file, &path).unwrap();
    keep_open(file);
    fingerprint(&path).unwrap();
    captured(&path);
    assert!(is_kept(&fs::symlink_metadata(&path).unwrap()));
    assert_eq!(Child::run("write", &path), "busy");
    app.execute_batch("COMMIT").unwrap();
    assert_eq!(Child::run("write", &path), "written");
}

/// Not a wish but the reason for `keep_open`; if this fails, POSIX locks have become better.
#[test]
fn f34_closing_any_descriptor_lets_a_second_process_in() {
    let (_folder, path) = folder();
    let app = database(&path, "", 100);
    app.execute_batch("BEGIN IMMEDIATE").unwrap();
    drop(File::open(&path).unwrap());
    assert_eq!(Child::run("write", &path), "written");
}

#[test]
fn f34_a_capture_keeps_writers_out_while_the_folder_is_walked() {
    struct Walker<'a>(&'a std::path::Path);
    impl ExtentSink for Walker<'_> {
        fn extent(&mut self, index: u64, _: Vec<u8>) -> Result<(), Stopped> {
            if index == 1 {
                let file = File::open(self.0).unwrap();
                sniff(&file, self.0).unwrap();
                keep_open(file);
                assert_eq!(Child::run("write", self.0), "busy");
            }
            Ok(())
        }
    }
    let (_folder, path) = folder();
    drop(database(&path, "", 5000));
    capture(&path, &options(), &mut Walker(&path)).unwrap();
    assert_eq!(Child::run("write", &path), "written");
}

#[test]
fn a_database_overwritten_in_place_is_none_any_more() {
    let (_folder, path) = folder();
    drop(database(&path, "", 10));
    captured(&path);
    fs::write(&path, "a text by now").unwrap();
    assert!(!is_kept(&fs::symlink_metadata(&path).unwrap()));
}

#[test]
fn an_unlinked_database_is_let_go() {
    let (folder, path) = folder();
    drop(database(&path, "", 10));
    captured(&path);
    let metadata = fs::symlink_metadata(&path).unwrap();
    fs::remove_file(&path).unwrap();
    let other = folder.path().join("other.db");
    drop(database(&other, "", 10));
    captured(&other);
    // Or the inode would have been taken by the other one.
    assert!(!is_kept(&metadata));
}

#[test]
fn f28_captures_next_to_a_writing_process_are_committed_states() {
    for mode in ["wal", "delete"] {
        let (_folder, path) = folder();
        let app = database(&path, &format!("PRAGMA journal_mode = {mode}"), 3000);
        app.execute_batch("CREATE TABLE pair (a, b); INSERT INTO pair VALUES (0, 0)")
            .unwrap();
        drop(app);
        let writer = Child::start("hammer", &path);
        for _ in 0..10 {
            let mut options = options();
            options.busy_timeout = Duration::from_secs(60);
            let query =
                "SELECT (SELECT a - b FROM pair) + (SELECT count(*) FROM visits) - a FROM pair";
            options.counts = vec![("same".to_owned(), query.to_owned())];
            let (bytes, facts) = loop {
                match capture_with(&path, &options) {
                    Err(error) if error.is_transient() => {}
                    result => break result.unwrap(),
                }
            };
            assert_eq!(check(&bytes), ["ok"], "{mode}");
            assert_eq!(facts.counts["same"], crate::sqlite::Count::Is(3000));
            assert_eq!(
                u64::try_from(rows(&bytes)).unwrap(),
                facts.row_counts["visits"]
            );
        }
        writer.end();
    }
}

#[test]
fn a_sink_that_gives_up_and_a_stop_end_the_capture() {
    struct Fussy;
    impl ExtentSink for Fussy {
        fn extent(&mut self, _: u64, _: Vec<u8>) -> Result<(), Stopped> {
            Err(Stopped)
        }
    }
    let (_folder, path) = folder();
    let app = database(&path, "", 5000);
    let error = capture(&path, &options(), &mut Fussy).unwrap_err();
    assert!(matches!(error, SqliteError::Stopped), "{error:?}");
    let stopped = options();
    stopped
        .stop
        .store(true, std::sync::atomic::Ordering::Relaxed);
    let error = capture(&path, &stopped, &mut Collected::default()).unwrap_err();
    assert!(matches!(error, SqliteError::Stopped), "{error:?}");
    // Nothing is left locked.
    app.execute_batch("BEGIN EXCLUSIVE; DELETE FROM visits; COMMIT")
        .unwrap();
}

#[test]
fn a_query_that_never_ends_is_ended() {
    let (_folder, path) = folder();
    drop(database(&path, "", 10));
    let mut options = options();
    options.count_budget = Duration::from_millis(1);
    let endless =
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";
    options.counts = vec![("endless".to_owned(), endless.to_owned())];
    let (_, facts) = capture_with(&path, &options).unwrap();
    assert!(matches!(
        facts.counts["endless"],
        crate::sqlite::Count::Unknown(_)
    ));
    assert_eq!(facts.row_counts["visits"], 10);
}
