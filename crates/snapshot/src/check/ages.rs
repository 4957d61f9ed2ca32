//! How long ago everything of a snapshot was last read: the oldest time over the packs that it needs.
//!
//! What snapshots share is walked once, and so is a list of chunks however many contents name it. Losses are not looked for:
//! a snapshot with any has no such time.

use std::collections::HashMap;

use lifeboat_store::{ChunkId, PackId, Verified};

use crate::content::{Content, Ref, read_list};
use crate::entry::Node;
use crate::error::Result;
use crate::folder::FolderReader;
use crate::monitor::{Monitor, go_on};
use crate::record::Snapshot;
use crate::repository::Repository;

/// A folder, or a content of another sort, by all that it refers to.
type Key = (bool, Vec<ChunkId>);

/// A step of a walk without recursion.
enum Visit {
    Enter(Node),
    /// All below was visited.
    Leave(Key),
}

/// Walks snapshots of which nothing is missing.
pub(super) struct Ages<'r> {
    repository: &'r Repository,
    verified: &'r Verified,
    monitor: &'r dyn Monitor,
    /// The oldest time below what was walked.
    known: HashMap<Key, i64>,
    /// The same of lists, by the depth of what they list.
    lists: HashMap<(u8, Ref), i64>,
}

impl<'r> Ages<'r> {
    /// Nothing is known yet.
    pub(super) fn new(
        repository: &'r Repository,
        verified: &'r Verified,
        monitor: &'r dyn Monitor,
    ) -> Self {
        Self {
            repository,
            verified,
            monitor,
            known: HashMap::new(),
            lists: HashMap::new(),
        }
    }

    /// The oldest time of a snapshot; `None` where something of it was not read yet.
    pub(super) fn oldest(&mut self, snapshot: &Snapshot) -> Result<Option<i64>> {
        match self.walk(snapshot) {
            Err(error) if error.is_cancelled() => Err(error),
            // What cannot be walked is damage, which is told elsewhere.
            result => Ok(result.ok().flatten()),
        }
    }

    fn walk(&mut self, snapshot: &Snapshot) -> Result<Option<i64>> {
        let Some(oldest) = self.content(&snapshot.manifest)? else {
            return Ok(None);
        };
        let manifest = self.repository.manifest(snapshot)?;
        let roots = manifest.sources.into_iter();
        let mut waiting: Vec<Visit> = roots.map(|source| Visit::Enter(source.root.node)).collect();
        // The oldest time of each folder that is being walked, the snapshot's own first.
        let mut open = vec![oldest];
        while let Some(visit) = waiting.pop() {
            go_on(self.monitor)?;
            let below = match visit {
                Visit::Leave(key) => {
                    let own = open.pop().unwrap_or(i64::MAX);
                    self.known.insert(key, own);
                    own
                }
                Visit::Enter(node) => match self.enter(node, &mut open, &mut waiting)? {
                    Some(time) => time,
                    None => return Ok(None),
                },
            };
            if let Some(above) = open.last_mut() {
                *above = below.min(*above);
            }
        }
        Ok(open.pop())
    }

    /// The time of an entry as far as it is known now: that of a folder follows when it is left.
    fn enter(
        &mut self,
        node: Node,
        open: &mut Vec<i64>,
        waiting: &mut Vec<Visit>,
    ) -> Result<Option<i64>> {
        let Some(content) = node.stored() else {
            return Ok(Some(i64::MAX));
        };
        let is_folder = matches!(node, Node::Folder { .. });
        let key = (is_folder, content.refs.iter().map(|r| r.id).collect());
        if let Some(known) = self.known.get(&key) {
            return Ok(Some(*known));
        }
        let Some(own) = self.content(content)? else {
            return Ok(None);
        };
        if !is_folder {
            self.known.insert(key, own);
            return Ok(Some(own));
        }
        open.push(own);
        waiting.push(Visit::Leave(key));
        for child in FolderReader::new(self.repository.store(), content) {
            waiting.push(Visit::Enter(child?.node));
        }
        Ok(Some(own))
    }

    /// When the last of these packs was read; `None` where one was not yet, or was damaged.
    fn read(&self, packs: &[PackId]) -> Option<i64> {
        let looks = packs
            .iter()
            .map(|pack| self.verified.packs.get(pack)?.whole_ms);
        looks.min().flatten()
    }

    fn content(&mut self, content: &Content) -> Result<Option<i64>> {
        self.refs(content.depth, content.checked_refs()?)
    }

    /// The oldest time of these and of all below them, which no content has many levels of.
    fn refs(&mut self, depth: u8, refs: &[Ref]) -> Result<Option<i64>> {
        let mut oldest = i64::MAX;
        for found in refs {
            go_on(self.monitor)?;
            let Some(time) = self.reference(depth, found)? else {
                return Ok(None);
            };
            oldest = oldest.min(time);
        }
        Ok(Some(oldest))
    }

    fn reference(&mut self, depth: u8, found: &Ref) -> Result<Option<i64>> {
        let Some(depth) = depth.checked_sub(1) else {
            return self.chunk(&found.id);
        };
        if let Some(known) = self.lists.get(&(depth, *found)) {
            return Ok(Some(*known));
        }
        let Some(own) = self.chunk(&found.id)? else {
            return Ok(None);
        };
        let refs = read_list(self.repository.store(), found)?;
        let Some(below) = self.refs(depth, &refs)? else {
            return Ok(None);
        };
        let oldest = own.min(below);
        self.lists.insert((depth, *found), oldest);
        Ok(Some(oldest))
    }

    fn chunk(&self, id: &ChunkId) -> Result<Option<i64>> {
        let copies = self.repository.store().packs_of(id)?;
        // Any copy that was read will do, with all that it is made from.
        Ok(copies.iter().filter_map(|packs| self.read(packs)).max())
    }
}
