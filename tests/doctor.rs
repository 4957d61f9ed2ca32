//! `doctor`: each thing that is wrong is found, named, and mended by what it says; and nothing else is.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use rusqlite::Connection;
use serde_json::Value;

use crate::support::process::Process;
use crate::support::{Workbench, outside, tree};

/// What is found, as `kind`, with the exit code.
fn found(bench: &Workbench, exit: i32) -> Vec<Value> {
    let answer = bench.lifeboat(&["doctor", "--json"]).exits(exit).json();
    assert_eq!(answer["exit_code"], exit);
    answer["findings"].as_array().unwrap().clone()
}

fn kinds(findings: &[Value]) -> Vec<&str> {
    findings
        .iter()
        .map(|one| one["kind"].as_str().unwrap())
        .collect()
}

fn one<'f>(findings: &'f [Value], kind: &str) -> &'f Value {
    let one = findings.iter().find(|one| one["kind"] == kind);
    one.unwrap_or_else(|| panic!("no {kind} in {findings:?}"))
}

/// Does what a finding says.
fn mend(bench: &Workbench, finding: &Value) {
    let line = finding["mend"].as_str().unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_lifeboat")).parent().unwrap();
    let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap());
    let mut command = bench.command_by(&["sh", "-c"], [line]);
    let output = command.env("PATH", path).output().unwrap();
    assert!(output.status.success(), "{line}: {output:?}");
}

fn database(bench: &Workbench, name: &str, script: &str) -> std::path::PathBuf {
    let path = bench.data().join(name);
    Connection::open(&path)
        .unwrap()
        .execute_batch(script)
        .unwrap();
    path
}

const NOTES: &str =
    "CREATE TABLE notes (id INTEGER PRIMARY KEY, text); INSERT INTO notes (text) VALUES ('a')";

#[test]
fn where_all_is_well_there_is_advice_at_most() {
    let bench = Workbench::with_files();
    database(&bench, "idle.db", NOTES);
    bench.backs_up();
    let before = tree::looks(&bench.data());
    let findings = found(&bench, 0);
    assert_eq!(kinds(&findings), ["same-disk"]);
    assert_eq!(
        tree::differences(&before, &tree::looks(&bench.data())),
        [""; 0]
    );
}

#[test]
fn a_database_in_rollback_mode_that_a_program_has_open_is_advised_on_and_mended() {
    let bench = Workbench::with_files();
    let path = database(&bench, "notes.db", NOTES);
    bench.backs_up();
    let program = Process::start("idle", &path);
    let findings = found(&bench, 0);
    let finding = one(&findings, "rollback-mode");
    let what = finding["what"].as_str().unwrap();
    assert!(
        what.contains("notes.db") && what.contains(&program.id().to_string()),
        "{what}"
    );
    let unseen = one(&findings, "unseen-sqlite")["what"].as_str().unwrap();
    assert!(unseen.contains("cannot be seen"), "linked in: {unseen}");
    program.end();
    if outside::has("sqlite3") {
        mend(&bench, finding);
        let program = Process::start("idle", &path);
        assert!(!kinds(&found(&bench, 0)).contains(&"rollback-mode"));
        program.end();
    }
}

#[test]
fn a_wal_that_grew_far_beyond_its_database_is_found_and_mended() {
    let bench = Workbench::with_files();
    let path = database(
        &bench,
        "notes.db",
        &format!("PRAGMA journal_mode = WAL; {NOTES}"),
    );
    let reader = Connection::open(&path).unwrap();
    reader.execute_batch("BEGIN; SELECT * FROM notes").unwrap();
    let grow = "PRAGMA synchronous = OFF; PRAGMA wal_autocheckpoint = 0;
        INSERT INTO notes (text) VALUES (randomblob(3000000));
        UPDATE notes SET text = randomblob(3000000) WHERE id = 2;
        UPDATE notes SET text = randomblob(3000000) WHERE id = 2;
        UPDATE notes SET text = randomblob(3000000) WHERE id = 2";
    let writer = Connection::open(&path).unwrap();
    writer.execute_batch(grow).unwrap();
    bench.backs_up();
    let findings = found(&bench, 1);
    let finding = one(&findings, "large-wal");
    assert_eq!(finding["weight"], "warning");
    drop(reader);
    if outside::has("sqlite3") {
        mend(&bench, finding);
        assert!(!kinds(&found(&bench, 0)).contains(&"large-wal"));
    }
    drop(writer);
}

#[test]
fn an_old_library_in_a_program_that_holds_a_database_is_named_with_its_version() {
    let script = "import sqlite3, sys, time\nc = sqlite3.connect(sys.argv[1])\nc.execute('select * from notes').fetchall()\n\
        print(sqlite3.sqlite_version, flush=True)\nsys.stdin.read()";
    if !outside::works("/usr/bin/python3", &["-c", "import sqlite3"]) {
        return outside::without("/usr/bin/python3 with sqlite3");
    }
    let bench = Workbench::with_files();
    let path = database(
        &bench,
        "notes.db",
        &format!("PRAGMA journal_mode = WAL; {NOTES}"),
    );
    bench.backs_up();
    let mut program = Command::new("/usr/bin/python3")
        .args(["-c", script])
        .arg(&path)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut version = String::new();
    let mut output = std::io::BufReader::new(program.stdout.as_mut().unwrap());
    std::io::BufRead::read_line(&mut output, &mut version).unwrap();
    let version = version.trim();
    let answer = bench.lifeboat(&["doctor", "--json"]).json();
    drop(program.stdin.take());
    program.wait().unwrap();
    let numbers: Vec<u32> = version
        .split('.')
        .map(|part| part.parse().unwrap())
        .collect();
    let findings = answer["findings"].as_array().unwrap();
    if numbers < vec![3, 51, 3] {
        let what = one(findings, "old-sqlite")["what"].as_str().unwrap();
        assert!(what.contains(version) && what.contains("python3"), "{what}");
    } else {
        assert!(!kinds(findings).contains(&"old-sqlite"));
    }
}

#[test]
fn f48_a_source_that_is_gone_and_one_that_was_never_backed_up_are_bad() {
    let bench = Workbench::with_files();
    bench.backs_up();
    fs::create_dir(bench.path("more")).unwrap();
    let config = "[source.a]\npath = \"data\"\n[source.b]\npath = \"more\"\n";
    fs::write(bench.path("lifeboat.toml"), config).unwrap();
    let findings = found(&bench, 21);
    mend(&bench, one(&findings, "no-snapshot"));
    assert!(!kinds(&found(&bench, 0)).contains(&"no-snapshot"));
    fs::rename(bench.data(), bench.path("elsewhere")).unwrap();
    let findings = found(&bench, 7);
    assert_eq!(one(&findings, "source-missing")["weight"], "bad");
    bench.lifeboat(&["backup", "data"]).exits(7);
    fs::rename(bench.path("elsewhere"), bench.data()).unwrap();
    let findings = found(&bench, 20);
    let what = one(&findings, "failed")["what"].as_str().unwrap();
    assert!(what.contains("does not exist"), "{what}");
    mend(&bench, one(&findings, "failed"));
    found(&bench, 0);
}

#[test]
fn a_backup_that_lacks_its_zip_alone_is_a_warning_and_no_failure_as_for_status() {
    let bench = Workbench::with_files();
    let lacking = ["backup", "data", "--zip-dir", "data/notes.txt"];
    bench.lifeboat(&lacking).exits(3);
    bench.lifeboat(&["status"]).exits(0);
    let findings = found(&bench, 1);
    assert!(!kinds(&findings).contains(&"failed"), "{findings:?}");
    let finding = one(&findings, "lacking");
    assert_eq!(finding["weight"], "warning");
    assert!(finding["what"].as_str().unwrap().contains("zip"));
    mend(&bench, finding);
    found(&bench, 0);
}

#[test]
fn a_schedule_without_a_daemon_is_bad_when_a_backup_is_due() {
    let bench = Workbench::with_files();
    bench.backs_up();
    let config = |every: &str| {
        let text = format!("[source.a]\npath = \"data\"\n[schedule]\nevery = \"{every}\"\n");
        fs::write(bench.path("lifeboat.toml"), text).unwrap();
    };
    config("10h");
    assert!(kinds(&found(&bench, 0)).contains(&"no-daemon"));
    config("1s");
    bench.age_data();
    while !kinds(
        bench.lifeboat(&["doctor", "--json"]).json()["findings"]
            .as_array()
            .unwrap(),
    )
    .contains(&"schedule")
    {
        std::thread::yield_now();
    }
    let findings = found(&bench, 20);
    assert!(
        one(&findings, "schedule")["mend"]
            .as_str()
            .unwrap()
            .starts_with("lifeboat daemon")
    );
}

#[test]
fn what_everybody_may_read_and_a_folder_for_zips_that_is_missing_are_found_and_mended() {
    let bench = Workbench::with_files();
    bench.backs_up();
    fs::set_permissions(bench.place(), fs::Permissions::from_mode(0o755)).unwrap();
    let findings = found(&bench, 1);
    mend(&bench, one(&findings, "world-readable"));
    found(&bench, 0);
    fs::write(bench.path("lifeboat.toml"), "[zip]\ndir = \"usb\"\n").unwrap();
    let findings = found(&bench, 8);
    assert_eq!(kinds(&findings).first(), Some(&"zip-dir-missing"));
}

#[test]
fn a_bad_config_and_a_missing_repository_are_findings_too() {
    let bench = Workbench::with_files();
    assert_eq!(kinds(&found(&bench, 10)), ["repository"]);
    fs::write(bench.path("lifeboat.toml"), "[zip]\nkep = 3\n").unwrap();
    let findings = found(&bench, 2);
    assert!(
        findings[0]["what"].as_str().unwrap().contains("line 2"),
        "{findings:?}"
    );
    let text = bench.lifeboat(&["doctor"]).exits(2).text();
    assert!(text.contains("to mend it: "), "{text}");
}

#[test]
fn quietly_there_is_no_advice() {
    let bench = Workbench::with_files();
    bench.backs_up();
    assert!(!bench.lifeboat(&["doctor"]).exits(0).text().is_empty());
    let quietly = ["doctor", "--quiet"];
    assert_eq!(bench.lifeboat(&quietly).exits(0).quietly().text(), "");
    fs::remove_dir_all(bench.data()).unwrap();
    let answer = bench.lifeboat(&quietly);
    assert_ne!(answer.code(), Some(0));
    let told = answer.text();
    assert!(!told.is_empty() && !told.contains("advice:"), "{told}");
}
