//! The names of a simulated disk: which path is a folder and which is which file.

use std::collections::BTreeMap;
use std::io;
use std::ops::Bound;
use std::sync::Arc;

use rustix::io::Errno;

/// Identity of a file apart from its names, as an inode number is. Never used twice on one disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(pub(super) u64);

/// What a name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Entry {
    Folder,
    File(FileId),
}

/// All names by their whole path. The root is the entry `""`. Folders are neither renamed nor removed, as [`super::Disk`]
/// offers neither, so a folder's path is its identity.
#[derive(Debug, Clone, Default)]
pub(super) struct Tree(BTreeMap<Arc<str>, Entry>);

impl Tree {
    pub(super) fn with_root() -> Self {
        Self(BTreeMap::from([(Arc::from(""), Entry::Folder)]))
    }

    pub(super) fn get(&self, path: &str) -> Option<Entry> {
        self.0.get(path).copied()
    }

    pub(super) fn insert(&mut self, path: &Arc<str>, entry: Entry) {
        self.0.insert(Arc::clone(path), entry);
    }

    pub(super) fn remove(&mut self, path: &str) {
        self.0.remove(path);
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&Arc<str>, Entry)> {
        self.0.iter().map(|(path, entry)| (path, *entry))
    }

    /// Whether any name leads to the file.
    pub(super) fn names(&self, file: FileId) -> bool {
        self.0.values().any(|entry| *entry == Entry::File(file))
    }

    /// The file of a path, with the errors of the real disk.
    pub(super) fn file(&self, path: &str) -> io::Result<FileId> {
        match self.entry(path)? {
            Entry::File(file) => Ok(file),
            Entry::Folder => Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "not a regular file",
            )),
        }
    }

    /// That the path is a folder.
    pub(super) fn folder(&self, path: &str) -> io::Result<()> {
        match self.entry(path)? {
            Entry::Folder => Ok(()),
            Entry::File(_) => Err(Errno::NOTDIR.into()),
        }
    }

    /// That the path may be created: its folder is there and its name is free.
    pub(super) fn vacant(&self, path: &str) -> io::Result<()> {
        match self.entry(path) {
            Ok(_) => Err(Errno::EXIST.into()),
            Err(_) if path.is_empty() => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => self.folder(parent(path)),
            Err(error) => Err(error),
        }
    }

    pub(super) fn entry(&self, path: &str) -> io::Result<Entry> {
        if !path.is_empty() && path.split('/').any(|part| matches!(part, "" | "." | "..")) {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "not a plain relative path",
            ));
        }
        for above in ancestors(path) {
            match self.get(above) {
                Some(Entry::Folder) => {}
                Some(Entry::File(_)) => return Err(Errno::NOTDIR.into()),
                None => return Err(Errno::NOENT.into()),
            }
        }
        self.get(path).ok_or_else(|| Errno::NOENT.into())
    }

    /// Without the names whose folders are not there.
    pub(super) fn reachable(&self) -> Self {
        let entries = self.0.iter().filter(|(path, _)| self.reaches(path));
        Self(
            entries
                .map(|(path, entry)| (Arc::clone(path), *entry))
                .collect(),
        )
    }

    /// Whether all folders above the path are there.
    pub(super) fn reaches(&self, path: &str) -> bool {
        ancestors(path).all(|above| self.get(above) == Some(Entry::Folder))
    }

    /// The entries of a folder, by their last part.
    pub(super) fn children(&self, folder: &str) -> Vec<(&str, Entry)> {
        let prefix = if folder.is_empty() {
            String::new()
        } else {
            format!("{folder}/")
        };
        self.0
            .range::<str, _>((Bound::Included(prefix.as_str()), Bound::Unbounded))
            .map_while(|(path, entry)| Some((path.strip_prefix(prefix.as_str())?, *entry)))
            .filter(|(name, _)| !name.is_empty() && !name.contains('/'))
            .collect()
    }
}

/// The folder a path is in; the root's is the root.
pub(super) fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// The folders above a path, from the root on; the root has none.
fn ancestors(path: &str) -> impl Iterator<Item = &str> {
    let root = (!path.is_empty()).then_some("");
    root.into_iter().chain(
        path.match_indices('/')
            .filter_map(|(end, _)| path.get(..end)),
    )
}
