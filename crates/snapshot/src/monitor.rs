//! How a backup, a restore or a verification is watched: progress, warnings and the wish to stop.

use std::path::{Path, PathBuf};

use crate::error::{Result, SnapshotError};

pub use lifeboat_store::progress::Progress;

/// What is going on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Task {
    /// Sources are read into a snapshot.
    Capture,
    /// A zip is written.
    Export,
    /// An older backup is unpacked.
    Import,
    /// Files are written back.
    Restore,
    /// Stored bytes are read and checked.
    Verify,
    /// Damage is looked for and mended.
    Repair,
    /// What the snapshots need is found.
    Mark,
    /// Sessions that are at work are waited for.
    Wait,
    /// What is needed is copied out of packs that are mostly garbage, or small.
    Repack,
    /// What nothing needs is deleted.
    Sweep,
}

impl Task {
    /// The verb for people, as in "Reading".
    pub const fn verb(self) -> &'static str {
        match self {
            Self::Capture => "Reading",
            Self::Export => "Zipping",
            Self::Import => "Unpacking",
            Self::Restore => "Restoring",
            Self::Verify => "Verifying",
            Self::Repair => "Repairing",
            Self::Mark => "Marking",
            Self::Wait => "Waiting",
            Self::Repack => "Repacking",
            Self::Sweep => "Freeing",
        }
    }
}

/// Something in the way that did not stop the work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// What it is about.
    pub path: PathBuf,
    /// What kind of thing happened.
    pub kind: WarningKind,
    /// The whole story in one line.
    pub message: String,
}

impl Warning {
    /// The message with its path before it; one that was made from an error has the path in it already.
    pub fn sentence(&self) -> String {
        let path = self.path.display().to_string();
        // Of a zip, the path may be no more than the place that it was meant for.
        match self.kind == WarningKind::ZipFailed || self.message.contains(&path) {
            true => self.message.clone(),
            false => format!("{path}: {}", self.message),
        }
    }
}

/// Kinds of warnings, for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WarningKind {
    /// An input could not be read and is not in the snapshot.
    Unreadable,
    /// A database was busy for longer than the limit and is not in the snapshot.
    Busy,
    /// A database was damaged or cannot be read as one; its snapshot is flagged, or it is missing.
    DatabaseDamaged,
    /// A program has a database open by another of its names, beside which its WAL stands: its latest commits may be missing.
    WalElsewhere,
    /// A file changed while it was read; what is stored may be neither the old nor the new.
    Changed,
    /// A file vanished between listing and reading.
    Vanished,
    /// Something was left out on purpose, and it is worth knowing.
    Skipped,
    /// The snapshot stands, but its zip could not be written.
    ZipFailed,
    /// A configured count gave no number, or there is no such database.
    CountFailed,
    /// An attribute could not be restored.
    Attribute,
    /// The target does not take an entry, which was not restored.
    Unwritable,
    /// An entry cannot be had from the repository, or not all of it.
    Lost,
    /// The snapshot itself lacks this, since it was taken.
    Incomplete,
    /// A clock was or is wrong, so rules by time are not applied.
    Clock,
    /// The snapshot stands, but older ones could not be forgotten as the config says.
    NotPruned,
    /// A program goes on with what was replaced under it.
    StillOpen,
    /// There is or may be too little room.
    LowSpace,
    /// What was written lies in what is backed up: the next backup takes it in.
    InSource,
}

impl WarningKind {
    /// Whether the result lacks something that was asked for (exit code 3).
    pub const fn is_loss(self) -> bool {
        !matches!(
            self,
            Self::Skipped
                | Self::Vanished
                | Self::CountFailed
                | Self::Attribute
                | Self::Incomplete
                | Self::Clock
                | Self::NotPruned
                | Self::StillOpen
                | Self::LowSpace
                | Self::InSource
        )
    }

    /// The word for it in JSON.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Unreadable => "unreadable",
            Self::Busy => "busy",
            Self::DatabaseDamaged => "database-damaged",
            Self::WalElsewhere => "wal-elsewhere",
            Self::Changed => "changed",
            Self::Vanished => "vanished",
            Self::Skipped => "skipped",
            Self::ZipFailed => "zip-failed",
            Self::CountFailed => "count-failed",
            Self::Attribute => "attribute",
            Self::Unwritable => "unwritable",
            Self::Lost => "lost",
            Self::Incomplete => "incomplete",
            Self::Clock => "clock",
            Self::NotPruned => "not-pruned",
            Self::StillOpen => "still-open",
            Self::LowSpace => "low-space",
            Self::InSource => "in-source",
        }
    }
}

/// An error where the caller wants the work to end.
pub(crate) fn go_on(monitor: &dyn Progress) -> Result<()> {
    match monitor.cancelled() {
        true => Err(SnapshotError::cancelled()),
        false => Ok(()),
    }
}

/// Watches work. All methods may be called from several threads at once.
pub trait Monitor: Progress {
    /// A task begins; `total` is its size in bytes where that is known beforehand.
    fn begin(&self, task: Task, total: Option<u64>) {
        let _ = (task, total);
    }

    /// The task goes on with this file.
    fn item(&self, path: &Path) {
        let _ = path;
    }

    /// So many sessions of other processes must end before the task goes on. Called again and again.
    fn waiting(&self, sessions: usize) {
        let _ = sessions;
    }

    /// Something went wrong that does not end the work. Reports list the same warnings again.
    fn warning(&self, warning: &Warning) {
        let _ = warning;
    }
}

impl Monitor for lifeboat_store::progress::Unwatched {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_has_the_path_once() {
        let told = |kind, message: &str| {
            let (path, message) = (PathBuf::from("/srv/a"), message.to_owned());
            let warning = Warning {
                path,
                kind,
                message,
            };
            warning.sentence()
        };
        let unreadable = WarningKind::Unreadable;
        assert_eq!(told(unreadable, "is locked"), "/srv/a: is locked");
        assert_eq!(told(unreadable, "cannot read /srv/a"), "cannot read /srv/a");
        assert_eq!(told(WarningKind::ZipFailed, "no room"), "no room");
    }
}
