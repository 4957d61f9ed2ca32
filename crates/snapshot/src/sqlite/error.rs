//! What can go wrong with a database, told by the path and what to do about it.
//!
//! The hazard is to call everything "SQLite error": a busy database is tried again later, a
//! damaged one is reported every day, a foreign file is stored as a plain file. So each of them
//! has its own variant, decided in [`SqliteError::from_sqlite`] and nowhere else.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{ErrorCode, ffi};

/// Why a database could not be captured or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SqliteError {
    /// The file does not begin like a database: foreign, or encrypted.
    #[error("{path} is not a plain SQLite database: it begins with {begins:?}", path = path.display())]
    NotADatabase {
        /// The file.
        path: PathBuf,
        /// Its first bytes, escaped for reading.
        begins: String,
    },
    /// Another program held the database locked for longer than the busy timeout.
    #[error("{path} is locked by another program for {waited:?}", path = path.display())]
    Busy {
        /// The database.
        path: PathBuf,
        /// How long the lock was waited for.
        waited: Duration,
        /// SQLite's own words.
        #[source]
        source: Option<rusqlite::Error>,
    },
    /// A program died while writing, and its journal cannot be rolled back out of place.
    #[error("{path} has a hot journal: open it once with its own program, so that it recovers", path = path.display())]
    HotJournal {
        /// The database.
        path: PathBuf,
        /// SQLite's own words.
        #[source]
        source: Option<rusqlite::Error>,
    },
    /// The file begins like a database, but no committed state can be read from it.
    #[error("{path} is damaged: {detail}", path = path.display())]
    Damaged {
        /// The database.
        path: PathBuf,
        /// What is wrong with it.
        detail: String,
        /// SQLite's own words.
        #[source]
        source: Option<rusqlite::Error>,
    },
    /// The path names another file than when the capture began.
    #[error("{path} was replaced while it was read", path = path.display())]
    Replaced {
        /// The database.
        path: PathBuf,
    },
    /// A program began to use the database in a way that the capture could not lock out.
    #[error("{path} was opened by another program at the moment it was read", path = path.display())]
    Disturbed {
        /// The database.
        path: PathBuf,
        /// SQLite's own words.
        #[source]
        source: Option<rusqlite::Error>,
    },
    /// The consumer of the extents, or the one who asked for them, gave up.
    #[error("the capture was stopped")]
    Stopped,
    /// SQLite failed otherwise.
    #[error("cannot {doing} {path}", path = path.display())]
    Sqlite {
        /// The database.
        path: PathBuf,
        /// A verb, such as "open".
        doing: &'static str,
        /// SQLite's own words.
        #[source]
        source: rusqlite::Error,
    },
    /// The file system failed.
    #[error("cannot read {path}", path = path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
}

impl SqliteError {
    /// Whether an immediate second try, with a fresh consumer, is likely to succeed.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Replaced { .. } | Self::Disturbed { .. })
    }

    pub(super) fn io(path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        Self::Io { path, source }
    }

    pub(super) fn damaged(path: &Path, detail: &str) -> Self {
        Self::Damaged {
            path: path.to_owned(),
            detail: detail.to_owned(),
            source: None,
        }
    }

    /// Sorts an error of SQLite by what the caller can do about it.
    pub(super) fn from_sqlite(
        path: &Path,
        doing: &'static str,
        waited: Duration,
        error: rusqlite::Error,
    ) -> Self {
        let path = path.to_owned();
        let (code, extended) = codes(&error);
        let source = Some(error);
        match (code, extended) {
            (_, ffi::SQLITE_READONLY_ROLLBACK) => Self::HotJournal { path, source },
            (_, ffi::SQLITE_IOERR_SHORT_READ) => Self::Disturbed { path, source },
            (
                ErrorCode::DatabaseBusy
                | ErrorCode::DatabaseLocked
                | ErrorCode::FileLockingProtocolFailed,
                _,
            ) => Self::Busy {
                path,
                waited,
                source,
            },
            (ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase, _) => Self::Damaged {
                path,
                detail: "SQLite cannot read its header or size".to_owned(),
                source,
            },
            _ => match source {
                Some(source) => Self::Sqlite {
                    path,
                    doing,
                    source,
                },
                None => Self::Stopped,
            },
        }
    }
}

/// The primary and the extended result code; an error of rusqlite's own counts as misuse.
pub(super) fn codes(error: &rusqlite::Error) -> (ErrorCode, i32) {
    match error.sqlite_error() {
        Some(failure) => (failure.code, failure.extended_code),
        None => (ErrorCode::ApiMisuse, ffi::SQLITE_MISUSE),
    }
}
