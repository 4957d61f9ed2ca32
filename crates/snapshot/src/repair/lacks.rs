//! What snapshots lack: every reference to a chunk that nobody gives, by path and range of bytes.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::path::{Path, PathBuf};

use lifeboat_store::ChunkId;

use super::{Lost, LostKind};
use crate::content::{Chunks, Content};
use crate::entry::Node;
use crate::error::{Result, SnapshotError};
use crate::folder::FolderReader;
use crate::manifest::Source;
use crate::path::{MAX_DEPTH, TreePath, of_bytes};
use crate::record::Snapshot;
use crate::repository::Repository;

/// Most losses that are named; the rest are counted.
const MAX_NAMED: usize = 100_000;

/// A folder or a content by all that it refers to.
type Key = (bool, Vec<ChunkId>);

/// A step of a walk without recursion.
enum Visit {
    Enter(TreePath, Node),
    /// All below was visited; the number tells whether anything was noted meanwhile.
    Leave(Key, u64),
}

/// Walks snapshots and notes what is missing.
pub(super) struct Lacks<'r> {
    repository: &'r Repository,
    good: &'r HashSet<ChunkId>,
    /// Folders and contents that lack nothing.
    sound: HashSet<Key>,
    /// Losses that are named, by path and content: snapshots share them.
    known: HashMap<(PathBuf, Key), usize>,
    lost: Vec<Lost>,
    /// Losses noted so far, repetitions included.
    noted: u64,
    unnamed: u64,
    wanted: HashSet<ChunkId>,
}

impl<'r> Lacks<'r> {
    /// Nothing is noted yet; `good` are the chunks that somebody gives.
    pub(super) fn new(repository: &'r Repository, good: &'r HashSet<ChunkId>) -> Self {
        Self {
            repository,
            good,
            sound: HashSet::new(),
            known: HashMap::new(),
            lost: Vec::new(),
            noted: 0,
            unnamed: 0,
            wanted: HashSet::new(),
        }
    }

    /// The losses, how many more there are, and the chunks that would mend them.
    pub(super) fn finish(self) -> (Vec<Lost>, u64, HashSet<ChunkId>) {
        (self.lost, self.unnamed, self.wanted)
    }

    /// Notes what a snapshot lacks.
    pub(super) fn walk(&mut self, snapshot: &Snapshot) -> Result<()> {
        let manifest = &snapshot.manifest;
        let nowhere = || PathBuf::new();
        if !self.content(snapshot, manifest, LostKind::Manifest, &nowhere)? {
            return Ok(());
        }
        match self.repository.manifest(snapshot) {
            Ok(manifest) => {
                for source in &manifest.sources {
                    self.source(snapshot, source)?;
                }
            }
            Err(error) if is_told_elsewhere(&error) => {}
            Err(_) => self.note(snapshot, manifest, LostKind::Manifest, &nowhere, Vec::new()),
        }
        Ok(())
    }

    /// Walks a source without recursion. What lacks nothing is remembered, so that what snapshots share is walked once.
    fn source(&mut self, snapshot: &Snapshot, source: &Source) -> Result<()> {
        let place = of_bytes(&source.path);
        let mut waiting = vec![Visit::Enter(TreePath::root(), source.root.node.clone())];
        while let Some(visit) = waiting.pop() {
            match visit {
                Visit::Leave(key, noted) if self.noted == noted => drop(self.sound.insert(key)),
                Visit::Leave(..) => {}
                Visit::Enter(path, node) => {
                    self.enter(snapshot, place, &path, &node, &mut waiting)?;
                }
            }
        }
        Ok(())
    }

    fn enter(
        &mut self,
        snapshot: &Snapshot,
        place: &Path,
        path: &TreePath,
        node: &Node,
        waiting: &mut Vec<Visit>,
    ) -> Result<()> {
        let Some(content) = node.stored() else {
            return Ok(());
        };
        let kind = match node {
            Node::Folder { .. } => LostKind::Folder,
            Node::Database { .. } => LostKind::Database,
            _ => LostKind::File,
        };
        let key = key(kind, content);
        if self.sound.contains(&key) {
            return Ok(());
        }
        waiting.push(Visit::Leave(key, self.noted));
        let at = || path.below(place);
        let is_whole = self.content(snapshot, content, kind, &at)?;
        if kind != LostKind::Folder || path.parts().len() > MAX_DEPTH {
            return Ok(());
        }
        for child in FolderReader::new(self.repository.store(), content) {
            match child {
                Ok(child) => waiting.push(Visit::Enter(path.join(&child.name), child.node)),
                Err(error) if is_told_elsewhere(&error) => {}
                Err(_) if !is_whole => {}
                Err(_) => self.note(snapshot, content, kind, &at, Vec::new()),
            }
        }
        Ok(())
    }

    /// Whether every chunk of a content is there; those that are not are noted.
    fn content(
        &mut self,
        snapshot: &Snapshot,
        content: &Content,
        kind: LostKind,
        path: &dyn Fn() -> PathBuf,
    ) -> Result<bool> {
        let mut ranges: Vec<Range<u64>> = Vec::new();
        for place in Chunks::places(self.repository.store(), content) {
            match place {
                Ok(place) if self.good.contains(&place.id) => {}
                Ok(place) => {
                    self.wanted.insert(place.id);
                    let end = place.offset.saturating_add(place.len);
                    match ranges.last_mut() {
                        Some(last) if last.end >= place.offset => last.end = last.end.max(end),
                        _ => ranges.push(place.offset..end),
                    }
                }
                // A list that is lost was given out before it was read.
                Err(error) if is_told_elsewhere(&error) => {}
                Err(error) => return Err(error),
            }
        }
        if ranges.is_empty() {
            return Ok(true);
        }
        self.note(snapshot, content, kind, path, ranges);
        Ok(false)
    }

    fn note(
        &mut self,
        snapshot: &Snapshot,
        content: &Content,
        kind: LostKind,
        path: &dyn Fn() -> PathBuf,
        ranges: Vec<Range<u64>>,
    ) {
        self.noted += 1;
        let path = path();
        let key = (path.clone(), key(kind, content));
        if let Some(known) = self.known.get(&key).and_then(|at| self.lost.get_mut(*at)) {
            if known.snapshots.last() != Some(&snapshot.id) {
                known.snapshots.push(snapshot.id);
            }
            return;
        }
        if self.lost.len() >= MAX_NAMED {
            self.unnamed += 1;
            return;
        }
        self.known.insert(key, self.lost.len());
        self.lost.push(Lost {
            path,
            kind,
            snapshots: vec![snapshot.id],
            ranges,
        });
    }
}

fn key(kind: LostKind, content: &Content) -> Key {
    let ids = content.refs.iter().map(|found| found.id).collect();
    (kind == LostKind::Folder, ids)
}

/// Whether it is the loss of a chunk, which is noted where the chunk is referred to.
fn is_told_elsewhere(error: &SnapshotError) -> bool {
    matches!(error, SnapshotError::Store(error) if error.is_damage())
}
