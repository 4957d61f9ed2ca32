//! Looking into a snapshot: its entries by path, in order, and their bytes.
//!
//! Of a snapshot with one source, the source's contents are the root; of several, each is a folder of its own named as
//! the source. What is read here may come from a hostile repository: names were checked when they were decoded, depth is
//! limited, and folders whose names do not ascend are refused.

use std::io::Write;

use lifeboat_store::{SnapshotId, Store};
use rayon::prelude::*;

use crate::content::{Chunks, Content, Ref, read_chunk};
use crate::entry::{Entry, Meta, Node};
use crate::error::{IoContext, Result, SnapshotError};
use crate::folder::FolderReader;
use crate::manifest::{Database, Flag, Flaw, Manifest, Source};
use crate::path::{Name, TreePath};
use crate::record::Snapshot;
use crate::repository::Repository;

pub(crate) use names::source_names;
pub use walk::Walk;

pub(crate) use walk::too_deep;

mod names;
mod walk;

/// Chunks that are read at once when bytes are wanted in order.
const AHEAD: usize = 16;

/// The entries of one snapshot.
pub struct Tree<'r> {
    store: &'r Store,
    snapshot: SnapshotId,
    manifest: Manifest,
    /// The name under which each source stands; `None` where its contents are the root.
    names: Vec<Option<Name>>,
}

impl Repository {
    /// Opens a snapshot for looking into it.
    ///
    /// # Errors
    /// Where its manifest cannot be read.
    pub fn tree(&self, snapshot: &Snapshot) -> Result<Tree<'_>> {
        let manifest = self.manifest(snapshot)?;
        Ok(Tree {
            store: self.store(),
            snapshot: snapshot.id,
            names: names_of_sources(&manifest.sources),
            manifest,
        })
    }
}

impl<'r> Tree<'r> {
    /// The snapshot's name.
    pub fn snapshot(&self) -> SnapshotId {
        self.snapshot
    }

    /// The manifest behind it.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Where a database stands in this tree.
    pub fn database_path(&self, database: &Database) -> TreePath {
        let below = database.path.parts().iter();
        match self.names.get(database.source as usize) {
            Some(Some(name)) => {
                below.fold(TreePath::root().join(name), |path, part| path.join(part))
            }
            _ => database.path.clone(),
        }
    }

    /// The entries that were not whole when the snapshot was taken, with their places in this tree.
    pub(crate) fn flags(&self) -> Vec<(TreePath, Flaw)> {
        let place = |flag: &Flag| {
            let name = self.names.get(flag.source as usize).cloned().flatten();
            let begin = name.map_or_else(TreePath::root, |name| TreePath::root().join(&name));
            let parts = flag.path.parts().iter();
            (parts.fold(begin, |path, part| path.join(part)), flag.flaw)
        };
        self.manifest.flags.iter().map(place).collect()
    }

    /// How the root looks; one that is made of several sources has no looks of its own.
    pub(crate) fn root_meta(&self) -> Option<&Meta> {
        match (self.names.as_slice(), self.manifest.sources.as_slice()) {
            ([None], [only]) => Some(&only.root.meta),
            _ => None,
        }
    }

    /// Each source with its path in this tree.
    pub(crate) fn sources(&self) -> Vec<(TreePath, Node)> {
        let sources = self.manifest.sources.iter().zip(&self.names);
        sources
            .map(|(source, name)| {
                let root = TreePath::root();
                let path = name.as_ref().map_or(root.clone(), |name| root.join(name));
                (path, source.root.node.clone())
            })
            .collect()
    }

    /// The entries at the root.
    fn roots(&self) -> Roots<'r> {
        if let ([None], [only]) = (self.names.as_slice(), self.manifest.sources.as_slice())
            && let Node::Folder { entries } = &only.root.node
        {
            return Roots::Folder(FolderReader::new(self.store, entries).into());
        }
        let entries = self.manifest.sources.iter().zip(&self.names);
        let mut entries: Vec<Entry> = entries
            .filter_map(|(source, name)| {
                Some(Entry {
                    name: name.clone()?,
                    ..source.root.clone()
                })
            })
            .collect();
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Roots::Sources(entries.into_iter())
    }

    /// The entry at a path.
    ///
    /// # Errors
    /// [`SnapshotError::PathUnknown`] where there is none; the root has no entry of its own.
    pub fn entry(&self, path: &TreePath) -> Result<Entry> {
        let mut level = self.roots();
        let mut found = None;
        for part in path.parts() {
            let entry = level
                .by_ref()
                .find(|entry| entry.as_ref().map_or(true, |entry| entry.name == *part))
                .ok_or_else(|| self.unknown(path))??;
            level = below(self.store, &entry);
            found = Some(entry);
        }
        found.ok_or_else(|| self.unknown(path))
    }

    /// The entries of the folder at a path, in order.
    ///
    /// # Errors
    /// Where there is no such folder.
    pub fn list(&self, path: &TreePath) -> Result<impl Iterator<Item = Result<Entry>> + use<'r>> {
        if path.is_root() {
            return Ok(self.roots());
        }
        let entry = self.entry(path)?;
        Ok(match entry.node {
            Node::Folder { .. } => below(self.store, &entry),
            // A single entry lists itself, as `ls` does.
            _ => Roots::Sources(vec![entry].into_iter()),
        })
    }

    /// Every entry below the root with its path, a folder before what is in it.
    pub fn walk(&self) -> Walk<'r> {
        Walk::new(self.store, TreePath::root(), self.roots())
    }

    /// Every entry below the folder at a path.
    ///
    /// # Errors
    /// Where there is no such entry.
    pub fn walk_below(&self, path: &TreePath) -> Result<Walk<'r>> {
        if path.is_root() {
            return Ok(self.walk());
        }
        let folder = below(self.store, &self.entry(path)?);
        Ok(Walk::new(self.store, path.clone(), folder))
    }

    /// Writes the bytes of a file or database.
    ///
    /// # Errors
    /// [`SnapshotError::NotAFile`] where it has none; else where they cannot be read or written.
    pub fn read(&self, path: &TreePath, to: &mut dyn Write) -> Result<()> {
        let entry = self.entry(path)?;
        let Some(content) = entry.node.content() else {
            return Err(SnapshotError::NotAFile {
                path: path.to_string(),
                kind: entry.node.kind(),
                snapshot: self.snapshot,
            });
        };
        for bytes in pieces(self.store, content) {
            to.write_all(&bytes?)
                .context("write", std::path::Path::new("the output"))?;
        }
        Ok(())
    }

    fn unknown(&self, path: &TreePath) -> SnapshotError {
        SnapshotError::PathUnknown {
            path: format!("'{path}'"),
            snapshot: self.snapshot,
        }
    }
}

/// The name under which each source stands.
fn names_of_sources(sources: &[Source]) -> Vec<Option<Name>> {
    let root = |source: &Source| {
        let is_folder = matches!(source.root.node, Node::Folder { .. });
        (source.root.name.clone(), is_folder)
    };
    source_names(&sources.iter().map(root).collect::<Vec<_>>())
}

fn below<'r>(store: &'r Store, entry: &Entry) -> Roots<'r> {
    match &entry.node {
        Node::Folder { entries } => Roots::Folder(FolderReader::new(store, entries).into()),
        _ => Roots::Sources(Vec::new().into_iter()),
    }
}

/// One level of a tree: stored, or made of the sources.
enum Roots<'r> {
    Folder(Box<FolderReader<'r>>),
    Sources(std::vec::IntoIter<Entry>),
}

impl Iterator for Roots<'_> {
    type Item = Result<Entry>;

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Self::Folder(reader) => reader.next(),
            Self::Sources(entries) => entries.next().map(Ok),
        }
    }
}

/// The bytes of a content in order, chunk by chunk, a few chunks ahead in parallel.
pub(crate) fn pieces<'a>(
    store: &'a Store,
    content: &Content,
) -> impl Iterator<Item = Result<Vec<u8>>> + 'a {
    batches(store, content).flat_map(move |batch| {
        let read: Vec<Result<Vec<u8>>> = match batch {
            Ok(batch) => batch
                .par_iter()
                .map(|(_, chunk)| read_chunk(store, chunk))
                .collect(),
            Err(error) => vec![Err(error)],
        };
        read
    })
}

/// The references of a content with their offsets, a batch at a time.
pub(crate) fn batches<'a>(
    store: &'a Store,
    content: &Content,
) -> impl Iterator<Item = Result<Vec<(u64, Ref)>>> + 'a {
    let mut chunks = Chunks::of(store, content).fuse();
    std::iter::from_fn(move || {
        let batch: Result<Vec<(u64, Ref)>> = chunks.by_ref().take(AHEAD).collect();
        match batch {
            Ok(batch) if batch.is_empty() => None,
            batch => Some(batch),
        }
    })
}
