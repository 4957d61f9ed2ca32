//! `backup --dry-run`: its numbers are those of the backup that follows, and it leaves nothing behind, wherever one looks.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use rusqlite::Connection;
use serde_json::{Value, json};

use crate::bad_input::as_nobody;
use crate::support::answer::shown;
use crate::support::tree::{differences, looks};
use crate::support::{Answer, Workbench, outside};

/// With files, something to leave out, a database at rest and one in WAL mode that somebody holds open.
fn bench() -> (Workbench, Connection) {
    let bench = Workbench::with_files();
    bench.write("cache.tmp", "left out");
    bench.write("nothing", "");
    let rest = Connection::open(bench.data().join("rest.db")).unwrap();
    rest.execute_batch("CREATE TABLE t(x); INSERT INTO t VALUES (1)")
        .unwrap();
    let live = Connection::open(bench.data().join("papers/live.db")).unwrap();
    live.execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE t(x)")
        .unwrap();
    bench.age_data();
    (bench, live)
}

/// What a dry run says, which must leave everything as it was.
#[track_caller]
fn foreseen(bench: &Workbench, args: &[&str], code: i32) -> Answer {
    let before = looks(bench.folder());
    let dry = [&["backup", "--dry-run"], args].concat();
    let answer = bench.lifeboat(&dry).exits(code);
    assert_eq!(differences(&before, &looks(bench.folder())), [""; 0]);
    answer
}

/// The numbers that a dry run and a backup both know.
fn numbers(summary: &Value) -> Value {
    let databases = summary["databases"].as_array().unwrap().iter();
    let databases: Vec<Value> = databases
        .map(|database| json!([database["path"], database["unchanged"]]))
        .collect();
    let keys = [
        "parent",
        "files",
        "files_new",
        "files_changed",
        "files_unchanged",
        "excluded",
        "warnings",
    ];
    let all = keys.map(|key| summary[key].clone());
    json!([all, databases])
}

/// A dry run and the backup that follows say the same; gives what both said.
#[track_caller]
fn alike(bench: &Workbench) -> (Value, Value) {
    let args = ["data", "--exclude", "*.tmp", "--json"];
    let dry = foreseen(bench, &args, 0).summary();
    let done = bench.lifeboat(&[&["backup"], &args[..]].concat());
    let done = done.exits(0).summary();
    assert_eq!(numbers(&dry), numbers(&done));
    assert_eq!(
        (&dry["dry_run"], &done["dry_run"]),
        (&json!(true), &json!(false))
    );
    assert_eq!(dry["snapshot"], Value::Null);
    (dry, done)
}

#[test]
fn the_numbers_are_those_of_the_backup_that_follows() {
    let (bench, live) = bench();
    let (first, _) = alike(&bench);
    assert_eq!(
        (&first["files_new"], &first["excluded"]),
        (&json!(6), &json!(1))
    );
    bench.write("notes.txt", "remember more");
    bench.write("new.txt", "new");
    fs::remove_file(bench.data().join("papers/two.txt")).unwrap();
    live.execute("INSERT INTO t VALUES (2)", []).unwrap();
    bench.age_data();
    let (second, done) = alike(&bench);
    let counts = ["files_new", "files_changed", "files_unchanged"].map(|key| &second[key]);
    assert_eq!(counts, [1, 2, 3], "{second}");
    let [most, read] = [&second, &done].map(|said| said["read_bytes"].as_u64().unwrap());
    assert!(read > 0 && read <= most, "{read} of at most {most}");
    assert_eq!(second["by_source"][0]["path"], shown(&bench.data()));
    let (third, done) = alike(&bench);
    assert_eq!(
        (&third["files_unchanged"], &third["read_bytes"]),
        (&json!(6), &json!(0))
    );
    assert_eq!(done["read_bytes"], 0);
    drop(live);
}

#[test]
fn without_a_repository_none_is_created() {
    let (bench, _live) = bench();
    let answer = foreseen(&bench, &["data"], 0);
    answer.says_aside(&["the repository", "would be created"]);
    assert!(!bench.place().exists());
    foreseen(&bench, &["data", "--no-create"], 10);
    foreseen(&bench, &["nowhere"], 7);
}

#[test]
fn no_hook_runs_and_the_history_has_no_line() {
    let bench = Workbench::with_files();
    let config = "[source.data]\npath = \"data\"\n[hooks]\nbefore = \"touch hooked\"\nfinally = \"touch hooked\"\n";
    fs::write(bench.path("lifeboat.toml"), config).unwrap();
    foreseen(&bench, &[], 0);
    bench.lifeboat(&["init"]).exits(0);
    foreseen(&bench, &[], 0);
    assert!(!bench.path("hooked").exists());
    let runs = bench.lifeboat(&["history", "--json"]).exits(0).json();
    assert_eq!(runs, json!([]));
}

#[test]
fn what_would_not_be_done_is_said_as_a_backup_says_it() {
    let bench = Workbench::with_files();
    bench.age_data();
    bench.backs_up();
    let recent = foreseen(&bench, &["data", "--if-older-than", "1h", "--json"], 0).summary();
    assert_eq!(
        (&recent["skipped"], &recent["dry_run"]),
        (&json!("recent"), &json!(true))
    );
    let skip = ["data", "--skip-if-unchanged", "--json"];
    assert_eq!(foreseen(&bench, &skip, 0).summary()["skipped"], "unchanged");
    // Of a file that is gone nothing is to be read, and it makes a difference all the same.
    fs::remove_file(bench.data().join("papers/one.txt")).unwrap();
    assert_eq!(foreseen(&bench, &skip, 0).summary()["skipped"], Value::Null);
    bench.backs_up();
    let mode = fs::Permissions::from_mode(0o600);
    fs::set_permissions(bench.data().join("notes.txt"), mode).unwrap();
    assert_eq!(foreseen(&bench, &skip, 0).summary()["skipped"], Value::Null);
}

#[test]
fn a_source_that_has_become_empty_is_foreseen() {
    let bench = Workbench::new();
    bench.write("notes.txt", "remember");
    bench.backs_up();
    fs::remove_file(bench.data().join("notes.txt")).unwrap();
    foreseen(&bench, &["data"], 7);
    foreseen(&bench, &["data", "--allow-empty"], 0);
}

#[test]
fn a_database_that_is_none_any_more_is_foreseen() {
    let (bench, _live) = bench();
    bench.backs_up();
    fs::write(bench.data().join("rest.db"), "overwritten").unwrap();
    let dry = foreseen(&bench, &["data", "--json"], 3).summary();
    let done = bench.lifeboat(&["backup", "data", "--json"]).exits(3);
    assert_eq!(numbers(&dry), numbers(&done.summary()));
}

#[test]
fn what_cannot_be_read_is_foreseen() {
    if !(outside::is_root() && outside::has("setpriv")) {
        return;
    }
    let bench = Workbench::with_files();
    let [secret, closed] = ["secret.txt", "closed"].map(|name| bench.data().join(name));
    fs::write(&secret, "for root").unwrap();
    fs::create_dir(&closed).unwrap();
    for path in [&secret, &closed] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o000)).unwrap();
    }
    fs::create_dir(bench.place()).unwrap();
    fs::set_permissions(bench.place(), fs::Permissions::from_mode(0o777)).unwrap();
    let run = |args: &[&str]| as_nobody(&bench, args).exits(3).summary();
    let dry = run(&["backup", "data", "--dry-run", "--json"]);
    assert_eq!(dry["warnings"].as_array().unwrap().len(), 2, "{dry}");
    let done = run(&["backup", "data", "--no-zip", "--json"]);
    assert_eq!(numbers(&dry), numbers(&done));
}

#[test]
fn each_source_is_counted() {
    let bench = Workbench::with_files();
    fs::create_dir(bench.path("more")).unwrap();
    fs::write(bench.path("more/one"), "1").unwrap();
    let dry = foreseen(&bench, &["data", "more", "--json"], 0).summary();
    let counts = dry["by_source"].as_array().unwrap().iter();
    let counts: Vec<&Value> = counts.map(|source| &source["files_new"]).collect();
    assert_eq!(counts, [3, 1]);
    let apart = foreseen(&bench, &["data", "more", "--each", "--json"], 0).summary();
    assert_eq!(
        (&apart["dry_run"], &apart["files_new"]),
        (&json!(true), &json!(4))
    );
    assert_eq!(apart["stored_bytes"], Value::Null);
}
