//! Whom a damaged chunk concerns: the snapshots that lead to it, and in them the paths.

use std::collections::{HashMap, HashSet};

use lifeboat_store::{ChunkId, SnapshotId};

use super::Damaged;
use crate::content::{Chunks, Content};
use crate::entry::Node;
use crate::error::{Result, SnapshotError};
use crate::folder::FolderReader;
use crate::path::{MAX_DEPTH, TreePath};
use crate::record::Snapshot;
use crate::repository::Repository;

/// Most paths that are named for one damaged object; the rest are counted.
const MAX_PATHS: usize = 1000;

/// What some chunk's loss takes with it.
#[derive(Debug, Clone, Default)]
struct Loss {
    snapshots: Vec<SnapshotId>,
    paths: Vec<String>,
    unnamed: usize,
}

/// A folder or a content by all that it refers to.
type Key = (bool, Vec<ChunkId>);

/// A step of a walk without recursion.
enum Visit {
    Enter(TreePath, Node),
    /// All below was visited; the number tells whether anything was noted meanwhile.
    Leave(Key, u64),
}

/// Walks snapshots and notes every reference to a chunk that nobody has.
pub(super) struct Losses<'r> {
    repository: &'r Repository,
    good: &'r HashSet<ChunkId>,
    lost: HashMap<ChunkId, Loss>,
    /// Folders and contents that were walked and lack nothing.
    sound: HashSet<Key>,
    /// Losses noted so far, repetitions included.
    noted: u64,
    refused: Vec<Damaged>,
}

impl<'r> Losses<'r> {
    /// Nothing is noted yet; `good` are the chunks that some pack gives.
    pub(super) fn new(repository: &'r Repository, good: &'r HashSet<ChunkId>) -> Self {
        Self {
            repository,
            good,
            lost: HashMap::new(),
            sound: HashSet::new(),
            noted: 0,
            refused: Vec::new(),
        }
    }

    /// Notes what a snapshot lacks.
    pub(super) fn walk(&mut self, snapshot: &Snapshot) -> Result<()> {
        let name = || "(the manifest)".to_owned();
        if !self.content(snapshot, &snapshot.manifest, &name)? {
            return Ok(());
        }
        let tree = match self.repository.tree(snapshot) {
            Ok(tree) => tree,
            Err(error) => {
                self.refuse(snapshot, &error);
                return Ok(());
            }
        };
        for (path, node) in tree.sources() {
            self.tree(snapshot, path, node)?;
        }
        Ok(())
    }

    /// Walks what is below an entry, without recursion: depth is the repository's choice. What was walked and lacks
    /// nothing is remembered, so that snapshots which share it are walked once.
    fn tree(&mut self, snapshot: &Snapshot, path: TreePath, node: Node) -> Result<()> {
        let mut waiting = vec![Visit::Enter(path, node)];
        while let Some(visit) = waiting.pop() {
            match visit {
                Visit::Leave(key, noted) if self.noted == noted => drop(self.sound.insert(key)),
                Visit::Leave(..) => {}
                Visit::Enter(path, node) => self.enter(snapshot, &path, &node, &mut waiting)?,
            }
        }
        Ok(())
    }

    fn enter(
        &mut self,
        snapshot: &Snapshot,
        path: &TreePath,
        node: &Node,
        waiting: &mut Vec<Visit>,
    ) -> Result<()> {
        let Some(content) = node.stored() else {
            return Ok(());
        };
        let is_folder = matches!(node, Node::Folder { .. });
        let key = (is_folder, content.refs.iter().map(|r| r.id).collect());
        if self.sound.contains(&key) {
            return Ok(());
        }
        waiting.push(Visit::Leave(key, self.noted));
        if !self.content(snapshot, content, &|| path.to_string())? || !is_folder {
            return Ok(());
        }
        if path.parts().len() > MAX_DEPTH {
            let reason = format!("folders are nested deeper than {MAX_DEPTH}");
            let what = "a folder";
            self.refuse(snapshot, &SnapshotError::Refused { what, reason });
            return Ok(());
        }
        for child in FolderReader::new(self.repository.store(), content) {
            match child {
                Ok(child) => waiting.push(Visit::Enter(path.join(&child.name), child.node)),
                Err(error) => self.refuse(snapshot, &error),
            }
        }
        Ok(())
    }

    /// Whether every chunk of a content is there; those that are not are noted.
    fn content(
        &mut self,
        snapshot: &Snapshot,
        content: &Content,
        name: &dyn Fn() -> String,
    ) -> Result<bool> {
        let mut whole = true;
        let store = self.repository.store();
        for chunk in Chunks::of_all_depths(store, content) {
            match chunk {
                Ok(id) if self.good.contains(&id) => {}
                Ok(id) => {
                    whole = false;
                    self.note(id, snapshot, name);
                }
                // A list that is lost was given out before it was read.
                Err(SnapshotError::Store(error)) if error.is_damage() => {
                    self.noted += 1;
                    whole = false;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(whole)
    }

    fn note(&mut self, id: ChunkId, snapshot: &Snapshot, name: &dyn Fn() -> String) {
        self.noted += 1;
        let loss = self.lost.entry(id).or_default();
        if loss.snapshots.last() != Some(&snapshot.id) {
            loss.snapshots.push(snapshot.id);
        }
        if loss.paths.len() >= MAX_PATHS {
            loss.unnamed += 1;
            return;
        }
        let path = name();
        if loss.paths.last() != Some(&path) {
            loss.paths.push(path);
        }
    }

    fn refuse(&mut self, snapshot: &Snapshot, error: &SnapshotError) {
        self.noted += 1;
        self.refused.push(Damaged {
            object: format!("snapshot {}", snapshot.id),
            what: error.to_string(),
            snapshots: vec![snapshot.id],
            paths: Vec::new(),
        });
    }

    /// Gives each damaged object what was lost by it; chunks that are in no object stand for themselves.
    pub(super) fn blame(mut self, damage: Vec<(String, String, Vec<ChunkId>)>) -> Vec<Damaged> {
        let mut damaged: Vec<Damaged> = Vec::new();
        for (object, what, chunks) in damage {
            let losses = chunks
                .iter()
                .filter_map(|id| self.lost.remove(id))
                .collect();
            damaged.push(merge(object, what, losses));
        }
        let mut alone: Vec<_> = self.lost.into_iter().collect();
        alone.sort_by_key(|(id, _)| *id);
        for (id, loss) in alone {
            let what = "no pack gives it".to_owned();
            damaged.push(merge(format!("chunk {id}"), what, vec![loss]));
        }
        damaged.extend(self.refused);
        damaged
    }
}

fn merge(object: String, what: String, losses: Vec<Loss>) -> Damaged {
    let mut damaged = Damaged {
        object,
        what,
        ..Damaged::default()
    };
    let mut unnamed = 0;
    for loss in losses {
        damaged.snapshots.extend(loss.snapshots);
        damaged.paths.extend(loss.paths);
        unnamed += loss.unnamed;
    }
    damaged.snapshots.sort_unstable();
    damaged.snapshots.dedup();
    damaged.paths.sort_unstable();
    damaged.paths.dedup();
    if unnamed > 0 {
        damaged.paths.push(format!("… and {unnamed} more"));
    }
    damaged
}
