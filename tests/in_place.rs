//! Restores over live data (faults F-40, F-42, F-49 to F-51; rule R7; bad inputs 43 and 44): exactly the snapshot, exactly
//! back, and nothing in between.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use serde_json::Value;

use crate::support::tree::{assert_same, differences, looks};
use crate::support::{Answer, Workbench, tree};

/// The question, at a terminal.
mod asked;
/// Extended attributes of what stays.
mod described;
/// What backups leave out.
mod excluded;
/// System calls that fail.
mod faults;
/// Folders that make room for something else.
mod folders;
/// Programs that have the database open meanwhile.
mod holders;
/// Mount points, in which the stage stands.
mod inside;
/// Kills at every system call that writes.
mod kills;
/// What happens between the saving and the writing back.
mod meanwhile;
/// Databases that are written back through SQLite.
mod online;
/// What must not happen, and does not.
mod refused;

/// A database of so many notes, in a journal mode, without side files.
fn database(path: &Path, mode: &str, notes: i64) {
    let connection = Connection::open(path).unwrap();
    connection
        .execute_batch(&format!(
            "PRAGMA journal_mode = {mode};
             CREATE TABLE IF NOT EXISTS notes (id INTEGER PRIMARY KEY, text TEXT)"
        ))
        .unwrap();
    add(&connection, notes);
}

fn add(connection: &Connection, notes: i64) {
    let add = "WITH RECURSIVE i(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM i WHERE n < ?1)
               INSERT INTO notes (text) SELECT 'note ' || n FROM i";
    connection.execute(add, [notes]).unwrap();
}

/// More notes, which stay in the WAL: the process that wrote them dies without closing.
fn add_to_wal(path: &Path, notes: i64) {
    let connection = Connection::open(path).unwrap();
    add(&connection, notes);
    // What a crash leaves: the files as they are now.
    let copies: Vec<(PathBuf, Vec<u8>)> = ["", "-wal"]
        .iter()
        .map(|ending| {
            let path = PathBuf::from(format!("{}{ending}", path.display()));
            let bytes = fs::read(&path).unwrap();
            (path, bytes)
        })
        .collect();
    drop(connection);
    for (path, bytes) in copies {
        fs::write(path, bytes).unwrap();
    }
}

/// How many notes there are, by a program that knows nothing of lifeboat; the database is whole.
#[track_caller]
fn notes(path: &Path) -> i64 {
    // Elsewhere, lest this look changes what it looks at.
    let copy = tempfile::tempdir().unwrap();
    for ending in ["", "-wal", "-journal"] {
        let from = format!("{}{ending}", path.display());
        if Path::new(&from).exists() {
            fs::copy(&from, copy.path().join(format!("app.db{ending}"))).unwrap();
        }
    }
    let connection = Connection::open(copy.path().join("app.db")).unwrap();
    let check: String = connection
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .unwrap();
    assert_eq!(check, "ok");
    connection
        .query_row("SELECT count(*) FROM notes", [], |row| row.get(0))
        .unwrap()
}

fn in_place(bench: &Workbench, more: &[&str]) -> Answer {
    let args = ["restore", "latest", "--in-place", "--yes", "--json"];
    bench.lifeboat(&[&args, more].concat())
}

fn undo(bench: &Workbench) -> Answer {
    bench.lifeboat(&["undo", "--yes", "--json"])
}

/// Files of every plain sort and a database, backed up; then everything is changed in some way.
fn changed() -> (Workbench, PathBuf) {
    let bench = Workbench::with_files();
    bench.write("same.txt", "as it was");
    bench.write("mode.txt", "other mode");
    bench.write("linked.txt", "one file");
    fs::hard_link(
        bench.data().join("linked.txt"),
        bench.data().join("papers/linked.txt"),
    )
    .unwrap();
    database(&bench.data().join("app.db"), "WAL", 10);
    bench.backs_up();
    let then = bench.path("then");
    bench
        .lifeboat(&["restore", "latest", "--to", "then"])
        .exits(0);
    bench.write("notes.txt", "something else");
    bench.write("linked.txt", "still one file");
    bench.write("new/deep/file.txt", "not there then");
    fs::remove_dir_all(bench.data().join("papers")).unwrap();
    fs::remove_dir(bench.data().join("empty")).unwrap();
    fs::write(bench.data().join("empty"), "a file now").unwrap();
    fs::remove_file(bench.data().join("link")).unwrap();
    std::os::unix::fs::symlink("elsewhere", bench.data().join("link")).unwrap();
    fs::set_permissions(
        bench.data().join("mode.txt"),
        fs::Permissions::from_mode(0o600),
    )
    .unwrap();
    database(&bench.data().join("app.db"), "WAL", 5);
    (bench, then)
}

#[test]
fn f49_a_restore_in_place_is_exactly_the_snapshot_and_undo_exactly_what_was_before() {
    let (bench, then) = changed();
    let before = looks(&bench.data());
    let summary = in_place(&bench, &["--delete"]).exits(0).summary();
    assert_same(&then, &bench.data());
    assert!(summary["safety_snapshot"].is_string(), "{summary}");
    assert_eq!(summary["kept"], Value::Array(Vec::new()));
    assert_eq!(summary["deleted"], 3);
    undo(&bench).exits(0);
    assert_eq!(differences(&before, &looks(&bench.data())), [""; 0]);
    undo(&bench).exits(0);
    assert_same(&then, &bench.data());
    undo(&bench).exits(0);
    assert_eq!(differences(&before, &looks(&bench.data())), [""; 0]);
    bench.lifeboat(&["verify", "--read-data"]).exits(0);
    assert_eq!(stages(&bench), [""; 0]);
}

/// What restores have left beside the data.
fn stages(bench: &Workbench) -> Vec<String> {
    let folders = [bench.folder(), &bench.data()];
    let names = folders.into_iter().flat_map(tree::names);
    names.filter(|name| name.starts_with(".lifeboat")).collect()
}

#[test]
fn what_does_not_differ_keeps_its_inode_and_its_time() {
    let (bench, _) = changed();
    let looks = |name: &str| {
        let stat = bench.data().join(name).symlink_metadata().unwrap();
        (stat.ino(), stat.ctime(), stat.ctime_nsec())
    };
    let (same, mode) = (looks("same.txt"), looks("mode.txt"));
    in_place(&bench, &["--delete"]).exits(0);
    assert_eq!(looks("same.txt"), same);
    assert_eq!(looks("mode.txt").0, mode.0);
    let again = in_place(&bench, &["--delete"]).exits(0).summary();
    assert_eq!(again["changes"], Value::Array(Vec::new()));
    assert_eq!(again["safety_snapshot"], Value::Null);
}

#[test]
fn f42_names_of_one_file_are_put_back_together() {
    let bench = Workbench::new();
    bench.write("a", "one file");
    bench.write("c", "alone");
    fs::hard_link(bench.data().join("a"), bench.data().join("b")).unwrap();
    bench.backs_up();
    // The same bytes, and other files that share them.
    fs::remove_file(bench.data().join("b")).unwrap();
    bench.write("b", "one file");
    fs::remove_file(bench.data().join("c")).unwrap();
    fs::hard_link(bench.data().join("b"), bench.data().join("c")).unwrap();
    in_place(&bench, &[]).exits(0);
    let inode = |name: &str| bench.data().join(name).metadata().unwrap().ino();
    assert_eq!(inode("a"), inode("b"));
    assert_ne!(inode("a"), inode("c"));
    assert_eq!(fs::read(bench.data().join("c")).unwrap(), b"alone");
}

#[test]
fn without_delete_what_the_snapshot_lacks_stays() {
    let bench = Workbench::with_files();
    bench.backs_up();
    bench.write("new/file.txt", "later");
    bench.write("notes.txt", "changed");
    let summary = in_place(&bench, &[]).exits(0).summary();
    assert_eq!(summary["left_alone"], 1);
    assert_eq!(
        fs::read(bench.data().join("new/file.txt")).unwrap(),
        b"later"
    );
    assert_eq!(
        fs::read(bench.data().join("notes.txt")).unwrap(),
        b"remember"
    );
}

#[test]
fn only_what_was_asked_for_is_touched() {
    let (bench, _) = changed();
    let before = looks(&bench.data());
    in_place(&bench, &["--path", "papers/one.txt"]).exits(0);
    let mut after = looks(&bench.data());
    let one = fs::read(bench.data().join("papers/one.txt")).unwrap();
    assert_eq!(one, b"first");
    after.remove(Path::new("papers/one.txt"));
    after.remove(Path::new("papers"));
    let differing = differences(&before, &after);
    // The folder itself has a new name in it.
    assert!(
        differing.iter().all(|what| what == "mtime of \"\""),
        "{differing:?}"
    );
    let nothing = in_place(&bench, &["--path", "no such"]).exits(2);
    assert!(
        nothing.text().contains("nothing in the snapshot matches"),
        "{nothing}"
    );
}

#[test]
fn f51_a_stale_wal_never_meets_the_restored_database() {
    for mode in ["WAL", "DELETE"] {
        let bench = Workbench::new();
        let path = bench.data().join("app.db");
        database(&path, mode, 10);
        bench.backs_up();
        match mode {
            "WAL" => add_to_wal(&path, 7),
            _ => database(&path, mode, 7),
        }
        let summary = in_place(&bench, &[]).exits(0).summary();
        assert_eq!(notes(&path), 10, "{summary}");
        let database = &summary["databases"][0];
        assert_eq!(database["now"]["row_counts"]["notes"], 17);
        assert_eq!(database["then"]["row_counts"]["notes"], 10);
        assert_eq!(summary["restored_databases"][0]["check"], "ok");
        let names: Vec<PathBuf> = looks(&bench.data()).into_keys().collect();
        assert_eq!(names, [Path::new(""), Path::new("app.db")]);
        // What was only in the WAL is saved.
        undo(&bench).exits(0);
        assert_eq!(notes(&path), 17);
    }
}

#[test]
fn a_dry_run_says_what_would_happen_and_does_nothing() {
    let (bench, _) = changed();
    let everything = looks(bench.folder());
    let answer = bench.lifeboat(&[
        "restore",
        "latest",
        "--in-place",
        "--delete",
        "--dry-run",
        "--json",
    ]);
    let summary = answer.exits(0).summary();
    let mut changes = BTreeMap::<&str, u64>::new();
    for change in summary["changes"].as_array().unwrap() {
        *changes
            .entry(change["change"].as_str().unwrap())
            .or_default() += 1;
    }
    let expected = [("add", 1), ("delete", 3), ("describe", 2), ("replace", 5)];
    assert_eq!(changes, expected.into(), "{summary}");
    assert!(summary["free_bytes"].as_u64().unwrap() > 0);
    let ignored = |path: &PathBuf| path.starts_with("home");
    let mut after = looks(bench.folder());
    after.retain(|path, _| !ignored(path));
    let mut before = everything;
    before.retain(|path, _| !ignored(path));
    assert_eq!(differences(&before, &after), [""; 0]);
}
