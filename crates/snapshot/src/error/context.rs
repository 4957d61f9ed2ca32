//! What an `io::Error` lacks, and whoever met it knows.

use std::io;
use std::path::Path;

use super::{Result, SnapshotError};

/// Turns an `io::Error` into one that says what it is about.
pub(crate) trait IoContext<T> {
    /// With the action, as a verb, and the path.
    fn context(self, action: &'static str, path: &Path) -> Result<T>;

    /// What was to be found there is a source, and is not there.
    fn of_source(self, path: &Path) -> Result<T>;
}

impl<T, E: Into<io::Error>> IoContext<T> for std::result::Result<T, E> {
    fn context(self, action: &'static str, path: &Path) -> Result<T> {
        self.map_err(|source| SnapshotError::Io {
            action,
            path: path.to_owned(),
            source: source.into(),
        })
    }

    fn of_source(self, path: &Path) -> Result<T> {
        self.map_err(|source| SnapshotError::SourceMissing {
            path: path.to_owned(),
            source: source.into(),
        })
    }
}
