//! What can go wrong with snapshots, as facts with fields. The sentence leaves the cause out: it is the error's source.

use std::io;
use std::path::PathBuf;

use lifeboat_store::{SnapshotId, StoreError};

use crate::inplace::InPlaceError;
use crate::sqlite::SqliteError;

pub(crate) use context::IoContext;

mod context;

/// Short for a result of this crate.
pub type Result<T, E = SnapshotError> = std::result::Result<T, E>;

/// A failure of a backup, a restore or anything between.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SnapshotError {
    /// The repository failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A database could not be captured.
    #[error(transparent)]
    Sqlite(#[from] SqliteError),
    /// A restore over live data could not be done, or was stopped.
    #[error(transparent)]
    InPlace(#[from] InPlaceError),
    /// What is to be backed up is not there.
    #[error("the source {} does not exist", path.display())]
    SourceMissing {
        /// The path as it was given.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// What is to be backed up holds nothing, and did before.
    #[error("the source {} is empty, and its last snapshot has {files_before} files", path.display())]
    SourceVanished {
        /// The source.
        path: PathBuf,
        /// Files in the snapshot before.
        files_before: u64,
    },
    /// The source is the repository, or lies inside it.
    #[error("the source {} is inside the repository {}", path.display(), repository.display())]
    SourceInRepository {
        /// The source.
        path: PathBuf,
        /// The repository.
        repository: PathBuf,
    },
    /// A repository is to be created inside another one.
    #[error("{} is inside the repository {}", place.display(), repository.display())]
    PlaceInRepository {
        /// The place.
        place: PathBuf,
        /// The repository that is there.
        repository: PathBuf,
    },
    /// A backup of nothing.
    #[error("there is nothing to back up: no source was given")]
    NoSource,
    /// No snapshot has this name.
    #[error("no snapshot is called '{name}'")]
    SnapshotUnknown {
        /// What was asked for.
        name: String,
    },
    /// No snapshot is one of those that were asked for, whatever its name.
    #[error("no snapshot {asked}")]
    NoneAdmitted {
        /// What none has or is.
        asked: String,
        /// What there is of that sort.
        reason: String,
    },
    /// The snapshot was removed by another process since it was found.
    #[error("snapshot {} was removed", id.short())]
    SnapshotRemoved {
        /// The snapshot.
        id: SnapshotId,
    },
    /// Several snapshots have a name that begins so.
    #[error("'{name}' is the beginning of {} snapshots", candidates.len())]
    SnapshotAmbiguous {
        /// What was asked for.
        name: String,
        /// Those it could mean.
        candidates: Vec<SnapshotId>,
    },
    /// The text cannot be the name of any snapshot.
    #[error("'{name}' is not the name of a snapshot")]
    SnapshotNameInvalid {
        /// What was given.
        name: String,
    },
    /// The path is not in the snapshot.
    #[error("{path} is not in snapshot {}", snapshot.short())]
    PathUnknown {
        /// The path inside the snapshot.
        path: String,
        /// The snapshot.
        snapshot: SnapshotId,
    },
    /// The path is a folder, or something else that has no bytes to give.
    #[error("{path} in snapshot {} is a {kind}, not a file", snapshot.short())]
    NotAFile {
        /// The path inside the snapshot.
        path: String,
        /// What it is.
        kind: &'static str,
        /// The snapshot.
        snapshot: SnapshotId,
    },
    /// A description in the repository is whole and says what no backup would have written.
    #[error("{what} in the repository is not acceptable: {reason}")]
    Refused {
        /// Which description.
        what: &'static str,
        /// Why it is refused.
        reason: String,
    },
    /// The newest snapshot is asked for, and a record that may be it cannot be read.
    #[error("the newest snapshot is not known: the record of {} cannot be read", id.short())]
    NewestUnknown {
        /// A record that cannot be read.
        id: SnapshotId,
        /// Why not.
        source: StoreError,
    },
    /// A snapshot is to be forgotten, and is pinned.
    #[error("snapshot {} is pinned", id.short())]
    Pinned {
        /// The snapshot.
        id: SnapshotId,
    },
    /// Nothing of a group of snapshots would stay.
    #[error("this would forget every snapshot of {sources} on {host}")]
    WouldForgetAll {
        /// The machine.
        host: String,
        /// Its sources.
        sources: String,
        /// How many snapshots that are.
        count: usize,
    },
    /// The last snapshot of its group that lacks nothing is to be forgotten.
    #[error("snapshot {} is the last one of its source that lacks nothing", id.short())]
    LastWhole {
        /// The snapshot.
        id: SnapshotId,
    },
    /// A snapshot is to be brought back that is not among the forgotten ones.
    #[error("no forgotten snapshot is called '{name}'")]
    ForgottenUnknown {
        /// What was asked for.
        name: String,
    },
    /// A forgotten snapshot is to be brought back, and is not whole any longer.
    #[error("snapshot {} cannot be brought back: a collection has taken parts of it", id.short())]
    Collected {
        /// The snapshot.
        id: SnapshotId,
        /// What is gone.
        source: StoreError,
    },
    /// A description is longer or holds more than the format allows.
    #[error("{what} cannot be stored")]
    Unstorable {
        /// What it describes.
        what: String,
        /// Why not.
        source: lifeboat_store::codec::CodecError,
    },
    /// There is more of something than a snapshot can hold.
    #[error("there are {count} {what}, and a snapshot holds at most {limit}")]
    TooMany {
        /// Of what, in the plural.
        what: &'static str,
        /// How many there are.
        count: usize,
        /// How many there may be.
        limit: usize,
    },
    /// A selection that selects nothing.
    #[error("nothing in the snapshot matches {patterns}")]
    NothingMatches {
        /// What was asked for.
        patterns: String,
    },
    /// A file's bytes cannot be had from the repository.
    #[error("{path} cannot be read from the repository")]
    Unreadable {
        /// The file, as it is in the snapshot or where it was to go.
        path: String,
        /// Why not.
        source: StoreError,
    },
    /// The place to restore to is not empty.
    #[error("the folder {} is not empty", path.display())]
    TargetNotEmpty {
        /// The place.
        path: PathBuf,
    },
    /// The place to write to cannot be used.
    #[error("{} cannot be used: {reason}", path.display())]
    TargetUnusable {
        /// The place.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// A folder of the target is no longer the one that was made there, or a link stands in its place.
    #[error("{} is not the folder that it was: somebody has put something else in its place", path.display())]
    TargetSwapped {
        /// The folder.
        path: PathBuf,
    },
    /// The target takes names that differ in case alone for one, and the snapshot has such names.
    #[error("{} takes upper and lower case for the same", path.display())]
    NamesCollide {
        /// The target.
        path: PathBuf,
        /// The first few pairs.
        pairs: Vec<String>,
    },
    /// The file system has room for too few files.
    #[error("{} has room for {free} more files and {needed} are needed", path.display())]
    NoFiles {
        /// Where.
        path: PathBuf,
        /// Files and folders that are needed.
        needed: u64,
        /// Those that there is room for.
        free: u64,
    },
    /// There is too little room.
    #[error("{} has {free_bytes} bytes free and {needed_bytes} are needed", path.display())]
    NoSpace {
        /// Where.
        path: PathBuf,
        /// Bytes that are needed.
        needed_bytes: u64,
        /// Bytes that are free.
        free_bytes: u64,
    },
    /// A pattern of what to leave out, or of what to restore, makes no sense.
    #[error("the pattern '{pattern}' is not valid: {reason}")]
    BadPattern {
        /// The pattern.
        pattern: String,
        /// Why not.
        reason: String,
    },
    /// An older backup is not acceptable.
    #[error("{} cannot be imported: {reason}", path.display())]
    ArchiveRefused {
        /// The zip or folder.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// A zip could not be written.
    #[error("cannot write the zip {}", path.display())]
    Zip {
        /// The zip.
        path: PathBuf,
        /// Why not.
        source: crate::zip::ZipError,
    },
    /// The system gives this process no further thread.
    #[error("cannot start a thread")]
    NoThread {
        /// Why it does not.
        source: io::Error,
    },
    /// A file operation failed.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was attempted, as a verb.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
}

impl SnapshotError {
    /// The error of a caller that asked to stop.
    pub(crate) const fn cancelled() -> Self {
        Self::Store(StoreError::Cancelled)
    }

    /// Whether the caller asked to stop.
    pub fn is_cancelled(&self) -> bool {
        matches!(self, Self::Store(StoreError::Cancelled))
    }
}
