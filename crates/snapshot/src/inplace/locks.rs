//! Locks on databases that are about to be replaced, so that no program begins to use one meanwhile.

use std::fs::File;
use std::sync::Arc;

use rustix::fs::FlockOperation;

use super::holders::{self, Wanted};
use super::plan::What;
use super::work::Work;
use crate::error::{Result, SnapshotError};
use crate::sqlite;

impl Work<'_> {
    /// Keeps other programs from beginning to use a database that is about to go.
    pub(super) fn lock_databases(&self) -> Result<DatabaseLocks> {
        let mut locks = DatabaseLocks(Vec::new());
        if self.options.force {
            return Ok(locks);
        }
        for difference in &self.plan.differences {
            let goes = matches!(difference.what, What::Put | What::Remove);
            let Some(path) = self.path(difference) else {
                continue;
            };
            let is_live = difference.stamp.is_some() && !difference.online;
            if !goes || !difference.is_database || !is_live {
                continue;
            }
            let mut options = std::fs::OpenOptions::new();
            // What this user may not write nobody else of this user can begin to write either.
            let Ok(file) = options.read(true).write(true).open(&path) else {
                continue;
            };
            let file = Arc::new(file);
            sqlite::keep_shared(Arc::clone(&file));
            if rustix::fs::fcntl_lock(&*file, FlockOperation::NonBlockingLockExclusive).is_err() {
                return Err(SnapshotError::InUse {
                    holders: holders::find(&[Wanted {
                        path: path.clone(),
                        is_database: true,
                    }]),
                    path,
                });
            }
            locks.0.push(file);
        }
        Ok(locks)
    }
}

/// Locks on databases that are about to be replaced; given up when dropped.
pub(super) struct DatabaseLocks(Vec<Arc<File>>);

impl Drop for DatabaseLocks {
    fn drop(&mut self) {
        for file in &self.0 {
            let _ = rustix::fs::fcntl_lock(&**file, FlockOperation::NonBlockingUnlock);
        }
    }
}
