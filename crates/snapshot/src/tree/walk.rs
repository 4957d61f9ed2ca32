//! Every entry of a tree, a folder before what is in it.
//!
//! Without recursion, and with one path for all levels: how deep a tree is, and how long its names are, is up to whoever
//! wrote the repository.

use lifeboat_store::Store;

use super::{Roots, below};
use crate::entry::{Entry, Node};
use crate::error::{Result, SnapshotError};
use crate::path::TreePath;

/// All entries of a tree, see [`Tree::walk`](super::Tree::walk).
pub struct Walk<'r> {
    store: &'r Store,
    /// Of the innermost folder that is open.
    path: TreePath,
    levels: Vec<Roots<'r>>,
}

impl<'r> Walk<'r> {
    /// Begins with a folder at this path.
    pub(super) fn new(store: &'r Store, path: TreePath, folder: Roots<'r>) -> Self {
        Self {
            store,
            path,
            levels: vec![folder],
        }
    }

    /// The folder whose entries come next: the one that an error just given out is about.
    pub(crate) fn folder(&self) -> TreePath {
        self.path.clone()
    }

    fn enter(&mut self, entry: Entry) -> Result<(TreePath, Entry)> {
        if self.path.is_full(&entry.name) {
            self.levels.clear();
            return Err(too_deep());
        }
        let path = self.path.join(&entry.name);
        if let Node::Folder { .. } = entry.node {
            self.levels.push(below(self.store, &entry));
            self.path.push(entry.name.clone());
        }
        Ok((path, entry))
    }
}

impl Iterator for Walk<'_> {
    type Item = Result<(TreePath, Entry)>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.levels.last_mut()?.next() {
                Some(entry) => return Some(entry.and_then(|entry| self.enter(entry))),
                None => {
                    self.levels.pop();
                    self.path.pop();
                }
            }
        }
    }
}

/// The error of a path that no backup would have stored.
pub(crate) fn too_deep() -> SnapshotError {
    SnapshotError::Refused {
        what: "a folder",
        reason: "folders are nested too deeply, or a path is too long".to_owned(),
    }
}
