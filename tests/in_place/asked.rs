//! The question before a restore: seen by whoever is to answer it, behind what it is about, and else not asked.

use std::fs;
use std::io::Write;
use std::process::Stdio;

use super::changed;
use crate::support::tree::{differences, looks};
use crate::support::{Answer, Workbench, outside};

/// A restore that a shell starts at a terminal, where this is typed.
fn at_a_terminal(bench: &Workbench, behind: &str, typed: &str) -> Answer {
    let lifeboat = env!("CARGO_BIN_EXE_lifeboat");
    let line = format!("'{lifeboat}' restore latest --in-place {behind}");
    let mut command = bench.command_by(&["script"], ["-qec", &line, "/dev/null"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    let mut keys = child.stdin.take().unwrap();
    keys.write_all(typed.as_bytes()).unwrap();
    drop(keys);
    Answer::of_child(child)
}

#[test]
fn what_would_be_done_is_seen_before_the_question_and_yes_does_it() {
    if !outside::has("script") {
        return;
    }
    let (bench, _) = changed();
    let before = looks(&bench.data());
    let seen = at_a_terminal(&bench, "", "n\n").exits(2).text();
    let (told, asked) = (seen.find("to replace"), seen.find("Go on? [y/N]"));
    assert!(told.is_some() && told < asked, "{seen}");
    assert_eq!(differences(&before, &looks(&bench.data())), [""; 0]);
    at_a_terminal(&bench, "", "y\n").exits(0);
    assert_ne!(differences(&before, &looks(&bench.data())), [""; 0]);
}

#[test]
fn a_question_that_nobody_would_see_is_not_asked() {
    if !outside::has("script") {
        return;
    }
    let (bench, _) = changed();
    let before = looks(&bench.data());
    at_a_terminal(&bench, "2>log", "y\n").exits(2);
    let log = fs::read_to_string(bench.path("log")).unwrap();
    assert!(log.contains("there is no terminal to ask at"), "{log}");
    assert!(!log.contains("Go on?"), "{log}");
    assert_eq!(differences(&before, &looks(&bench.data())), [""; 0]);
}
