//! The check before a program starts, and the drill: whether live databases are well, what helps where they are not, and
//! whether everything would come back.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use rusqlite::Connection;
use serde_json::Value;

use crate::support::answer::shown;
use crate::support::tree::{differences, looks};
use crate::support::{Answer, Process, Workbench};

fn database(path: &Path, notes: i64) {
    let connection = Connection::open(path).unwrap();
    connection
        .execute_batch("CREATE TABLE IF NOT EXISTS notes (id INTEGER PRIMARY KEY, text TEXT)")
        .unwrap();
    let add = "WITH RECURSIVE i(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM i WHERE n < ?1)
               INSERT INTO notes (text) SELECT 'a note of some length ' || n FROM i";
    connection.execute(add, [notes]).unwrap();
}

/// Destroys a page in the middle.
fn damage(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    let middle = bytes.len() / 2 / 4096 * 4096;
    bytes[middle..middle + 4096].fill(0x5a);
    fs::write(path, bytes).unwrap();
}

fn check_live(bench: &Workbench) -> Answer {
    bench.lifeboat(&["check-live", "data", "--json"])
}

#[test]
fn a_folder_whose_databases_are_well_passes_and_is_not_touched() {
    let bench = Workbench::with_files();
    let path = bench.data().join("app.db");
    let connection = Connection::open(&path).unwrap();
    connection
        .execute_batch("PRAGMA journal_mode = WAL")
        .unwrap();
    database(&path, 100);
    fs::write(
        bench.data().join("not-a.db"),
        "some text that is long enough",
    )
    .unwrap();
    let before = looks(&bench.data());
    let answer = check_live(&bench).exits(0).quietly().json();
    assert_eq!(answer["healthy"], true);
    assert_eq!(answer["databases"].as_array().unwrap().len(), 1);
    assert_eq!(differences(&before, &looks(&bench.data())), [""; 0]);
    assert!(!bench.place().exists(), "a check makes no repository");
}

#[test]
fn a_damaged_database_is_named_with_the_newest_snapshot_in_which_it_is_well() {
    let bench = Workbench::new();
    let path = bench.data().join("it's app.db");
    database(&path, 2000);
    bench.backs_up();
    database(&path, 5);
    let good = bench.backs_up();
    damage(&path);
    bench.lifeboat(&["backup", "data", "--no-zip"]).exits(3);
    let answer = check_live(&bench).exits(7).json();
    let database = &answer["databases"][0];
    assert_eq!(database["state"], "damaged", "{answer}");
    assert_eq!(database["healthy_in"], good["snapshot"], "{answer}");
    let told = bench.lifeboat(&["check-live", "data"]).exits(7).text();
    let command = told
        .lines()
        .find(|line| line.contains("--in-place"))
        .unwrap();
    let command = command
        .replace("lifeboat restore", "restore")
        .trim()
        .to_owned()
        + " --yes";
    let shell = format!("exec \"$0\" {command}");
    let program = env!("CARGO_BIN_EXE_lifeboat");
    let run = ["sh", "-c", shell.as_str(), program];
    Answer::of(&mut bench.command_by(&run, [""; 0])).exits(0);
    check_live(&bench).exits(0);
    let connection = Connection::open(&path).unwrap();
    let count: i64 = connection
        .query_row("SELECT count(*) FROM notes", [], |row| row.get(0))
        .unwrap();
    assert_eq!(count, 2005);
}

#[test]
fn a_database_that_is_gone_or_is_none_any_more_is_as_bad_as_a_damaged_one() {
    for (state, ruin) in [
        (
            "missing",
            (|path: &Path| fs::remove_file(path)) as fn(&Path) -> std::io::Result<()>,
        ),
        ("no-database", |path: &Path| fs::write(path, vec![0; 8192])),
    ] {
        let bench = Workbench::new();
        let path = bench.data().join("app.db");
        database(&path, 10);
        let good = bench.backs_up();
        ruin(&path).unwrap();
        let answer = check_live(&bench).exits(7).json();
        assert_eq!(answer["databases"][0]["state"], state, "{answer}");
        assert_eq!(answer["databases"][0]["healthy_in"], good["snapshot"]);
    }
}

#[test]
fn without_a_repository_damage_is_told_and_nothing_is_offered() {
    let bench = Workbench::new();
    let path = bench.data().join("app.db");
    database(&path, 2000);
    damage(&path);
    let answer = check_live(&bench).exits(7).json();
    assert_eq!(answer["databases"][0]["healthy_in"], Value::Null);
    assert!(!bench.place().exists());
}

#[test]
fn a_database_that_is_locked_is_busy_and_not_damaged() {
    let bench = Workbench::new();
    let path = bench.data().join("app.db");
    database(&path, 10);
    let holder = Process::start("holder", &path);
    let args = ["check-live", "data", "--json", "--busy-timeout", "0s"];
    let answer = bench.lifeboat(&args).exits(6).json();
    assert_eq!(answer["databases"][0]["state"], "busy");
    holder.end();
}

#[test]
fn quietly_only_what_is_not_healthy_is_told() {
    let bench = Workbench::new();
    database(&bench.data().join("good.db"), 10);
    let quietly = ["check-live", "data", "--quiet"];
    let answer = bench.lifeboat(&quietly).exits(0).quietly();
    assert_eq!(answer.text(), "");
    let path = bench.data().join("bad.db");
    database(&path, 2000);
    damage(&path);
    let told = bench.lifeboat(&quietly).exits(7).text();
    assert!(
        told.contains("DAMAGED") && told.contains("bad.db"),
        "{told}"
    );
    assert!(!told.contains("good.db"), "{told}");
}

#[test]
fn of_a_folder_that_is_gone_the_databases_are_told_with_what_brings_them_back() {
    let bench = Workbench::new();
    fs::create_dir(bench.data().join("deep")).unwrap();
    database(&bench.data().join("deep/app.db"), 10);
    let good = bench.backs_up();
    fs::remove_dir_all(bench.data()).unwrap();
    for folder in ["data", "data/deep"] {
        let args = ["check-live", folder, "--json"];
        let answer = bench.lifeboat(&args).exits(7).json();
        let database = &answer["databases"][0];
        assert_eq!(database["state"], "missing", "{answer}");
        assert_eq!(database["healthy_in"], good["snapshot"]);
        let path = bench.data().join("deep/app.db");
        assert_eq!(database["path"], path.to_str().unwrap());
        assert!(
            database["command"].as_str().unwrap().contains("--in-place"),
            "{answer}"
        );
    }
    let elsewhere = bench.lifeboat(&["check-live", "elsewhere"]).exits(7);
    elsewhere.complains(&[&shown(&bench.path("elsewhere")), "lifeboat list"]);
    fs::remove_dir_all(bench.place()).unwrap();
    bench.lifeboat(&["check-live", "data"]).exits(7);
}

fn drill(bench: &Workbench) -> Answer {
    bench.lifeboat(&["drill", "--scratch", "scratch", "--json"])
}

#[test]
fn a_drill_restores_checks_times_and_leaves_nothing_but_its_record() {
    let bench = Workbench::with_files();
    database(&bench.data().join("app.db"), 100);
    bench.backs_up();
    fs::create_dir(bench.path("scratch")).unwrap();
    // What a drill leaves whose process was killed.
    fs::create_dir_all(bench.path("scratch/lifeboat-drill-1-0/restored")).unwrap();
    let before = bench.lifeboat(&["status", "--json"]).exits(0).json();
    assert_eq!(before["drill"], Value::Null);
    let summary = drill(&bench).exits(0).summary();
    assert_eq!(summary["good"], true, "{summary}");
    assert_eq!(summary["files"], 4);
    assert!(summary["rto_s"].as_f64().unwrap() > 0.0);
    assert!(summary["rpo_s"].as_f64().unwrap() >= 0.0);
    assert_eq!(summary["databases"][0]["check"], "ok");
    assert_eq!(summary["databases"][0]["row_counts"]["notes"], 100);
    assert_eq!(fs::read_dir(bench.path("scratch")).unwrap().count(), 0);
    let status = bench.lifeboat(&["status", "--json"]).exits(0).json();
    assert_eq!(status["drill"]["good"], true);
    assert_eq!(status["drill"]["snapshot"], summary["snapshot"]);
    let told = bench.lifeboat(&["status"]).exits(0).text();
    assert!(told.contains("Last drill just now: all of "), "{told}");
    for _ in 0..9 {
        drill(&bench).exits(0);
    }
    assert_eq!(bench.repository().drills().unwrap().len(), 8);
    bench.lifeboat(&["verify", "--read-data"]).exits(0);
}

#[test]
fn a_drill_that_fails_is_remembered_as_such_and_cleans_up() {
    let bench = Workbench::new();
    bench.write("large.bin", vec![7; 300_000]);
    bench.write("small.txt", "still whole");
    bench.backs_up();
    for folder in ["packs", "parity"] {
        for entry in fs::read_dir(bench.place().join(folder))
            .into_iter()
            .flatten()
        {
            let path = entry.unwrap().path();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
            let bytes = fs::read(&path).unwrap();
            fs::write(&path, vec![0x5a; bytes.len()]).unwrap();
        }
    }
    fs::create_dir(bench.path("scratch")).unwrap();
    drill(&bench).exits(4);
    assert_eq!(fs::read_dir(bench.path("scratch")).unwrap().count(), 0);
}
