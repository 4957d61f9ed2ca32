//! The machine of an application, and its clock: the daemon and everything that it starts read a clock that the test sets.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, Utc};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::told::{Daemon, wait_until};
use crate::support::{Answer, Workbench};

const HOUR: Duration = Duration::from_secs(3600);

/// All that a daemon tells that works.
const ALL: &[&str] = &[
    "started", "ended", "waiting", "looked", "error", "kept", "reloaded",
];

/// An application's machine, and its clock.
pub(super) struct World {
    pub(super) bench: Workbench,
    pub(super) daemon: Option<Daemon>,
    pub(super) now: DateTime<Utc>,
    pub(super) steady: Duration,
    /// Times of the snapshots that were taken, as far as this test knows.
    pub(super) taken: Vec<DateTime<Utc>>,
    changes: u32,
    /// How often it has looked for news.
    looks: usize,
    /// What the daemon said last of what it waits for.
    last: Value,
}

impl World {
    pub(super) fn at(time: &str, config: &str) -> Self {
        let bench = Workbench::with_files();
        fs::write(bench.path("lifeboat.toml"), config).unwrap();
        let world = Self {
            bench,
            daemon: None,
            now: time.parse().unwrap(),
            steady: HOUR,
            taken: Vec::new(),
            changes: 0,
            looks: 0,
            last: Value::Null,
        };
        world.set_clock();
        world.lifeboat(&["init"]).exits(0);
        world
    }

    fn set_clock(&self) {
        let text = format!(
            "{} {}",
            self.now.timestamp_millis(),
            self.steady.as_millis()
        );
        let new = self.bench.path("clock.new");
        fs::write(&new, text).unwrap();
        fs::rename(&new, self.bench.path("clock")).unwrap();
    }

    /// The program, in the time of the test.
    pub(super) fn command(&self, args: &[&str]) -> Command {
        let mut command = self.bench.command(args);
        command.env("LIFEBOAT_TEST_CLOCK", self.bench.path("clock"));
        command
    }

    pub(super) fn lifeboat(&self, args: &[&str]) -> Answer {
        Answer::of(&mut self.command(args))
    }

    /// The application writes.
    pub(super) fn work(&mut self) {
        self.changes += 1;
        self.bench
            .write("notes.txt", format!("change {}", self.changes));
    }

    /// Starts the daemon, and gives what it did until it had nothing more to do.
    pub(super) fn start(&mut self) -> Vec<(String, i64)> {
        self.set_clock();
        self.daemon = Some(Daemon::of(self.command(&["daemon", "--json"])));
        self.settle()
    }

    /// Time passes, awake or asleep, and the daemon looks at the clock.
    pub(super) fn pass(&mut self, span: Duration) -> Vec<(String, i64)> {
        self.now += span;
        self.steady += span;
        self.set_clock();
        self.daemon.as_ref().unwrap().signal(Signal::USR1);
        self.settle()
    }

    /// How long until the next run, by what it told last.
    pub(super) fn next(&self) -> Duration {
        let next: DateTime<Utc> = self.last["next"].as_str().unwrap().parse().unwrap();
        next.signed_duration_since(self.now).to_std().unwrap()
    }

    /// Time passes until this time of the same day, or of the next.
    pub(super) fn until(&mut self, time: &str) -> Vec<(String, i64)> {
        let time = time.parse().unwrap();
        let mut then = self.now.with_time(time).unwrap();
        if then <= self.now {
            then += 24 * HOUR;
        }
        self.pass(then.signed_duration_since(self.now).to_std().unwrap())
    }

    pub(super) fn settle(&mut self) -> Vec<(String, i64)> {
        let mut done = Vec::new();
        loop {
            let event = self
                .daemon
                .as_mut()
                .unwrap()
                .until_any(&["ended", "waiting", "looked"]);
            if event["event"] == "looked" {
                self.looks += 1;
            } else if event["event"] == "ended" {
                let (job, exit) = (
                    event["job"].as_str().unwrap(),
                    event["exit_code"].as_i64().unwrap(),
                );
                if job == "backup clinic" && exit == 0 {
                    self.taken.push(self.now);
                }
                done.push((job.to_owned(), exit));
            } else if event["running"] == 0 && self.is_now(&event) {
                self.last = event;
                return done;
            }
        }
    }

    /// Waits until it has looked for news so often since it was started.
    pub(super) fn until_looked(&mut self, times: usize) {
        while self.looks < times {
            self.daemon.as_mut().unwrap().until("looked");
            self.looks += 1;
        }
    }

    /// Whether the daemon has seen the clock as it is set now.
    fn is_now(&self, waiting: &Value) -> bool {
        let time: DateTime<Utc> = waiting["time"].as_str().unwrap().parse().unwrap();
        time == self.now
    }

    /// Time passes beside runs that do not end; gives how many they are.
    pub(super) fn pass_beside(&mut self, span: Duration) -> u64 {
        let told = self.tells(span);
        told.last().unwrap()["running"].as_u64().unwrap()
    }

    /// Time passes; gives all that the daemon tells until it has done what is due then.
    pub(super) fn tells(&mut self, span: Duration) -> Vec<Value> {
        self.now += span;
        self.steady += span;
        self.set_clock();
        self.daemon.as_ref().unwrap().signal(Signal::USR1);
        let mut told = Vec::new();
        loop {
            let event = self.daemon.as_mut().unwrap().until_any(ALL);
            let is_last = event["event"] == "waiting" && self.is_now(&event);
            told.push(event);
            if is_last {
                return told;
            }
        }
    }

    /// Waits for a run of the night, and has it stand still before it has ended.
    pub(super) fn stop_a_run(&mut self) -> Pid {
        loop {
            self.now += 24 * HOUR;
            self.steady += 24 * HOUR;
            self.set_clock();
            let daemon = self.daemon.as_mut().unwrap();
            daemon.signal(Signal::USR1);
            // The backup first, and what waits for it then.
            daemon.until("ended");
            let started = daemon.until("started");
            let process = i32::try_from(started["pid"].as_i64().unwrap()).unwrap();
            let process = Pid::from_raw(process).unwrap();
            let _ = kill_process(process, Signal::STOP);
            let is = |state: &str| {
                let stat = fs::read_to_string(format!("/proc/{}/stat", process.as_raw_nonzero()));
                stat.is_ok_and(|stat| stat.contains(state))
            };
            wait_until(|| is(") T ") || !super::is_alive(process));
            if is(") T ") {
                daemon.until("waiting");
                return process;
            }
            self.settle();
        }
    }

    /// What it told last, for a test that fails.
    pub(super) fn lately(&self) -> String {
        let told = self.daemon.as_ref().unwrap().told();
        let last = told.len().saturating_sub(12);
        format!("at {} {:?}: {:#?}", self.now, self.steady, &told[last..])
    }

    pub(super) fn stop(&mut self) {
        let daemon = self.daemon.take().unwrap();
        daemon.signal(Signal::TERM);
        assert_eq!(daemon.end(), Some(0));
    }

    /// Times of what is kept.
    pub(super) fn kept(&self) -> Vec<DateTime<Utc>> {
        let listed = self.lifeboat(&["list", "--json"]).exits(0).json();
        let time = |item: &Value| item["time"].as_str().unwrap().parse().unwrap();
        listed.as_array().unwrap().iter().map(time).collect()
    }

    /// What the policy says of what was taken: the last three, and the last of each of five days.
    pub(super) fn policy(&self) -> Vec<DateTime<Utc>> {
        let mut kept: BTreeSet<DateTime<Utc>> = self.taken.iter().rev().take(3).copied().collect();
        let mut days: Vec<NaiveDate> = self.taken.iter().map(DateTime::date_naive).collect();
        days.dedup();
        for day in days.iter().rev().take(5) {
            let of_day = self.taken.iter().filter(|time| time.date_naive() == *day);
            kept.extend(of_day.max());
        }
        kept.into_iter().collect()
    }
}
