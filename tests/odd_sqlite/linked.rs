//! Databases with several names. SQLite keeps the WAL beside the name by which a program opened one, and nobody who comes by
//! another name sees what stands in it.

use std::fs;

use rusqlite::Connection;

use crate::support::Workbench;
use crate::support::answer::shown;

/// A database in this mode, with a row, which its program holds open by a name outside the data; the data has another name.
fn linked(mode: &str) -> (Workbench, Connection) {
    let bench = Workbench::new();
    fs::create_dir(bench.path("live")).unwrap();
    let app = Connection::open(bench.path("live/app.db")).unwrap();
    app.pragma_update(None, "journal_mode", mode).unwrap();
    app.execute_batch("CREATE TABLE t(x)").unwrap();
    drop(app);
    fs::hard_link(bench.path("live/app.db"), bench.data().join("linked.db")).unwrap();
    bench.age_data();
    // Whoever has the file open in this process loses its locks by what was done to it just now.
    let app = Connection::open(bench.path("live/app.db")).unwrap();
    app.execute_batch("INSERT INTO t VALUES (1)").unwrap();
    (bench, app)
}

#[test]
fn f42_a_wal_that_stands_beside_another_name_is_told_each_time() {
    let (bench, _app) = linked("WAL");
    for args in [
        &["backup", "data", "--dry-run", "--json"][..],
        &["backup", "data", "--no-zip", "--json"],
        &["backup", "data", "--no-zip", "--json"],
        &["backup", "data", "--dry-run", "--json"],
    ] {
        let summary = bench.lifeboat(args).exits(3).summary();
        let warnings = summary["warnings"].as_array().unwrap();
        assert_eq!(warnings.len(), 1, "{summary}");
        assert_eq!(warnings[0]["kind"], "wal-elsewhere");
        assert_eq!(warnings[0]["path"], shown(&bench.data().join("linked.db")));
    }
    let answer = bench.lifeboat(&["backup", "data", "--no-zip"]).exits(3);
    answer.says_aside(&["2 names", "--exclude"]);
    let snapshot = bench
        .lifeboat(&["show", "latest", "--json"])
        .exits(0)
        .json();
    assert_eq!(snapshot["flaws"][0]["flaw"], "changed", "{snapshot}");
    // By its own name nothing is missing.
    bench.lifeboat(&["backup", "live", "--no-zip"]).exits(0);
    bench
        .lifeboat(&["restore", "latest", "--to", "restored"])
        .exits(0);
    let rows = Connection::open(bench.path("restored/app.db")).unwrap();
    let rows = rows.query_row("SELECT count(*) FROM t", [], |row| row.get::<_, i64>(0));
    assert_eq!(rows.unwrap(), 1);
}

#[test]
fn f42_several_names_without_a_wal_or_a_program_are_no_matter() {
    let (bench, app) = linked("DELETE");
    bench.backs_up();
    drop(app);
    // As in copies that are made of links.
    let (bench, app) = linked("WAL");
    drop(app);
    bench.backs_up();
    let bench = Workbench::new();
    let app = Connection::open(bench.data().join("one.db")).unwrap();
    app.execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE t(x)")
        .unwrap();
    drop(app);
    bench.backs_up();
}
