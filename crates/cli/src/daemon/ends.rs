//! What follows from the end of a run: it is told, it is in the history whoever has to write that, and the next one is planned.

use std::time::Duration;

use super::book::Failed;
use super::child::{End, Said};
use super::engine::{Ended, Moment};
use super::jobs::Job;
use super::run::{Current, Daemon, moment};
use super::tell;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::notify;
use crate::recorded::Outcome;

impl Daemon<'_> {
    /// The process of this job has ended.
    pub(super) fn ended(&mut self, name: &str) {
        let Some(current) = self.current.remove(name) else {
            return;
        };
        let Current {
            job,
            process,
            began,
            is_late,
            ..
        } = current;
        let end = process.end().unwrap_or_else(|error| {
            unstarted(&Failure::io("the end of the run is unknown", &error))
        });
        let error = match (end.exit, end.signal) {
            (0, _) => None,
            _ if is_late => Some("it took longer than its time_limit and was ended".to_owned()),
            (_, Some(signal)) => Some(format!("the run was killed by signal {signal}")),
            _ => end.said.sentence(),
        };
        self.conclude(&job, began, &end, error);
    }

    /// What follows from the end of a run.
    pub(super) fn conclude(&mut self, job: &Job, began: Moment, end: &End, error: Option<String>) {
        let now = moment();
        let name = &job.plan.name;
        let took = now.steady.saturating_sub(began.steady);
        tell::ended(&self.context.ui, name, end, took, error.as_deref());
        if end.exit != 0 {
            let host = &self.host.clone();
            let had_no_record = self.keep(Failed {
                job,
                host,
                began,
                took,
                end,
                error: error.clone(),
            });
            // One that ended by itself has told of itself.
            if had_no_record && end.said.error.is_none() {
                self.notice(job, took, error);
            }
        }
        self.settle();
        let how = Ended {
            is_good: job.work.is_done(end.exit),
            has_changes: end.said.has_changes(),
        };
        self.engine.ended(name, how, now);
        match how.is_good {
            true => self.apart.remove(name),
            false => end.exit == Exit::SourceBad.code() && self.apart.insert(name.clone()),
        };
        if !self.knows_past && how.is_good {
            self.plan();
        }
    }

    /// The history has it, by its own record or by one that is made here.
    fn keep(&mut self, failed: Failed<'_>) -> bool {
        let repository = self.setup.place.open().ok();
        self.book.keep(repository.as_ref(), failed)
    }

    /// Somebody may have to know; the next look sends it.
    fn notice(&mut self, job: &Job, took: Duration, error: Option<String>) {
        let outcome = Outcome {
            error,
            ..Outcome::of(Exit::Failed)
        };
        let (kind, sources) = (job.work.kind(), job.work.sources());
        let notices = &self.context.notices;
        notices.ended(kind, &sources, &outcome, &[], took);
        notify::keep(self.context);
        self.looks.hurry();
    }

    /// Writes the records that are owed, where they can be written.
    fn settle(&mut self) {
        if self.book.is_settled() {
            return;
        }
        if let Ok(repository) = self.setup.place.open()
            && let Err(error) = self.book.settle(&repository)
        {
            tell::wrong(&self.context.ui, &error.into());
        }
    }
}

/// The end of a run that never began.
pub(super) fn unstarted(failure: &Failure) -> End {
    End {
        exit: failure.exit().code(),
        signal: None,
        said: Said::default(),
    }
}
