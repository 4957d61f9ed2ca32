//! Work that may go wrong: a snapshot before it, and the way back where it does.
//!
//! The hazard is to believe in a way back that is none. So without a snapshot that holds everything the work is not begun; the
//! snapshot is pinned while the work goes on, for a retention beside it must not forget it; and what became of the way back
//! is a part of the error.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use lifeboat_store::progress::Unwatched;

use crate::capture::{Backup, BackupReport};
use crate::error::{Result, SnapshotError};
use crate::inplace::{InPlace, InPlaceReport};
use crate::monitor::{Monitor, Warning};
use crate::opened::Opened;
use crate::record::Snapshot;
use crate::repository::Repository;

/// Why the snapshot is pinned: the sign that a pin is ours to take away.
const REASON: &str = "until protected work has ended";

/// A repository, and what is backed up in it before work that may go wrong.
pub struct Guard<'r> {
    repository: &'r Repository,
    plan: Backup,
    undo: Option<InPlace>,
    monitor: &'r dyn Monitor,
}

/// Why protected work is not done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProtectError<E> {
    /// There is no snapshot, so the work was not begun.
    #[error("no snapshot could be taken, and so nothing was begun")]
    NotSaved(#[source] SnapshotError),
    /// The snapshot lacks something, so the work was not begun.
    #[error("the snapshot lacks {} items, and so nothing was begun", lacking.len())]
    Incomplete {
        /// What there is of it.
        snapshot: Box<Snapshot>,
        /// What it lacks, and why.
        lacking: Vec<Warning>,
    },
    /// The work was begun and failed.
    #[error("what was protected failed")]
    Failed {
        /// What the work says.
        #[source]
        error: E,
        /// The state from before it.
        snapshot: Box<Snapshot>,
        /// Whether that is the state now.
        undone: Undone,
    },
}

/// What became of the way back.
#[derive(Debug)]
pub enum Undone {
    /// Nobody asked for it: everything is as the work has left it.
    NotAsked,
    /// Everything is as before the work, but for what the report says of its `databases`; what the work had left is its `safety`
    /// snapshot. Where a database is not well, the snapshot stays pinned.
    Done(Box<InPlaceReport>),
    /// It was asked for and failed. What the error says of the state holds.
    Failed(Box<SnapshotError>),
}

impl Undone {
    /// Whether nobody needs the snapshot for the way back any more.
    fn is_well(&self) -> bool {
        match self {
            Self::NotAsked => true,
            Self::Done(report) => !report.databases.iter().any(Opened::is_wrong),
            Self::Failed(_) => false,
        }
    }
}

impl BackupReport {
    /// What the snapshot lacks.
    pub fn losses(&self) -> impl Iterator<Item = &Warning> {
        let warnings = self.warnings.iter();
        warnings.filter(|warning| warning.kind.is_loss())
    }
}

impl<'r> Guard<'r> {
    /// Takes snapshots by this plan. Where work fails, nothing is put back.
    pub fn new(repository: &'r Repository, plan: Backup) -> Self {
        Self {
            repository,
            plan,
            undo: None,
            monitor: &Unwatched,
        }
    }

    /// Puts everything back in this way where work fails, also where it panics. `delete` is set, for what the work has made has
    /// to go; `host` is that of the plan. A program that has its databases open needs `online`.
    #[must_use]
    pub fn undoing(mut self, how: InPlace) -> Self {
        self.undo = Some(InPlace {
            delete: true,
            host: self.plan.host.clone(),
            offset_minutes: self.plan.offset_minutes,
            ..how
        });
        self
    }

    /// Watched by this.
    #[must_use]
    pub fn watched_by(mut self, monitor: &'r dyn Monitor) -> Self {
        self.monitor = monitor;
        self
    }

    /// Takes a snapshot with this description, does the work, and gives what it gives.
    ///
    /// # Errors
    /// Where no whole snapshot could be taken, and the work was not begun; or where the work failed, with the snapshot of the
    /// state before it.
    ///
    /// # Panics
    /// Where the work panics: the panic goes on to the caller when everything was put back, where that was asked for. The
    /// snapshot stays pinned then.
    pub fn protect<T, E>(
        &self,
        description: &str,
        work: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, ProtectError<E>> {
        let snapshot = self.snapshot(description)?;
        let pinned = self.repository.pin(snapshot.id, REASON);
        pinned.map_err(ProtectError::NotSaved)?;
        let result = catch_unwind(AssertUnwindSafe(work));
        let undone = match &result {
            Ok(Ok(_)) => Undone::NotAsked,
            Ok(Err(_)) | Err(_) => self.put_back(&snapshot),
        };
        let result = result.unwrap_or_else(|panic| resume_unwind(panic));
        // One that cannot be taken away keeps a snapshot that nobody needs: no reason to call the work undone.
        if undone.is_well() {
            let _ = self.repository.unpin_own(snapshot.id, REASON);
        }
        result.map_err(|error| ProtectError::Failed {
            error,
            snapshot: Box::new(snapshot),
            undone,
        })
    }

    /// The state before the work, whole.
    fn snapshot<E>(&self, description: &str) -> Result<Snapshot, ProtectError<E>> {
        let plan = Backup {
            description: description.to_owned(),
            skip_if_unchanged: false,
            ..self.plan.clone()
        };
        let report = self.repository.backup(&plan, self.monitor);
        let report = report.map_err(ProtectError::NotSaved)?;
        let lacking: Vec<Warning> = report.losses().cloned().collect();
        match report.snapshot {
            Some(snapshot) if lacking.is_empty() => Ok(snapshot),
            Some(snapshot) => Err(ProtectError::Incomplete {
                snapshot: Box::new(snapshot),
                lacking,
            }),
            None => Err(ProtectError::NotSaved(SnapshotError::NoSource)),
        }
    }

    fn put_back(&self, snapshot: &Snapshot) -> Undone {
        let Some(how) = &self.undo else {
            return Undone::NotAsked;
        };
        let plan = self.repository.plan_in_place(snapshot, how, self.monitor);
        let report = plan.and_then(|plan| {
            let repository = self.repository;
            repository.restore_in_place(snapshot, how, plan, self.monitor)
        });
        match report {
            Ok(report) => Undone::Done(Box::new(report)),
            Err(error) => Undone::Failed(Box::new(error)),
        }
    }
}

impl<E> ProtectError<E> {
    /// The error of the work itself, where it was begun.
    pub fn into_work(self) -> Option<E> {
        match self {
            Self::Failed { error, .. } => Some(error),
            Self::NotSaved(_) | Self::Incomplete { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests;
