//! A stdout that is gone or full.

use std::fs;
use std::process::Stdio;

use super::{backed_up, count};
use crate::support::{Answer, Workbench, tree};

#[test]
fn bad_58_a_closed_and_a_full_stdout() {
    let bench = backed_up();
    for (args, unread) in [
        (&["list"][..], 0),
        (&["ls", "latest"], 0),
        (&["ls", "latest", "--json"], 0),
        (&["find", "*"], 0),
        (&["diff", "latest"], 0),
        (&["verify", "--json"], 0),
        (&["gc"], 0),
        (&["help", "exit-codes"], 0),
        (&["--help"], 0),
        // What was found is found, whoever reads it.
        (&["status", "--max-age", "0s"], 20),
        // What was cut off is not what was asked for.
        (&["cat", "latest", "notes.txt"], 1),
        (&["export", "latest", "--tar", "-"], 1),
    ] {
        unheard(&bench, args).exits(unread).quietly();
        let full = fs::File::options().write(true).open("/dev/full").unwrap();
        let child = bench
            .command(args)
            .stdout(full)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let answer = Answer::of_child(child).exits(28);
        assert!(answer.stderr().contains("standard output"), "{answer}");
    }
}

/// Runs the program where the reader of its answer has left.
fn unheard(bench: &Workbench, args: &[&str]) -> Answer {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = bench.command(args);
    let child = command.stdout(writer).stderr(Stdio::piped()).spawn();
    Answer::of_child(child.unwrap())
}

#[test]
fn bad_58_work_whose_reader_went_away_is_done_and_not_called_failed() {
    let bench = Workbench::with_files();
    bench.lifeboat(&["init"]).exits(0);
    for args in [
        &["backup", "data", "--no-zip"][..],
        &["backup", "data", "--no-zip", "--json"],
        &["export", "latest", "--zip", "x.zip"],
        &["restore", "latest", "--to", "restored"],
        &["forget", "latest~1"],
    ] {
        unheard(&bench, args).exits(0).quietly();
    }
    assert_eq!(count(&bench), 1);
    tree::assert_same(&bench.data(), &bench.path("restored"));
    // Why it failed is told where somebody may hear it.
    let answer = unheard(&bench, &["backup", "nowhere", "--json"]).exits(7);
    answer.says_aside(&["\"exit_code\":7"]);
}

#[test]
fn bad_58_a_long_list_ends_quietly_where_its_reader_left() {
    let bench = Workbench::with_files();
    for name in 0..5000 {
        bench.write(format!("many/{name:04}"), "");
    }
    bench.backs_up();
    for args in [
        &["ls", "-R", "latest"][..],
        &["find", "*"],
        &["find", "*", "--json"],
    ] {
        let whole = bench.lifeboat(args).exits(0).bytes().len();
        assert!(whole > 100_000, "{whole}");
        unheard(&bench, args).exits(0).quietly();
    }
}
