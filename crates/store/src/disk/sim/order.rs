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
mod tests {
    use super::super::{Fault, Harm};
    use super::*;
    use crate::disk::Disk;

    const NAMING: Naming = Naming {
        publishes: |path| !path.ends_with(".pending"),
        commits: |path| path.starts_with("snapshots/"),
    };

    fn disk() -> SimDisk {
        let disk = SimDisk::new();
        disk.create_dir("packs").unwrap();
        disk.create_dir("snapshots").unwrap();
        disk.sync_dir("").unwrap();
        disk
    }

    /// Publishes a file, leaving out one of the steps: 1 the sync, 2 the sync of the folder.
    fn publish(disk: &SimDisk, path: &str, without: u8) {
        let temporary = format!("{path}.tmp");
        let mut file = disk.create_new(&temporary).unwrap();
        file.write_all_at(b"bytes", 0).unwrap();
        if without != 1 {
            file.sync().unwrap();
        }
        disk.rename_new(&temporary, path).unwrap();
        if without != 2 {
            disk.sync_dir("packs").unwrap();
            disk.sync_dir("snapshots").unwrap();
        }
    }

    #[test]
    fn the_right_order_passes() {
        let disk = disk();
        publish(&disk, "packs/a", 0);
        publish(&disk, "packs/b", 0);
        publish(&disk, "snapshots/s", 0);
        disk.assert_published_synced(NAMING);
    }

    #[test]
    fn a_rename_before_the_sync_is_a_breach() {
        let disk = disk();
        publish(&disk, "packs/a", 1);
        assert_eq!(
            disk.order_breaches(NAMING),
            ["rename packs/a.tmp -> packs/a before its bytes were synced"]
        );
        assert_eq!(disk.unsynced(NAMING), ["bytes of packs/a"]);
    }

    #[test]
    fn a_commit_before_its_packs_are_durable_is_a_breach() {
        let disk = disk();
        publish(&disk, "packs/a", 2);
        assert!(disk.order_breaches(NAMING).is_empty(), "not yet");
        publish(&disk, "snapshots/s", 2);
        assert_eq!(
            disk.order_breaches(NAMING),
            ["rename snapshots/s.tmp -> snapshots/s before: rename packs/a.tmp -> packs/a"]
        );
        assert_eq!(disk.unsynced(NAMING).len(), 2);
        disk.sync_dir("packs").unwrap();
        disk.sync_dir("snapshots").unwrap();
        assert!(disk.unsynced(NAMING).is_empty());
        assert!(!disk.order_breaches(NAMING).is_empty(), "too late to help");
    }

    #[test]
    fn a_folder_that_was_not_synced_is_a_breach_of_what_is_in_it() {
        let disk = SimDisk::new();
        disk.create_dir("packs").unwrap();
        disk.create_dir("snapshots").unwrap();
        publish(&disk, "packs/a", 0);
        assert_eq!(disk.unsynced(NAMING), ["create packs"]);
        disk.sync_dir("").unwrap();
        assert!(disk.unsynced(NAMING).is_empty());
    }

    #[test]
    fn writing_into_what_is_published_is_a_breach_and_into_what_is_not_is_none() {
        let disk = disk();
        let mut file = disk.create_new("snapshots/s.tmp").unwrap();
        disk.rename_new("snapshots/s.tmp", "snapshots/s.pending")
            .unwrap();
        file.write_all_at(b"record", 0).unwrap();
        file.sync().unwrap();
        disk.rename_new("snapshots/s.pending", "snapshots/s")
            .unwrap();
        disk.sync_dir("snapshots").unwrap();
        disk.assert_published_synced(NAMING);
        file.write_all_at(b"x", 0).unwrap();
        assert_eq!(
            disk.order_breaches(NAMING),
            ["write snapshots/s 0+1 after it was published"]
        );
    }

    #[test]
    fn a_second_sync_after_a_failed_one_is_a_breach() {
        let disk = disk();
        let mut file = disk.create_new("packs/a").unwrap();
        disk.inject(Fault::nth(1, Harm::Errno(5)));
        assert!(file.sync().is_err());
        assert!(disk.order_breaches(NAMING).is_empty());
        file.sync().unwrap();
        assert_eq!(
            disk.order_breaches(NAMING),
            ["sync packs/a after its sync had failed"]
        );
    }

    #[test]
    #[should_panic(expected = "published but not durable")]
    fn the_assertion_fails_where_there_is_a_breach() {
        let disk = disk();
        publish(&disk, "packs/a", 2);
        disk.assert_published_synced(Naming::default());
    }
}
