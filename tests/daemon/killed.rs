//! Daemons that are killed again and again beside a writing process: no snapshot is lost, none is missed for long, and the
//! history tells of every run.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use rustix::process::Signal;
use serde_json::Value;

use super::told::Daemon;
use super::{bench, history};
use crate::support::ledger::assert_committed;
use crate::support::{Ledger, Workbench};

/// What is known of the backups that went well.
#[derive(Default)]
struct Witness {
    ended: Vec<Value>,
}

impl Witness {
    /// Follows a daemon until so many backups have ended.
    fn follow(&mut self, daemon: &mut Daemon, backups: usize) {
        for _ in 0..backups {
            self.ended.push(daemon.until("ended"));
        }
    }

    fn snapshots(&self) -> BTreeSet<&str> {
        let ids = self
            .ended
            .iter()
            .filter_map(|ended| ended["snapshot"].as_str());
        ids.collect()
    }
}

/// All snapshots with their times, oldest first.
fn listed(bench: &Workbench) -> Vec<(String, DateTime<Utc>)> {
    let listed = bench.lifeboat(&["list", "--json"]).exits(0).json();
    let item = |item: &Value| {
        let id = item["id"].as_str().unwrap().to_owned();
        (id, item["time"].as_str().unwrap().parse().unwrap())
    };
    listed.as_array().unwrap().iter().map(item).collect()
}

/// Every snapshot that was told of is there, each has its run in the history, and those looked at are committed states.
fn check(bench: &Workbench, ledger: &Ledger, witness: &Witness, every: usize) {
    let listed = listed(bench);
    let ids: BTreeSet<&str> = listed.iter().map(|(id, _)| id.as_str()).collect();
    assert!(witness.snapshots().is_subset(&ids), "a snapshot was lost");
    let runs = history(bench);
    let of_runs = runs.iter().filter_map(|run| run["snapshot"].as_str());
    let of_runs: BTreeSet<&str> = of_runs.collect();
    assert_eq!(of_runs, ids, "the history has every snapshot, and no other");
    let ended = runs.iter().filter(|run| run["exit_code"] != 0);
    assert!(
        ended.clone().all(|run| run["exit_code"] == 143),
        "{:?}",
        ended.collect::<Vec<_>>()
    );
    let mut last = 0;
    for (number, (id, _)) in listed
        .iter()
        .enumerate()
        .filter(|(number, _)| number % every == 0)
    {
        let target = bench.path(format!("restored-{number}"));
        let args = ["restore", id, "--to", target.to_str().unwrap()];
        bench.lifeboat(&args).exits(0);
        // Later ones have no fewer commits.
        last = assert_committed(&target.join("ledger.db"), last);
    }
    assert!(last <= ledger.acknowledged() + 1);
    bench.lifeboat(&["verify", "--read-data"]).exits(0);
}

#[test]
fn f01_a_daemon_that_is_killed_again_and_again_loses_nothing() {
    let bench = bench("[schedule]\nevery = \"1s\"\n");
    let ledger = Ledger::create(&bench.data().join("ledger.db"), "PRAGMA journal_mode = WAL");
    let mut writer = ledger.writer();
    let mut witness = Witness::default();
    for round in 0..5 {
        let mut daemon = Daemon::start(&bench);
        witness.follow(&mut daemon, 1);
        ledger.wait_for_more(&mut writer);
        if round % 2 == 0 {
            // In the middle of a run, or of the waiting for it.
            daemon.until("started");
        }
        daemon.kill();
    }
    let mut daemon = Daemon::start(&bench);
    witness.follow(&mut daemon, 2);
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.end(), Some(0));
    writer.end();
    check(&bench, &ledger, &witness, 1);
}

/// `cargo test -p lifeboat --test suite -- --ignored --nocapture five_minutes_of_a_daemon`
#[test]
#[ignore = "five minutes; see docs/testing.md"]
fn five_minutes_of_a_daemon_that_is_killed_ten_times() {
    const INTERVAL: Duration = Duration::from_secs(5);
    const KILLS: u32 = 10;
    let all = Duration::from_secs(300);
    let bench = bench("[schedule]\nevery = \"5s\"\n");
    let ledger = Ledger::create(&bench.data().join("ledger.db"), "PRAGMA journal_mode = WAL");
    let writer = ledger.unhurried_writer();
    let mut witness = Witness::default();
    let began = Instant::now();
    for life in 1..=KILLS + 1 {
        let mut daemon = Daemon::start(&bench);
        let end = all * life / (KILLS + 1);
        while began.elapsed() < end {
            witness.follow(&mut daemon, 1);
        }
        if life % 2 == 0 {
            daemon.until("started");
        }
        match life > KILLS {
            true => daemon.signal(Signal::TERM),
            false => daemon.kill(),
        }
    }
    writer.end();
    let runs = history(&bench);
    let begin = |run: &Value| run["start"].as_str().unwrap().parse().unwrap();
    let begins: Vec<DateTime<Utc>> = runs.iter().map(begin).collect();
    let gaps = begins
        .windows(2)
        .map(|pair| pair[1].signed_duration_since(pair[0]));
    let longest = gaps.max().unwrap().to_std().unwrap();
    println!(
        "{} snapshots in {:.0?}, {} of them told of, {} runs in the history, {} commits, at most {longest:.1?} between two begins",
        listed(&bench).len(),
        began.elapsed(),
        witness.snapshots().len(),
        runs.len(),
        ledger.acknowledged(),
    );
    check(&bench, &ledger, &witness, 10);
    assert!(
        longest < 2 * INTERVAL,
        "none is missed for longer than an interval"
    );
}
