//! The history's gaps, filled: a run that was killed or failed before it could leave a record of itself gets one. Where the
//! repository is gone, that is owed until it is back, so that the history tells of that too.

use std::collections::VecDeque;
use std::time::Duration;

use chrono::TimeDelta;
use lifeboat_snapshot::{NewRun, Repository, Result, Run};

use super::child::End;
use super::engine::Moment;
use super::jobs::Job;

/// So many are owed at most; the newest tell what is wrong.
const MOST: usize = 50;

/// Records that are still to be written, with how long the runs took.
#[derive(Default)]
pub(super) struct Book {
    owed: VecDeque<(NewRun, Duration)>,
}

/// A run that did not go well.
pub(super) struct Failed<'r> {
    pub(super) job: &'r Job,
    pub(super) host: &'r str,
    pub(super) began: Moment,
    pub(super) took: Duration,
    pub(super) end: &'r End,
    pub(super) error: Option<String>,
}

impl Book {
    /// Sees to the record of a run. Gives whether it had none of its own.
    pub(super) fn keep(&mut self, repository: Option<&Repository>, failed: Failed<'_>) -> bool {
        if repository.is_some_and(|repository| failed.is_recorded(repository)) {
            return false;
        }
        if self.owed.len() == MOST {
            self.owed.pop_front();
        }
        let took = failed.took;
        self.owed.push_back((failed.into_run(), took));
        true
    }

    /// Writes what is owed.
    pub(super) fn settle(&mut self, repository: &Repository) -> Result<()> {
        while let Some((run, took)) = self.owed.front() {
            repository.record_ended(run.clone(), *took)?;
            self.owed.pop_front();
        }
        Ok(())
    }

    /// Whether there is anything to write.
    pub(super) fn is_settled(&self) -> bool {
        self.owed.is_empty()
    }
}

impl Failed<'_> {
    fn is_recorded(&self, repository: &Repository) -> bool {
        const NEWEST: usize = 50;
        let Ok(history) = repository.history(NEWEST) else {
            return false;
        };
        let own = self.job.work.sources();
        let is_it = |run: &Run| {
            let mut sources = run.sources.iter();
            run.kind == self.job.work.kind()
                && run.host == self.host
                && run.began() + TimeDelta::milliseconds(1) >= self.began.wall
                && sources.all(|source| own.iter().any(|own| source == own))
        };
        history.newest(is_it).is_some()
    }

    fn into_run(self) -> NewRun {
        NewRun {
            kind: self.job.work.kind(),
            began: self.began.wall,
            host: self.host.to_owned(),
            sources: self.job.work.sources(),
            snapshot: None,
            exit: self.end.exit,
            bytes: 0,
            error: self.error,
            hooks: Vec::new(),
        }
    }
}
