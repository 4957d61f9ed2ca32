//! Whether backups are being taken: a snapshot that lacks something is none to be calm about.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use rusqlite::Connection;

use crate::support::Workbench;
use crate::support::process::Process;

/// A database that another process may hold locked.
fn bench() -> Workbench {
    let bench = Workbench::with_files();
    let app = Connection::open(bench.data().join("app.db")).unwrap();
    app.execute_batch("CREATE TABLE t (x)").unwrap();
    bench.age_data();
    bench
}

/// A backup that lacks the database.
fn backs_up_without_database(bench: &Workbench) {
    let holder = Process::start("holder", &bench.data().join("app.db"));
    // What has not changed is not read, and need not be locked.
    let args = ["backup", "data", "--no-zip", "--busy-timeout", "0s"];
    bench.lifeboat(&args).exits(6);
    holder.end();
}

/// Commits something, so that the database has to be read.
fn changes_database(bench: &Workbench) {
    let app = Connection::open(bench.data().join("app.db")).unwrap();
    app.execute_batch("INSERT INTO t VALUES (1)").unwrap();
}

#[test]
fn an_incomplete_snapshot_is_marked_wherever_it_is_told_of() {
    let bench = bench();
    bench.backs_up();
    let status = bench.lifeboat(&["status", "--json"]).exits(0).json();
    assert_eq!(status["sources"][0]["complete"], true);
    changes_database(&bench);
    backs_up_without_database(&bench);

    let status = bench.lifeboat(&["status", "--json"]).exits(20).json();
    let source = &status["sources"][0];
    assert_eq!(
        (&status["state"], &source["missing"]),
        (&"incomplete".into(), &1.into())
    );
    assert_ne!(source["complete_snapshot"], source["snapshot"]);
    let text = bench.lifeboat(&["status"]).exits(20).text();
    assert!(
        text.contains("incomplete") && text.contains("1 missing"),
        "{text}"
    );

    let listed = bench.lifeboat(&["list", "--json"]).exits(0).json();
    assert_eq!(
        (&listed[0]["complete"], &listed[1]["complete"]),
        (&true.into(), &false.into())
    );
    let text = bench.lifeboat(&["list"]).exits(0).text();
    assert!(text.contains("(incomplete: 1 missing)"), "{text}");

    let export = ["export", "latest", "--zip", "x.zip"];
    bench
        .lifeboat(&export)
        .exits(0)
        .says_aside(&["incomplete", "1 missing"]);
    let whole = ["export", "latest~1", "--zip", "y.zip"];
    bench.lifeboat(&whole).exits(0).quietly();
}

#[test]
fn only_a_complete_snapshot_makes_the_next_backup_not_due() {
    let bench = bench();
    let due = [
        "backup",
        "data",
        "--no-zip",
        "--if-older-than",
        "1h",
        "--json",
    ];
    changes_database(&bench);
    backs_up_without_database(&bench);
    let summary = bench.lifeboat(&due).exits(0).summary();
    assert_ne!(summary["snapshot"], serde_json::Value::Null, "it was due");
    let again = bench.lifeboat(&due).exits(0).summary();
    assert_eq!(again["skipped"], "recent");
    // One that lacks something takes nothing away from the complete one before it.
    changes_database(&bench);
    backs_up_without_database(&bench);
    let again = bench.lifeboat(&due).exits(0).summary();
    assert_eq!(again["newest"], summary["snapshot"]);
}

#[test]
fn a_zip_that_could_not_be_written_is_told_once_and_is_no_lacking_item() {
    let bench = bench();
    let answer = bench
        .lifeboat(&["backup", "data", "--zip-dir", "nowhere"])
        .exits(3);
    let text = answer.text();
    assert!(
        text.contains("zip") && text.contains("not written"),
        "{text}"
    );
    assert!(!text.contains("lacking"), "{text}");
    let aside = answer.stderr();
    assert_eq!(aside.matches("nowhere").count(), 1, "{aside}");
}

#[test]
fn bad_10_a_repository_that_may_not_be_read_is_named_itself() {
    let bench = bench();
    bench.backs_up();
    fs::set_permissions(bench.place(), fs::Permissions::from_mode(0o000)).unwrap();
    let answer = crate::bad_input::as_nobody(&bench, &["list"]).exits(13);
    let place = bench.place().display().to_string();
    let answer = answer.complains(&[&place, "Permission denied"]);
    assert!(!answer.stderr().contains("config"), "{answer}");
    fs::set_permissions(bench.place(), fs::Permissions::from_mode(0o700)).unwrap();
}

#[test]
fn a_relative_place_in_the_environment_is_warned_of() {
    let bench = bench();
    let with = |args: &[&str]| {
        let mut command = bench.command(args);
        crate::support::Answer::of(command.env("LIFEBOAT_REPO", "here"))
    };
    with(&["list"])
        .exits(10)
        .complains(&["relative to the folder"]);
    let first = with(&["backup", "data", "--no-zip"]).exits(0);
    first.says_aside(&["LIFEBOAT_REPO is relative"]);
    with(&["backup", "data", "--no-zip"]).exits(0).quietly();
}

/// Gives every file of the data a new time of change, which nobody can set, and leaves everything else as it is.
fn touch_all(bench: &Workbench) {
    for path in crate::support::tree::looks(&bench.data()).into_keys() {
        let path = bench.data().join(path);
        if !path.is_symlink() {
            let mode = fs::metadata(&path).unwrap().permissions();
            fs::set_permissions(&path, mode).unwrap();
        }
    }
    bench.age_data();
}

/// A backup that makes no snapshot of nothing new.
const SKIP: [&str; 5] = [
    "backup",
    "data",
    "--no-zip",
    "--skip-if-unchanged",
    "--json",
];

#[test]
fn what_was_read_again_and_is_the_same_makes_no_snapshot() {
    let bench = bench();
    bench.backs_up();
    touch_all(&bench);
    let summary = bench.lifeboat(&SKIP).exits(0).summary();
    assert_eq!(summary["skipped"], "unchanged");
    assert_ne!(summary["read_bytes"], 0, "it was read");
}

#[test]
fn every_change_makes_a_snapshot_whatever_it_is() {
    let bench = bench();
    bench.write("a/b/c", "deep");
    let data = bench.data();
    let old = || {
        fs::File::open(&data)
            .unwrap()
            .metadata()
            .unwrap()
            .modified()
            .unwrap()
    };
    let keep_time = |folder: &std::path::Path, time| {
        fs::File::open(folder).unwrap().set_modified(time).unwrap();
    };
    let changes: [(&str, &dyn Fn()); 6] = [
        ("mode", &|| {
            let path = data.join("notes.txt");
            fs::set_permissions(path, fs::Permissions::from_mode(0o640)).unwrap();
        }),
        ("a file gone, its folder's time as before", &|| {
            let time = fs::metadata(data.join("papers"))
                .unwrap()
                .modified()
                .unwrap();
            fs::remove_file(data.join("papers/one.txt")).unwrap();
            keep_time(&data.join("papers"), time);
        }),
        ("a link's target, the folder's time as before", &|| {
            let time = old();
            fs::remove_file(data.join("link")).unwrap();
            std::os::unix::fs::symlink("papers", data.join("link")).unwrap();
            keep_time(&data, time);
        }),
        ("a folder gone, the time above it as before", &|| {
            let time = fs::metadata(data.join("a")).unwrap().modified().unwrap();
            fs::remove_dir_all(data.join("a/b")).unwrap();
            keep_time(&data.join("a"), time);
        }),
        ("rows", &|| changes_database(&bench)),
        ("an empty folder", &|| {
            fs::create_dir(data.join("empty too")).unwrap()
        }),
    ];
    bench.age_data();
    bench.backs_up();
    for (what, change) in changes {
        change();
        touch_all(&bench);
        let summary = bench.lifeboat(&SKIP).exits(0).summary();
        assert_eq!(summary["skipped"], serde_json::Value::Null, "{what}");
        let again = bench.lifeboat(&SKIP).exits(0).summary();
        assert_eq!(again["skipped"], "unchanged", "{what}");
    }
}

#[test]
fn a_database_that_is_gone_since_the_last_snapshot_is_told_of_once_and_fails_nothing() {
    let bench = Workbench::with_files();
    for name in ["app.db", "more/stays.db", "more/moved.db"] {
        bench.write(name, "");
        let database = Connection::open(bench.data().join(name)).unwrap();
        database.execute_batch("CREATE TABLE notes (text)").unwrap();
    }
    assert_eq!(bench.backs_up()["databases_gone"], serde_json::json!([]));
    fs::remove_file(bench.data().join("app.db")).unwrap();
    // What is there and is left out is not gone.
    let excluding = ["backup", "data", "--no-zip", "--exclude", "moved.db"];
    let told = bench.lifeboat(&excluding).exits(0).quietly().text();
    let gone = bench.data().join("app.db").display().to_string();
    let line = format!("gone since the last snapshot: {gone}\n");
    assert!(told.contains(&line), "{told}");
    let again = bench
        .lifeboat(&["backup", "data", "--no-zip"])
        .exits(0)
        .text();
    assert!(!again.contains("gone since"), "{again}");
    fs::remove_dir_all(bench.data().join("more")).unwrap();
    let gone = ["more/moved.db", "more/stays.db"].map(|name| bench.data().join(name));
    let rehearsal = ["backup", "data", "--no-zip", "--dry-run", "--json"];
    let rehearsed = bench.lifeboat(&rehearsal).exits(0).summary();
    assert_eq!(rehearsed["databases_gone"], serde_json::json!(gone));
    let summary = bench.backs_up();
    assert_eq!(summary["databases_gone"], serde_json::json!(gone));
    assert_eq!(summary["warnings"], serde_json::json!([]));
}
