//! Changes of names on their way to the disk, and what a power cut makes of them.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use super::tree::{Entry, FileId, Tree, parent};

/// What became of a change of names that was not durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NameFate {
    Lost,
    Kept,
    /// A rename of which the new name was kept and the old one too.
    Both,
}

/// A change of names, on its way to the disk.
#[derive(Debug, Clone)]
pub(super) enum NameChange {
    Add {
        path: Arc<str>,
        entry: Entry,
    },
    Remove {
        path: Arc<str>,
        file: FileId,
    },
    Move {
        from: Arc<str>,
        to: Arc<str>,
        file: FileId,
        /// Whether it cannot end with both names.
        one_step: bool,
    },
}

/// A change of names that is not in the durable ones yet.
#[derive(Debug, Clone)]
pub(super) struct Pending {
    pub(super) change: NameChange,
    /// Durable, but after one that is not, and which touches the same name or file.
    pub(super) settled: bool,
}

impl NameChange {
    pub(super) fn file(&self) -> Option<FileId> {
        match self {
            Self::Add {
                entry: Entry::File(file),
                ..
            }
            | Self::Remove { file, .. }
            | Self::Move { file, .. } => Some(*file),
            Self::Add {
                entry: Entry::Folder,
                ..
            } => None,
        }
    }

    /// The folder whose sync makes it durable.
    pub(super) fn folder(&self) -> &str {
        match self {
            Self::Add { path, .. } | Self::Remove { path, .. } => parent(path),
            Self::Move { to, .. } => parent(to),
        }
    }

    /// Whether it matters which of the two comes first.
    pub(super) fn touches(&self, other: &Self) -> bool {
        let paths = self.paths();
        let file = self.file().is_some() && self.file() == other.file();
        file || other
            .paths()
            .into_iter()
            .flatten()
            .any(|path| paths.contains(&Some(path)))
    }

    fn paths(&self) -> [Option<&str>; 2] {
        match self {
            Self::Add { path, .. } | Self::Remove { path, .. } => [Some(path), None],
            Self::Move { from, to, .. } => [Some(from), Some(to)],
        }
    }
}

impl fmt::Display for NameChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Add { path, .. } => write!(f, "create {path}"),
            Self::Remove { path, .. } => write!(f, "remove {path}"),
            Self::Move {
                from, to, one_step, ..
            } => write!(
                f,
                "{} {from} -> {to}",
                if *one_step { "move" } else { "rename" }
            ),
        }
    }
}

/// Names to which changes are applied of which some are lost.
pub(super) struct Names<'a> {
    tree: &'a mut Tree,
    /// Where a file still is whose rename to this name was lost.
    left_behind: BTreeMap<(FileId, Arc<str>), Arc<str>>,
}

impl<'a> Names<'a> {
    pub(super) const fn new(tree: &'a mut Tree) -> Self {
        Self {
            tree,
            left_behind: BTreeMap::new(),
        }
    }

    pub(super) fn apply(&mut self, pending: &Pending, fate: NameFate) {
        match &pending.change {
            NameChange::Add { path, entry } if fate != NameFate::Lost => {
                self.tree.insert(path, *entry)
            }
            NameChange::Remove { path, file } if fate != NameFate::Lost => self.remove(path, *file),
            NameChange::Move { from, to, file, .. } => {
                let place = self.left_behind.remove(&(*file, Arc::clone(from)));
                let place = place.unwrap_or_else(|| Arc::clone(from));
                // Into a folder that is not there, only a durable rename leads: the file goes with the folder.
                if fate == NameFate::Lost || !pending.settled && !self.tree.reaches(to) {
                    self.left_behind.insert((*file, Arc::clone(to)), place);
                    return;
                }
                if fate == NameFate::Kept {
                    self.remove(&place, *file);
                }
                self.tree.insert(to, Entry::File(*file));
            }
            NameChange::Add { .. } | NameChange::Remove { .. } => {}
        }
    }

    fn remove(&mut self, path: &str, file: FileId) {
        if self.tree.get(path) == Some(Entry::File(file)) {
            self.tree.remove(path);
        }
    }
}
