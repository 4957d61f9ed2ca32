//! Runs are begun, and those that take too long are ended: they are asked to, then they are killed; what cannot even be killed,
//! since the system itself is held up by a disk that does not answer, is given up, and keeps nothing else from being done.

use std::ffi::OsString;
use std::time::Duration;

use rustix::process::Signal;

use super::child::Running;
use super::ends::unstarted;
use super::engine::Moment;
use super::events::Event;
use super::jobs::Job;
use super::run::Daemon;
use super::{past, tell};
use crate::failure::Failure;

/// How long a run that was asked to end is left to do so, beside the time of its hooks, and one that was killed until it is given
/// up.
const GRACE: Duration = Duration::from_secs(60);

/// A run under way.
pub(super) struct Current {
    pub(super) job: Job,
    pub(super) process: Running,
    pub(super) began: Moment,
    /// When it has taken too long.
    pub(super) deadline: Option<Duration>,
    pub(super) stage: Stage,
}

/// What was done to have it end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// Nothing: it has time.
    Working,
    /// It was asked.
    Asked,
    /// It was not asked any more.
    Killed,
    /// Nothing helps.
    GivenUp,
}

impl Stage {
    /// How long it is to last, where its hooks have so long after the work.
    fn patience(self, tidying: Duration) -> Option<Duration> {
        match self {
            Self::Asked => Some(GRACE + tidying),
            Self::Killed => Some(GRACE),
            Self::Working | Self::GivenUp => None,
        }
    }
}

impl Current {
    /// Whether it took too long.
    pub(super) fn is_late(&self) -> bool {
        self.stage != Stage::Working
    }

    /// Whether nobody waits for it any more.
    pub(super) fn is_given_up(&self) -> bool {
        self.stage == Stage::GivenUp
    }

    /// Does the next thing to have it end, where it is time to; whether it is given up by that.
    fn press(&mut self, now: Duration) -> bool {
        if self.deadline.is_none_or(|deadline| now < deadline) {
            return false;
        }
        self.stage = match self.stage {
            Stage::Working => Stage::Asked,
            Stage::Asked => Stage::Killed,
            Stage::Killed | Stage::GivenUp => Stage::GivenUp,
        };
        self.deadline = self.stage.patience(self.job.tidying).map(|time| now + time);
        match self.stage {
            Stage::Asked => self.process.signal(Signal::TERM),
            Stage::Killed => self.process.signal(Signal::KILL),
            Stage::Working | Stage::GivenUp => {}
        }
        self.is_given_up()
    }
}

impl Daemon<'_> {
    pub(super) fn start(&mut self, name: &str, now: Moment) {
        let Some(job) = self.setup.job(name).cloned() else {
            return;
        };
        if self.is_done_by_others(&job, now) {
            return;
        }
        self.engine.started(name, now);
        let (sender, told) = (self.sender.clone(), name.to_owned());
        let ended = move || drop(sender.send(Event::Ended(told)));
        let args = [self.flags(), job.work.args()].concat();
        match self.program.start(&args, &self.setup.text, ended) {
            Ok(process) => {
                tell::started(&self.context.ui, name, process.id());
                let current = Current {
                    deadline: job.limit.map(|limit| now.steady + limit),
                    job,
                    process,
                    began: now,
                    stage: Stage::Working,
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
        let (place, host) = (self.setup.place.clone(), self.host.clone());
        let asked = job.clone();
        let began = self.repository.ask(move || {
            let repository = place.open().ok()?;
            past::last_good(&repository, &asked, &host).ok()?
        });
        let began = began.flatten();
        began.is_some_and(|began| self.engine.postpone(&job.plan.name, began, now))
    }

    /// What each run is told.
    pub(super) fn flags(&self) -> Vec<OsString> {
        let pid = std::process::id().to_string();
        let nice = self.setup.nice.to_string();
        let len = self.setup.text.len().to_string();
        let mut args: Vec<OsString> = vec!["--config".into(), self.setup.file.clone().into()];
        args.extend(["--repo".into(), self.setup.place.path.clone().into()]);
        let flags = [
            "--config-given",
            &len,
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

    /// Ends what takes too long.
    pub(super) fn end_late(&mut self, now: Moment) {
        let late = self.current.iter_mut();
        let given_up = late.filter_map(|(name, current)| {
            current
                .press(now.steady)
                .then(|| (name.clone(), current.job.clone(), current.began))
        });
        for (name, job, began) in given_up.collect::<Vec<_>>() {
            self.engine.given_up(&name);
            self.give_up(&job, began, now);
        }
    }
}
