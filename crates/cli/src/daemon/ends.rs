//! What follows from the end of a run: it is told, it is in the history whoever has to write that, and the next one is planned.

use std::time::Duration;

use lifeboat_snapshot::NewRun;

use super::book;
use super::child::{End, Said};
use super::engine::{Ended, Moment};
use super::jobs::Job;
use super::run::{Daemon, moment};
use super::tell;
use crate::config::Config;
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
        let (is_late, is_given_up) = (current.is_late(), current.is_given_up());
        let end = current.process.end().unwrap_or_else(|error| {
            unstarted(&Failure::io("the end of the run is unknown", &error))
        });
        let error = match (end.exit, end.signal) {
            (0, _) => None,
            _ if is_late => Some("it took longer than its time_limit and was ended".to_owned()),
            (_, Some(signal)) => Some(format!("the run was killed by signal {signal}")),
            _ => end.said.sentence(),
        };
        let (job, began) = (&current.job, current.began);
        match is_given_up {
            // That is in the history, and somebody knows.
            true => self.go_on(job, (began, moment()), &end, error.as_deref()),
            false => self.conclude(job, began, &end, error),
        }
    }

    /// What follows from the end of a run.
    pub(super) fn conclude(&mut self, job: &Job, began: Moment, end: &End, error: Option<String>) {
        let now = moment();
        let took = now.steady.saturating_sub(began.steady);
        if end.exit != 0 {
            let had_no_record = self.keep(job, began, took, (end.exit, error.clone()));
            // One that ended by itself has told of itself.
            if had_no_record && end.said.error.is_none() {
                self.notice(job, took, error.clone());
            }
        }
        self.settle();
        self.go_on(job, (began, now), end, error.as_deref());
    }

    /// It is told, and the next one is planned.
    fn go_on(&mut self, job: &Job, (began, now): (Moment, Moment), end: &End, error: Option<&str>) {
        let took = now.steady.saturating_sub(began.steady);
        tell::ended(&self.context.ui, &job.plan.name, end, took, error);
        let how = Ended {
            is_good: job.work.is_done(end.exit),
            has_changes: end.said.has_changes(),
        };
        self.engine.ended(&job.plan.name, how, now);
        if !self.knows_past && how.is_good {
            self.plan();
        }
    }

    /// It takes too long, and nothing ends it.
    pub(super) fn give_up(&mut self, job: &Job, began: Moment, now: Moment) {
        let took = now.steady.saturating_sub(began.steady);
        let what = format!("{} takes longer than its time_limit", job.plan.name);
        let failure = Failure::new(Exit::Failed, what)
            .because("it cannot be ended: a disk that it uses does not answer");
        tell::wrong(&self.context.ui, &failure);
        let why = failure.sentence();
        self.keep(job, began, took, (failure.exit().code(), Some(why.clone())));
        self.notice(job, took, Some(why));
        self.settle();
    }

    /// The history has it, by its own record or by one that is owed. Gives whether it had none of its own.
    fn keep(
        &mut self,
        job: &Job,
        began: Moment,
        took: Duration,
        (exit, error): (u8, Option<String>),
    ) -> bool {
        let run = NewRun {
            kind: job.work.kind(),
            began: began.wall,
            host: self.host.clone(),
            sources: job.sources.clone(),
            snapshot: None,
            exit,
            bytes: 0,
            error,
            hooks: Vec::new(),
        };
        let (place, wanted) = (self.setup.place.clone(), run.clone());
        let is_recorded = self.repository.ask(move || {
            let repository = place.open();
            repository.is_ok_and(|repository| book::is_recorded(&repository, &wanted))
        });
        let is_recorded = is_recorded.unwrap_or(false);
        if !is_recorded {
            self.book.owe(run, took);
        }
        !is_recorded
    }

    /// Somebody may have to know.
    fn notice(&mut self, job: &Job, took: Duration, error: Option<String>) {
        let outcome = Outcome {
            error,
            ..Outcome::of(Exit::Failed)
        };
        let notices = &self.context.notices;
        notices.ended(job.work.kind(), &job.sources, &outcome, &[], took);
        self.pass_on();
    }

    /// What was seen waits from now on for the next look, which sends it.
    pub(super) fn pass_on(&mut self) {
        let (file, text) = (&self.setup.file, &self.setup.text);
        if let Ok(config) = Config::of_text(file, text.clone()) {
            let notices = &self.context.notices;
            notify::keep(notices, &config, &self.setup.place.path);
        }
        self.looks.hurry();
    }

    /// Writes the records that are owed, where they can be written.
    pub(super) fn settle(&mut self) {
        if self.book.is_settled() {
            return;
        }
        let (place, book) = (self.setup.place.clone(), self.book.clone());
        let settled = self.repository.ask(move || match place.open() {
            Ok(repository) => book.settle(&repository),
            Err(_) => Ok(()),
        });
        if let Some(Err(error)) = settled {
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
