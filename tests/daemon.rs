//! The daemon: it backs up when it is time to, whatever becomes of it and of its runs, and is never silent about it (A3, F-75).

/// A config that is changed.
mod config;
/// Days of an application under a clock that is set.
mod day;
/// Disks that do not answer.
mod hung;
/// Daemons that are killed again and again beside a writing process.
mod killed;
/// Sources and repositories that come and go.
mod places;
/// What a service manager is told.
mod service;
/// The daemon as a process that tells what it does.
mod told;
/// The files for service managers.
mod units;
/// The machine of an application, and its clock.
mod world;

use std::fs;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;

use crate::support::Workbench;
use crate::support::web::{Manner, Web};
use told::Daemon;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

/// A bench with files, a repository, and a config with this behind the source.
fn bench(text: &str) -> Workbench {
    let bench = Workbench::with_files();
    configure(&bench, text);
    bench.lifeboat(&["init"]).exits(0);
    bench
}

fn configure(bench: &Workbench, text: &str) {
    let config = format!(
        "[source.data]\npath = \"data\"\n[zip]\nwhen = \"never\"\n[upkeep]\ngc = \"never\"\nverify = \"never\"\n{text}"
    );
    fs::write(bench.path("lifeboat.toml"), config).unwrap();
}

fn history(bench: &Workbench) -> Vec<Value> {
    let args = ["history", "--json", "-n", "1000"];
    let runs = bench.lifeboat(&args).exits(0).json();
    runs.as_array().unwrap().clone()
}

fn snapshots(bench: &Workbench) -> usize {
    let listed = bench.lifeboat(&["list", "--json"]).exits(0).json();
    listed.as_array().unwrap().len()
}

#[test]
fn it_backs_up_at_once_and_at_its_interval_until_it_is_ended() {
    let bench = bench("[schedule]\nevery = \"1s\"\n");
    let mut daemon = Daemon::start(&bench);
    for _ in 0..3 {
        let ended = daemon.until("ended");
        assert_eq!(ended["job"], "backup data");
        assert_eq!(ended["exit_code"], 0, "{ended}");
    }
    daemon.signal(Signal::TERM);
    daemon.until("stopped");
    assert_eq!(daemon.end(), Some(0));
    let runs = history(&bench);
    let good = runs.iter().filter(|run| run["exit_code"] == 0).count();
    assert!(good >= 3 && snapshots(&bench) >= 3, "{runs:?}");
}

#[test]
fn it_goes_on_where_it_was_and_does_not_begin_anew() {
    let bench = bench("[schedule]\nevery = \"4h\"\n");
    let mut daemon = Daemon::start(&bench);
    daemon.until("ended");
    daemon.kill();
    let mut daemon = Daemon::start(&bench);
    let waiting = daemon.until("waiting");
    assert_eq!(waiting["job"], "backup data");
    daemon.kill();
    assert_eq!(snapshots(&bench), 1, "that of the first, which is young");
}

#[test]
fn a_second_daemon_of_the_same_config_is_refused_and_the_first_goes_on() {
    let bench = bench("");
    let mut daemon = Daemon::start(&bench);
    daemon.until("ended");
    let refused = bench.lifeboat(&["daemon"]).exits(11);
    assert!(
        refused
            .stderr()
            .contains("another daemon works by the config")
    );
    daemon.signal(Signal::INT);
    assert_eq!(daemon.end(), Some(0));
}

#[test]
fn without_anything_to_back_up_there_is_no_daemon() {
    let bench = Workbench::with_files();
    bench.lifeboat(&["daemon"]).exits(2);
    fs::write(bench.path("lifeboat.toml"), "[schedule]\nevery = \"4h\"\n").unwrap();
    let refused = bench.lifeboat(&["daemon"]).exits(2);
    assert!(refused.stderr().contains("no [source.NAME]"));
}

#[test]
fn a_run_that_is_killed_is_in_the_history_and_the_daemon_goes_on() {
    let bench = bench("[schedule]\nevery = \"1s\"\n");
    let stuck = bench.path("data/stuck.db");
    let database = rusqlite::Connection::open(&stuck).unwrap();
    database
        .execute_batch("CREATE TABLE notes (text); BEGIN EXCLUSIVE")
        .unwrap();
    let mut daemon = Daemon::start(&bench);
    // It waits for the database, so it is there to be killed.
    let child = daemon.child();
    rustix::process::kill_process(child, Signal::KILL).unwrap();
    let killed = daemon.until("ended");
    assert_eq!(killed["exit_code"], 137, "{killed}");
    drop(database);
    daemon.until_job(|ended| ended["exit_code"] == 0);
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.end(), Some(0));
    let runs = history(&bench);
    let killed = runs.iter().find(|run| run["exit_code"] == 137).unwrap();
    assert_eq!(killed["error"], "the run was killed by signal 9");
    assert_eq!(killed["sources"][0], bench.data().to_str().unwrap());
}

#[test]
fn somebody_is_told_of_a_run_that_was_killed_and_of_the_next_that_was_not() {
    let web = Web::start(Manner::Says(200, ""));
    let notify = format!("[notify.webhook]\nurl = \"{}\"\n", web.url("/"));
    let bench = bench(&format!("[schedule]\nevery = \"1s\"\n{notify}"));
    let database = rusqlite::Connection::open(bench.path("data/stuck.db")).unwrap();
    database
        .execute_batch("CREATE TABLE notes (text); BEGIN EXCLUSIVE")
        .unwrap();
    let mut daemon = Daemon::start(&bench);
    rustix::process::kill_process(daemon.child(), Signal::KILL).unwrap();
    daemon.until("ended");
    let mut count = 1;
    while !web.requests_from(count)[count - 1]
        .body
        .contains("killed by signal 9")
    {
        count += 1;
    }
    drop(database);
    while !web.requests_from(count)[count - 1]
        .body
        .contains("recovery")
    {
        count += 1;
    }
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.end(), Some(0));
}

#[test]
fn f75_what_runs_is_asked_to_end_with_the_daemon_and_leaves_its_record() {
    let bench = bench("[schedule]\nevery = \"1s\"\n");
    let database = rusqlite::Connection::open(bench.path("data/stuck.db")).unwrap();
    database
        .execute_batch("CREATE TABLE notes (text); BEGIN EXCLUSIVE")
        .unwrap();
    for signal in [Signal::TERM, Signal::KILL] {
        let mut daemon = Daemon::start(&bench);
        let child = daemon.child();
        told::wait_until(|| listens(child));
        let behind = (niceness(rustix::process::getpid()) + 10).min(19);
        assert_eq!(niceness(child), behind, "it steps back behind all else");
        daemon.signal(signal);
        daemon.end();
        // Without its daemon, nothing goes on that the next one would start beside itself.
        told::wait_until(|| !is_alive(child));
    }
    let ends: Vec<_> = history(&bench)
        .iter()
        .map(|run| run["exit_code"].clone())
        .collect();
    assert_eq!(ends, [143, 143]);
}

/// Whether the signal that asks it to end would be noticed by it: it is the program that was started, and no longer the
/// daemon's twin, and has begun its work.
fn listens(process: rustix::process::Pid) -> bool {
    let command = fs::read(format!("/proc/{}/cmdline", process.as_raw_nonzero())).unwrap();
    if !command.windows(6).any(|word| word == b"backup") {
        return false;
    }
    let status = fs::read_to_string(format!("/proc/{}/status", process.as_raw_nonzero())).unwrap();
    let caught = status
        .lines()
        .find_map(|line| line.strip_prefix("SigCgt:"))
        .unwrap();
    let caught = u64::from_str_radix(caught.trim(), 16).unwrap();
    caught >> (Signal::TERM.as_raw() - 1) & 1 == 1
}

fn niceness(process: rustix::process::Pid) -> i32 {
    let stat = fs::read_to_string(format!("/proc/{}/stat", process.as_raw_nonzero())).unwrap();
    let behind_name = stat.rsplit(") ").next().unwrap();
    behind_name.split(' ').nth(16).unwrap().parse().unwrap()
}

fn is_alive(process: rustix::process::Pid) -> bool {
    let stat = fs::read_to_string(format!("/proc/{}/stat", process.as_raw_nonzero()));
    stat.is_ok_and(|stat| !stat.contains(") Z "))
}

#[test]
fn status_tells_when_the_next_backup_is_due_and_whether_a_daemon_sees_to_it() {
    let bench = bench("[schedule]\nevery = \"4h\"\n");
    let mut daemon = Daemon::start(&bench);
    daemon.until("ended");
    let status = bench.lifeboat(&["status"]).exits(0).text();
    assert!(status.contains("next in 3 h 59 min"), "{status}");
    assert!(!status.contains("No daemon runs"), "{status}");
    let told = bench.lifeboat(&["status", "--json"]).exits(0).json();
    assert_eq!(told["daemon"], true);
    assert!((14_000..=14_400).contains(&told["sources"][0]["next_s"].as_u64().unwrap()));
    daemon.kill();
    let status = bench.lifeboat(&["status"]).exits(0).text();
    assert!(status.contains("No daemon runs"), "{status}");
}
