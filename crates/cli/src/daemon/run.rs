//! The loop: what is due is started, what ended is recorded, signals are obeyed, and the rest of the time is slept.
//!
//! The sleep is short, whatever is to come: a machine may be suspended and the time of day may be set meanwhile.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use lifeboat_snapshot::store::clock::{Clock, SystemClock};
use rustix::process::Signal;
use signal_hook::consts::{SIGHUP, SIGUSR1};

use super::book::Book;
use super::child::{Program, Running};
use super::ends::unstarted;
use super::engine::{Engine, Moment, Name, Past, Plan};
use super::events::{Event, listen};
use super::jobs::Job;
use super::lock::Lock;
use super::look::Looks;
use super::setup::Setup;
use super::{past, service, tell};
use crate::context::{Context, this_host};
use crate::exit::Exit;
use crate::failure::Failure;

/// The longest sleep. A machine that wakes up from a long one catches up so soon.
const SLEEP: Duration = Duration::from_secs(60);

/// How long a run that was asked to end is left to do so.
const GRACE: Duration = Duration::from_secs(60);

/// A run under way.
pub(super) struct Current {
    pub(super) job: Job,
    pub(super) process: Running,
    pub(super) began: Moment,
    /// When it has taken too long.
    pub(super) deadline: Option<Duration>,
    /// It was asked to end because it had.
    pub(super) is_late: bool,
}

/// The daemon at work.
pub(super) struct Daemon<'a> {
    pub(super) context: &'a Context,
    pub(super) host: String,
    pub(super) program: Program,
    pub(super) setup: Setup,
    pub(super) lock: Lock,
    pub(super) engine: Engine,
    pub(super) current: BTreeMap<Name, Current>,
    pub(super) looks: Looks,
    events: Receiver<Event>,
    sender: Sender<Event>,
    /// Jobs whose sources are each saved for itself, since one of them is missing.
    pub(super) apart: BTreeSet<Name>,
    /// Records of runs that have to be written yet.
    pub(super) book: Book,
    /// Whether the past was read from the repository.
    pub(super) knows_past: bool,
    pub(super) is_stopping: bool,
}

/// Runs until it is asked to end.
pub(crate) fn run(context: &Context) -> Result<Exit, Failure> {
    let setup = Setup::load(context)?;
    let lock = Lock::take(&setup.file)?;
    let (sender, events) = channel();
    listen(sender.clone())?;
    let cannot = |error: &_| Failure::io("cannot find this program to start it again", error);
    let host = this_host();
    let engine = Engine::new(Vec::new(), setup.at_once, seed(&host), moment());
    let mut daemon = Daemon {
        program: Program::own().map_err(|error| cannot(&error))?,
        context,
        host,
        setup,
        lock,
        engine,
        current: BTreeMap::new(),
        looks: Looks::new(moment().steady),
        events,
        sender,
        apart: BTreeSet::new(),
        book: Book::default(),
        knows_past: false,
        is_stopping: false,
    };
    daemon.plan();
    daemon.greet();
    service::ready();
    daemon.work();
    tell::said(&context.ui, "stopped", "stopped");
    Ok(Exit::Done)
}

/// Machines have jitters of their own.
pub(crate) fn seed(host: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    host.hash(&mut hasher);
    hasher.finish()
}

/// Now, by both clocks.
pub(crate) fn moment() -> Moment {
    let clock = SystemClock;
    Moment {
        wall: clock.now(),
        steady: clock.steady(),
    }
}

impl Daemon<'_> {
    fn work(&mut self) {
        let mut is_news = true;
        loop {
            self.step();
            if self.is_stopping && self.current.is_empty() {
                return;
            }
            if is_news {
                self.tell_next();
            }
            let mut event = self.events.recv_timeout(self.pause()).ok();
            is_news = false;
            while let Some(told) = event {
                // A look for news changes nothing of what comes next.
                is_news |= !matches!(told, Event::Looked);
                self.obey(told);
                event = self.events.try_recv().ok();
            }
        }
    }

    /// All that is to be done now.
    fn step(&mut self) {
        let now = moment();
        self.lock.follow();
        self.engine.observe(now);
        self.end_late(now);
        if self.is_stopping {
            return service::alive("stopping");
        }
        // One that cannot be started has ended by that, so it is not due any more.
        for name in self.engine.due(now) {
            self.start(&name, now);
        }
        if self.setup.has_channels {
            self.look(now);
        }
        service::alive(&self.outlook(moment()));
    }

    fn look(&mut self, now: Moment) {
        let sender = self.sender.clone();
        let words = ["notify", "look"].map(OsString::from);
        let args = [self.flags(), words.to_vec()].concat();
        let ended = move || drop(sender.send(Event::Looked));
        let when = (now.steady, !self.current.is_empty());
        self.looks.step(&self.program, &args, when, ended);
    }

    /// How long there is nothing to do but to listen.
    fn pause(&self) -> Duration {
        let now = moment();
        let deadlines = self.current.values().filter_map(|current| current.deadline);
        let deadline = deadlines.map(|deadline| deadline.saturating_sub(now.steady));
        let due = self.engine.next_wake(now).filter(|_| !self.is_stopping);
        let all = deadline.chain(due).chain(service::watchdog());
        all.min().unwrap_or(SLEEP).min(SLEEP)
    }

    fn obey(&mut self, event: Event) {
        match event {
            Event::Ended(name) => self.ended(&name),
            Event::Looked => {
                self.looks.ended();
                tell::looked(&self.context.ui);
            }
            Event::Signal(SIGHUP) => self.reload(),
            // There is something to do, or the time of day was set: the loop looks.
            Event::Signal(SIGUSR1) => {}
            Event::Signal(_) => self.stop(),
        }
    }

    /// Lets what runs come to its end, which may be an early one.
    fn stop(&mut self) {
        if !self.is_stopping {
            service::stopping();
            tell::said(&self.context.ui, "stopping", "stopping");
        }
        // The first asks, the second does not ask.
        let signal = if self.is_stopping {
            Signal::KILL
        } else {
            Signal::TERM
        };
        self.is_stopping = true;
        for current in self.current.values() {
            current.process.signal(signal);
        }
    }

    /// Reads the config again. One that is no good leaves the old one in force.
    fn reload(&mut self) {
        service::reloading();
        match Setup::load(self.context) {
            Ok(setup) => {
                self.setup = setup;
                self.plan();
                tell::said(&self.context.ui, "reloaded", "read the config again");
            }
            Err(failure) => {
                tell::wrong(&self.context.ui, &failure);
                let text = "the config is left as it was read before";
                tell::said(&self.context.ui, "kept", text);
            }
        }
        service::ready();
    }

    /// Gives the engine the jobs and what is known of their past.
    pub(super) fn plan(&mut self) {
        let jobs = &self.setup.jobs;
        let known = self.setup.place.open();
        let known = known.and_then(|repository| Ok(past::of_all(&repository, jobs, &self.host)?));
        self.knows_past = known.is_ok();
        let now = moment();
        let none = Past {
            last_good: None,
            has_failed: false,
            since: now.wall,
        };
        let pasts = known.unwrap_or_else(|_| vec![none; jobs.len()]);
        let plans: Vec<(Plan, Past)> = jobs.iter().map(|job| job.plan.clone()).zip(pasts).collect();
        self.engine.replace(plans, self.setup.at_once, now);
    }

    fn start(&mut self, name: &str, now: Moment) {
        let Some(job) = self.setup.job(name).cloned() else {
            return;
        };
        if self.is_done_by_others(&job, now) {
            return;
        }
        self.engine.started(name, now);
        let (sender, told) = (self.sender.clone(), name.to_owned());
        let ended = move || drop(sender.send(Event::Ended(told)));
        match self.program.start(&self.args(&job), ended) {
            Ok(process) => {
                tell::started(&self.context.ui, name, process.id());
                let current = Current {
                    deadline: job.limit.map(|limit| now.steady + limit),
                    job,
                    process,
                    began: now,
                    is_late: false,
                };
                self.current.insert(name.to_owned(), current);
            }
            Err(error) => {
                let failure = Failure::io("the run could not be started", &error);
                self.conclude(&job, now, &unstarted(&failure), Some(failure.sentence()));
            }
        }
    }

    /// Somebody has backed up meanwhile, and the interval counts from then.
    fn is_done_by_others(&mut self, job: &Job, now: Moment) -> bool {
        if job.plan.is_upkeep {
            return false;
        }
        let repository = self.setup.place.open();
        let began =
            repository.and_then(|repository| Ok(past::last_good(&repository, job, &self.host)?));
        let began = began.ok().flatten();
        began.is_some_and(|began| self.engine.postpone(&job.plan.name, began, now))
    }

    /// What each run is told.
    fn flags(&self) -> Vec<OsString> {
        let pid = std::process::id().to_string();
        let nice = self.setup.nice.to_string();
        let mut args: Vec<OsString> = vec!["--config".into(), self.setup.file.clone().into()];
        args.extend(["--repo".into(), self.setup.place.path.clone().into()]);
        let flags = [
            "--json",
            "--no-progress",
            "--attended-by",
            &pid,
            "--nice",
            &nice,
        ];
        args.extend(flags.map(OsString::from));
        args
    }

    fn args(&self, job: &Job) -> Vec<OsString> {
        let mut args = self.flags();
        args.extend(job.work.args(self.apart.contains(&job.plan.name)));
        args
    }

    /// Ends what takes too long: it is asked, and later ended.
    fn end_late(&mut self, now: Moment) {
        for current in self.current.values_mut() {
            if current
                .deadline
                .is_some_and(|deadline| now.steady >= deadline)
            {
                let signal = if current.is_late {
                    Signal::KILL
                } else {
                    Signal::TERM
                };
                current.process.signal(signal);
                current.is_late = true;
                current.deadline = Some(now.steady + GRACE);
            }
        }
    }
}
