//! Databases that come to be, or are finished, while a backup is at work.

use std::path::Path;
use std::sync::Mutex;

use lifeboat_snapshot::Monitor;
use lifeboat_snapshot::monitor::Progress;
use rusqlite::Connection;

use crate::support::Workbench;

/// Does something when the backup comes to a file of this name.
struct When<F: FnOnce() + Send>(&'static str, Mutex<Option<F>>);

impl<F: FnOnce() + Send> Progress for When<F> {}

impl<F: FnOnce() + Send> Monitor for When<F> {
    fn item(&self, path: &Path) {
        if path.ends_with(self.0)
            && let Some(act) = self.1.lock().unwrap().take()
        {
            act();
        }
    }
}

/// The walk sees a database without its first page and, beside it, the journal that would take it back; by the time of its
/// turn, behind a large file, it is committed.
#[test]
fn f51_the_journal_of_a_database_that_is_committed_meanwhile_is_not_stored_beside_it() {
    let bench = Workbench::new();
    bench.write("a large file", vec![7; 9_000_000]);
    let path = bench.data().join("new.db");
    let app = Connection::open(&path).unwrap();
    app.execute_batch("PRAGMA cache_size = 10; BEGIN; CREATE TABLE t (x)")
        .unwrap();
    for _ in 0..3000 {
        app.execute("INSERT INTO t VALUES (hex(randomblob(500)))", [])
            .unwrap();
    }
    let begun = std::fs::read(&path).unwrap();
    assert!(
        begun[..4096].iter().all(|byte| *byte == 0),
        "it has spilled"
    );
    let commit = move || app.execute_batch("COMMIT").unwrap();
    let monitor = When("a large file", Mutex::new(Some(commit)));
    let report = bench.repository().backup(&bench.plan(), &monitor).unwrap();
    assert!(monitor.1.into_inner().unwrap().is_none(), "it happened");
    assert_eq!(report.databases.len(), 1, "{:?}", report.warnings);
    let restored = bench.restore(&report.snapshot.unwrap(), "restored");
    assert!(!restored.join("new.db-journal").exists());
    let there = Connection::open(restored.join("new.db")).unwrap();
    let rows: i64 = there
        .query_row("SELECT count(*) FROM t", [], |row| row.get(0))
        .unwrap();
    assert_eq!(rows, 3000);
}
