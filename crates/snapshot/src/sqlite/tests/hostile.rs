//! Databases whose definitions are made to do harm: they cost no more time and memory than they may, and their pages are
//! saved all the same. While they are looked at, a writer of a database with a rollback journal waits. And side files that
//! would let nobody go who opens them.

use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;

use rusqlite::Connection;
use rusqlite::config::DbConfig;

use rustix::fs::{CWD, Mode, OFlags};

use super::support::{capture_with, database, folder, options, refused};
use crate::sqlite::{Check, Checked, Count, Facts, SqliteError};

/// Long for a machine and short for a test; nothing depends on how long something takes but whether it ends.
const BUDGET: Duration = Duration::from_millis(200);

/// The facts of a database that was made by this script, whatever the rules say of what it writes.
fn facts_of(script: &str, check: Check, counts: &[(&str, &str)]) -> Facts {
    let (_folder, path) = folder();
    let app = Connection::open(&path).unwrap();
    app.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, false)
        .unwrap();
    app.execute_batch(script).unwrap();
    drop(app);
    let mut options = options();
    options.check = check;
    options.check_budget = BUDGET;
    options.count_budget = BUDGET;
    let counts = counts.iter();
    options.counts = counts
        .map(|(name, query)| ((*name).to_owned(), (*query).to_owned()))
        .collect();
    let (bytes, facts) = capture_with(&path, &options).unwrap();
    assert!(
        bytes == std::fs::read(&path).unwrap(),
        "the pages are saved"
    );
    facts
}

/// Why the first count is not known.
fn unknown(facts: &Facts) -> &str {
    match facts.counts.values().next().unwrap() {
        Count::Unknown(why) => why,
        Count::Is(number) => panic!("{number}"),
    }
}

/// Sixty-four names for as many rows as nobody can count.
const MULTIPLIED: &str = "CREATE TABLE t (x); INSERT INTO t VALUES (1), (2), (3), (4);
    CREATE VIEW v1 AS SELECT a.x FROM t a, t b, t c, t d;
    CREATE VIEW v2 AS SELECT a.x FROM v1 a, v1 b, v1 c, v1 d;
    CREATE VIEW v3 AS SELECT a.x FROM v2 a, v2 b, v2 c, v2 d;";

/// A table whose rows are cheap to write and dear to check: the column is told of when the rows are there.
fn dear(rows: &str, cost: &str) -> String {
    format!(
        "CREATE TABLE t (x); {rows}; PRAGMA writable_schema = ON;
         UPDATE sqlite_schema SET sql = 'CREATE TABLE t (x, y AS ({cost}) VIRTUAL NOT NULL)'"
    )
}

#[test]
fn a_check_that_never_ends_is_given_up() {
    let rows = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000)
        INSERT INTO t SELECT i FROM n";
    let script = dear(rows, "hex(zeroblob(2000000 + x))");
    for check in [Check::Quick, Check::Full] {
        let facts = facts_of(&script, check, &[]);
        let Checked::Unable(why) = &facts.check else {
            panic!("{:?}", facts.check);
        };
        assert!(why.contains("longer than"), "{why}");
        assert_eq!(facts.row_counts["t"], 10_000);
    }
}

#[test]
fn a_check_that_wants_all_memory_is_given_up() {
    let script = dear("INSERT INTO t VALUES (400000000)", "hex(zeroblob(x))");
    let facts = facts_of(&script, Check::Quick, &[]);
    assert!(
        matches!(&facts.check, Checked::Unable(why) if why.contains("too big")),
        "{:?}",
        facts.check
    );
}

#[test]
fn a_large_value_does_not_keep_a_database_from_being_checked() {
    let script = "CREATE TABLE t (x NOT NULL); INSERT INTO t VALUES (zeroblob(150000000));
        CREATE INDEX i ON t (length(x))";
    assert_eq!(facts_of(script, Check::Quick, &[]).check, Checked::Ok);
}

#[test]
fn a_count_on_views_that_multiply_is_not_known() {
    let facts = facts_of(
        MULTIPLIED,
        Check::Quick,
        &[("rows", "SELECT count(*) FROM v3")],
    );
    assert!(
        unknown(&facts).contains("longer than"),
        "{:?}",
        facts.counts
    );
    assert_eq!(facts.check, Checked::Ok);
}

#[test]
fn a_count_on_a_view_that_never_ends_is_not_known() {
    let script = "CREATE VIEW v AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)
        SELECT i FROM n";
    let facts = facts_of(script, Check::Quick, &[("rows", "SELECT count(*) FROM v")]);
    assert!(
        unknown(&facts).contains("longer than"),
        "{:?}",
        facts.counts
    );
}

#[test]
fn a_count_on_a_view_that_wants_all_memory_is_not_known() {
    // Each row is kept, to be compared with those that follow.
    let script = "CREATE VIEW v AS
        WITH RECURSIVE n(i, b) AS (SELECT 1, randomblob(1000000) UNION SELECT i + 1, randomblob(1000000) FROM n)
        SELECT i FROM n";
    let (_folder, path) = folder();
    Connection::open(&path)
        .unwrap()
        .execute_batch(script)
        .unwrap();
    let mut options = options();
    options.count_budget = Duration::from_secs(600);
    options.counts = vec![("rows".to_owned(), "SELECT count(*) FROM v".to_owned())];
    let (_, facts) = capture_with(&path, &options).unwrap();
    assert!(unknown(&facts).contains("memory"), "{:?}", facts.counts);
}

#[test]
fn a_misspelt_column_is_told_and_not_taken_for_a_text() {
    let script = "CREATE TABLE t (x); INSERT INTO t VALUES ('yes')";
    let query = "SELECT count(*) FROM t WHERE \"y\" = 'y'";
    let facts = facts_of(script, Check::None, &[("rows", query)]);
    assert!(
        unknown(&facts).contains("no such column"),
        "{:?}",
        facts.counts
    );
}

#[test]
fn names_and_findings_of_any_length_are_stored_short_or_not_at_all() {
    let long = "n".repeat(5000);
    let script = format!(
        "CREATE TABLE \"{long}\" (x NOT NULL); CREATE TABLE short (x);
         PRAGMA writable_schema = ON;
         UPDATE sqlite_schema SET sql = replace(sql, '(x)', '(x NOT NULL)') WHERE name = 'short';
         PRAGMA writable_schema = RESET; INSERT INTO short VALUES (1)"
    );
    let facts = facts_of(&script, Check::Quick, &[]);
    assert_eq!(facts.row_counts.keys().collect::<Vec<_>>(), ["short"]);
    assert!(!facts.row_counts_complete, "the other was left out");
    let script = format!(
        "CREATE TABLE \"{long}\" (x); INSERT INTO \"{long}\" VALUES (NULL);
         PRAGMA writable_schema = ON;
         UPDATE sqlite_schema SET sql = replace(sql, '(x)', '(x NOT NULL)')"
    );
    let facts = facts_of(&script, Check::Quick, &[]);
    let Checked::Damaged(findings) = &facts.check else {
        panic!("{:?}", facts.check);
    };
    assert!(findings.iter().all(|finding| finding.len() <= 1024));
}

#[test]
fn more_tables_than_are_told_are_saved_and_counted_in_part() {
    // Names for one and the same table.
    let script = "CREATE TABLE t (x); PRAGMA writable_schema = ON;
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 17000)
        INSERT INTO sqlite_schema
        SELECT 'table', 't' || i, 't' || i, 2, 'CREATE TABLE t' || i || ' (x)' FROM n";
    let facts = facts_of(script, Check::None, &[]);
    assert_eq!(facts.row_counts.len(), 1 << 14);
    assert!(!facts.row_counts_complete);
}

/// How the capture of a database fails that must fail; and where it waits for the other end of this pipe, it is let go.
fn refused_beside(pipe: &Path, path: &Path) -> SqliteError {
    let (end, ended) = mpsc::channel();
    std::thread::scope(|scope| {
        scope.spawn(|| end.send(refused(path, &options())));
        ended
            .recv_timeout(Duration::from_secs(20))
            .unwrap_or_else(|_| {
                let flags = OFlags::WRONLY | OFlags::NONBLOCK;
                let _other_end = rustix::fs::open(pipe, flags, Mode::empty());
                panic!("the capture waits at {}", pipe.display())
            })
    })
}

#[test]
fn a_pipe_in_the_place_of_a_side_file_is_named_and_holds_nobody_up() {
    for mode in ["WAL", "DELETE"] {
        for ending in ["wal", "journal"] {
            let (_folder, path) = folder();
            drop(database(&path, &format!("PRAGMA journal_mode = {mode}"), 3));
            let pipe = path.with_extension(format!("db-{ending}"));
            rustix::fs::mkfifoat(CWD, &pipe, Mode::from_raw_mode(0o600)).unwrap();
            match refused_beside(&pipe, &path) {
                SqliteError::Io { path, .. } => assert_eq!(path, pipe.canonicalize().unwrap()),
                other => panic!("{mode}, {ending}: {other:?}"),
            }
        }
    }
}
