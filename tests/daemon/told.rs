//! The daemon as a process, followed by what it tells. Nothing sleeps: each step waits for the event that it is about.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::support::Workbench;

/// Longer than anything here takes on any machine.
const LIMIT: Duration = Duration::from_secs(120);

/// A daemon under way.
pub(super) struct Daemon {
    process: Child,
    events: Receiver<Value>,
    /// All that it told, for a test that fails.
    told: Vec<Value>,
}

impl Daemon {
    /// Starts one with the config of the bench.
    pub(super) fn start(bench: &Workbench) -> Self {
        Self::of(bench.command(["daemon", "--json"]))
    }

    /// Starts this.
    pub(super) fn of(mut command: Command) -> Self {
        let mut process = command.stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let (sender, events) = channel();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let event = serde_json::from_str(&line).unwrap_or(Value::String(line));
                if sender.send(event).is_err() {
                    break;
                }
            }
        });
        let told = Vec::new();
        let mut daemon = Self {
            process,
            events,
            told,
        };
        daemon.until("ready");
        daemon
    }

    /// The next event of this name; others before it are passed over.
    #[track_caller]
    pub(super) fn until(&mut self, name: &str) -> Value {
        self.until_it(|event| event["event"] == name)
    }

    /// The next event of any of these names.
    #[track_caller]
    pub(super) fn until_any(&mut self, names: &[&str]) -> Value {
        self.until_it(|event| names.iter().any(|name| event["event"] == *name))
    }

    /// The next end of a run of which this is true.
    #[track_caller]
    pub(super) fn until_job(&mut self, is_it: impl Fn(&Value) -> bool) -> Value {
        self.until_it(|event| event["event"] == "ended" && is_it(event))
    }

    #[track_caller]
    fn until_it(&mut self, is_it: impl Fn(&Value) -> bool) -> Value {
        loop {
            let event = self.events.recv_timeout(LIMIT);
            let event = event.unwrap_or_else(|error| panic!("{error}: {:#?}", self.told));
            self.told.push(event.clone());
            if is_it(&event) {
                return event;
            }
        }
    }

    /// All that it told.
    pub(super) fn told(&self) -> &[Value] {
        &self.told
    }

    pub(super) fn id(&self) -> Pid {
        Pid::from_child(&self.process)
    }

    /// The process of the next run that it starts.
    #[track_caller]
    pub(super) fn child(&mut self) -> Pid {
        let started = self.until("started");
        let number = i32::try_from(started["pid"].as_i64().unwrap()).unwrap();
        Pid::from_raw(number).unwrap()
    }

    pub(super) fn signal(&self, signal: Signal) {
        kill_process(self.id(), signal).unwrap();
    }

    /// Ends it as a power switch does.
    pub(super) fn kill(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Waits for its end, and gives its exit code.
    pub(super) fn end(mut self) -> Option<i32> {
        self.process.wait().unwrap().code()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // A test that fails leaves nobody behind.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Waits for something that no event tells of.
#[track_caller]
pub(super) fn wait_until(is_so: impl Fn() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < LIMIT, "it does not come");
        std::thread::yield_now();
    }
}
