//! When a job last ran: what the repository remembers of it, so that a daemon that was killed, or a machine that was off,
//! goes on where it was. There is no other record that could contradict it.

use chrono::{DateTime, Utc};
use lifeboat_snapshot::{History, Repository, Result, Run, RunKind, Snapshot};

use super::engine::Past;
use super::jobs::{Job, Work};

/// What a repository remembers.
pub(crate) struct Memory<'a> {
    pub(crate) host: &'a str,
    /// Oldest first.
    pub(crate) snapshots: &'a [Snapshot],
    pub(crate) history: &'a History,
    pub(crate) now: DateTime<Utc>,
}

impl Memory<'_> {
    /// The past of a job.
    pub(crate) fn of(&self, job: &Job) -> Past {
        let good = self
            .history
            .newest(|run| self.is_of(run, job) && job.work.is_done(run.exit));
        let last_good = good.map(Run::began).max(self.last_snapshot(job));
        let last = self.history.newest(|run| self.is_of(run, job));
        let has_failed = last.is_some_and(|run| {
            !job.work.is_done(run.exit) && last_good.is_none_or(|good| good <= run.began())
        });
        Past {
            last_good,
            has_failed,
            since: self.since(),
        }
    }

    fn is_of(&self, run: &Run, job: &Job) -> bool {
        let is_about = match job.work {
            Work::Backup(_) => job
                .sources
                .iter()
                .all(|wanted| run.sources.iter().any(|source| source == wanted)),
            Work::Upkeep(_) => true,
        };
        // A look at some snapshots is none at the repository.
        let is_whole = run.kind != RunKind::Verify || run.snapshot.is_none();
        run.kind == job.work.kind() && run.host == self.host && is_about && is_whole
    }

    /// A run that was killed after its snapshot was there has no record.
    fn last_snapshot(&self, job: &Job) -> Option<DateTime<Utc>> {
        let Work::Backup(_) = job.work else {
            return None;
        };
        let wanted = &job.sources;
        let is_of = |snapshot: &&Snapshot| {
            let has = |wanted: &Vec<u8>| snapshot.sources.iter().any(|source| source == wanted);
            snapshot.host == self.host && !snapshot.is_imported() && wanted.iter().all(has)
        };
        let newest = self.snapshots.iter().rev().find(is_of)?;
        Some(newest.time().to_utc())
    }

    /// The begin of all that is remembered.
    fn since(&self) -> DateTime<Utc> {
        let snapshot = self.snapshots.first().map(|first| first.time().to_utc());
        let run = self.history.runs.first().map(Run::began);
        let first = snapshot.into_iter().chain(run).min();
        first.unwrap_or(self.now).min(self.now)
    }
}

/// When the last good run of a backup began that is among the newest, whoever took it.
///
/// # Errors
/// Where the repository cannot be read.
pub(crate) fn last_good(
    repository: &Repository,
    job: &Job,
    host: &str,
) -> Result<Option<DateTime<Utc>>> {
    const NEWEST: usize = 20;
    let memory = Memory {
        host,
        snapshots: &[],
        history: &repository.history(NEWEST)?,
        now: repository.clock().now(),
    };
    Ok(memory.of(job).last_good)
}

/// The past of each job, as the repository remembers it.
///
/// # Errors
/// Where the repository cannot be read.
pub(crate) fn of_all(repository: &Repository, jobs: &[Job], host: &str) -> Result<Vec<Past>> {
    let listing = repository.snapshots()?;
    let history = repository.history(usize::MAX)?;
    let memory = Memory {
        host,
        snapshots: &listing.snapshots,
        history: &history,
        now: repository.clock().now(),
    };
    Ok(jobs.iter().map(|job| memory.of(job)).collect())
}
