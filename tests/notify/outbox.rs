//! What waits until it can be sent, on disks that are well and on disks that are not.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};

use super::{backs_up, bench, fails, to, topics, waiting};
use crate::support::Answer;
use crate::support::web::{Manner, Web};

#[test]
fn what_could_not_be_sent_is_sent_by_a_later_run_when_its_time_has_come() {
    let web = Web::start(Manner::Says(503, "later"));
    let bench = bench(&to(&web));
    bench.lifeboat(&["init"]).exits(0);
    fails(&bench);
    assert_eq!((web.requests().len(), waiting(&bench).len()), (1, 1));
    web.behave(Manner::Says(200, "ok"));
    backs_up(&bench).exits(0);
    assert_eq!(
        topics(&web),
        ["failure", "recovery"],
        "not a minute has passed"
    );
    let letter = &waiting(&bench)[0];
    let text = fs::read_to_string(letter).unwrap();
    let (before, behind) = text.split_once("\"not_before\":\"").unwrap();
    let due = format!("{before}\"not_before\":\"2020{}", &behind[4..]);
    fs::write(letter, due).unwrap();
    backs_up(&bench).exits(0);
    assert_eq!(topics(&web), ["failure", "recovery", "failure"]);
    assert!(waiting(&bench).is_empty());
}

#[test]
fn a_state_that_is_damaged_in_the_way_or_read_only_fails_no_backup() {
    let web = Web::start(Manner::Says(200, "ok"));
    let bench = bench(&to(&web));
    bench.lifeboat(&["init"]).exits(0);
    fails(&bench);
    let state = bench.path("home/.local/state/lifeboat/notify");
    let folder = fs::read_dir(&state)
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    fs::write(folder.join("told.json"), "{\"matters\": 5").unwrap();
    fs::write(folder.join("outbox/1.json"), "\0\0\0").unwrap();
    fails(&bench);
    assert_eq!(
        web.requests().len(),
        2,
        "what was told is forgotten, and told again"
    );
    fails(&bench);
    assert_eq!(web.requests().len(), 2);
    fs::remove_dir_all(&state).unwrap();
    fs::write(&state, "in the way").unwrap();
    fails(&bench);
    assert_eq!(
        web.requests().len(),
        3,
        "what cannot be kept is sent at once"
    );
    let is_noted = |answer: Answer| {
        let said = answer.exits(0).stderr();
        let is_note = said.starts_with("note: what cannot be sent at once is lost");
        assert!(is_note && said.lines().count() == 1, "{said}");
    };
    is_noted(backs_up(&bench));
    fs::remove_dir_all(bench.path("home")).unwrap();
    fs::write(bench.path("home"), "in the way").unwrap();
    is_noted(backs_up(&bench));
}

#[test]
fn a_disk_without_room_for_the_state_fails_no_backup() {
    let web = Web::start(Manner::Says(200, "ok"));
    let bench = bench(&to(&web));
    bench.lifeboat(&["init"]).exits(0);
    fs::rename(bench.data(), bench.path("away")).unwrap();
    let mut command = bench.command(["backup", "data", "--no-zip"]);
    // A disk that takes no byte.
    command.env("XDG_STATE_HOME", "/dev/full");
    Answer::of(&mut command).exits(7);
    assert_eq!(topics(&web), ["failure"]);
}

#[test]
fn an_answer_does_not_wait_for_a_server_that_hangs() {
    let web = Web::start(Manner::Hangs);
    let config = to(&web).replace(
        "timeout = \"2s\"",
        "timeout = \"1h\"\nlow_space = \"8000T\"",
    );
    let bench = bench(&config);
    let mut command = bench.command(["backup", "data", "--no-zip", "--json"]);
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let summary = lines.find(|line| line.as_ref().unwrap().contains("\"summary\""));
    assert!(summary.is_some());
    web.requests_from(1);
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    Answer::of_child(child).exits(0);
    assert_eq!(waiting(&bench).len(), 1, "it is sent by another run");
}

#[test]
fn a_run_that_is_killed_while_it_sends_lets_go_of_its_letters() {
    let web = Web::start(Manner::Hangs);
    let config = to(&web).replace(
        "timeout = \"2s\"",
        "timeout = \"1h\"\nlow_space = \"8000T\"",
    );
    let bench = bench(&config);
    let mut command = bench.command(["backup", "data", "--no-zip"]);
    let mut child = command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    web.requests_from(1);
    let held = bench.lifeboat(&["notify", "retry"]).exits(1);
    assert!(held.text().contains("0 messages sent, 1 waiting"), "{held}");
    assert_eq!(
        web.requests().len(),
        1,
        "nobody sends what another is sending"
    );
    child.kill().unwrap();
    child.wait().unwrap();
    web.behave(Manner::Says(200, "ok"));
    bench.lifeboat(&["notify", "retry"]).exits(0);
    assert_eq!(web.requests().len(), 2);
}
