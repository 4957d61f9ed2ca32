//! Locks on databases that are about to leave their places, so that no program begins to use one meanwhile.

use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;

use rustix::fs::FlockOperation;

use super::error::InPlaceError;
use super::holders::{self, Wanted};
use crate::error::Result;
use crate::sqlite;

/// Locks on databases; given up when dropped.
pub(super) struct DatabaseLocks(Vec<Arc<File>>);

impl DatabaseLocks {
    /// None at all.
    pub(super) const fn none() -> Self {
        Self(Vec::new())
    }

    /// Locks those of these databases that are there.
    ///
    /// # Errors
    /// Where another program holds a lock on one.
    pub(super) fn take(databases: Vec<PathBuf>) -> Result<Self> {
        let mut locks = Self::none();
        for path in databases {
            let mut options = std::fs::OpenOptions::new();
            // What this user may not write nobody else of this user can begin to write either.
            let Ok(file) = options.read(true).write(true).open(&path) else {
                continue;
            };
            let file = Arc::new(file);
            sqlite::keep_shared(Arc::clone(&file));
            if rustix::fs::fcntl_lock(&*file, FlockOperation::NonBlockingLockExclusive).is_err() {
                return Err(InPlaceError::InUse {
                    holders: holders::find(&[Wanted {
                        path: path.clone(),
                        is_database: true,
                    }]),
                    path,
                }
                .into());
            }
            locks.0.push(file);
        }
        Ok(locks)
    }
}

impl Drop for DatabaseLocks {
    fn drop(&mut self) {
        for file in &self.0 {
            let _ = rustix::fs::fcntl_lock(&**file, FlockOperation::NonBlockingUnlock);
        }
    }
}
