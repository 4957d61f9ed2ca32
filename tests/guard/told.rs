//! What a program is told of a command behind `guard`.

use serde_json::Value;

use super::{bench, guard};
use crate::support::process::{self, Process};

#[test]
fn a_program_learns_how_the_command_ended_also_where_that_is_an_error() {
    let bench = bench();
    let told = |flags: &[&str], command: &[&str], code: i32| {
        let flags = [&["--json"], flags].concat();
        let said = guard(&bench, &flags, command).exits(code).text();
        // Before it stands what the command said.
        let last = said.lines().rfind(|line| line.starts_with('{')).unwrap();
        serde_json::from_str::<Value>(last).unwrap()
    };
    let left = told(&[], &["sh", "-c", "exit 9"], 9);
    assert_eq!(left["event"], "error", "{left}");
    assert_eq!(left["command"], "sh");
    assert_eq!(left["command_exit_code"], 9, "{left}");
    assert_eq!(left["signal"], Value::Null, "{left}");
    assert_eq!(left["snapshots"].as_array().unwrap().len(), 1);
    let killed = told(&[], &["sh", "-c", "kill -KILL $$"], 137);
    assert_eq!(killed["signal"], 9, "{killed}");
    let database = bench.data().join("notes.db");
    let _program = Process::start("idle", &database);
    let command = process::typed("migrating", &database);
    let command: Vec<&str> = command.iter().map(String::as_str).collect();
    let barred = told(&["--undo-on-failure"], &command, 125);
    assert_eq!(barred["command_exit_code"], 3, "{barred}");
    assert_eq!(barred["restore_exit_code"], 11, "{barred}");
    let none = told(&[], &["./no-such-command"], 127);
    assert_eq!(none.get("command_exit_code"), None, "{none}");
}
