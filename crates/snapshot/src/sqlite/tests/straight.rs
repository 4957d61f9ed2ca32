//! What is read past SQLite is what SQLite would read: where all of it is in the main file, and nowhere else.

use std::fs;
use std::path::Path;

use super::support::{
    Collected, add, captured, crash_copy, database, folder, hot_journal, options,
};
use crate::sqlite::source::Source;
use crate::sqlite::{CaptureOptions, ExtentSink, Stopped, capture};

const WAL: &str = "PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0";
const CHECKPOINT: &str = "PRAGMA wal_checkpoint(PASSIVE)";

fn is_all_in_file(path: &Path) -> bool {
    let source = Source::open(path, &options()).unwrap();
    source.is_all_in_file()
}

#[test]
fn all_is_in_the_file_with_a_rollback_journal_and_where_no_page_comes_from_the_wal() {
    let (folder, path) = folder();
    let app = database(&path, WAL, 500);
    assert!(!is_all_in_file(&path));
    app.execute_batch(CHECKPOINT).unwrap();
    assert!(is_all_in_file(&path));
    add(&app, 1);
    assert!(!is_all_in_file(&path));
    // The index is in memory then, and what the WAL has was never moved.
    let crashed = folder.path().join("crashed.db");
    crash_copy(&path, &crashed);
    assert!(!is_all_in_file(&crashed));
    drop(app);
    assert!(is_all_in_file(&path));
    let app = rusqlite::Connection::open(&path).unwrap();
    app.execute_batch("PRAGMA journal_mode = DELETE").unwrap();
    assert!(is_all_in_file(&path));
}

#[test]
fn nothing_is_in_the_file_before_a_transaction_and_behind_it() {
    for pragmas in ["", WAL] {
        let (_folder, path) = folder();
        let app = database(&path, pragmas, 500);
        app.execute_batch(CHECKPOINT).unwrap();
        let source = Source::open(&path, &options()).unwrap();
        let mut page = [0; 512];
        assert_eq!(source.read_file(&mut page, 0), 0);
        assert_eq!(page[..], fs::read(&path).unwrap()[..512]);
        source.connection().execute_batch("COMMIT").unwrap();
        assert!(!source.is_all_in_file());
        assert_ne!(source.read_file(&mut page, 0), 0);
        source.connection().execute_batch("BEGIN").unwrap();
        assert!(!source.is_all_in_file(), "BEGIN takes no lock");
    }
}

#[test]
fn f30_a_database_with_a_hot_journal_is_never_read_straight() {
    let (folder, path) = folder();
    let committed = hot_journal(&path);
    let options = CaptureOptions {
        scratch: Some(folder.path().to_owned()),
        ..options()
    };
    let source = Source::open(&path, &options).unwrap();
    assert!(source.rolled_back() && !source.is_all_in_file());
    drop(source);
    let mut sink = Collected::default();
    capture(&path, &options, &mut sink).unwrap();
    assert!(sink.database() == committed);
}

#[test]
fn both_ways_give_the_same_bytes_at_every_page_size() {
    for page_size in [512, 1024, 2048, 4096, 8192, 16384, 32768, 65536] {
        let (_folder, path) = folder();
        let app = database(
            &path,
            &format!("PRAGMA page_size = {page_size}; {WAL}"),
            1000,
        );
        app.execute_batch(
            "PRAGMA wal_checkpoint(TRUNCATE); UPDATE visits SET note = 'x' WHERE id % 7 = 0",
        )
        .unwrap();
        assert!(!is_all_in_file(&path));
        let (by_sqlite, facts) = captured(&path);
        app.execute_batch(CHECKPOINT).unwrap();
        assert!(is_all_in_file(&path));
        assert!(captured(&path) == (by_sqlite.clone(), facts), "{page_size}");
        assert!(fs::read(&path).unwrap() == by_sqlite);
    }
}

#[test]
fn commits_and_checkpoints_meanwhile_change_nothing() {
    struct Meddler(rusqlite::Connection, Collected);
    impl ExtentSink for Meddler {
        fn extent(&mut self, index: u64, bytes: Vec<u8>) -> Result<(), Stopped> {
            let change = "UPDATE visits SET note = note || 'x' WHERE id % 100 = 1";
            self.0.execute_batch(change).unwrap();
            add(&self.0, 1);
            self.0.execute_batch(CHECKPOINT).unwrap();
            self.1.extent(index, bytes)
        }
    }
    let (_folder, path) = folder();
    let app = database(&path, WAL, 5000);
    app.execute_batch(CHECKPOINT).unwrap();
    let before = fs::read(&path).unwrap();
    assert!(is_all_in_file(&path));
    let mut sink = Meddler(app, Collected::default());
    capture(&path, &options(), &mut sink).unwrap();
    assert!(sink.1.database() == before);
    assert!(captured(&path).0 != before);
}

#[test]
fn bad_38_a_file_that_ends_in_the_middle_of_a_page_is_damage() {
    let (_folder, path) = folder();
    drop(database(&path, "", 2000));
    let intact = fs::read(&path).unwrap();
    struct Cutter<'a>(&'a Path, u64);
    impl ExtentSink for Cutter<'_> {
        fn extent(&mut self, _: u64, _: Vec<u8>) -> Result<(), Stopped> {
            fs::File::options()
                .write(true)
                .open(self.0)
                .unwrap()
                .set_len(self.1)
                .unwrap();
            Ok(())
        }
    }
    for cut in [100, 4096, 3 * 65536] {
        fs::write(&path, &intact).unwrap();
        let mut sink = Cutter(&path, intact.len() as u64 - cut);
        let error = capture(&path, &options(), &mut sink).unwrap_err();
        assert!(
            matches!(error, crate::sqlite::SqliteError::Damaged { .. }),
            "{error:?}"
        );
    }
}
