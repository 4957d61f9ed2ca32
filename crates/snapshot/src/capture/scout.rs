//! A walk on a thread of its own, some steps ahead of whoever takes them: looking at entries costs as much as the rest of a
//! backup in which nothing changed.
//!
//! What waits between the two is bounded, so a walk is never far ahead of the reading, and its memory stays small.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use super::walk::{Step, Walk};
use crate::error::{Result, SnapshotError};

/// Steps that are handed over at once: a thread is not woken for each.
const BATCH: usize = 128;

/// Batches that wait.
const WAITING: usize = 8;

/// Gives the steps of a walk to `take` while the walk goes on; it ends early where `take` does.
///
/// # Errors
/// [`SnapshotError::NoThread`]; else what `take` gives.
pub(super) fn ahead<T>(walk: Walk<'_>, take: impl FnOnce(Steps) -> Result<T>) -> Result<T> {
    thread::scope(|scope| {
        let (sender, receiver) = sync_channel(WAITING);
        thread::Builder::new()
            .spawn_scoped(scope, move || send(walk, &sender))
            .map_err(|source| SnapshotError::NoThread { source })?;
        take(Steps {
            batch: Vec::new().into_iter(),
            receiver,
        })
    })
}

fn send(mut walk: Walk<'_>, sender: &SyncSender<Vec<Step>>) {
    loop {
        let batch: Vec<Step> = walk.by_ref().take(BATCH).collect();
        // Nobody takes them any more: an error ended the backup, and is told there.
        if batch.is_empty() || sender.send(batch).is_err() {
            return;
        }
    }
}

/// The steps of a walk, in its order.
pub(super) struct Steps {
    batch: std::vec::IntoIter<Step>,
    receiver: Receiver<Vec<Step>>,
}

impl Iterator for Steps {
    type Item = Step;

    fn next(&mut self) -> Option<Step> {
        loop {
            if let Some(step) = self.batch.next() {
                return Some(step);
            }
            // Its other end goes when the walk is over.
            self.batch = self.receiver.recv().ok()?.into_iter();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::exclude::Excludes;
    use super::super::walk::find_root;
    use super::*;

    /// More files than may wait.
    const FILES: usize = 2 * BATCH * WAITING;

    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for number in 0..FILES {
            std::fs::write(folder.path().join(format!("{number:04}")), "").unwrap();
        }
        folder
    }

    fn walked<T>(path: &Path, take: impl FnOnce(Steps) -> T) -> T {
        let excludes = Excludes::new(path, &[], Vec::new()).unwrap();
        let root = find_root(path, path.symlink_metadata().unwrap()).unwrap();
        ahead(Walk::new(&excludes, root), |steps| Ok(take(steps))).unwrap()
    }

    #[test]
    fn all_steps_come_in_their_order() {
        let folder = folder();
        let names = walked(folder.path(), |steps| {
            let names = steps.filter_map(|step| match step {
                Step::Item(found) => Some(found.name.as_bytes().to_owned()),
                _ => None,
            });
            names.collect::<Vec<_>>()
        });
        assert_eq!(names.len(), FILES);
        assert!(names.is_sorted());
    }

    #[test]
    fn a_walk_ends_when_nobody_takes_its_steps() {
        let folder = folder();
        assert_eq!(walked(folder.path(), |steps| steps.take(3).count()), 3);
    }
}
