//! What was done with a repository and how it ended: no run is lost from the history, and none depends on it.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use chrono::{DateTime, TimeDelta};
use lifeboat_snapshot::{NewRun, RunKind};
use serde_json::Value;

use crate::support::Workbench;

fn history(bench: &Workbench, args: &[&str]) -> Vec<Value> {
    let all = [&["history", "--json"], args].concat();
    let runs = bench.lifeboat(&all).exits(0).json();
    runs.as_array().unwrap().clone()
}

fn kinds(runs: &[Value]) -> Vec<(String, i64)> {
    let kind = |run: &Value| {
        let kind = run["kind"].as_str().unwrap().to_owned();
        (kind, run["exit_code"].as_i64().unwrap())
    };
    runs.iter().map(kind).collect()
}

#[test]
fn each_run_is_in_the_history_with_its_end() {
    let bench = Workbench::with_files();
    let summary = bench.backs_up();
    bench.lifeboat(&["verify"]).exits(0);
    bench
        .lifeboat(&["restore", "latest", "--to", "there"])
        .exits(0);
    bench
        .lifeboat(&["restore", "latest", "--to", "dry", "--dry-run"])
        .exits(0);
    bench
        .lifeboat(&["export", "latest", "--zip", "x.zip"])
        .exits(0);
    bench
        .lifeboat(&["restore", "latest", "--to", "data"])
        .exits(8);
    bench.lifeboat(&["list"]).exits(0);
    let runs = history(&bench, &[]);
    let expected = [
        ("backup", 0),
        ("verify", 0),
        ("restore", 0),
        ("export", 0),
        ("restore", 8),
    ];
    assert_eq!(
        kinds(&runs),
        expected.map(|(kind, exit)| (kind.to_owned(), exit))
    );
    assert_eq!(runs[0]["snapshot"], summary["snapshot"]);
    assert_eq!(runs[0]["bytes"], summary["stored_bytes"]);
    assert!(
        runs[4]["error"].as_str().unwrap().contains("not empty"),
        "{runs:?}"
    );
    let text = bench.lifeboat(&["history"]).exits(0).text();
    assert_eq!(text.lines().count(), 5, "{text}");
    assert_eq!(history(&bench, &["--kind", "verify"]).len(), 1);
    assert_eq!(history(&bench, &["--failed"]).len(), 1);
    assert_eq!(
        kinds(&history(&bench, &["-n", "1"])),
        [("restore".to_owned(), 8)]
    );
}

#[test]
fn status_tells_the_last_error_until_a_backup_goes_well() {
    let bench = Workbench::with_files();
    bench.backs_up();
    let error = || bench.lifeboat(&["status", "--json"]).json()["sources"][0]["last_error"].clone();
    assert_eq!(error(), Value::Null);
    fs::rename(bench.path("data"), bench.path("gone")).unwrap();
    bench.lifeboat(&["backup", "data", "--no-zip"]).exits(7);
    fs::rename(bench.path("gone"), bench.path("data")).unwrap();
    assert!(
        error().as_str().unwrap().contains("does not exist"),
        "{}",
        error()
    );
    let text = bench.lifeboat(&["status"]).text();
    assert!(
        text.contains("the last backup") && text.contains("does not exist"),
        "{text}"
    );
    bench.backs_up();
    assert_eq!(error(), Value::Null);
}

#[test]
fn a_kind_of_run_that_is_none_is_a_mistake_and_no_empty_history() {
    let bench = Workbench::with_files();
    bench.backs_up();
    bench
        .lifeboat(&["history", "--kind", "bakcup"])
        .exits(2)
        .complains(&["backup, verify"]);
    let runs = bench.lifeboat(&["history", "--kind", "backup", "--json"]);
    assert_eq!(runs.exits(0).json().as_array().unwrap().len(), 1);
}

#[test]
fn a_monitoring_system_gets_numbers_with_labels() {
    let bench = Workbench::with_files();
    bench.backs_up();
    let text = bench
        .lifeboat(&["status", "--prometheus"])
        .exits(0)
        .quietly()
        .text();
    let source = bench.data().display().to_string();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (name, value) = line.rsplit_once(' ').unwrap();
        assert!(
            name.starts_with("lifeboat_") && value.parse::<f64>().is_ok(),
            "{line}"
        );
    }
    let expected = [
        format!("source=\"{source}\"}} 0\n"),
        "lifeboat_snapshots 1\n".to_owned(),
        "lifeboat_last_run_exit_code{kind=\"backup\"} 0\n".to_owned(),
    ];
    for part in expected {
        assert!(text.contains(&part), "{part}: {text}");
    }
    bench
        .lifeboat(&["status", "--prometheus", "--max-age", "0s"])
        .exits(20);
}

#[test]
fn the_history_does_not_grow_for_ever_and_keeps_the_newest() {
    let bench = Workbench::with_files();
    let repository = bench.repository();
    let begin = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
    for number in 0..2001 {
        let run = NewRun {
            kind: RunKind::Backup,
            began: begin + TimeDelta::seconds(number),
            host: "bench".to_owned(),
            sources: vec![b"/data".to_vec()],
            snapshot: None,
            exit: u8::from(number == 2000),
            bytes: 0,
            error: None,
            hooks: Vec::new(),
        };
        repository.record_run(run).unwrap();
    }
    let history = repository.history(usize::MAX).unwrap();
    assert_eq!(history.runs.len(), 1800);
    let last = history.runs.last().unwrap();
    assert_eq!(last.began(), begin + TimeDelta::seconds(2000));
    assert_eq!(history.last_failure("bench", b"/data"), Some(last));
    assert_eq!(history.last_failure("other", b"/data"), None);
    assert_eq!(repository.history(10).unwrap().runs.len(), 10);
}

#[test]
fn a_damaged_record_is_named_and_hides_no_other() {
    let bench = Workbench::with_files();
    bench.backs_up();
    bench.lifeboat(&["verify"]).exits(0);
    let runs = fs::read_dir(bench.place().join("runs")).unwrap();
    let mut names: Vec<_> = runs.map(|run| run.unwrap().path()).collect();
    names.sort();
    let mut bytes = fs::read(&names[0]).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&names[0], bytes).unwrap();
    let answer = bench.lifeboat(&["history"]).exits(4);
    assert_eq!(answer.text().lines().count(), 1, "{answer}");
    answer.says_aside(&["runs/", "is damaged"]);
    bench.backs_up();
    bench.lifeboat(&["status"]).exits(0);
}

#[test]
fn a_run_that_cannot_be_recorded_is_a_run_all_the_same() {
    let bench = Workbench::with_files();
    bench.backs_up();
    let _ = fs::remove_dir_all(bench.place().join("runs"));
    // In the way of the folder, whoever asks.
    fs::write(bench.place().join("runs"), "a file").unwrap();
    fs::set_permissions(
        bench.place().join("runs"),
        fs::Permissions::from_mode(0o600),
    )
    .unwrap();
    bench.lifeboat(&["verify"]).exits(0).quietly();
    bench.backs_up();
}

#[test]
fn the_config_is_checked_and_shown() {
    let bench = Workbench::with_files();
    let config = |text: &str| fs::write(bench.path("lifeboat.toml"), text).unwrap();
    config(
        "exclude = [\"*.tmp\"]\n[source.clinic]\npath = \"data\"\n[counts.\"a.db\"]\nn = \"SELECT 1\"\n",
    );
    bench.lifeboat(&["config", "check"]).exits(0).quietly();
    let shown = bench
        .lifeboat(&["config", "show", "--json"])
        .exits(0)
        .json();
    assert_eq!(shown["sources"][0]["name"], "clinic");
    assert_eq!(shown["sources"][0]["exclude"], serde_json::json!(["*.tmp"]));
    assert_eq!(shown["repository_named_by"], "LIFEBOAT_REPO");
    assert_eq!(shown["counts"][0]["query"], "SELECT 1");
    let text = bench.lifeboat(&["config", "show"]).exits(0).text();
    assert!(
        text.contains("*.tmp") && text.contains("lifeboat.toml"),
        "{text}"
    );
    config("[source.clinic]\npath = \"nowhere\"\n");
    let missing = bench.lifeboat(&["config", "check"]).exits(7).text();
    assert!(missing.contains("nowhere"), "{missing}");
    config("exclud = 3");
    bench
        .lifeboat(&["config", "check"])
        .exits(2)
        .complains(&["line 1"]);
}
