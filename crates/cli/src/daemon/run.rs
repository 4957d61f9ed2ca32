//! The loop: what is due is started, what ended is recorded, signals are obeyed, and the rest of the time is slept.
//!
//! The sleep is short, whatever is to come: a machine may be suspended and the time of day may be set meanwhile.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use lifeboat_snapshot::store::clock::{Clock, SystemClock};
use rustix::process::Signal;
use signal_hook::consts::{SIGHUP, SIGUSR1};

use super::aside::Aside;
use super::book::Book;
use super::child::Program;
use super::engine::{Engine, Moment, Name};
use super::events::{Event, listen};
use super::lock::Lock;
use super::look::Looks;
use super::setup::Setup;
use super::starts::Current;
use super::watched::Watched;
use super::{power, service, tell};
use crate::context::{Context, this_host};
use crate::exit::Exit;
use crate::failure::Failure;

/// The longest sleep. A machine that wakes up from a long one catches up so soon.
const SLEEP: Duration = Duration::from_secs(60);

/// The shortest sleep while nothing may be started.
const NAP: Duration = Duration::from_secs(1);

/// The daemon at work.
pub(super) struct Daemon<'a> {
    pub(super) context: &'a Context,
    pub(super) host: String,
    pub(super) program: Program,
    pub(super) setup: Setup,
    _lock: Lock,
    pub(super) watched: Watched,
    /// Looks into the repository.
    pub(super) repository: Aside,
    pub(super) engine: Engine,
    pub(super) current: BTreeMap<Name, Current>,
    pub(super) looks: Looks,
    events: Receiver<Event>,
    pub(super) sender: Sender<Event>,
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
        _lock: lock,
        watched: Watched::new(context.names_config()),
        repository: Aside::default(),
        engine,
        current: BTreeMap::new(),
        looks: Looks::new(moment().steady),
        events,
        sender,
        book: Book::default(),
        knows_past: false,
        is_stopping: false,
    };
    daemon.plan();
    daemon.greet();
    service::ready();
    daemon.work();
    daemon.settle();
    tell::said(&context.ui, "stopped", "stopped");
    Ok(Exit::Done)
}

/// Machines have jitters of their own.
pub(crate) fn seed(host: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    host.hash(&mut hasher);
    hasher.finish()
}

/// Now, by both clocks: where the machine sleeps between the two looks, they are made again.
pub(crate) fn moment() -> Moment {
    const TRIES: usize = 10;
    const APART: Duration = Duration::from_secs(1);
    let clock = SystemClock;
    let look = || Moment {
        steady: clock.steady(),
        wall: clock.now(),
    };
    let is_one = |now: &Moment| clock.steady().saturating_sub(now.steady) < APART;
    let mut looks = std::iter::repeat_with(look).take(TRIES);
    looks.find(is_one).unwrap_or_else(look)
}

impl Daemon<'_> {
    fn work(&mut self) {
        let mut is_news = true;
        loop {
            let now = self.step();
            if self.is_stopping && self.current.values().all(Current::is_given_up) {
                return;
            }
            if is_news {
                self.tell_next(now);
            }
            let mut event = self.events.recv_timeout(self.pause()).ok();
            is_news = false;
            while let Some(told) = event {
                // A look for news changes nothing of what comes next.
                is_news |= !matches!(told, Event::Looked(_));
                self.obey(told);
                event = self.events.try_recv().ok();
            }
        }
    }

    /// All that is to be done now. Gives what now was: what came due since then is for the next step.
    fn step(&mut self) -> Moment {
        let now = moment();
        self.engine.observe(now);
        self.end_late(now);
        if self.is_stopping {
            service::alive("stopping");
            return now;
        }
        self.watch(now);
        let due = self.engine.due(now);
        self.engine.bar(!due.is_empty() && !self.may_start());
        if !self.engine.is_barred() {
            // One that cannot be started has ended by that, so it is not due any more.
            due.iter().for_each(|name| self.start(name, now));
        }
        if self.setup.has_channels {
            self.look(now);
        }
        service::alive(&self.outlook(moment()));
        now
    }

    /// What waits for power is due all the while, and the loop looks again.
    fn may_start(&self) -> bool {
        !(self.setup.spares_battery && power::is_on_battery(power::SUPPLIES.as_ref()))
    }

    fn look(&mut self, now: Moment) {
        let sender = self.sender.clone();
        let words = ["notify", "look"].map(OsString::from);
        let args = [self.flags(), words.to_vec()].concat();
        let ended = move |number| drop(sender.send(Event::Looked(number)));
        let is_busy = !self.current.values().all(Current::is_given_up);
        let what = (args.as_slice(), self.setup.text.as_str());
        let when = (now.steady, is_busy);
        self.looks.step(&self.program, what, when, ended);
    }

    /// How long there is nothing to do but to listen.
    fn pause(&self) -> Duration {
        let now = moment();
        let deadlines = self.current.values().filter_map(|current| current.deadline);
        let deadline = deadlines.map(|deadline| deadline.saturating_sub(now.steady));
        let due = self.engine.next_wake(now).filter(|_| !self.is_stopping);
        let changed = self.watched.wait(now.steady);
        let changed = changed.filter(|_| !self.is_stopping);
        let all = deadline.chain(due).chain(changed);
        let all = all.chain(service::watchdog());
        let least = match self.is_stopping || self.engine.is_barred() {
            true => NAP,
            false => Duration::ZERO,
        };
        all.min().unwrap_or(SLEEP).clamp(least, SLEEP)
    }

    fn obey(&mut self, event: Event) {
        match event {
            Event::Ended(name) => self.ended(&name),
            Event::Looked(number) => {
                self.looks.ended(number);
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
}
