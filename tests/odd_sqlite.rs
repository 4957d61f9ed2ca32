//! Sources of databases in every state that is not plain: what is a database is told by content, what cannot be captured
//! is named and saved as well as it can be, and "nothing has changed" is never said wrongly (F-27, F-29, F-30, F-32, F-36).

use std::fs;
use std::path::Path;

use lifeboat_snapshot::{Backup, Unwatched, WarningKind};
use rusqlite::Connection;

use crate::support::answer::shown;
use crate::support::ledger::assert_committed;
use crate::support::{Ledger, Process, Workbench, tree};

/// Not there yet, or not whole, when the walk comes by.
mod born;
/// By another name than that of its program.
mod linked;
/// Nothing has changed, or so it seems.
mod unchanged;

const WAL: &str = "PRAGMA journal_mode = WAL";
const DELETE: &str = "PRAGMA journal_mode = DELETE";

/// A ledger with so many commits, closed.
fn closed(path: &Path, pragmas: &str, commits: usize) -> Ledger {
    let ledger = Ledger::create(path, pragmas);
    let connection = Connection::open(path).unwrap();
    for _ in 0..commits {
        ledger.commit(&connection);
    }
    ledger
}

/// Copies a database with what lies beside it, as a crash leaves it.
fn copy_as_crashed(from: &Path, to: &Path) {
    for ending in ["", "-wal", "-journal"] {
        let with = |path: &Path| format!("{}{ending}", path.display());
        if Path::new(&with(from)).exists() {
            fs::copy(with(from), with(to)).unwrap();
        }
    }
}

#[test]
fn f29_everything_in_the_wal_and_nothing_in_the_main_file() {
    let bench = Workbench::new();
    let live = bench.path("live.db");
    // Nothing was checkpointed yet when this program died.
    let app = Connection::open(&live).unwrap();
    app.execute_batch("PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0")
        .unwrap();
    app.execute_batch("CREATE TABLE t (x); INSERT INTO t VALUES (42)")
        .unwrap();
    let path = bench.data().join("app");
    copy_as_crashed(&live, &path);
    fs::write(&path, "").unwrap();
    let report = bench.backup();
    assert_eq!(report.databases.len(), 1, "{:?}", report.warnings);
    assert_eq!(
        fs::metadata(&path).unwrap().len(),
        0,
        "the source is not recovered"
    );
    let restored = bench.restore(&report.snapshot.unwrap(), "restored");
    let copy = Connection::open(restored.join("app")).unwrap();
    let found: i64 = copy
        .query_row("SELECT x FROM t", [], |row| row.get(0))
        .unwrap();
    assert_eq!(found, 42);
}

#[test]
fn f36_databases_are_told_by_content_and_not_by_name() {
    let bench = Workbench::new();
    closed(&bench.data().join("no ending"), DELETE, 3);
    bench.write("x.db", "this is a text");
    bench.write("encrypted.db", [0xa7; 8192]);
    bench.write("empty.db", "");
    bench.write("x.db-wal", "beside a text, a text");
    let report = bench.backup();
    let names: Vec<String> = report
        .databases
        .iter()
        .map(|d| d.database.path.to_string())
        .collect();
    assert_eq!(names, ["no ending"]);
    assert_eq!(report.warnings, []);
    let restored = bench.restore(&report.snapshot.unwrap(), "restored");
    assert_committed(&restored.join("no ending"), 3);
    for name in ["x.db", "encrypted.db", "empty.db", "x.db-wal"] {
        let [source, copy] =
            [bench.data(), restored.clone()].map(|at| fs::read(at.join(name)).unwrap());
        assert_eq!(source, copy, "{name}");
    }
}

#[test]
fn f28_every_page_size_and_both_sorts_of_vacuum_come_back() {
    let bench = Workbench::new();
    for page_size in [512, 1024, 4096, 8192, 32768, 65536] {
        for vacuum in ["NONE", "FULL", "INCREMENTAL"] {
            let path = bench.data().join(format!("{page_size}-{vacuum}.db"));
            let pragmas = format!("PRAGMA page_size = {page_size}; PRAGMA auto_vacuum = {vacuum}");
            closed(&path, &pragmas, 20);
        }
    }
    let report = bench.backup();
    let restored = bench.restore(&report.snapshot.unwrap(), "restored");
    for entry in fs::read_dir(&restored).unwrap() {
        let path = entry.unwrap().path();
        assert_committed(&path, 20);
        let page_size: u32 = Connection::open(&path)
            .unwrap()
            .query_row("PRAGMA page_size", [], |row| row.get(0))
            .unwrap();
        assert!(
            path.display()
                .to_string()
                .contains(&format!("/{page_size}-"))
        );
    }
    assert_eq!(fs::read_dir(&restored).unwrap().count(), 18);
}

#[test]
fn f27_a_locked_database_is_named_and_everything_else_is_saved() {
    let bench = Workbench::with_files();
    let path = bench.data().join("busy.db");
    closed(&path, DELETE, 3);
    closed(&bench.data().join("idle.db"), WAL, 5);
    let holder = Process::start("holder", &path);
    let args = [
        "backup",
        "data",
        "--no-zip",
        "--json",
        "--busy-timeout",
        "1s",
    ];
    let answer = bench.lifeboat(&args).exits(6);
    let summary = answer.summary();
    assert_eq!(summary["warnings"][0]["path"], shown(&path));
    assert_eq!(summary["warnings"][0]["kind"], "busy");
    let snapshot = summary["snapshot"].as_str().unwrap();
    bench
        .lifeboat(&["restore", snapshot, "--to", "restored"])
        .exits(0);
    assert_committed(&bench.path("restored/idle.db"), 5);
    assert!(bench.path("restored/notes.txt").exists());
    assert!(!bench.path("restored/busy.db").exists());
    holder.end();
    bench.backs_up();
    bench
        .lifeboat(&["restore", "latest", "--to", "again"])
        .exits(0);
    assert_committed(&bench.path("again/busy.db"), 3);
}

#[test]
fn f30_a_hot_journal_is_rolled_back_in_the_copy_and_not_in_the_source() {
    let bench = Workbench::new();
    let live = bench.path("live.db");
    closed(&live, DELETE, 50);
    let app = Connection::open(&live).unwrap();
    app.execute_batch("PRAGMA cache_size = 2; BEGIN; UPDATE accounts SET balance = 0; UPDATE log SET filler = randomblob(400)")
        .unwrap();
    let path = bench.data().join("app.db");
    copy_as_crashed(&live, &path);
    let before = tree::looks(&bench.data());
    let plan = Backup {
        scratch: Some(bench.place()),
        ..bench.plan()
    };
    let report = bench.repository().backup(&plan, &Unwatched).unwrap();
    assert_eq!(
        tree::differences(&before, &tree::looks(&bench.data())),
        [""; 0]
    );
    assert_eq!(report.warnings, []);
    assert!(report.databases[0].database.facts.rolled_back);
    let restored = bench.restore(&report.snapshot.unwrap(), "restored");
    assert_committed(&restored.join("app.db"), 50);
    assert!(!restored.join("app.db-journal").exists());
}

/// Spoils the middle of a page in the middle of a database.
fn spoil(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    let page = bytes.len() / 4096 / 2 * 4096;
    bytes[page..page + 2048].fill(0xee);
    fs::write(path, bytes).unwrap();
}

#[test]
fn f32_a_damaged_database_is_stored_as_it_is_flagged_and_told_by_exit_3() {
    let bench = Workbench::with_files();
    let path = bench.data().join("app.db");
    closed(&path, DELETE, 400);
    spoil(&path);
    let spoilt = fs::read(&path).unwrap();
    let answer = bench
        .lifeboat(&["backup", "data", "--no-zip", "--json"])
        .exits(3);
    let summary = answer.summary();
    assert_eq!(summary["warnings"][0]["kind"], "database-damaged");
    assert_eq!(summary["warnings"][0]["path"], shown(&path));
    assert_eq!(summary["databases"][0]["check"], "damaged");
    let show = bench
        .lifeboat(&["show", "latest", "--json"])
        .exits(0)
        .json();
    assert!(show.to_string().contains("damaged"), "{show}");
    // It is said once more to whoever restores it.
    bench
        .lifeboat(&["restore", "latest", "--to", "restored"])
        .exits(3);
    // All that is left of it is there, page by page; the header's counters are SQLite's to set.
    let copy = fs::read(bench.path("restored/app.db")).unwrap();
    assert_eq!(copy.len(), spoilt.len());
    assert_eq!(copy[4096..], spoilt[4096..]);
}

#[test]
fn f32_a_database_cut_in_the_middle_of_a_page_is_stored_as_a_file_and_flagged() {
    let bench = Workbench::new();
    let path = bench.data().join("app.db");
    closed(&path, DELETE, 100);
    let bytes = fs::read(&path).unwrap();
    let cut = &bytes[..bytes.len() - 1000];
    fs::write(&path, cut).unwrap();
    let report = bench.backup();
    assert_eq!(report.warnings[0].kind, WarningKind::DatabaseDamaged);
    let restored = bench.restore(&report.snapshot.unwrap(), "restored");
    assert_eq!(fs::read(restored.join("app.db")).unwrap(), cut);
}

#[test]
fn f32_a_damaged_database_that_nobody_touched_is_flagged_again() {
    for damage in [spoil, |path: &std::path::Path| {
        fs::write(path, &fs::read(path).unwrap()[..5000]).unwrap()
    }] {
        let bench = Workbench::new();
        let path = bench.data().join("app.db");
        closed(&path, DELETE, 400);
        damage(&path);
        bench.age_data();
        for number in 0..2 {
            let report = bench.backup();
            let kinds: Vec<_> = report.warnings.iter().map(|warning| warning.kind).collect();
            assert_eq!(kinds, [WarningKind::DatabaseDamaged], "backup {number}");
            let flaws = bench.repository().flaws(&report.snapshot.unwrap()).unwrap();
            assert_eq!(flaws.damaged, 1, "backup {number}");
        }
    }
}

#[test]
fn a_database_that_is_none_any_more_is_told_of_for_as_long_as_it_is_none() {
    for content in [&b""[..], &[0; 8192]] {
        let bench = Workbench::new();
        let path = bench.data().join("app.db");
        closed(&path, DELETE, 3);
        let whole = fs::read(&path).unwrap();
        assert_eq!(bench.backup().warnings, []);
        fs::write(&path, content).unwrap();
        for _ in 0..3 {
            let report = bench.backup();
            let kinds: Vec<_> = report.warnings.iter().map(|one| one.kind).collect();
            assert_eq!(kinds, [WarningKind::DatabaseDamaged]);
            let restored = bench.restore(&report.snapshot.unwrap(), "restored");
            assert_eq!(fs::read(restored.join("app.db")).unwrap(), content);
            fs::remove_dir_all(restored).unwrap();
        }
        let plain = Backup {
            no_database: vec!["app.db".into()],
            ..bench.plan()
        };
        let report = bench.repository().backup(&plain, &Unwatched).unwrap();
        assert_eq!(report.warnings, [], "it is not meant to be one");
        fs::write(&path, whole).unwrap();
        assert_eq!(bench.backup().databases.len(), 1);
    }
}
