//! F-51: programs that have the database open while it is restored: refused, or forced, in each of the ways to hold one.

use super::{database, in_place, notes, stages};
use crate::support::tree::{differences, looks};
use crate::support::{Answer, Process, Workbench};

/// A database of ten notes that was backed up, and has three more since.
fn bench(mode: &str) -> Workbench {
    let bench = Workbench::new();
    let path = bench.data().join("app.db");
    database(&path, mode, 10);
    bench.backs_up();
    database(&path, mode, 3);
    bench
}

fn assert_names(answer: &Answer, holder: &Process) {
    let event = answer.events().pop().unwrap();
    assert_eq!(event["exit_code"], 11, "{answer}");
    assert_eq!(event["pids"][0], holder.id(), "{answer}");
    assert!(
        event["programs"][0].as_str().unwrap().contains("process "),
        "{answer}"
    );
}

#[test]
fn f51_a_database_in_use_is_not_replaced_and_its_holders_are_named() {
    for mode in ["WAL", "DELETE"] {
        for role in ["idle", "reading", "writing"] {
            let bench = bench(mode);
            let path = bench.data().join("app.db");
            let holder = Process::start(role, &path);
            let before = looks(&bench.data());
            let answer = in_place(&bench, &[]).exits(11);
            assert_names(&answer, &holder);
            assert_eq!(stages(&bench), [""; 0], "nothing is left beside the data");
            let differing = differences(&before, &looks(&bench.data()));
            assert_eq!(differing, [""; 0], "{mode} {role}");
            let expected = match role {
                "writing" => "14 then 14 ok",
                _ => "13 then 13 ok",
            };
            assert_eq!(holder.says(), expected, "{mode} {role}");
            in_place(&bench, &[]).exits(0);
            assert_eq!(notes(&path), 10);
        }
    }
}

#[test]
fn f51_by_force_a_holder_goes_on_with_the_old_file_and_harms_neither() {
    for mode in ["WAL", "DELETE"] {
        for role in ["idle", "reading", "writing"] {
            let bench = bench(mode);
            let path = bench.data().join("app.db");
            let holder = Process::start(role, &path);
            let answer = in_place(&bench, &["--force"]).exits(0);
            assert!(
                answer.text().contains("still-open"),
                "{mode} {role}: {answer}"
            );
            assert_eq!(notes(&path), 10, "{mode} {role}");
            // What it sees is the old data, whole; what it writes goes to no file that has a name.
            let said = holder.says();
            assert!(
                said.starts_with("13") || said.starts_with("14") || said == "failed",
                "{mode} {role}: {said}"
            );
            assert_eq!(notes(&path), 10, "{mode} {role}");
            let names: Vec<_> = looks(&bench.data()).into_keys().collect();
            assert_eq!(names.len(), 2, "{mode} {role}: {names:?}");
        }
    }
}

#[test]
fn a_file_that_a_program_writes_to_is_not_replaced() {
    let bench = Workbench::with_files();
    bench.backs_up();
    bench.write("notes.txt", "changed");
    let file = std::fs::OpenOptions::new()
        .append(true)
        .open(bench.data().join("notes.txt"))
        .unwrap();
    let answer = in_place(&bench, &[]).exits(11);
    assert_eq!(
        answer.events().pop().unwrap()["pids"][0],
        std::process::id()
    );
    drop(file);
    // Whoever only reads it goes on reading what it had.
    let _reader = std::fs::File::open(bench.data().join("notes.txt")).unwrap();
    in_place(&bench, &[]).exits(0);
}
