//! The bytes: those of the database, all of them, the same every time.

use std::fs;

use rusqlite::Connection;

use super::support::{
    add, capture_with, captured, check, crash_copy, database, folder, options, rows,
};
use crate::sqlite::{Check, Checked, Count, EXTENT_BYTES};

#[test]
fn every_page_size_is_byte_identical_to_a_copy_of_the_closed_file() {
    for page_size in [512, 1024, 2048, 4096, 8192, 16384, 32768, 65536] {
        for mode in ["delete", "wal"] {
            let (_folder, path) = folder();
            let pragmas = format!("PRAGMA page_size = {page_size}; PRAGMA journal_mode = {mode}");
            drop(database(&path, &pragmas, 1000));
            let (bytes, facts) = captured(&path);
            assert!(bytes.len() > 3 * EXTENT_BYTES);
            assert!(bytes == fs::read(&path).unwrap(), "{page_size} {mode}");
            assert_eq!(facts.page_size, page_size);
            assert_eq!(facts.journal_mode, mode);
        }
    }
}

#[test]
fn a_database_smaller_than_an_extent_is_one_short_extent() {
    let (_folder, path) = folder();
    drop(database(&path, "", 3));
    let (bytes, _) = captured(&path);
    assert!(bytes.len() < EXTENT_BYTES);
    assert!(bytes == fs::read(&path).unwrap());
}

#[test]
fn unusual_headers_survive() {
    for pragmas in [
        "PRAGMA auto_vacuum = FULL",
        "PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL",
        "PRAGMA encoding = 'UTF-16be'; PRAGMA user_version = -7; PRAGMA application_id = 123",
    ] {
        let (_folder, path) = folder();
        drop(database(&path, pragmas, 500));
        assert!(captured(&path).0 == fs::read(&path).unwrap(), "{pragmas}");
    }
}

#[test]
fn pages_in_the_wal_page_1_among_them_equal_the_checkpointed_file() {
    let (folder, path) = folder();
    let pragmas = "PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0";
    let writer = database(&path, pragmas, 500);
    writer
        .execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")
        .unwrap();
    writer.execute_batch("PRAGMA user_version = 41").unwrap();
    add(&writer, 500);
    let (live, facts) = captured(&path);
    assert!(live != fs::read(&path).unwrap());
    assert_eq!(facts.user_version, 41);
    assert_eq!(facts.row_counts["visits"], 1000);

    // Without a -shm: rebuilt from the WAL, in memory.
    let crashed = folder.path().join("crashed.db");
    crash_copy(&path, &crashed);
    let (recovered, _) = captured(&crashed);
    assert!(recovered == live);

    writer
        .execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")
        .unwrap();
    assert!(live == fs::read(&path).unwrap());
    assert!(live == captured(&path).0);
}

#[test]
fn a_capture_is_the_state_at_its_beginning_whatever_is_committed_meanwhile() {
    use crate::sqlite::{ExtentSink, Stopped, capture};
    struct Meddler(Connection, super::support::Collected);
    impl ExtentSink for Meddler {
        fn extent(&mut self, index: u64, bytes: Vec<u8>) -> Result<(), Stopped> {
            add(&self.0, 5);
            self.0
                .execute_batch("PRAGMA wal_checkpoint(PASSIVE)")
                .unwrap();
            self.1.extent(index, bytes)
        }
    }
    let (_folder, path) = folder();
    let writer = database(&path, "PRAGMA journal_mode = WAL", 5000);
    let (before, _) = captured(&path);
    let mut sink = Meddler(writer, super::support::Collected::default());
    let facts = capture(&path, &options(), &mut sink).unwrap();
    assert!(sink.1.database() == before);
    assert_eq!(facts.row_counts["visits"], 5000);
    assert!(captured(&path).1.row_counts["visits"] > 5000);
}

#[test]
fn an_empty_main_file_with_everything_in_the_wal_is_read_from_there() {
    for page_size in [512, 4096, 65536] {
        let (folder, path) = folder();
        let pragmas = format!(
            "PRAGMA page_size = {page_size}; PRAGMA journal_mode = WAL;
             PRAGMA wal_autocheckpoint = 0"
        );
        let writer = database(&path, &pragmas, 500);
        let (live, _) = captured(&path);
        let emptied = folder.path().join("emptied.db");
        crash_copy(&path, &emptied);
        fs::write(&emptied, b"").unwrap();
        let (bytes, _) = captured(&emptied);
        assert_eq!(check(&bytes), ["ok"]);
        assert_eq!(rows(&bytes), 500);
        assert!(bytes == live);
        drop(writer);
    }
}

#[test]
fn bad_36_a_file_of_zero_bytes_is_an_empty_database() {
    let (_folder, path) = folder();
    fs::write(&path, b"").unwrap();
    let (bytes, facts) = captured(&path);
    assert_eq!((bytes.len(), facts.pages, facts.page_size), (0, 0, 0));
}

#[test]
fn facts_tell_of_schema_counts_and_check() {
    let (_folder, path) = folder();
    let writer = database(&path, "PRAGMA journal_mode = WAL", 10);
    let mut options = options();
    options.check = Check::Full;
    let count = |name: &str, query: &str| (name.to_owned(), query.to_owned());
    options.counts = vec![
        count("patients", "SELECT count(*) FROM visits WHERE id <= 4"),
        count("ends", "COMMIT"),
        count("writes", "DELETE FROM visits RETURNING 1"),
        count(
            "writes_too",
            "WITH x AS (SELECT 1) DELETE FROM visits RETURNING 1",
        ),
        count("missing", "SELECT count(*) FROM nothing"),
    ];
    let (_, facts) = capture_with(&path, &options).unwrap();
    assert_eq!(facts.check, Checked::Ok);
    assert_eq!(facts.counts["patients"], Count::Is(4));
    for name in ["ends", "writes", "writes_too", "missing"] {
        assert!(matches!(facts.counts[name], Count::Unknown(_)), "{name}");
    }
    assert!(facts.row_counts_complete);
    assert_eq!(facts.lock, std::time::Duration::ZERO);
    writer
        .execute_batch("VACUUM; INSERT INTO visits (id) VALUES (99)")
        .unwrap();
    assert_eq!(captured(&path).1.schema_hash, facts.schema_hash);
    writer.execute_batch("CREATE TABLE more (id)").unwrap();
    assert_ne!(captured(&path).1.schema_hash, facts.schema_hash);
}

/// 1.1 GB of disk for each page size, hence not run by default.
#[test]
#[ignore = "writes gigabytes"]
fn the_page_of_locks_at_one_gibibyte_is_zeros() {
    use crate::sqlite::{ExtentSink, Stopped, capture};
    use std::os::unix::fs::FileExt;
    struct Compare(fs::File, u64);
    impl ExtentSink for Compare {
        fn extent(&mut self, index: u64, bytes: Vec<u8>) -> Result<(), Stopped> {
            let mut expected = vec![0; bytes.len()];
            let offset = index * u64::try_from(EXTENT_BYTES).unwrap();
            self.0.read_exact_at(&mut expected, offset).unwrap();
            assert!(bytes == expected, "extent {index}");
            self.1 += u64::try_from(bytes.len()).unwrap();
            Ok(())
        }
    }
    for page_size in [512, 4096, 65536] {
        let (_folder, path) = folder();
        let pragmas = format!("PRAGMA page_size = {page_size}; PRAGMA synchronous = OFF");
        let app = database(&path, &pragmas, 0);
        let fill = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1100)
             INSERT INTO visits (blob) SELECT randomblob(1000000) FROM n";
        app.execute_batch(fill).unwrap();
        drop(app);
        let mut sink = Compare(fs::File::open(&path).unwrap(), 0);
        capture(&path, &options(), &mut sink).unwrap();
        assert_eq!(sink.1, fs::metadata(&path).unwrap().len());
    }
}
