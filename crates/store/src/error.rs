//! What can go wrong in the store, as facts with fields. The sentence leaves the cause out: it is the error's source.

use std::io;
use std::path::PathBuf;

use crate::disk::WrongSort;
use crate::id::{ChunkId, SnapshotId};

/// Short for a result of this crate.
pub type Result<T, E = StoreError> = std::result::Result<T, E>;

/// A failure of the store.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The place holds no repository: it is missing or empty.
    #[error("no repository at {}", place.display())]
    NoRepository {
        /// Where it was looked for.
        place: PathBuf,
    },
    /// The place holds something else.
    #[error("{} is not a repository: it holds {found} and no config", place.display())]
    NotARepository {
        /// Where it was looked for.
        place: PathBuf,
        /// One of the names found there.
        found: String,
    },
    /// A repository is to be created where one is.
    #[error("a repository already exists at {}", place.display())]
    AlreadyExists {
        /// Where it is.
        place: PathBuf,
    },
    /// The object was written by a newer program.
    #[error("{} has format {found}; this program reads formats up to {supported}", object.display())]
    NewerFormat {
        /// The object that says so.
        object: PathBuf,
        /// The version in it.
        found: u16,
        /// The newest version this program knows.
        supported: u16,
    },
    /// The repository uses something that this program does not know.
    #[error("{} needs the feature '{feature}', which this program does not know", object.display())]
    UnknownFeature {
        /// The object that says so.
        object: PathBuf,
        /// The feature's name.
        feature: String,
    },
    /// An object's bytes are not what was written.
    #[error("{} is damaged: {what}", object.display())]
    Damaged {
        /// The object.
        object: PathBuf,
        /// What does not hold.
        what: String,
    },
    /// A chunk's stored copy does not give the bytes that its id names.
    #[error("chunk {id} in {} is damaged: {what}", object.display())]
    ChunkDamaged {
        /// The chunk.
        id: ChunkId,
        /// The pack it was read from.
        object: PathBuf,
        /// What does not hold.
        what: String,
    },
    /// No pack holds the chunk.
    #[error("chunk {id} is in no pack of the repository")]
    ChunkMissing {
        /// The chunk.
        id: ChunkId,
    },
    /// There is no committed record of this name.
    #[error("no snapshot {id}")]
    NoRecord {
        /// The name.
        id: SnapshotId,
    },
    /// A committed record is gone that nobody has forgotten: its copy is there.
    #[error("the record {} is missing, and its copy is there", object.display())]
    RecordLost {
        /// Where it was.
        object: PathBuf,
        /// Where its copy is.
        copy: PathBuf,
    },
    /// Somebody gave the session up for dead and closed its record.
    #[error("session {session} was evicted while it was stalled")]
    Evicted {
        /// The session.
        session: SnapshotId,
    },
    /// An earlier write of the session failed; nothing more is written by it.
    #[error("session {session} stopped after a write had failed")]
    Stopped {
        /// The session.
        session: SnapshotId,
    },
    /// A value is larger than the format allows.
    #[error("{what} of {actual} bytes is over the limit of {limit}")]
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// Its size in bytes.
        actual: u64,
        /// The most that the format allows, in bytes.
        limit: u64,
    },
    /// A name that was to be new is taken: the source of randomness repeats itself.
    #[error("the new name {name} is taken: this machine's random numbers repeat")]
    NameTaken {
        /// The name.
        name: String,
    },
    /// A compressed chunk did not decode to what went in: memory or the compressor is faulty.
    #[error(
        "a chunk changed while it was compressed: this machine's memory or processor is faulty"
    )]
    WriteCheck,
    /// The caller asked to stop.
    #[error("stopped on request")]
    Cancelled,
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

impl StoreError {
    /// The same failure of the disk once more, for others who meet it; `None` of what is no such failure.
    pub(crate) fn again(&self) -> Option<Self> {
        let Self::Io {
            action,
            path,
            source,
        } = self
        else {
            return None;
        };
        let source = io::Error::from_raw_os_error(source.raw_os_error()?);
        let path = path.clone();
        Some(Self::Io {
            action,
            path,
            source,
        })
    }

    /// The same once more of what a pack could not be read for; the words stay, a source becomes words.
    pub(crate) fn retold(&self) -> Self {
        match self {
            Self::Io {
                action,
                path,
                source,
            } => Self::Io {
                action,
                path: path.clone(),
                source: match source.raw_os_error() {
                    Some(code) => io::Error::from_raw_os_error(code),
                    None => io::Error::new(source.kind(), source.to_string()),
                },
            },
            Self::Damaged { object, what } => Self::Damaged {
                object: object.clone(),
                what: what.clone(),
            },
            other => Self::Damaged {
                object: PathBuf::new(),
                what: other.to_string(),
            },
        }
    }

    /// Whether the disk or the quota is full.
    pub(crate) fn is_no_room(&self) -> bool {
        use io::ErrorKind::{QuotaExceeded, StorageFull};
        matches!(self, Self::Io { source, .. } if matches!(source.kind(), StorageFull | QuotaExceeded))
    }

    /// Whether the object is known to be bad, as against not readable right now.
    pub fn is_damage(&self) -> bool {
        matches!(
            self,
            Self::Damaged { .. }
                | Self::ChunkDamaged { .. }
                | Self::ChunkMissing { .. }
                | Self::RecordLost { .. }
        )
    }
}

/// Gives an `io::Error` the action and the path it lacks.
pub(crate) trait IoContext<T> {
    fn context(self, action: &'static str, path: impl FnOnce() -> PathBuf) -> Result<T>;
}

impl<T> IoContext<T> for io::Result<T> {
    fn context(self, action: &'static str, path: impl FnOnce() -> PathBuf) -> Result<T> {
        self.map_err(|source| match wrong_sort(&source) {
            Some(what) => StoreError::Damaged {
                object: path(),
                what: what.to_owned(),
            },
            None => StoreError::Io {
                action,
                path: path(),
                source,
            },
        })
    }
}

/// What stands where a file or folder of the repository should.
fn wrong_sort(error: &io::Error) -> Option<&'static str> {
    let wrong = error.get_ref()?.downcast_ref::<WrongSort>()?;
    Some(wrong.0)
}
