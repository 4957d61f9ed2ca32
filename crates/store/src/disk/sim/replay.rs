//! The log once more, from the disk's point of view: what is certain after each operation, and what a power cut may
//! still take back.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::contents::Contents;
use super::log::{Change, Operation};
use super::names::{NameChange, NameFate, Names, Pending};
use super::state::Image;
use super::tree::{Entry, FileId, Tree};

/// The disk after a part of the log.
#[derive(Debug, Clone)]
pub(super) struct Replay {
    durable: Tree,
    pending: Vec<Pending>,
    files: BTreeMap<FileId, Contents>,
}

impl Replay {
    pub(super) fn from_image(image: &Image) -> Self {
        let files = image.files.iter();
        Self {
            durable: image.tree.clone(),
            pending: Vec::new(),
            files: files
                .map(|(file, bytes)| (*file, Contents::at_rest(bytes)))
                .collect(),
        }
    }

    /// The next operation of the log.
    pub(super) fn apply(&mut self, operation: &Operation) {
        let path = &operation.path;
        match (&operation.change, operation.file, operation.happened) {
            (Change::Write { offset, bytes }, Some(file), _) => {
                if let Some(contents) = self.files.get_mut(&file) {
                    contents.write(bytes, usize::try_from(*offset).unwrap_or(usize::MAX));
                }
            }
            (Change::Sync, Some(file), happened) => {
                if let Some(contents) = self.files.get_mut(&file) {
                    if happened {
                        contents.sync();
                    } else {
                        contents.lose_unsynced();
                    }
                }
            }
            (Change::SyncDir, _, true) => self.settle(path),
            (_, file, true) => self.rename(operation, file),
            _ => {}
        }
    }

    /// A change of names.
    fn rename(&mut self, operation: &Operation, file: Option<FileId>) {
        let path = Arc::clone(&operation.path);
        let change = match (&operation.change, file) {
            (Change::CreateDir, _) if path.is_empty() => {
                // Its name is in a folder outside, which nobody can sync through this disk.
                return self.durable.insert(&path, Entry::Folder);
            }
            (Change::CreateDir, _) => NameChange::Add {
                path,
                entry: Entry::Folder,
            },
            (Change::Create, Some(file)) => {
                self.files.insert(file, Contents::default());
                NameChange::Add {
                    path,
                    entry: Entry::File(file),
                }
            }
            (Change::Remove, Some(file)) => NameChange::Remove { path, file },
            (Change::Rename { to, one_step }, Some(file)) => NameChange::Move {
                one_step: *one_step,
                from: path,
                to: Arc::clone(to),
                file,
            },
            _ => return,
        };
        self.pending.push(Pending {
            change,
            settled: false,
        });
    }

    /// A folder was synced: the changes of its names are durable, and with each what happened to the same file before.
    fn settle(&mut self, folder: &str) {
        let mut settled = BTreeSet::new();
        for pending in self.pending.iter_mut().rev() {
            let file = pending.change.file();
            pending.settled |= pending.change.folder() == folder;
            pending.settled |= file.is_some_and(|file| settled.contains(&file));
            if pending.settled {
                settled.extend(file);
            }
        }
        self.fold();
        let named = |file: &FileId| {
            let entry = Entry::File(*file);
            let pending = &mut self
                .pending
                .iter()
                .filter_map(|pending| pending.change.file());
            self.durable.iter().any(|(_, held)| held == entry) || pending.any(|held| held == *file)
        };
        let unnamed: Vec<FileId> = self
            .files
            .keys()
            .filter(|file| !named(file))
            .copied()
            .collect();
        for file in unnamed {
            self.files.remove(&file);
        }
    }

    /// Takes what is settled, and bound to nothing open before it, into the durable names.
    fn fold(&mut self) {
        let mut open: Vec<Pending> = Vec::new();
        for pending in std::mem::take(&mut self.pending) {
            let bound = open
                .iter()
                .any(|before| before.change.touches(&pending.change));
            if pending.settled && !bound {
                Names::new(&mut self.durable).apply(&pending, NameFate::Kept);
            } else {
                open.push(pending);
            }
        }
        self.pending = open;
    }

    /// The changes of names that a power cut may take back.
    pub(super) fn open_names(&self) -> impl Iterator<Item = &NameChange> {
        let open = self.pending.iter().filter(|pending| !pending.settled);
        open.map(|pending| &pending.change)
    }

    /// The files with unsynced bytes.
    pub(super) fn open_files(&self) -> impl Iterator<Item = (FileId, &Contents)> {
        let files = self.files.iter().map(|(file, contents)| (*file, contents));
        files.filter(|(_, contents)| !contents.is_durable())
    }

    pub(super) fn contents(&self, file: FileId) -> Option<&Contents> {
        self.files.get(&file)
    }

    /// The names that a power cut leaves if [`Self::open_names`] have these fates, without what hangs in the air.
    pub(super) fn tree(&self, fates: &mut dyn Iterator<Item = NameFate>) -> Tree {
        let mut tree = self.durable.clone();
        let mut names = Names::new(&mut tree);
        for pending in &self.pending {
            let fate = if pending.settled {
                NameFate::Kept
            } else {
                fates.next().unwrap_or(NameFate::Lost)
            };
            names.apply(pending, fate);
        }
        tree.reachable()
    }

    /// The name to call a file by in messages: the last one it was given.
    pub(super) fn name(&self, file: FileId) -> Arc<str> {
        let given = self
            .pending
            .iter()
            .rev()
            .find_map(|pending| match &pending.change {
                NameChange::Add { path, entry } if *entry == Entry::File(file) => Some(path),
                NameChange::Move {
                    to, file: moved, ..
                } if *moved == file => Some(to),
                _ => None,
            });
        let durable = || {
            let mut entries = self.durable.iter();
            entries.find_map(|(path, entry)| (entry == Entry::File(file)).then_some(path))
        };
        given
            .or_else(durable)
            .map_or_else(|| "?".into(), Arc::clone)
    }
}
