//! Days of an application, from its start to the morning after, and what they leave: the daemon and everything that it starts
//! read a clock that the test sets (A1, A3, M3).

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, Utc};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::history;
use super::told::Daemon;
use crate::support::{Answer, Workbench};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

/// Every four hours; the last three and one of each of five days stay; at three in the night it is read and freed.
const CONFIG: &str = "[source.clinic]\npath = \"data\"\n[zip]\nwhen = \"never\"\n[schedule]\nevery = \"4h\"\n\
                      [retention]\nlast = 3\ndaily = 5\nprune = true\n\
                      [upkeep]\ntimezone = \"UTC\"\nprune = \"never\"\ngc = \"daily 03:00\"\ngc_grace = \"1h\"\n\
                      verify = \"daily 03:00\"\nverify_subset = \"50%\"\n";

/// An application's machine, and its clock.
struct World {
    bench: Workbench,
    daemon: Option<Daemon>,
    now: DateTime<Utc>,
    steady: Duration,
    /// Times of the snapshots that were taken, as far as this test knows.
    taken: Vec<DateTime<Utc>>,
    changes: u32,
    /// What the daemon said last of what it waits for.
    last: Value,
}

impl World {
    fn at(time: &str, config: &str) -> Self {
        let bench = Workbench::with_files();
        fs::write(bench.path("lifeboat.toml"), config).unwrap();
        let world = Self {
            bench,
            daemon: None,
            now: time.parse().unwrap(),
            steady: HOUR,
            taken: Vec::new(),
            changes: 0,
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
    fn command(&self, args: &[&str]) -> Command {
        let mut command = self.bench.command(args);
        command.env("LIFEBOAT_TEST_CLOCK", self.bench.path("clock"));
        command
    }

    fn lifeboat(&self, args: &[&str]) -> Answer {
        Answer::of(&mut self.command(args))
    }

    /// The application writes.
    fn work(&mut self) {
        self.changes += 1;
        self.bench
            .write("notes.txt", format!("change {}", self.changes));
    }

    /// Starts the daemon, and gives what it did until it had nothing more to do.
    fn start(&mut self) -> Vec<(String, i64)> {
        self.daemon = Some(Daemon::of(self.command(&["daemon", "--json"])));
        self.settle()
    }

    /// Time passes, awake or asleep, and the daemon looks at the clock.
    fn pass(&mut self, span: Duration) -> Vec<(String, i64)> {
        self.now += span;
        self.steady += span;
        self.set_clock();
        self.daemon.as_ref().unwrap().signal(Signal::USR1);
        self.settle()
    }

    /// How long until the next run, by what it told last.
    fn next(&self) -> Duration {
        let next: DateTime<Utc> = self.last["next"].as_str().unwrap().parse().unwrap();
        next.signed_duration_since(self.now).to_std().unwrap()
    }

    /// Time passes until this time of the same day, or of the next.
    fn until(&mut self, time: &str) -> Vec<(String, i64)> {
        let time = time.parse().unwrap();
        let mut then = self.now.with_time(time).unwrap();
        if then <= self.now {
            then += 24 * HOUR;
        }
        self.pass(then.signed_duration_since(self.now).to_std().unwrap())
    }

    fn settle(&mut self) -> Vec<(String, i64)> {
        let mut done = Vec::new();
        loop {
            let event = self
                .daemon
                .as_mut()
                .unwrap()
                .until_any(&["ended", "waiting"]);
            if event["event"] == "ended" {
                let (job, exit) = (
                    event["job"].as_str().unwrap(),
                    event["exit_code"].as_i64().unwrap(),
                );
                if job == "backup clinic" && exit == 0 {
                    self.taken.push(self.now);
                }
                done.push((job.to_owned(), exit));
            } else if event["running"] == 0 {
                self.last = event;
                return done;
            }
        }
    }

    /// Time passes beside runs that do not end; gives how many they are.
    fn pass_beside(&mut self, span: Duration) -> u64 {
        self.now += span;
        self.steady += span;
        self.set_clock();
        let daemon = self.daemon.as_mut().unwrap();
        daemon.signal(Signal::USR1);
        daemon.until("waiting")["running"].as_u64().unwrap()
    }

    /// Waits for a run of the night, and has it stand still before it has ended.
    fn stop_a_run(&mut self) -> Pid {
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
            super::told::wait_until(|| is(") T ") || !super::is_alive(process));
            if is(") T ") {
                daemon.until("waiting");
                return process;
            }
            self.settle();
        }
    }

    fn stop(&mut self) {
        let daemon = self.daemon.take().unwrap();
        daemon.signal(Signal::TERM);
        assert_eq!(daemon.end(), Some(0));
    }

    /// Times of what is kept.
    fn kept(&self) -> Vec<DateTime<Utc>> {
        let listed = self.lifeboat(&["list", "--json"]).exits(0).json();
        let time = |item: &Value| item["time"].as_str().unwrap().parse().unwrap();
        listed.as_array().unwrap().iter().map(time).collect()
    }

    /// What the policy says of what was taken: the last three, and the last of each of five days.
    fn policy(&self) -> Vec<DateTime<Utc>> {
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

fn done(jobs: &[(&str, i64)]) -> Vec<(String, i64)> {
    let job = |(job, exit): &(&str, i64)| ((*job).to_owned(), *exit);
    jobs.iter().map(job).collect()
}

const BACKUP: (&str, i64) = ("backup clinic", 0);
const GONE: (&str, i64) = ("backup clinic", 10);

#[test]
fn days_of_an_application_leave_what_the_policy_says() {
    let mut world = World::at("2026-11-16T08:00:00Z", CONFIG);
    // It starts with the machine; the application asks for a backup that is young already.
    assert_eq!(world.start(), done(&[BACKUP]));
    let recent = world.lifeboat(&["backup", "--if-older-than", "1h", "--json"]);
    assert_eq!(recent.exits(0).summary()["skipped"], "recent");
    world.work();
    assert_eq!(world.pass(3 * HOUR), done(&[]));
    // At noon the disk of the repository fails; it is tried again and again, and told.
    fs::rename(world.bench.place(), world.bench.path("broken")).unwrap();
    assert_eq!(world.pass(HOUR), done(&[GONE]));
    assert_eq!(world.pass(MINUTE), done(&[GONE]));
    assert_eq!(world.pass(MINUTE), done(&[]));
    assert_eq!(world.pass(MINUTE), done(&[GONE]));
    world.lifeboat(&["status"]).exits(10);
    // It is mended, and the backup made up for.
    fs::rename(world.bench.path("broken"), world.bench.place()).unwrap();
    assert_eq!(world.pass(4 * MINUTE), done(&[BACKUP]));
    let status = world.lifeboat(&["status"]).exits(0).text();
    assert!(
        status.contains("just now") && status.contains("next in 4 h 0 min"),
        "{status}"
    );
    world.work();
    assert_eq!(world.pass(4 * HOUR), done(&[BACKUP]));
    // The application is closed, and saves itself.
    world.work();
    world.pass(30 * MINUTE);
    world.lifeboat(&["backup"]).exits(0);
    world.taken.push(world.now);
    assert_eq!(world.until("20:07:00"), done(&[BACKUP]));
    // The machine sleeps; in the morning everything is made up for, once.
    let mut morning = world.until("07:30:00");
    morning.sort();
    assert_eq!(morning, done(&[BACKUP, ("gc", 0), ("verify", 0)]));
    assert_eq!(world.pass(MINUTE), done(&[]));
    assert_eq!(world.kept(), world.policy());
    more_days(&mut world);
}

/// A whole week: what is kept is as the policy wants it at any time, and every run is in the history.
fn more_days(world: &mut World) {
    for day in 0..6 {
        for _ in 0..4 {
            world.work();
            assert_eq!(world.pass(4 * HOUR), done(&[BACKUP]));
            assert_eq!(world.kept(), world.policy(), "day {day}");
        }
        if day == 3 {
            // The machine is switched off and on.
            world.stop();
            world.now += HOUR;
            assert_eq!(world.start(), done(&[]));
        }
        let night = world.until("07:30:00");
        assert_eq!(
            night.iter().filter(|job| job.0 == "verify").count(),
            1,
            "{night:?}"
        );
        assert_eq!(
            night.iter().filter(|job| job.0 == "gc").count(),
            1,
            "{night:?}"
        );
        assert_eq!(
            night.iter().filter(|job| job.0 == "backup clinic").count(),
            1,
            "{night:?}"
        );
    }
    assert_eq!(world.kept(), world.policy());
    assert_eq!(
        world.kept().len(),
        6,
        "three, of two days, and three more days"
    );
    world.stop();
    let runs = history(&world.bench);
    let backups = runs.iter().filter(|run| run["kind"] == "backup");
    let (good, failed): (Vec<_>, Vec<_>) = backups.partition(|run| run["exit_code"] == 0);
    assert_eq!(good.len(), world.taken.len());
    // Those that had no repository to leave a record in are there as well.
    let failed: Vec<_> = failed
        .iter()
        .map(|run| (&run["start"], &run["exit_code"]))
        .collect();
    let at = |time: &str| Value::from(format!("2026-11-16T12:{time}.000+00:00"));
    let times = ["00:00", "01:00", "03:00"].map(at);
    let ten = Value::from(10);
    let wanted: Vec<_> = times.iter().map(|time| (time, &ten)).collect();
    assert_eq!(failed, wanted);
    world.lifeboat(&["verify", "--read-data"]).exits(0);
}

#[test]
fn it_comes_more_often_while_data_changes() {
    let config = CONFIG.replace("\"4h\"", "\"10m..1h\"");
    let mut world = World::at("2026-11-16T08:00:00Z", &config);
    assert_eq!(world.start(), done(&[BACKUP]));
    let mut gaps = Vec::new();
    for has_changes in [false, false, false, true, true, true] {
        if has_changes {
            world.work();
        }
        let next = world.next();
        gaps.push(next.as_secs() / 60);
        assert_eq!(world.pass(next), done(&[BACKUP]));
    }
    assert_eq!(gaps, [10, 20, 40, 60, 30, 15]);
    world.stop();
}

#[test]
fn what_takes_longer_than_it_may_is_ended_and_told() {
    let config = format!("{CONFIG}time_limit = \"2h\"\n");
    let mut world = World::at("2026-11-16T08:00:00Z", &config);
    world.start();
    let stopped = world.stop_a_run();
    // It is asked, and does not hear; then it is not asked.
    assert_eq!(world.pass_beside(HOUR), 1);
    assert_eq!(world.pass_beside(HOUR), 1);
    world.pass_beside(MINUTE);
    super::told::wait_until(|| !super::is_alive(stopped));
    let ended = world
        .daemon
        .as_mut()
        .unwrap()
        .until_job(|ended| ended["exit_code"] == 137);
    assert_eq!(
        ended["error"],
        "it took longer than its time_limit and was ended"
    );
    world.daemon.as_ref().unwrap().signal(Signal::USR1);
    world.settle();
    world.stop();
    let runs = history(&world.bench);
    let ended = runs.iter().find(|run| run["exit_code"] == 137).unwrap();
    assert_eq!(
        ended["error"],
        "it took longer than its time_limit and was ended"
    );
}
