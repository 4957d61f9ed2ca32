//! Lets the disk begin with what was written while the rest still is: what is left to the one sync in the end waits for it
//! with nothing else to do.
//!
//! Hazard: the system tells an error of the disk to one sync and to no other (rule R5). So one that is told here counts as
//! if the last sync had met it, and ends the restore.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::thread::{Builder, Scope, ScopedJoinHandle};

use crate::error::Result;

/// Bytes after which the disk is to begin with them.
const STEP: u64 = 64 << 20;

/// What a file costs the disk beside its bytes.
const FILE: u64 = 8 << 10;

/// Counts what is written.
pub(super) struct Written {
    bytes: AtomicU64,
    enough: SyncSender<()>,
}

impl Written {
    /// Bytes were written.
    pub(super) fn bytes(&self, bytes: u64) {
        let before = self.bytes.fetch_add(bytes, Ordering::Relaxed);
        if before / STEP != (before + bytes) / STEP {
            // Where one is asked for already it comes after these bytes, too; where none can be made the last one is left.
            let _ = self.enough.try_send(());
        }
    }

    /// A small file was written.
    pub(super) fn file(&self, bytes: u64) {
        self.bytes(FILE + bytes);
    }
}

/// The thread that waits for enough.
pub(super) struct Early<'scope>(Option<ScopedJoinHandle<'scope, Result<()>>>);

/// Begins to count; `sync` is called beside the writing, again and again, until the counter is dropped.
pub(super) fn begin<'scope>(
    scope: &'scope Scope<'scope, '_>,
    sync: impl Fn() -> Result<()> + Send + 'scope,
) -> (Written, Early<'scope>) {
    let (enough, asked) = mpsc::sync_channel(1);
    let written = Written {
        bytes: AtomicU64::new(0),
        enough,
    };
    let work = move || each(&asked, sync);
    // Where no thread is to be had the last sync does it all (fault F-74).
    (
        written,
        Early(Builder::new().spawn_scoped(scope, work).ok()),
    )
}

fn each(asked: &Receiver<()>, sync: impl Fn() -> Result<()>) -> Result<()> {
    asked.iter().try_for_each(|()| sync())
}

impl Early<'_> {
    /// Waits for the thread, when the counter is dropped.
    ///
    /// # Errors
    /// What a sync has met.
    pub(super) fn end(self) -> Result<()> {
        match self.0.map(ScopedJoinHandle::join) {
            None => Ok(()),
            Some(Ok(synced)) => synced,
            Some(Err(panic)) => std::panic::resume_unwind(panic),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::SnapshotError;

    /// Writes so many files, and gives how often there was a sync, each of which ends so.
    fn syncs(files: u64, end: fn() -> Result<()>) -> (u64, Result<()>) {
        let count = AtomicU64::new(0);
        let ended = std::thread::scope(|scope| {
            let (written, early) = begin(scope, || {
                count.fetch_add(1, Ordering::Relaxed);
                end()
            });
            (0..files).for_each(|_| written.file(STEP / 8 - FILE));
            drop(written);
            early.end()
        });
        (count.into_inner(), ended)
    }

    #[test]
    fn there_is_a_sync_once_enough_was_written() {
        assert_eq!(syncs(7, || Ok(())).0, 0);
        assert_eq!(syncs(8, || Ok(())).0, 1);
        let (count, ended) = syncs(80, || Ok(()));
        assert!((1..=10).contains(&count), "{count}");
        ended.unwrap();
    }

    #[test]
    fn f08_what_an_early_sync_is_told_ends_the_restore() {
        let (count, ended) = syncs(80, || Err(SnapshotError::cancelled()));
        assert_eq!(count, 1);
        assert!(ended.is_err());
    }
}
