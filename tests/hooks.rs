//! Commands around a backup: what they are told, when they are run, and that none of them can do a backup harm.

use std::fs;
use std::io::Read;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::support::{Answer, Workbench};

/// With files to back up, and this config.
fn bench(config: &str) -> Workbench {
    let bench = Workbench::with_files();
    fs::write(bench.path("lifeboat.toml"), config).unwrap();
    bench
}

fn trace(bench: &Workbench) -> String {
    fs::read_to_string(bench.path("trace")).unwrap_or_default()
}

/// What the newest run remembers of its hooks.
fn hooks(bench: &Workbench) -> Vec<Value> {
    let runs = bench.lifeboat(&["history", "--json"]).exits(0).json();
    let newest = runs.as_array().unwrap().last().unwrap().clone();
    newest["hooks"].as_array().unwrap().clone()
}

#[test]
fn a_hook_is_told_the_facts_and_no_secret() {
    let bench = bench("[hooks]\nfinally = \"env > told\"\n");
    let mut command = bench.command(["backup", "data", "--no-zip", "--json"]);
    command
        .env("LIFEBOAT_PASSWORD", "secret-1")
        .env("LIFEBOAT_PASSWORD_COMMAND", "secret-2")
        .env("LIFEBOAT_ANYTHING", "secret-3");
    let summary = Answer::of(&mut command).exits(0).summary();
    let told = fs::read_to_string(bench.path("told")).unwrap();
    assert!(!told.contains("secret"), "{told}");
    let value = |name: &str| {
        let line = told.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap_or_else(|| panic!("{name}: {told}")).to_owned()
    };
    assert_eq!(value("LIFEBOAT_EVENT="), "finally");
    assert_eq!(value("LIFEBOAT_EXIT="), "0");
    assert_eq!(value("LIFEBOAT_RESULT="), "done");
    assert_eq!(value("LIFEBOAT_ERROR="), "");
    assert_eq!(
        value("LIFEBOAT_SNAPSHOT="),
        summary["snapshot"].as_str().unwrap()
    );
    assert_eq!(
        value("LIFEBOAT_BYTES="),
        summary["stored_bytes"].to_string()
    );
    assert_eq!(
        value("LIFEBOAT_SOURCE="),
        bench.data().display().to_string()
    );
    assert_eq!(value("LIFEBOAT_REPO="), bench.place().display().to_string());
}

#[test]
fn the_history_keeps_what_hooks_said_and_how_they_ended() {
    let bench = bench("[hooks]\nbefore = \"echo stopping; exit 3\"\nafter = \"echo started\"\n");
    let answer = bench.lifeboat(&["backup", "data", "--no-zip"]).exits(0);
    answer.says_aside(&["warning: the hook before exited with 3: stopping"]);
    let hooks = hooks(&bench);
    assert_eq!(hooks.len(), 2);
    assert_eq!(
        (&hooks[0]["hook"], &hooks[0]["exit_code"]),
        (&"before".into(), &3.into())
    );
    assert_eq!(
        (&hooks[1]["result"], &hooks[1]["output"]),
        (&"ok".into(), &"started\n".into())
    );
    let shown = bench.lifeboat(&["history"]).exits(0).text();
    assert!(
        shown.contains("the hook before exited with 3: stopping"),
        "{shown}"
    );
    assert!(!shown.contains("the hook after"), "{shown}");
}

#[test]
fn a_required_hook_that_fails_stops_the_backup() {
    let bench = bench(
        "[hooks]\nbefore = { run = \"exit 9\", required = true }\non_failure = \"echo $LIFEBOAT_ERROR > trace\"\nfinally = \"echo finally >> trace\"\n",
    );
    bench.lifeboat(&["init"]).exits(0);
    let answer = bench.lifeboat(&["backup", "data", "--no-zip"]).exits(1);
    answer.complains(&[
        "no backup was made of",
        "the hook before it is required and exited with 9",
    ]);
    assert_eq!(
        bench.lifeboat(&["list", "--json"]).exits(0).json(),
        Value::Array(vec![])
    );
    let trace = trace(&bench);
    assert!(
        trace.contains("exited with 9") && trace.ends_with("finally\n"),
        "{trace}"
    );
    assert_eq!(hooks(&bench).len(), 3);
}

#[test]
fn a_hook_may_bring_the_repository() {
    let bench = bench(
        "[hooks]\nbefore = \"mv repository.away repository\"\nfinally = \"echo finally > trace\"\n",
    );
    bench.backs_up();
    fs::rename(bench.place(), bench.path("repository.away")).unwrap();
    fs::remove_file(bench.path("trace")).unwrap();
    let summary = bench.backs_up();
    assert!(summary["parent"].is_string(), "{summary}");
    assert_eq!(trace(&bench), "finally\n");
    fs::rename(bench.place(), bench.path("repository.away")).unwrap();
    fs::remove_file(bench.path("trace")).unwrap();
    let recent = ["backup", "data", "--no-zip", "--if-older-than", "1h"];
    bench.lifeboat(&recent).exits(0);
    assert_eq!(trace(&bench), "finally\n", "what was begun is ended");
}

#[test]
fn nothing_is_run_where_there_is_nothing_to_back_up() {
    let bench =
        bench("[hooks]\nbefore = \"echo before >> trace\"\nfinally = \"echo finally >> trace\"\n");
    bench.backs_up();
    bench.backs_up();
    assert_eq!(trace(&bench), "before\nfinally\nbefore\nfinally\n");
    let recent = ["backup", "data", "--no-zip", "--if-older-than", "1h"];
    bench.lifeboat(&recent).exits(0);
    bench.lifeboat(&["verify"]).exits(0);
    assert_eq!(trace(&bench).lines().count(), 4);
}

#[test]
fn a_backup_that_fails_ends_what_was_begun() {
    let bench = bench(
        "[hooks]\nbefore = \"rm -rf data\"\non_failure = \"echo $LIFEBOAT_EXIT > trace\"\nfinally = \"echo finally >> trace\"\n",
    );
    bench.lifeboat(&["init"]).exits(0);
    bench.lifeboat(&["backup", "data", "--no-zip"]).exits(7);
    assert_eq!(trace(&bench), "7\nfinally\n");
}

#[test]
fn a_backup_in_a_hook_runs_no_hooks() {
    let lifeboat = env!("CARGO_BIN_EXE_lifeboat");
    let bench = bench(&format!(
        "[hooks]\nafter = \"echo after >> trace; {lifeboat} backup papers --no-zip\"\n"
    ));
    fs::create_dir(bench.path("papers")).unwrap();
    bench.backs_up();
    assert_eq!(trace(&bench), "after\n");
    let runs = bench.lifeboat(&["history", "--json"]).exits(0).json();
    let runs = runs.as_array().unwrap().iter();
    let mut counts: Vec<usize> = runs
        .map(|run| run["hooks"].as_array().unwrap().len())
        .collect();
    counts.sort();
    assert_eq!(counts, [0, 1]);
    let list = bench.lifeboat(&["list", "--json"]).exits(0).json();
    assert_eq!(list.as_array().unwrap().len(), 2);
}

/// Starts a backup, waits until its hook `before` is at work, and sends it a signal.
fn signalled(bench: &Workbench, signal: Signal) -> Answer {
    let pipe = std::process::Command::new("mkfifo")
        .arg(bench.path("begun"))
        .status();
    assert!(pipe.unwrap().success());
    let mut command = bench.command(["backup", "data", "--no-zip"]);
    command
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped());
    let child = command.spawn().unwrap();
    let mut said = String::new();
    let mut begun = fs::File::open(bench.path("begun")).unwrap();
    begun.read_to_string(&mut said).unwrap();
    kill_process(Pid::from_child(&child), signal).unwrap();
    Answer::of_child(child)
}

#[test]
fn a_signal_ends_the_hook_before_and_what_tidies_up_is_run_all_the_same() {
    for (signal, code) in [(Signal::TERM, 143), (Signal::INT, 130)] {
        let bench = bench(
            "[hooks]\nbefore = \"echo begun > begun; sleep 1000\"\non_failure = \"echo $LIFEBOAT_EXIT > trace\"\nfinally = \"echo finally >> trace\"\n",
        );
        bench.lifeboat(&["init"]).exits(0);
        signalled(&bench, signal).exits(code);
        assert_eq!(trace(&bench), format!("{code}\nfinally\n"));
        assert_eq!(hooks(&bench)[0]["result"], "stopped");
    }
}

/// A backup that stands still in its first hook until this is let go, and what it leaves in the trace.
const HELD: &str = "[hooks]\nbefore = 'echo begin >> trace; test -e held && cat gate; true'\nfinally = 'echo end >> trace'\n";

/// With a config of which a backup is under way, and stands still.
fn held(config: &str) -> (Workbench, std::process::Child) {
    let bench = bench(&format!("{config}{HELD}"));
    fs::create_dir(bench.path("more")).unwrap();
    fs::write(bench.path("more/x"), "x").unwrap();
    bench.lifeboat(&["init"]).exits(0);
    fs::write(bench.path("held"), "").unwrap();
    let gate = bench.path("gate");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &gate,
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RWXU,
        0,
    )
    .unwrap();
    let first = bench
        .command(["backup", "data", "--no-zip"])
        .spawn()
        .unwrap();
    while trace(&bench) != "begin\n" {
        std::thread::yield_now();
    }
    fs::remove_file(bench.path("held")).unwrap();
    (bench, first)
}

/// Another, which says that it waits.
fn waits(bench: &Workbench, source: &str) -> std::process::Child {
    let mut command = bench.command(["backup", source, "--no-zip"]);
    let mut waiting = command
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = Vec::new();
    let mut stderr = waiting.stderr.take().unwrap();
    while !String::from_utf8_lossy(&said).contains("another backup of this is under way") {
        let mut byte = [0];
        stderr.read_exact(&mut byte).unwrap();
        said.push(byte[0]);
    }
    // Nobody reads the rest, and it is short.
    std::thread::spawn(move || std::io::copy(&mut stderr, &mut std::io::sink()));
    waiting
}

#[test]
fn a_source_is_not_backed_up_beside_itself_and_who_comes_second_waits() {
    let (bench, mut first) = held("");
    let mut interrupted = waits(&bench, "data");
    kill_process(Pid::from_child(&interrupted), Signal::INT).unwrap();
    assert_eq!(interrupted.wait().unwrap().code(), Some(130));
    let mut second = waits(&bench, "data");
    assert_eq!(trace(&bench), "begin\n");
    fs::write(bench.path("gate"), "").unwrap();
    assert!(first.wait().unwrap().success());
    assert!(second.wait().unwrap().success());
    assert_eq!(trace(&bench), "begin\nend\nbegin\nend\n");
}

#[test]
fn hooks_of_a_config_are_not_run_beside_each_other_and_others_wait_for_nobody() {
    let (bench, mut first) =
        held("[source.data]\npath = \"data\"\n[source.more]\npath = \"more\"\n");
    let mut second = waits(&bench, "more");
    // Without a config there are no hooks, and it is another source.
    fs::write(bench.path("none.toml"), "").unwrap();
    fs::create_dir(bench.path("other")).unwrap();
    fs::write(bench.path("other/x"), "x").unwrap();
    bench
        .lifeboat(&["backup", "other", "--no-zip", "--config", "none.toml"])
        .exits(0);
    fs::write(bench.path("gate"), "").unwrap();
    assert!(first.wait().unwrap().success());
    assert!(second.wait().unwrap().success());
    assert_eq!(trace(&bench), "begin\nend\nbegin\nend\n");
}
