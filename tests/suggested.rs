//! What errors name, and the command lines that are suggested: where the repository or the config were named on the command
//! line, they are in those too.

use std::path::Path;

use rusqlite::Connection;

use crate::support::answer::shown;
use crate::support::{Answer, Workbench};

/// Runs the program where no variable names the repository.
fn unaided(bench: &Workbench, args: &[&str]) -> Answer {
    Answer::of(bench.command(args).env_remove("LIFEBOAT_REPO"))
}

/// Types a line that was suggested, as it is.
fn typed(bench: &Workbench, line: &str) {
    let program = Path::new(env!("CARGO_BIN_EXE_lifeboat")).parent().unwrap();
    let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap());
    let mut command = bench.command_by(&["sh", "-c"], [line]);
    Answer::of(command.env_remove("LIFEBOAT_REPO").env("PATH", path)).exits(0);
}

#[test]
fn what_hints_suggest_names_the_repository_that_was_named() {
    let bench = Workbench::with_files();
    let place = shown(&bench.place());
    let id = bench.backs_up()["snapshot"].as_str().unwrap()[..8].to_owned();
    let begin = format!("hint:  lifeboat -r {place} ");
    for (args, words) in [
        (&["show", "abcd1234"][..], "list shows"),
        (&["ls", "latest", "nowhere"], &format!("ls {id} shows")),
        (&["find", "x", "--snapshot", "latest~7"], "list shows"),
        (&["forget", "--undo", "abcd1234"], "list --forgotten shows"),
    ] {
        // Relative, it is told in full.
        let args = [&["-r", "repository"], args].concat();
        let answer = unaided(&bench, &args).exits(2);
        answer.complains(&[&format!("{begin}{words}")]);
    }
    let by_variable = bench.lifeboat(&["show", "abcd1234"]).exits(2);
    by_variable.complains(&["hint:  lifeboat list shows"]);
}

#[test]
fn what_doctor_suggests_is_typed_as_it_stands_and_mends() {
    let bench = Workbench::with_files();
    bench.lifeboat(&["init"]).exits(0);
    let config = bench.path("elsewhere.toml");
    std::fs::write(&config, "[source.data]\npath = \"data\"\n").unwrap();
    let (place, config) = (shown(&bench.place()), shown(&config));
    let args = ["doctor", "--json", "-r", &place, "--config", &config];
    let found = unaided(&bench, &args).exits(21).json();
    let mend = found["findings"][0]["mend"].as_str().unwrap().to_owned();
    let begin = format!("lifeboat -r {place} --config {config} backup ");
    assert!(mend.starts_with(&begin), "{mend}");
    typed(&bench, &mend);
    unaided(&bench, &args).exits(0);
}

#[test]
fn what_check_live_suggests_is_typed_as_it_stands_and_helps() {
    let bench = Workbench::new();
    let path = bench.data().join("app.db");
    let app = Connection::open(&path).unwrap();
    app.execute_batch("CREATE TABLE notes (text)").unwrap();
    drop(app);
    bench.backs_up();
    std::fs::remove_file(&path).unwrap();
    let place = shown(&bench.place());
    let args = ["check-live", "data", "--json", "-r", &place];
    let told = unaided(&bench, &args).exits(7).json();
    let command = told["databases"][0]["command"].as_str().unwrap();
    typed(&bench, &format!("{command} --yes"));
    assert!(path.exists());
}

#[test]
fn what_guard_suggests_names_the_config_that_names_the_repository() {
    let bench = Workbench::with_files();
    let config = bench.path("elsewhere.toml");
    std::fs::write(&config, "repo = \"repository\"\n").unwrap();
    let config = shown(&config);
    let args = [
        "guard",
        "data",
        "--config",
        &config,
        "--",
        "sh",
        "-c",
        "rm data/notes.txt; exit 9",
    ];
    let said = unaided(&bench, &args).exits(9).stderr();
    let (_, told) = said.split_once("to go back: ").unwrap();
    let (told, unpin) = told.split_once("; it stays pinned until ").unwrap();
    assert!(told.contains(&format!("--config {config}")), "{told}");
    typed(&bench, &format!("{told} --yes"));
    assert!(bench.data().join("notes.txt").exists());
    typed(&bench, unpin.trim());
}

#[test]
fn what_no_snapshot_has_is_named_with_what_there_is() {
    let bench = Workbench::with_files();
    bench.lifeboat(&["list", "--tag", "nope"]).exits(10);
    let data = shown(&bench.data());
    for tag in ["daily", "weekly"] {
        let args = ["backup", "data", "--no-zip", "--tag", tag];
        bench.lifeboat(&args).exits(0);
    }
    for (args, words) in [
        (
            &["show", "latest", "--tag", "nope"][..],
            "there are daily, weekly",
        ),
        (
            &["ls", "latest", "--source", "nope"],
            &format!("there is {data}"),
        ),
        (&["show", "latest", "--host", "nope"], "there is "),
        (
            &["diff", "latest", "--tag", "nope"],
            "there are daily, weekly",
        ),
    ] {
        let answer = bench.lifeboat(args).exits(2);
        answer.complains(&["error: no snapshot ", "nope", words]);
    }
    let tag = ["show", "latest~1", "--tag", "daily"];
    bench
        .lifeboat(&tag)
        .exits(2)
        .complains(&["called 'latest~1'"]);
    let none = bench.lifeboat(&["list", "--tag", "nope"]).exits(0).text();
    assert_eq!(
        none,
        "No snapshot has the tag 'nope': there are daily, weekly.\n"
    );
    let none = ["list", "--tag", "nope", "--json"];
    assert_eq!(bench.lifeboat(&none).exits(0).json(), serde_json::json!([]));
    let root = bench.lifeboat(&["cat", "latest", "/"]).exits(2);
    root.complains(&["error: / in snapshot", "is a folder"]);
}

#[test]
fn a_repository_that_may_not_be_made_is_not_said_to_be_made_by_a_backup() {
    let bench = Workbench::with_files();
    let args = ["backup", "data", "--no-create"];
    let answer = bench.lifeboat(&args).exits(10).complains(&["--no-create"]);
    assert!(!answer.stderr().contains("backup does so"), "{answer}");
}

#[test]
fn a_hook_that_fails_where_there_is_no_repository_is_told_of_without_a_history() {
    let bench = Workbench::with_files();
    let config =
        "[hooks]\nbefore = { run = [\"sh\", \"-c\", \"echo no disk; exit 3\"], required = true }\n";
    std::fs::write(bench.path("lifeboat.toml"), config).unwrap();
    let backup = ["backup", "data", "--no-zip"];
    let answer = bench.lifeboat(&backup).exits(1);
    let answer = answer.complains(&["exited with 3: no disk", "no repository yet"]);
    assert!(!answer.stderr().contains("history"), "{answer}");
    bench.lifeboat(&["init"]).exits(0);
    let answer = bench.lifeboat(&backup).exits(1);
    answer.complains(&["lifeboat history tells what it said"]);
}

#[test]
fn a_number_in_the_config_is_asked_for_in_words() {
    let bench = Workbench::new();
    for (text, words) in [
        (
            "[zip]\nkeep = -1\n",
            "a whole number of 1 or more is needed",
        ),
        ("[zip]\nkeep = 0\n", "a whole number of 1 or more is needed"),
        ("[retention]\nlast = \"x\"\n", "a whole number is needed"),
        ("[source.a]\npath = 7\n", "a path is needed"),
    ] {
        std::fs::write(bench.path("lifeboat.toml"), text).unwrap();
        let answer = bench
            .lifeboat(&["config", "check"])
            .exits(2)
            .complains(&["line 2", words]);
        let said = answer.stderr();
        assert!(!said.contains("u32") && !said.contains("i64"), "{said}");
    }
}
