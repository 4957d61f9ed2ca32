//! Checks of the order of operations, over the log (rules R1 and R5, the local commit order).

use std::collections::{BTreeMap, BTreeSet};

use super::SimDisk;
use super::log::{Change, Operation};
use super::names::NameChange;
use super::replay::Replay;
use super::state::Image;
use super::tree::FileId;

/// What names mean to the order checks.
#[derive(Debug, Clone, Copy)]
pub struct Naming {
    /// Whether a file that is renamed so is published: others may rely on it.
    pub publishes: fn(&str) -> bool,
    /// Whether a file that is renamed so is a commit: it refers to all that was published before.
    pub commits: fn(&str) -> bool,
}

impl Default for Naming {
    /// Every rename publishes, none commits.
    fn default() -> Self {
        Self {
            publishes: |_| true,
            commits: |_| false,
        }
    }
}

impl SimDisk {
    /// What is wrong with the order of the log so far, in words; empty where nothing is.
    ///
    /// When a file is published, its bytes must be durable, and from then on it is not written. When one is a commit,
    /// all that was published before must be durable, names and folders included. No file is synced again after its sync
    /// failed (rule R5).
    pub fn order_breaches(&self, naming: Naming) -> Vec<String> {
        self.replay_order(naming).breaches
    }

    /// What of the published files may still be lost, in words: what no success may be reported with (rule R1).
    pub fn unsynced(&self, naming: Naming) -> Vec<String> {
        self.replay_order(naming).unsynced(None)
    }

    /// That the order of the log has no breach, and all that is published is durable by now.
    ///
    /// # Panics
    /// Where that is not so.
    #[track_caller]
    pub fn assert_published_synced(&self, naming: Naming) {
        let breaches = self.order_breaches(naming);
        assert!(breaches.is_empty(), "out of order: {breaches:#?}");
        let unsynced = self.unsynced(naming);
        assert!(
            unsynced.is_empty(),
            "published but not durable: {unsynced:#?}"
        );
    }

    fn replay_order(&self, naming: Naming) -> Order {
        let (start, log) = {
            let state = self.state();
            (state.start.clone(), state.log.clone())
        };
        let mut order = Order::new(&start, naming);
        for operation in &log {
            order.apply(operation);
        }
        order
    }

    /// The files that somebody synced again after a sync had failed, by the name they had then (rule R5).
    pub fn synced_after_failure(&self) -> Vec<String> {
        let mut failed = BTreeSet::new();
        let mut again = Vec::new();
        for operation in self.operations() {
            if operation.change == Change::Sync {
                if failed.contains(&operation.file) {
                    again.push(operation.path.to_string());
                }
                if operation.error.is_some() {
                    failed.insert(operation.file);
                }
            }
        }
        again
    }
}

struct Order {
    naming: Naming,
    replay: Replay,
    /// Published files, by their last name.
    published: BTreeMap<FileId, String>,
    failed: BTreeSet<FileId>,
    breaches: Vec<String>,
}

impl Order {
    fn new(start: &Image, naming: Naming) -> Self {
        Self {
            naming,
            replay: Replay::from_image(start),
            published: BTreeMap::new(),
            failed: BTreeSet::new(),
            breaches: Vec::new(),
        }
    }

    fn apply(&mut self, operation: &Operation) {
        if let Some(file) = operation.file {
            let breach = self.breach(operation, file);
            self.breaches
                .extend(breach.map(|breach| format!("{operation} {breach}")));
            self.note(operation, file);
        }
        self.replay.apply(operation);
    }

    fn breach(&self, operation: &Operation, file: FileId) -> Option<String> {
        match &operation.change {
            Change::Rename { to, .. } if (self.naming.publishes)(to) && self.is_unsynced(file) => {
                Some("before its bytes were synced".to_owned())
            }
            Change::Rename { to, .. } if (self.naming.commits)(to) => {
                let unsynced = self.unsynced(Some(file));
                (!unsynced.is_empty()).then(|| format!("before: {}", unsynced.join(", ")))
            }
            Change::Write { .. } if self.published.contains_key(&file) => {
                Some("after it was published".to_owned())
            }
            Change::Sync if self.failed.contains(&file) => {
                Some("after its sync had failed".to_owned())
            }
            _ => None,
        }
    }

    fn note(&mut self, operation: &Operation, file: FileId) {
        match &operation.change {
            Change::Rename { to, .. } if operation.happened && (self.naming.publishes)(to) => {
                self.published.insert(file, to.to_string());
            }
            Change::Rename { .. } | Change::Remove if operation.happened => {
                self.published.remove(&file);
            }
            Change::Sync if operation.error.is_some() => {
                self.failed.insert(file);
            }
            _ => {}
        }
    }

    fn is_unsynced(&self, file: FileId) -> bool {
        self.replay.open_files().any(|(open, _)| open == file)
    }

    /// Published files, but for one, of which bytes, name or folder may be lost.
    fn unsynced(&self, except: Option<FileId>) -> Vec<String> {
        let others = || {
            self.published
                .iter()
                .filter(|(file, _)| Some(**file) != except)
        };
        let bytes = others().filter(|(file, _)| self.is_unsynced(**file));
        let names = self.replay.open_names().filter(|change| match change {
            NameChange::Move { to, .. } => others().any(|(_, path)| **path == **to),
            NameChange::Add { path: folder, .. } => {
                others().any(|(_, path)| is_inside(path, folder))
            }
            NameChange::Remove { .. } => false,
        });
        bytes
            .map(|(_, path)| format!("bytes of {path}"))
            .chain(names.map(ToString::to_string))
            .collect()
    }
}

fn is_inside(path: &str, folder: &str) -> bool {
    let rest = path.strip_prefix(folder);
    rest.is_some_and(|rest| rest.starts_with('/'))
}

#[cfg(test)]
mod tests;
