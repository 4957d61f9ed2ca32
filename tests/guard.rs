//! `guard`: the command fails in every way that commands have, and everything is as before or nothing is touched.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;

use rusqlite::Connection;

use crate::support::answer::{Answer, shown};
use crate::support::process::{self, Process};
use crate::support::{Workbench, outside, tree};

mod told;

/// Files, and a database of three notes in WAL mode.
fn bench() -> Workbench {
    let bench = Workbench::with_files();
    let notes = "PRAGMA journal_mode = WAL; CREATE TABLE notes (id INTEGER PRIMARY KEY, text);
        INSERT INTO notes (text) VALUES ('one'), ('two'), ('three')";
    Connection::open(bench.data().join("notes.db"))
        .unwrap()
        .execute_batch(notes)
        .unwrap();
    bench
}

fn notes(bench: &Workbench) -> (i64, i64) {
    let connection = Connection::open(bench.data().join("notes.db")).unwrap();
    let number = |query| connection.query_row(query, [], |row| row.get(0)).unwrap();
    (
        number("SELECT count(*) FROM notes"),
        number("SELECT count(*) FROM pragma_table_info('notes')"),
    )
}

fn guard(bench: &Workbench, flags: &[&str], command: &[&str]) -> Answer {
    bench.lifeboat(&[&["guard", "data"], flags, &["--"], command].concat())
}

const HARM: &str =
    "rm -r data/papers data/notes.txt; mkdir data/made; echo half > data/made/file; exit 9";

#[test]
fn a_migration_that_fails_half_way_is_undone_and_its_state_can_be_had_again() {
    let bench = bench();
    let database = bench.data().join("notes.db");
    let command = process::typed("migrating", &database);
    let command: Vec<&str> = command.iter().map(String::as_str).collect();
    guard(&bench, &["--undo-on-failure"], &command)
        .exits(3)
        .says_aside(&["lifeboat undo"]);
    assert_eq!(notes(&bench), (3, 2));
    bench.lifeboat(&["undo", "--yes"]).exits(0);
    assert_eq!(notes(&bench), (1, 3), "what the migration had left");
    bench.lifeboat(&["verify", "--databases"]).exits(0);
}

#[test]
fn files_that_a_failed_command_removed_and_made_are_as_before() {
    let bench = bench();
    let before = tree::looks(&bench.data());
    let summary = guard(
        &bench,
        &["--undo-on-failure", "--json"],
        &["sh", "-c", HARM],
    )
    .exits(9)
    .summary();
    assert_eq!(
        tree::differences(&before, &tree::looks(&bench.data())),
        [""; 0]
    );
    assert_eq!(
        (&summary["command_exit_code"], &summary["restored"]),
        (&9.into(), &true.into())
    );
    let safety = summary["safety_snapshots"][0].as_str().unwrap();
    let left = bench
        .lifeboat(&["cat", safety, "made/file"])
        .exits(0)
        .text();
    assert_eq!(left, "half\n");
}

#[test]
fn a_command_that_is_killed_is_undone_and_its_signal_passed_on() {
    let bench = bench();
    guard(
        &bench,
        &["--undo-on-failure"],
        &["sh", "-c", "rm data/notes.txt; kill -KILL $$"],
    )
    .exits(137);
    assert!(bench.data().join("notes.txt").exists());
}

#[test]
fn f75_a_signal_for_the_guard_is_for_the_command_and_the_way_back_is_gone_all_the_same() {
    let bench = bench();
    let script = "rm data/notes.txt; echo begun; exec sleep 600";
    let args = [
        "guard",
        "data",
        "--undo-on-failure",
        "--",
        "sh",
        "-c",
        script,
    ];
    let mut child = bench
        .command(args)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap())
        .read_line(&mut line)
        .unwrap();
    assert_eq!(line, "begun\n");
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    Answer::of_child(child).exits(143);
    assert!(bench.data().join("notes.txt").exists());
}

#[test]
fn without_a_terminal_and_the_flag_nothing_is_put_back_and_the_command_for_it_is_told() {
    let bench = bench();
    let before = tree::looks(&bench.data());
    let answer = guard(&bench, &[], &["sh", "-c", HARM]).exits(9);
    assert!(!bench.data().join("notes.txt").exists());
    let said = answer.stderr();
    let (_, told) = said.split_once("to go back: lifeboat ").unwrap();
    let (told, _) = told.split_once(';').unwrap();
    let id = told.split(' ').nth(1).unwrap();
    bench
        .lifeboat(&["forget", id])
        .exits(2)
        .complains(&["pinned"]);
    let words: Vec<&str> = told.split(' ').chain(["--yes"]).collect();
    bench.lifeboat(&words).exits(0);
    assert_eq!(
        tree::differences(&before, &tree::looks(&bench.data())),
        [""; 0]
    );
}

#[test]
fn a_command_that_succeeds_has_the_output_and_leaves_an_unpinned_snapshot() {
    let bench = bench();
    let answer = guard(&bench, &[], &["sh", "-c", "echo answer; rm data/notes.txt"]).exits(0);
    assert_eq!(answer.text(), "answer\n");
    assert!(!bench.data().join("notes.txt").exists());
    let listed = bench.lifeboat(&["list", "--json"]).exits(0).json();
    assert_eq!(listed[0]["description"], "before sh");
    assert_eq!(
        (&listed[0]["pinned"], &listed[0]["tags"][0]),
        (&false.into(), &"guard".into())
    );
}

#[test]
fn without_a_whole_snapshot_the_command_is_not_run_unless_told_to() {
    let bench = bench();
    let touch = ["touch", "run"];
    let missing = ["guard", "nowhere", "--", "touch", "run"];
    bench.lifeboat(&missing).exits(7).complains(&["nowhere"]);
    let held = bench.data().join("held.db");
    let made = Connection::open(&held).unwrap();
    made.execute_batch("CREATE TABLE t(x)").unwrap();
    drop(made);
    let writer = Process::start("holder", &held);
    guard(&bench, &["--busy-timeout", "0s"], &touch)
        .exits(6)
        .complains(&["not run", "held.db", "--even-without-snapshot"]);
    assert!(!bench.path("run").exists());
    guard(
        &bench,
        &["--busy-timeout", "0s", "--even-without-snapshot"],
        &touch,
    )
    .exits(0);
    assert!(bench.path("run").exists());
    writer.end();
    bench.lifeboat(&["guard", "data"]).exits(2);
}

#[test]
fn a_way_back_that_is_barred_has_a_code_of_its_own_and_online_goes_it() {
    let bench = bench();
    let database = bench.data().join("notes.db");
    let program = Process::start("idle", &database);
    let command = process::typed("migrating", &database);
    let command: Vec<&str> = command.iter().map(String::as_str).collect();
    guard(&bench, &["--undo-on-failure"], &command)
        .exits(125)
        .complains(&["could not be undone", "notes.db is in use"]);
    assert_eq!(notes(&bench).0, 1);
    let id = bench.lifeboat(&["list", "--json"]).exits(0).json()[0]["id"].clone();
    let id = id.as_str().unwrap();
    bench
        .lifeboat(&["restore", id, "--in-place", "--delete", "--online", "--yes"])
        .exits(0);
    assert_eq!(notes(&bench), (3, 2));
    guard(&bench, &["--undo-on-failure", "--online"], &command).exits(3);
    assert_eq!(notes(&bench), (3, 2));
    program.end();
}

#[test]
fn a_command_that_is_none_changes_nothing_and_is_told_as_shells_do() {
    let bench = bench();
    guard(&bench, &[], &["no-such-program"])
        .exits(127)
        .complains(&["no-such-program"]);
    let notes = shown(&bench.data().join("notes.txt"));
    guard(&bench, &[], &[&notes])
        .exits(126)
        .complains(&[&notes]);
}

#[test]
fn at_a_terminal_it_asks_and_does_as_it_is_told() {
    if !outside::has("script") {
        return outside::without("script");
    }
    let bench = bench();
    for (answer, comes_back) in [("n\n", false), ("y\n", true)] {
        fs::write(bench.data().join("notes.txt"), "remember").unwrap();
        let program = env!("CARGO_BIN_EXE_lifeboat");
        let line = format!("'{program}' guard data -- sh -c 'rm data/notes.txt; exit 4'");
        let mut child = bench
            .command_by(&["script", "-qec"], [line.as_str(), "/dev/null"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        child
            .stdin
            .as_mut()
            .unwrap()
            .write_all(answer.as_bytes())
            .unwrap();
        let answer = Answer::of_child(child).exits(4);
        assert!(
            answer
                .text()
                .contains("Go back to the state before the command?"),
            "{}",
            answer.text()
        );
        assert_eq!(bench.data().join("notes.txt").exists(), comes_back);
    }
}

#[test]
fn sources_of_the_config_are_guarded_by_name() {
    let bench = bench();
    fs::write(
        bench.path("lifeboat.toml"),
        "[source.clinic]\npath = \"data\"\n",
    )
    .unwrap();
    for source in [&["clinic"][..], &[]] {
        let words = [
            &["guard", "--undo-on-failure"],
            source,
            &["--", "sh", "-c", HARM],
        ]
        .concat();
        bench.lifeboat(&words).exits(9);
        assert!(bench.data().join("notes.txt").exists());
    }
}

#[test]
fn a_command_that_ruins_the_config_is_undone_by_the_one_from_before() {
    let bench = bench();
    fs::write(
        bench.path("lifeboat.toml"),
        "[source.clinic]\npath = \"data\"\n",
    )
    .unwrap();
    let harm = "echo ruined > lifeboat.toml; rm data/notes.txt; exit 9";
    bench
        .lifeboat(&["guard", "--undo-on-failure", "--", "sh", "-c", harm])
        .exits(9);
    assert!(bench.data().join("notes.txt").exists());
}

#[test]
fn a_pin_that_somebody_else_has_made_meanwhile_stays() {
    let bench = bench();
    let program = env!("CARGO_BIN_EXE_lifeboat");
    let script = format!("{program} unpin latest && {program} pin latest --reason mine");
    guard(&bench, &[], &["sh", "-c", &script]).exits(0);
    let listed = bench.lifeboat(&["list", "--json"]).exits(0).json();
    assert_eq!(listed[0]["pinned"], true);
}
