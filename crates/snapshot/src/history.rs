//! What was done with a repository and how it ended: one small record a run, so that silence is noticed and the last error
//! is known. Layout in `docs/format.md`, "Runs".
//!
//! The records are for people. Nothing that is stored depends on them, they may be deleted, and only the newest are kept.

use std::time::Duration;

use chrono::{DateTime, Utc};
use lifeboat_store::{RepositoryId, RunId, SnapshotId, StoreError, envelope, unwrap_object};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use crate::error::{Result, SnapshotError};
use crate::limits::{self, MAX_SOURCES};
use crate::repository::Repository;
pub use hook::{HookEnd, HookMoment, HookRun};

/// Newest version of a record that this program reads and the one it writes.
const VERSION: u16 = 1;

/// Records at which the oldest go.
const MOST: usize = 2000;

/// How many of them are left then.
const LEFT: usize = 1800;

/// Longest text of an error, in bytes; a longer one is cut.
const MAX_ERROR: usize = 1000;

/// Most hooks of a run that are kept.
const MAX_HOOKS: usize = 64;

mod hook;

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum RunKind {
    /// A snapshot was to be taken.
    Backup,
    /// Stored bytes were checked.
    Verify,
    /// What no snapshot needs was collected.
    Collect,
    /// Files were written back.
    Restore,
    /// A restore was tried out.
    Drill,
    /// A zip was written.
    Export,
    /// Damage was mended.
    Repair,
    /// Snapshots were forgotten.
    Forget,
}

impl RunKind {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Backup,
        Self::Verify,
        Self::Collect,
        Self::Restore,
        Self::Drill,
        Self::Export,
        Self::Repair,
        Self::Forget,
    ];

    /// The word for it, in JSON too.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Backup => "backup",
            Self::Verify => "verify",
            Self::Collect => "gc",
            Self::Restore => "restore",
            Self::Drill => "drill",
            Self::Export => "export",
            Self::Repair => "repair",
            Self::Forget => "forget",
        }
    }
}

/// A run that has ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// The repository it was done with.
    pub repository: RepositoryId,
    /// Its name.
    pub id: RunId,
    /// What was done.
    pub kind: RunKind,
    /// Milliseconds since 1970 at its begin, by the machine's clock.
    pub began_ms: u64,
    /// Milliseconds that it took.
    pub duration_ms: u64,
    /// Name of the machine.
    pub host: String,
    /// The sources it was about, absolute; none where it was about the repository.
    #[serde(deserialize_with = "limits::list::<MAX_SOURCES, _, _>")]
    pub sources: Vec<ByteBuf>,
    /// The snapshot that it made or was about.
    pub snapshot: Option<SnapshotId>,
    /// How it ended: the exit code of the program; 0 is well.
    pub exit: u8,
    /// Bytes that it stored, read or wrote, whichever it is about.
    pub bytes: u64,
    /// What was wrong, in words.
    pub error: Option<String>,
    /// The hooks that were run beside, in their order.
    pub hooks: Vec<HookRun>,
}

impl Run {
    /// Whether it did all that was asked for.
    pub const fn is_good(&self) -> bool {
        self.exit == 0
    }

    /// When it began.
    pub fn began(&self) -> DateTime<Utc> {
        let ms = i64::try_from(self.began_ms).unwrap_or(i64::MAX);
        DateTime::from_timestamp_millis(ms).unwrap_or_default()
    }
}

/// What is told of a run that has ended.
#[derive(Debug, Clone)]
pub struct NewRun {
    /// What was done.
    pub kind: RunKind,
    /// When it began.
    pub began: DateTime<Utc>,
    /// Name of the machine.
    pub host: String,
    /// The sources it was about, absolute.
    pub sources: Vec<Vec<u8>>,
    /// The snapshot that it made or was about.
    pub snapshot: Option<SnapshotId>,
    /// The exit code of the program; 0 is well.
    pub exit: u8,
    /// Bytes that it stored, read or wrote.
    pub bytes: u64,
    /// What was wrong, in words.
    pub error: Option<String>,
    /// The hooks that were run beside, in their order.
    pub hooks: Vec<HookRun>,
}

/// The runs of a repository, and what is wrong with some records.
#[derive(Debug, Default)]
pub struct History {
    /// Those that can be read, oldest first.
    pub runs: Vec<Run>,
    /// Records that cannot be read.
    pub damaged: Vec<StoreError>,
}

impl History {
    /// The newest run of which this is true.
    pub fn newest(&self, is_meant: impl Fn(&Run) -> bool) -> Option<&Run> {
        self.runs.iter().rfind(|run| is_meant(run))
    }

    /// The newest run about a source that did not go well, unless a later one did.
    pub fn last_failure(&self, host: &str, source: &[u8]) -> Option<&Run> {
        let is_meant = |run: &Run| {
            let mut sources = run.sources.iter();
            run.kind == RunKind::Backup
                && run.host == host
                && sources.any(|other| other.as_slice() == source)
        };
        self.newest(is_meant).filter(|run| !run.is_good())
    }
}

impl Repository {
    /// Keeps the record of a run that has ended, and lets the oldest go where there are too many.
    ///
    /// # Errors
    /// Where it cannot be written. The run itself is not concerned.
    pub fn record_run(&self, run: NewRun) -> Result<RunId> {
        let took = self.clock().now().signed_duration_since(run.began);
        self.record_ended(run, took.to_std().unwrap_or_default())
    }

    /// The same of a run that has ended some time ago, and took that long.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn record_ended(&self, run: NewRun, took: Duration) -> Result<RunId> {
        let began_ms = u64::try_from(run.began.timestamp_millis()).unwrap_or_default();
        let id = self.store().add_run(began_ms, |id| {
            let run = Run {
                repository: self.store().id(),
                id,
                kind: run.kind,
                began_ms,
                duration_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
                host: run.host,
                sources: run.sources.into_iter().map(ByteBuf::from).collect(),
                snapshot: run.snapshot,
                exit: run.exit,
                bytes: run.bytes,
                error: run.error.map(cut),
                hooks: run
                    .hooks
                    .into_iter()
                    .take(MAX_HOOKS)
                    .map(HookRun::within_limits)
                    .collect(),
            };
            envelope::wrap(envelope::Kind::Run, VERSION, &run).map_err(|source| {
                let what = "the record of a run".to_owned();
                SnapshotError::Unstorable { what, source }
            })
        })?;
        let runs = self.store().runs()?;
        if runs.len() > MOST {
            for &old in runs.iter().take(runs.len() - LEFT) {
                self.store().remove_run(old)?;
            }
        }
        Ok(id)
    }

    /// The newest runs, at most that many.
    ///
    /// # Errors
    /// Where they cannot be listed. A record that cannot be read is part of the answer.
    pub fn history(&self, most: usize) -> Result<History> {
        let names = self.store().runs()?;
        let newest = names.get(names.len().saturating_sub(most)..);
        let read: Vec<_> = newest
            .unwrap_or_default()
            .par_iter()
            .map(|&name| self.run(name))
            .collect();
        let mut history = History::default();
        for run in read {
            match run {
                Ok(Some(run)) => history.runs.push(run),
                Ok(None) => {}
                Err(error) => history.damaged.push(error),
            }
        }
        Ok(history)
    }

    fn run(&self, (began_ms, id): (u64, RunId)) -> Result<Option<Run>, StoreError> {
        let Some(bytes) = self.store().run_bytes((began_ms, id))? else {
            return Ok(None);
        };
        let path = self.store().locate_run((began_ms, id));
        let run: Run = unwrap_object(path.clone(), envelope::Kind::Run, VERSION, &bytes)?;
        let is_own = run.id == id && run.began_ms == began_ms;
        if is_own && run.repository == self.store().id() {
            return Ok(Some(run));
        }
        Err(StoreError::Damaged {
            object: path,
            what: "it is the record of another run or repository".to_owned(),
        })
    }
}

/// The beginning of a text, at a character's border.
fn cut(mut text: String) -> String {
    text.truncate(text.floor_char_boundary(MAX_ERROR));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_between_characters() {
        assert_eq!(cut("short".to_owned()), "short");
        let long = cut("ä".repeat(MAX_ERROR));
        assert!(long.len() <= MAX_ERROR && long.chars().all(|c| c == 'ä'));
    }
}
