//! The program's words: the whole output of each command as a file under `cli/shown/`, the fields of each JSON answer, the
//! silence of `--quiet`, and progress where there is a terminal and nowhere else.
//!
//! `LIFEBOAT_BLESS=1 cargo test -p lifeboat --test suite cli::` writes the files anew; the difference is then for reading.

use std::fs;
use std::path::Path;

use rusqlite::Connection;

use crate::support::Workbench;

/// Progress, on a terminal.
mod progress;
/// Putting a constant in the place of what differs from run to run.
mod redact;

/// With files and a database, and the same age of everything.
fn bench() -> Workbench {
    let bench = Workbench::with_files();
    let app = Connection::open(bench.data().join("app.db")).unwrap();
    app.execute_batch(
        "CREATE TABLE patients (id INTEGER PRIMARY KEY, name TEXT);
         INSERT INTO patients (name) VALUES ('Ann'), ('Ben'), ('Cem');",
    )
    .unwrap();
    bench.age_data();
    bench
}

/// Compares a text with the one that is kept under this name.
#[track_caller]
fn assert_shown(name: &str, text: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/cli/shown");
    let path = folder.join(name).with_extension("txt");
    if std::env::var_os("LIFEBOAT_BLESS").is_some() {
        fs::write(&path, text).unwrap();
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(
        text,
        kept,
        "{name}: LIFEBOAT_BLESS=1 writes {} anew",
        path.display()
    );
}

/// What a command shows on both outputs, and how it ends.
#[track_caller]
fn shown(bench: &Workbench, name: &str, args: &[&str]) {
    let answer = bench.lifeboat(args);
    let mut text = format!("$ lifeboat {}\n", args.join(" "));
    text.push_str(&redact::text(bench, &answer.text()));
    let aside = redact::text(bench, &answer.stderr());
    text.extend(aside.lines().map(|line| format!("stderr: {line}\n")));
    text.push_str(&format!("exit {}\n", answer.code().unwrap()));
    assert_shown(name, &text);
}

#[test]
fn each_command_shows_what_it_did() {
    let bench = bench();
    shown(&bench, "status-none", &["status"]);
    shown(&bench, "init", &["init"]);
    let first = [
        "backup",
        "data",
        "--tag",
        "daily",
        "--description",
        "the first",
    ];
    shown(&bench, "backup-first", &first);
    bench.write("notes.txt", "remember more");
    bench.write("new.txt", "new");
    bench.age_data();
    shown(&bench, "backup-plan", &["backup", "data", "--dry-run"]);
    shown(&bench, "backup-second", &["backup", "data", "--no-zip"]);
    shown(
        &bench,
        "backup-unchanged",
        &["backup", "data", "--no-zip", "--skip-if-unchanged"],
    );
    shown(
        &bench,
        "backup-recent",
        &["backup", "data", "--no-zip", "--if-older-than", "1h"],
    );
    for (name, args) in [
        ("list", &["list"][..]),
        ("list-none", &["list", "--tag", "weekly"]),
        ("show", &["show", "latest"]),
        ("show-first", &["show", "latest", "--tag", "daily"]),
        ("ls", &["ls", "latest"]),
        ("ls-folder", &["ls", "latest", "papers"]),
        ("cat", &["cat", "latest", "papers/one.txt"]),
        ("find", &["find", "*.txt"]),
        ("find-none", &["find", "*.none"]),
        ("diff", &["diff", "latest~1", "latest"]),
        ("diff-live", &["diff", "latest~1"]),
        ("diff-none", &["diff", "latest"]),
        (
            "restore-plan",
            &["restore", "latest", "--to", "planned", "--dry-run"],
        ),
        ("restore", &["restore", "latest", "--to", "restored"]),
        (
            "restore-part",
            &["restore", "latest", "--to", "part", "--path", "*.db"],
        ),
        ("verify", &["verify"]),
        ("verify-data", &["verify", "--read-data"]),
        ("export", &["export", "latest", "--zip", "first.zip"]),
        ("status", &["status"]),
        ("status-stale", &["status", "--max-age", "0s"]),
        ("history", &["history"]),
        ("config-check", &["config", "check"]),
        ("config-show", &["config", "show"]),
    ] {
        shown(&bench, name, args);
    }
}

#[test]
fn failures_are_shown_in_three_lines() {
    let bench = bench();
    shown(&bench, "error-no-repository", &["list"]);
    shown(&bench, "error-source", &["backup", "nowhere"]);
    bench.backs_up();
    shown(&bench, "error-snapshot", &["show", "abcd1234"]);
    shown(&bench, "error-path", &["cat", "latest", "nowhere.txt"]);
    shown(&bench, "error-folder", &["cat", "latest", "papers"]);
    shown(
        &bench,
        "error-target",
        &["restore", "latest", "--to", "data"],
    );
    shown(
        &bench,
        "error-pattern",
        &["restore", "latest", "--to", "x", "--path", "*.none"],
    );
    shown(&bench, "error-flag", &["list", "--jsonn"]);
}

#[test]
fn the_help_names_every_command_and_every_exit_code() {
    let bench = bench();
    shown(&bench, "help", &["--help"]);
    shown(&bench, "help-exit-codes", &["help", "exit-codes"]);
    for command in [
        "backup", "list", "show", "ls", "cat", "find", "diff", "history", "restore", "verify",
        "export", "status", "stats", "init",
    ] {
        for args in [[command, "--help"], ["help", command]] {
            let help = bench.lifeboat(&args).exits(0).quietly().text();
            assert!(
                help.contains(&format!("Usage: lifeboat {command}")),
                "{help}"
            );
        }
    }
    for shell in ["bash", "zsh", "fish"] {
        assert!(
            bench
                .lifeboat(&["completions", shell])
                .exits(0)
                .quietly()
                .text()
                .contains("lifeboat")
        );
    }
}

#[test]
fn a_heading_of_the_help_has_its_own_flags_and_no_others() {
    let bench = Workbench::new();
    let under = |command: &str, heading: &str| -> Vec<String> {
        let help = bench.lifeboat(&["help", command]).exits(0).text();
        let (_, rest) = help.split_once(&format!("\n{heading}:\n")).unwrap();
        let ours = rest
            .lines()
            .take_while(|line| !line.ends_with(':') || line.starts_with(' '));
        let flags = ours.filter_map(|line| line.trim_start().split_once("--"));
        let flags = flags.filter(|(before, _)| before.is_empty() || before.ends_with(", "));
        flags
            .map(|(_, flag)| flag.split(' ').next().unwrap().to_owned())
            .collect()
    };
    let in_place = under("restore", "In place");
    assert_eq!(in_place, ["yes", "force", "online", "busy-timeout"]);
    let rules = under("forget", "What stays");
    let is_rule = |flag: &String| flag.starts_with("keep-");
    assert_eq!(
        (rules.len(), rules.iter().all(is_rule)),
        (8, true),
        "{rules:?}"
    );
    let others = under("forget", "Options");
    assert!(others.contains(&"undo".to_owned()), "{others:?}");
    assert!(under("restore", "Options").contains(&"to".to_owned()));
}

/// The fields of a command's JSON answer, with their types.
#[track_caller]
fn fields(bench: &Workbench, name: &str, args: &[&str]) {
    let mut all = args.to_vec();
    all.push("--json");
    let answer = bench.lifeboat(&all);
    // Long work answers in lines, of which the last is the summary; a query in one document.
    let value = serde_json::from_slice(answer.bytes()).unwrap_or_else(|_| answer.summary());
    let mut text = format!("$ lifeboat {}\n", all.join(" "));
    text.push_str(&redact::shape(&value));
    assert_shown(&format!("json-{name}"), &text);
}

#[test]
fn json_answers_have_the_fields_of_the_contract() {
    let bench = bench();
    fields(&bench, "init", &["init"]);
    fields(&bench, "backup-plan", &["backup", "data", "--dry-run"]);
    fields(&bench, "backup", &["backup", "data", "--tag", "daily"]);
    bench.write("notes.txt", "remember more");
    let app = Connection::open(bench.data().join("app.db")).unwrap();
    app.execute_batch("DELETE FROM patients").unwrap();
    drop(app);
    fields(&bench, "diff", &["diff", "latest"]);
    bench.age_data();
    bench.backs_up();
    for (name, args) in [
        (
            "backup-unchanged",
            &["backup", "data", "--skip-if-unchanged"][..],
        ),
        (
            "backup-recent",
            &["backup", "data", "--if-older-than", "1h"],
        ),
        ("list", &["list"]),
        ("show", &["show", "latest"]),
        ("ls", &["ls", "latest"]),
        ("find", &["find", "notes.txt"]),
        ("restore", &["restore", "latest", "--to", "restored"]),
        ("verify", &["verify", "--read-data"]),
        ("export", &["export", "latest", "--zip", "x.zip"]),
        ("status", &["status"]),
        ("stats", &["stats"]),
        ("history", &["history"]),
        ("config-show", &["config", "show"]),
        ("error", &["show", "abcd1234"]),
        ("error-lines", &["restore", "abcd1234", "--to", "x"]),
    ] {
        fields(&bench, name, args);
    }
}

#[test]
fn numbers_in_the_summary_are_those_of_the_data() {
    let bench = bench();
    let summary = bench.backs_up();
    assert_eq!(
        (&summary["files"], &summary["files_new"]),
        (&4.into(), &4.into())
    );
    let plain: u64 = ["notes.txt", "papers/one.txt", "papers/two.txt", "app.db"]
        .iter()
        .map(|name| fs::metadata(bench.data().join(name)).unwrap().len())
        .sum();
    assert_eq!(summary["read_bytes"], plain);
    assert_eq!(summary["bytes"], plain);
    let on_disk: u64 = ["packs", "snapshots"]
        .iter()
        .flat_map(|folder| fs::read_dir(bench.place().join(folder)).unwrap())
        .map(|entry| entry.unwrap().metadata().unwrap().len())
        .sum();
    assert_eq!(summary["stored_bytes"], on_disk);
    let listed = bench.lifeboat(&["list", "--json"]).exits(0).json();
    assert_eq!(listed[0]["id"], summary["snapshot"]);
    assert_eq!(listed[0]["stored_bytes"], on_disk);
}

#[test]
fn quiet_commands_say_nothing_when_all_is_well() {
    let bench = bench();
    for args in [
        &["-q", "backup", "data"][..],
        &["-q", "verify", "--read-data"],
        &["-q", "restore", "latest", "--to", "restored"],
        &["-q", "export", "latest", "--zip", "x.zip"],
    ] {
        let answer = bench.lifeboat(args).exits(0).quietly();
        assert_eq!(answer.text(), "", "{args:?}");
    }
}
