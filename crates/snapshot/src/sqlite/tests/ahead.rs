//! What is read ahead is of the transaction that asks for it.

use std::fs;

use rusqlite::Connection;

use super::support::{Collected, add, capture_with, captured, check, database, folder, options};
use crate::sqlite::source::Source;
use crate::sqlite::vfs;
use crate::sqlite::{Check, Checked, ExtentSink, Stopped, capture};

/// What distinguishes the states, from every page of the table.
fn sum(connection: &Connection) -> i64 {
    let query = "SELECT sum(length(note) + length(blob)) FROM visits NOT INDEXED";
    connection.query_row(query, [], |row| row.get(0)).unwrap()
}

#[test]
fn each_transaction_reads_what_was_committed_before_it() {
    for mode in ["delete", "truncate", "wal"] {
        let (_folder, path) = folder();
        // So few pages that those of the last transaction are all still there.
        let app = database(&path, &format!("PRAGMA journal_mode = {mode}"), 400);
        app.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")
            .unwrap();
        let source = Source::open(&path, &options()).unwrap();
        let reader = source.connection();
        for round in 0..5 {
            assert_eq!(sum(reader), sum(&app), "{mode} {round}");
            reader.execute_batch("COMMIT").unwrap();
            app.execute_batch(
                "UPDATE visits SET note = note || 'x'; PRAGMA wal_checkpoint(TRUNCATE)",
            )
            .unwrap();
            reader.execute_batch("BEGIN").unwrap();
        }
    }
}

/// Lets a checkpoint move pages into the file with each extent, and something else happen.
struct Meddler<F>(Connection, F, Collected);

impl<F: FnMut(&Connection)> ExtentSink for Meddler<F> {
    fn extent(&mut self, index: u64, bytes: Vec<u8>) -> Result<(), Stopped> {
        self.0
            .execute_batch("PRAGMA wal_checkpoint(PASSIVE)")
            .unwrap();
        (self.1)(&self.0);
        self.2.extent(index, bytes)
    }
}

#[test]
fn a_checkpoint_below_the_reader_changes_nothing_that_it_takes_from_the_file() {
    for commits in [0, 3] {
        let (_folder, path) = folder();
        let pragmas = "PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0";
        let app = database(&path, pragmas, 20_000);
        app.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")
            .unwrap();
        // Runs of pages in the WAL, between runs that are in the file only.
        app.execute_batch("UPDATE visits SET note = note || 'x' WHERE id % 300 < 120")
            .unwrap();
        let (before, _) = captured(&path);
        let in_file = fs::read(&path).unwrap();
        let mut sink = Meddler(
            app,
            |app: &Connection| add(app, commits),
            Collected::default(),
        );
        let facts = capture(&path, &options(), &mut sink).unwrap();
        let after = sink.2.database();
        assert!(after == before);
        assert!(fs::read(&path).unwrap() != in_file);
        assert_eq!(facts.row_counts["visits"], 20_000);
        assert_eq!(check(&after), ["ok"]);
    }
}

#[test]
fn a_table_written_in_another_order_than_it_is_read_is_checked_and_whole() {
    let (_folder, path) = folder();
    let app = database(&path, "PRAGMA page_size = 1024; PRAGMA cache_size = 5", 0);
    app.execute_batch(
        "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
         INSERT INTO visits (id, note, blob) SELECT i * 7919 % 20011, 'note ' || i, zeroblob(400) FROM n",
    )
    .unwrap();
    drop(app);
    for check in [Check::Quick, Check::Full] {
        let options = crate::sqlite::CaptureOptions { check, ..options() };
        let (bytes, facts) = capture_with(&path, &options).unwrap();
        assert!(bytes == fs::read(&path).unwrap());
        assert_eq!(facts.check, Checked::Ok);
    }
}

#[test]
fn pages_that_are_lent_are_those_of_the_file_and_of_the_wal() {
    for (mode, page_size) in [
        ("delete", 512),
        ("delete", 4096),
        ("wal", 4096),
        ("wal", 16_384),
    ] {
        let (_folder, path) = folder();
        let pragmas = format!(
            "PRAGMA page_size = {page_size}; PRAGMA journal_mode = {mode}; PRAGMA wal_autocheckpoint = 0"
        );
        let app = database(&path, &pragmas, 20_000);
        app.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")
            .unwrap();
        app.execute_batch("UPDATE visits SET note = note || 'x' WHERE id % 300 < 120")
            .unwrap();
        let source = Source::open(&path, &options()).unwrap();
        let reader = source.connection();
        let of_all = || sum(reader);
        let misses = || vfs::cache_misses(reader);
        reader.execute_batch("PRAGMA cache_size = 1").unwrap();
        let (before, asked) = (misses(), of_all());
        let read = misses() - before;
        source.lend_pages(true).unwrap();
        let before = misses();
        assert_eq!(of_all(), asked);
        // What is in the WAL is read.
        let of_wal = if mode == "wal" { read } else { read / 10 };
        assert!(
            misses() - before < of_wal,
            "{mode} {page_size} {read} {}",
            misses() - before
        );
        source.lend_pages(false).unwrap();
        let before = misses();
        assert_eq!(of_all(), asked);
        assert_eq!(misses() - before, read, "{mode} {page_size}");
        assert_eq!(asked, sum(&app));
        source.end().unwrap();
    }
}
