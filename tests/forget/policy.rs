//! Rules of retention through the program: who stays, who goes, why, and what is refused.

use std::sync::Arc;

use lifeboat_snapshot::{Repository, Unwatched};
use lifeboat_store::Backing;
use lifeboat_store::clock::FixedClock;
use rusqlite::Connection;
use serde_json::Value;

use crate::support::Workbench;

/// Backs the data up at each of these times; gives the ids.
fn taken(bench: &Workbench, times: &[&str]) -> Vec<String> {
    let clock = Arc::new(FixedClock::at(times[0].parse().unwrap()));
    let backing = || Backing::local(&bench.place());
    let repository = Repository::create_on(backing(), clock.clone())
        .or_else(|_| Repository::open_on(backing(), clock.clone()))
        .unwrap();
    let mut ids = Vec::new();
    for time in times {
        clock.set(time.parse().unwrap());
        let report = repository.backup(&bench.plan(), &Unwatched).unwrap();
        ids.push(report.snapshot.unwrap().id.to_string());
    }
    ids
}

const DAYS: [&str; 4] = [
    "2026-01-01T10:00:00Z",
    "2026-01-01T20:00:00Z",
    "2026-01-02T10:00:00Z",
    "2026-01-03T10:00:00Z",
];

fn listed(bench: &Workbench) -> Vec<String> {
    let listed = bench.lifeboat(&["list", "--json"]).exits(0).json();
    ids(&listed)
}

fn ids(items: &Value) -> Vec<String> {
    let items = items.as_array().unwrap().iter();
    items
        .map(|item| item["id"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn a_dry_run_tells_every_reason_and_does_nothing() {
    let bench = Workbench::with_files();
    let all = taken(&bench, &DAYS);
    bench.lifeboat(&["pin", &all[0]]).exits(0);
    let rules = ["forget", "--keep-daily", "2", "--keep-last", "1", "--json"];
    let dry = [&rules[..], &["--dry-run"]].concat();
    let plan = bench.lifeboat(&dry).exits(0).summary();
    assert_eq!(ids(&plan["forgotten"]), all[1..2]);
    assert_eq!(plan["forgotten"][0]["reasons"][0], "kept by no rule");
    let reasons: Vec<String> = plan["kept"]
        .as_array()
        .unwrap()
        .iter()
        .map(|kept| kept["reasons"].to_string())
        .collect();
    let expected = [
        r#"["pinned"]"#,
        r#"["daily 2026-01-02"]"#,
        r#"["last 1","daily 2026-01-03"]"#,
    ];
    assert_eq!(reasons, expected);
    assert_eq!(listed(&bench), all, "nothing was done");

    let done = bench.lifeboat(&rules).exits(0).summary();
    assert_eq!(done["forgotten"], plan["forgotten"]);
    assert_eq!(listed(&bench), [&all[..1], &all[2..]].concat());
    let again = bench.lifeboat(&rules).exits(0).summary();
    assert_eq!(ids(&again["forgotten"]), [""; 0]);
}

#[test]
fn what_was_forgotten_last_comes_back_and_so_does_what_is_named() {
    let bench = Workbench::with_files();
    let all = taken(&bench, &DAYS);
    bench.lifeboat(&["forget", &all[0]]).exits(0);
    let two = ["forget", "latest", &all[1][..8], "--json"];
    bench.lifeboat(&two).exits(0);
    assert_eq!(listed(&bench), all[2..3]);
    let forgotten = bench
        .lifeboat(&["list", "--forgotten", "--json"])
        .exits(0)
        .json();
    assert_eq!(ids(&forgotten).len(), 3);
    assert!(forgotten[0]["forgotten_at"].is_string());

    let back = bench
        .lifeboat(&["forget", "--undo", "--json"])
        .exits(0)
        .summary();
    assert_eq!(ids(&back["brought_back"]), [&all[1..2], &all[3..]].concat());
    assert_eq!(listed(&bench), all[1..]);
    bench.lifeboat(&["forget", "--undo", &all[0][..8]]).exits(0);
    assert_eq!(listed(&bench), all);
    bench
        .lifeboat(&["forget", "--undo"])
        .exits(2)
        .complains(&["there is nothing to bring back"]);
    bench
        .lifeboat(&["forget", "--undo", &all[0]])
        .exits(2)
        .complains(&["no forgotten snapshot is called", "list --forgotten"]);
}

#[test]
fn filters_alone_name_what_goes() {
    let bench = Workbench::with_files();
    let backs_up = |tag: &str| {
        let backup = ["backup", "data", "--no-zip", "--json", "--tag", tag];
        let summary = bench.lifeboat(&backup).exits(0).summary();
        summary["snapshot"].as_str().unwrap().to_owned()
    };
    let [_, kept] = ["trial", "real"].map(backs_up);
    bench.lifeboat(&["forget", "--tag", "trial"]).exits(0);
    assert_eq!(listed(&bench), [kept]);
}

#[test]
fn bad_53_a_policy_that_makes_no_sense_or_keeps_nothing() {
    let bench = Workbench::with_files();
    let all = taken(&bench, &DAYS);
    let refused = |args: &[&str], words: &[&str]| {
        let args = [&["forget"], args].concat();
        bench.lifeboat(&args).exits(2).complains(words);
        assert_eq!(listed(&bench), all, "{args:?}");
    };
    refused(&["--keep-last", "0"], &["would forget every snapshot"]);
    refused(&["--keep-daily=-3"], &["cannot keep -3"]);
    refused(&["--keep-daily", "-3"], &["cannot keep -3"]);
    refused(
        &["--keep-last", "many"],
        &["a number of snapshots is needed"],
    );
    refused(&["--keep-within", "0s"], &["--keep-within"]);
    refused(&["--keep-within", "-1d"], &["not a length of time"]);
    refused(
        &["--keep-tag", "none-has-it"],
        &["would forget every snapshot of", "--force"],
    );
    refused(
        &["--host", "bench"],
        &["would forget every snapshot of", "--force"],
    );
    refused(&[&all[0], "--keep-last", "1"], &["contradictory"]);
    refused(&["--undo", "--keep-last", "1"], &["contradictory"]);
    refused(&["--undo", "--force"], &["cannot be used with"]);
    refused(&[], &["nothing says what to forget", "--keep-last"]);
    let names: Vec<&str> = all.iter().map(String::as_str).collect();
    refused(&names, &["would forget every snapshot of", "--force"]);
    std::fs::write(bench.path("lifeboat.toml"), "[retention]\nlast = 0\n").unwrap();
    let answer = bench.lifeboat(&["forget"]).exits(2);
    answer.complains(&["line 2, column 8", "would forget every snapshot"]);
    std::fs::remove_file(bench.path("lifeboat.toml")).unwrap();
    assert_eq!(listed(&bench), all);

    bench
        .lifeboat(&["forget", "--keep-tag", "none-has-it", "--force"])
        .exits(0);
    assert_eq!(listed(&bench), [""; 0]);
}

#[test]
fn the_last_complete_snapshot_of_a_source_stays() {
    let bench = Workbench::with_files();
    let complete = taken(&bench, &DAYS[..1]);
    let database = bench.data().join("app.db");
    let app = Connection::open(&database).unwrap();
    app.execute_batch("CREATE TABLE t (x); INSERT INTO t VALUES (randomblob(50000))")
        .unwrap();
    drop(app);
    let file = std::fs::File::options()
        .write(true)
        .open(&database)
        .unwrap();
    file.set_len(20_000).unwrap();
    let lacking = taken(&bench, &DAYS[1..]);

    let kept = bench
        .lifeboat(&["forget", "--keep-last", "1", "--json"])
        .exits(0)
        .summary();
    assert_eq!(kept["kept"][0]["reasons"][0], "last complete one");
    assert_eq!(listed(&bench), [&complete[..], &lacking[2..]].concat());
    bench
        .lifeboat(&["forget", &complete[0]])
        .exits(2)
        .complains(&["lacks nothing", "--force"]);
    bench
        .lifeboat(&["forget", &complete[0], "--force"])
        .exits(0);
    assert_eq!(listed(&bench), lacking[2..]);
}

#[test]
fn bad_55_f22_a_clock_before_the_newest_snapshot_forgets_nothing_by_time() {
    let bench = Workbench::with_files();
    let all = taken(&bench, &[DAYS[0], DAYS[1], "2106-02-07T06:28:15Z"]);
    let answer = bench
        .lifeboat(&["forget", "--keep-daily", "1", "--json"])
        .exits(0);
    let events = answer.events();
    assert_eq!(events[0]["event"], "warning");
    assert_eq!(events[0]["kind"], "clock");
    assert_eq!(answer.summary()["suspended"], 1);
    assert_eq!(listed(&bench), all);
    bench
        .lifeboat(&["forget", "--keep-yearly", "1"])
        .exits(0)
        .says_aside(&["warning: ", "still to come", "suspended"]);
    assert_eq!(listed(&bench), all);
    // The order of the snapshots needs no clock.
    bench.lifeboat(&["forget", "--keep-last", "2"]).exits(0);
    assert_eq!(listed(&bench), all[1..]);
}

#[test]
fn f22_a_clock_that_went_backwards_forgets_nothing_by_time() {
    let bench = Workbench::with_files();
    let all = taken(&bench, &[DAYS[2], "1970-01-01T00:00:00Z", DAYS[3]]);
    bench
        .lifeboat(&["forget", "--keep-daily", "1"])
        .exits(0)
        .says_aside(&["before the one that was taken before it"]);
    assert_eq!(listed(&bench), all);
}

#[test]
fn the_config_keeps_what_it_says_for_this_machine_and_after_backups_where_it_says_so() {
    let bench = Workbench::with_files();
    let foreign = taken(&bench, &DAYS);
    let config = |text: &str| std::fs::write(bench.path("lifeboat.toml"), text).unwrap();
    config(
        "[retention]\nlast = 2\n[source.data]\npath = \"data\"\n[source.data.retention]\nlast = 3\n",
    );
    for _ in 0..4 {
        bench.lifeboat(&["backup", "--no-zip"]).exits(0);
    }
    assert_eq!(listed(&bench).len(), 8, "nobody asked for it");
    let done = bench.lifeboat(&["forget", "--json"]).exits(0).summary();
    assert_eq!(done["forgotten"].as_array().unwrap().len(), 1);
    let backup = ["backup", "--no-zip", "--prune", "--json"];
    let summary = bench.lifeboat(&backup).exits(0).summary();
    assert_eq!(summary["pruned"].as_array().unwrap().len(), 1);
    config("[retention]\nlast = 2\nprune = true\n[source.data]\npath = \"data\"\n");
    bench.lifeboat(&["backup", "--no-zip"]).exits(0);
    let left = listed(&bench);
    assert_eq!(left[..4], foreign, "of another machine");
    assert_eq!(left.len(), 6);
    config("");
    bench
        .lifeboat(&["backup", "data", "--no-zip", "--prune"])
        .exits(2)
        .complains(&["no rule to prune by"]);
    assert_eq!(
        listed(&bench).len(),
        6,
        "found out before anything was done"
    );
}

#[test]
fn a_record_that_cannot_be_read_is_forgotten_only_by_force() {
    let bench = Workbench::with_files();
    let all = taken(&bench, &DAYS);
    let record = bench.place().join(format!("snapshots/{}.snapshot", all[1]));
    std::fs::write(record, "junk").unwrap();
    std::fs::remove_dir_all(bench.place().join("copies")).unwrap();
    bench.lifeboat(&["forget", "--keep-last", "4"]).exits(0);
    bench.lifeboat(&["forget", &all[1][..8]]).exits(4);
    bench
        .lifeboat(&["forget", &all[1][..8], "--force"])
        .exits(0);
    assert_eq!(listed(&bench), [&all[..1], &all[2..]].concat());
}
