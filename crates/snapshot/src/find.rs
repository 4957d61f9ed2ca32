//! A file across all snapshots: where it stands, and in which versions.
//!
//! Snapshots share most of what they hold. So not the snapshots are walked but the distinct runs of entries: of each folder,
//! all versions are put together, each distinct node of theirs is read once, and every entry in it stands in all the
//! snapshots that the node stands in. A thousand snapshots of a hundred thousand files cost about as much as one, and the
//! changes between them.

use std::collections::{BTreeMap, HashMap};

use lifeboat_store::{ChunkId, SnapshotId, Store};
use rayon::prelude::*;
use serde_bytes::ByteBuf;

use crate::content::{Content, Ref};
use crate::entry::{Entry, Time};
use crate::error::{Result, SnapshotError};
use crate::folder::{nodes, read_node};
use crate::path::{MAX_DEPTH, Name, TreePath};
use crate::record::Snapshot;
use crate::repository::Repository;
use crate::restore::Selection;

use set::Set;
use slot::Slot;

mod set;
mod slot;

/// Nodes that are read at once; what does not match is gone before the next ones are read.
const AHEAD: usize = 64;

/// A path in the snapshots of one source, and what stood there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundPath {
    /// Name of the machine.
    pub host: String,
    /// Absolute path of the source.
    pub source: Vec<u8>,
    /// The path, as `ls` shows it.
    pub path: TreePath,
    /// What stood there, the version of the newest snapshot first.
    pub versions: Vec<Version>,
}

/// One state of a file, and the snapshots that have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// As [`Node::kind`](crate::entry::Node::kind) says it.
    pub kind: &'static str,
    /// Its bytes, where it has any.
    pub bytes: Option<u64>,
    /// Time of the last change, as the newest of the snapshots has it.
    pub mtime: Time,
    /// The snapshots, oldest first.
    pub snapshots: Vec<SnapshotId>,
}

impl Repository {
    /// Looks for paths in these snapshots, given oldest first. Patterns are as in [`Restore::paths`](crate::Restore): an
    /// entry is found if it or a folder above it matches. Folders themselves are not told.
    ///
    /// What cannot be read is an error in its place; the others follow.
    ///
    /// # Errors
    /// Where a pattern makes no sense.
    pub fn find_paths(&self, snapshots: &[Snapshot], patterns: &[String]) -> Result<Finder<'_>> {
        let selection = Selection::new(patterns)?;
        let (sources, errors) = self.sources_of(snapshots);
        let ids: Vec<SnapshotId> = snapshots.iter().map(|snapshot| snapshot.id).collect();
        Ok(Finder {
            store: self.store(),
            selection,
            ids,
            errors,
            sources: sources.into_iter(),
            source: Key::default(),
            levels: Vec::new(),
        })
    }

    /// The distinct roots of each source, with the snapshots that have them.
    fn sources_of(&self, snapshots: &[Snapshot]) -> (Sources, Vec<SnapshotError>) {
        let trees: Vec<_> = snapshots
            .par_iter()
            .map(|snapshot| self.tree(snapshot))
            .collect();
        let mut sources = Sources::new();
        let mut errors = Vec::new();
        for (number, (snapshot, tree)) in snapshots.iter().zip(trees).enumerate() {
            let tree = match tree {
                Ok(tree) => tree,
                Err(error) => {
                    errors.push(error);
                    continue;
                }
            };
            let places = tree.sources().into_iter().map(|(place, _)| place);
            for (source, place) in tree.manifest().sources.iter().zip(places) {
                let key = (snapshot.host.clone(), source.path.clone(), place);
                let roots = sources.entry(key).or_default();
                add(roots, source.root.clone(), number, snapshots.len());
            }
        }
        (sources, errors)
    }
}

/// Machine, source, and where the trees have it.
type Key = (String, ByteBuf, TreePath);

/// The distinct roots of each source.
type Sources = BTreeMap<Key, Vec<(Entry, Set)>>;

/// Notes one more snapshot of a root. Of neighbours, the roots are most often the same.
fn add(roots: &mut Vec<(Entry, Set)>, root: Entry, number: usize, of: usize) {
    let known = roots.iter_mut().rfind(|(other, _)| other.node == root.node);
    match known {
        Some((_, set)) => set.insert(number),
        None => roots.push((root, Set::one(number, of))),
    }
}

/// One folder in all its versions, worked off in the order of names.
struct Level {
    path: TreePath,
    slots: std::collections::btree_map::IntoIter<Name, Slot>,
}

/// The search, see [`Repository::find_paths`].
pub struct Finder<'r> {
    store: &'r Store,
    selection: Selection,
    ids: Vec<SnapshotId>,
    errors: Vec<SnapshotError>,
    sources: std::collections::btree_map::IntoIter<Key, Vec<(Entry, Set)>>,
    source: Key,
    levels: Vec<Level>,
}

impl Iterator for Finder<'_> {
    type Item = Result<FoundPath>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(error) = self.errors.pop() {
                return Some(Err(error));
            }
            let Some(level) = self.levels.last_mut() else {
                let (source, roots) = self.sources.next()?;
                if let Some(found) = self.begin(source, roots) {
                    return Some(Ok(found));
                }
                continue;
            };
            let Some((name, slot)) = level.slots.next() else {
                self.levels.pop();
                continue;
            };
            let path = level.path.join(&name);
            self.enter(path.clone(), slot.folders);
            if let Some(found) = self.found(path, slot.versions) {
                return Some(Ok(found));
            }
        }
    }
}

impl Finder<'_> {
    fn begin(&mut self, source: Key, roots: Vec<(Entry, Set)>) -> Option<FoundPath> {
        let path = source.2.clone();
        self.source = source;
        let mut slot = Slot::default();
        for (root, set) in roots {
            let is_wanted = self.selection.admits(&path, &root);
            slot.add(root, &set, is_wanted);
        }
        self.enter(path.clone(), slot.folders);
        self.found(path, slot.versions)
    }

    /// Reads all versions of a folder.
    fn enter(&mut self, path: TreePath, folders: Vec<(Content, Set)>) {
        if folders.is_empty() {
            return;
        }
        if self.levels.len() >= MAX_DEPTH {
            return self.errors.push(SnapshotError::Refused {
                what: "a folder",
                reason: format!("folders are nested deeper than {MAX_DEPTH}"),
            });
        }
        let mut slots: BTreeMap<Name, Slot> = BTreeMap::new();
        for group in self.distinct_nodes(&folders).chunks(AHEAD) {
            let read: Vec<_> = group
                .par_iter()
                .map(|(node, set)| (read_node(self.store, node), set))
                .collect();
            for (entries, set) in read {
                match entries {
                    Ok(entries) => self.sort_in(&path, entries, set, &mut slots),
                    Err(error) => self.errors.push(error),
                }
            }
        }
        let slots = slots.into_iter();
        self.levels.push(Level { path, slots });
    }

    /// Each node of any of the folders once, with the snapshots that it stands in.
    fn distinct_nodes(&mut self, folders: &[(Content, Set)]) -> Vec<(Ref, Set)> {
        let mut known: HashMap<ChunkId, usize> = HashMap::new();
        let mut found: Vec<(Ref, Set)> = Vec::new();
        for (content, set) in folders {
            for node in nodes(self.store, content) {
                let node = match node {
                    Ok(node) => node,
                    Err(error) => {
                        self.errors.push(error);
                        break;
                    }
                };
                let place = *known.entry(node.id).or_insert(found.len());
                match found.get_mut(place) {
                    Some((_, stands)) => stands.unite(set),
                    None => found.push((node, set.clone())),
                }
            }
        }
        found
    }

    fn sort_in(
        &self,
        path: &TreePath,
        entries: Vec<Entry>,
        set: &Set,
        slots: &mut BTreeMap<Name, Slot>,
    ) {
        for entry in entries {
            let is_folder = entry.is_folder();
            let is_wanted = !is_folder && self.selection.admits(&path.join(&entry.name), &entry);
            if is_folder || is_wanted {
                let slot = slots.entry(entry.name.clone()).or_default();
                slot.add(entry, set, is_wanted);
            }
        }
    }

    fn found(&self, path: TreePath, mut versions: Vec<(Entry, Set)>) -> Option<FoundPath> {
        if versions.is_empty() {
            return None;
        }
        versions.sort_by_key(|(_, set)| std::cmp::Reverse(set.last()));
        let version = |(entry, set): (Entry, Set)| Version {
            kind: entry.node.kind(),
            bytes: entry.node.content().map(|content| content.len),
            mtime: entry.meta.mtime,
            snapshots: set
                .iter()
                .filter_map(|at| self.ids.get(at).copied())
                .collect(),
        };
        let (host, source, _) = &self.source;
        Some(FoundPath {
            host: host.clone(),
            source: source.to_vec(),
            path,
            versions: versions.into_iter().map(version).collect(),
        })
    }
}
