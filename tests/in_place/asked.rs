//! The question before a restore: seen by whoever is to answer it, behind what it is about, and else not asked.

use std::fs;
use std::io::{Read, Write};
use std::process::{Child, Stdio};

use super::changed;
use crate::support::tree::{differences, looks};
use crate::support::{Answer, Workbench, outside};

/// A restore that a shell starts at a terminal.
fn started(bench: &Workbench, behind: &str) -> Child {
    let lifeboat = env!("CARGO_BIN_EXE_lifeboat");
    let line = format!("'{lifeboat}' restore latest --in-place {behind}");
    let mut command = bench.command_by(&["script"], ["-qec", &line, "/dev/null"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    command.stderr(Stdio::piped()).spawn().unwrap()
}

/// The same, where this is typed.
fn at_a_terminal(bench: &Workbench, behind: &str, typed: &str) -> Answer {
    let mut child = started(bench, behind);
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

#[test]
fn ctrl_c_at_the_question_is_told_as_what_it_is() {
    if !outside::has("script") {
        return;
    }
    let (bench, _) = changed();
    let before = looks(&bench.data());
    let mut child = started(&bench, "");
    let mut seen = Vec::new();
    let screen = child.stdout.as_mut().unwrap();
    while !String::from_utf8_lossy(&seen).contains("[y/N]") {
        let mut byte = [0];
        screen.read_exact(&mut byte).unwrap();
        seen.extend(byte);
    }
    let mut keys = child.stdin.take().unwrap();
    keys.write_all(b"\x03").unwrap();
    // Nothing else is typed, and nothing else is needed.
    let answer = Answer::of_child(child).exits(130);
    drop(keys);
    assert!(answer.text().contains("nothing was changed"), "{answer}");
    assert_eq!(differences(&before, &looks(&bench.data())), [""; 0]);
}
