//! What can go wrong with a restore over live data, as facts with fields.

use std::io;
use std::path::PathBuf;

use lifeboat_store::SnapshotId;

use super::Holder;
use crate::error::SnapshotError;

/// A failure that only a restore in place has.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InPlaceError {
    /// Another process restores into the same place.
    #[error("another restore into {} is under way", path.display())]
    TargetHeld {
        /// The place.
        path: PathBuf,
    },
    /// Programs have open what is to be replaced.
    #[error("{} is in use", path.display())]
    InUse {
        /// The first of what is in use.
        path: PathBuf,
        /// The programs, as far as they can be seen.
        holders: Vec<Holder>,
    },
    /// A database cannot be written back while programs have it open.
    #[error("{} cannot be written back while it is open", path.display())]
    NotOnline {
        /// The database.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// What is to be replaced cannot be saved before.
    #[error("{} cannot be saved before it is replaced: {reason}", path.display())]
    NotSaved {
        /// What it is about.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// What is to be replaced changed after it was saved.
    #[error("{} was changed while the restore was prepared", path.display())]
    ChangedMeanwhile {
        /// What changed.
        path: PathBuf,
    },
    /// A restore in place was stopped by a crash, and what it left cannot be understood.
    #[error("the restore that a crash has stopped cannot be finished: {} {reason}", path.display())]
    JournalUnusable {
        /// The journal.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A restore in place was stopped by a crash, and nobody has finished it yet.
    #[error("the restore into {} was stopped in its middle", path.display())]
    Unfinished {
        /// The live folder, or the first of them.
        path: PathBuf,
    },
    /// What a crash has left of a restore of several sources cannot be judged without a part of it that is elsewhere.
    #[error("{} belongs to a restore whose journal would be in {}, which cannot be looked at", path.display(), leader.display())]
    LeaderMissing {
        /// What was found.
        path: PathBuf,
        /// The folder with the journal.
        leader: PathBuf,
    },
    /// A restore in place failed in its middle.
    #[error("the restore stopped at {}", path.display())]
    RestoreStopped {
        /// Where it stopped.
        path: PathBuf,
        /// Everything is as before; else some of it is new until the restore is finished.
        taken_back: bool,
        /// Folders of what programs made meanwhile, and of what could not go back.
        kept: Vec<PathBuf>,
        /// Why it stopped.
        source: io::Error,
    },
    /// A restore in place stopped after databases were written back through SQLite.
    #[error("the restore stopped after databases had been written back")]
    WrittenBack {
        /// The databases that have their restored state.
        written: Vec<PathBuf>,
        /// The snapshot of everything as it was.
        safety: Option<SnapshotId>,
        /// Why it stopped.
        source: Box<SnapshotError>,
    },
    /// There is no state from before a restore in place.
    #[error("there is no restore to undo")]
    NothingToUndo,
    /// A restored database is not what was backed up.
    #[error("the restored database {} is not as it was: {reason}", path.display())]
    RestoredWrong {
        /// The database.
        path: PathBuf,
        /// What differs.
        reason: String,
    },
}
