//! SQL on a database inside a snapshot, without restoring it: the read-only file system of SQLite over stored chunks.

use lifeboat_snapshot::{Snapshot, TreePath};
use rusqlite::Connection;

use crate::support::{Ledger, Workbench};

/// Opens a database inside a snapshot.
fn open(bench: &Workbench, snapshot: &Snapshot, name: &str) -> Connection {
    let repository = bench.repository();
    let path = TreePath::parse(name.as_bytes()).unwrap();
    let entry = repository.tree(snapshot).unwrap().entry(&path).unwrap();
    repository
        .open_database(entry.node.content().unwrap())
        .unwrap()
}

fn ask<T: rusqlite::types::FromSql>(connection: &Connection, query: &str) -> T {
    connection.query_row(query, [], |row| row.get(0)).unwrap()
}

#[test]
fn a_database_is_checked_and_queried_inside_its_snapshot() {
    let bench = Workbench::new();
    let path = bench.data().join("app/clinic.db");
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let ledger = Ledger::create(&path, "PRAGMA journal_mode = WAL");
    let app = Connection::open(&path).unwrap();
    let mut snapshots = Vec::new();
    for _ in 0..3 {
        for _ in 0..50 {
            ledger.commit(&app);
        }
        snapshots.push(bench.backup().snapshot.unwrap());
    }
    for (number, snapshot) in (1..).zip(&snapshots) {
        let image = open(&bench, snapshot, "app/clinic.db");
        assert_eq!(ask::<String>(&image, "PRAGMA quick_check"), "ok");
        assert_eq!(ask::<String>(&image, "PRAGMA integrity_check"), "ok");
        assert_eq!(ask::<i64>(&image, "SELECT n FROM counter"), 50 * number);
        assert_eq!(
            ask::<i64>(&image, "SELECT sum(balance) FROM accounts"),
            100_000
        );
    }
}

#[test]
fn nothing_is_written_through_an_image() {
    let bench = Workbench::new();
    Ledger::create(&bench.data().join("app.db"), "PRAGMA journal_mode = DELETE");
    let snapshot = bench.backup().snapshot.unwrap();
    let image = open(&bench, &snapshot, "app.db");
    for write in [
        "DELETE FROM log",
        "PRAGMA user_version = 7; DROP TABLE log",
        "VACUUM",
    ] {
        assert!(image.execute_batch(write).is_err(), "{write}");
    }
    assert_eq!(ask::<i64>(&image, "SELECT n FROM counter"), 0);
}
