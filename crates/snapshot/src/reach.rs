//! Everything that a snapshot leads to, chunk by chunk.

use std::collections::HashSet;

use lifeboat_store::ChunkId;

use crate::content::{Chunks, Content};
use crate::entry::Node;
use crate::error::{Result, SnapshotError};
use crate::folder::FolderReader;
use crate::path::MAX_DEPTH;
use crate::record::Snapshot;
use crate::repository::Repository;

/// What is done with each chunk.
pub(crate) type Visit<'v> = dyn FnMut(ChunkId) -> Result<()> + 'v;

/// Walks snapshots; the folders and long contents that they share are walked once.
pub(crate) struct Reach<'r> {
    repository: &'r Repository,
    walked: HashSet<[u8; 16]>,
}

impl<'r> Reach<'r> {
    /// Nothing is walked yet.
    pub(crate) fn new(repository: &'r Repository) -> Self {
        Self {
            repository,
            walked: HashSet::new(),
        }
    }

    /// Calls `visit` with every chunk of the snapshot, but for those below what was walked before; some come several
    /// times. Bases of deltas are the store's business.
    ///
    /// # Errors
    /// Where a description cannot be read, or `visit` fails.
    pub(crate) fn walk(&mut self, snapshot: &Snapshot, visit: &mut Visit<'_>) -> Result<()> {
        self.content(&snapshot.manifest, visit)?;
        let manifest = self.repository.manifest(snapshot)?;
        // Depth stands beside each folder: how deep they go is the repository's choice, and nothing recurses.
        let mut waiting: Vec<(usize, Content)> = Vec::new();
        for source in manifest.sources {
            self.node(0, source.root.node, &mut waiting, visit)?;
        }
        while let Some((depth, folder)) = waiting.pop() {
            if depth > MAX_DEPTH {
                return Err(SnapshotError::Refused {
                    what: "a folder",
                    reason: format!("folders are nested deeper than {MAX_DEPTH}"),
                });
            }
            self.content(&folder, visit)?;
            for child in FolderReader::new(self.repository.store(), &folder) {
                self.node(depth + 1, child?.node, &mut waiting, visit)?;
            }
        }
        Ok(())
    }

    /// Visits what a file holds; a folder waits for its turn.
    fn node(
        &mut self,
        depth: usize,
        node: Node,
        waiting: &mut Vec<(usize, Content)>,
        visit: &mut Visit<'_>,
    ) -> Result<()> {
        match node {
            Node::Folder { entries } if self.is_first(b"folder", &entries) => {
                waiting.push((depth, entries));
                Ok(())
            }
            Node::File { content, .. } | Node::Database { content, .. } => {
                // Short lists cost less than it would to remember them.
                match content.depth == 0 || self.is_first(b"bytes", &content) {
                    true => self.content(&content, visit),
                    false => Ok(()),
                }
            }
            _ => Ok(()),
        }
    }

    fn is_first(&mut self, kind: &[u8], content: &Content) -> bool {
        let mut hash = blake3::Hasher::new();
        hash.update(kind).update(&[content.depth]);
        for found in &content.refs {
            hash.update(found.id.as_bytes());
        }
        let hash = *hash.finalize().as_bytes();
        hash.first_chunk()
            .is_none_or(|key| self.walked.insert(*key))
    }

    fn content(&self, content: &Content, visit: &mut Visit<'_>) -> Result<()> {
        Chunks::of_all_depths(self.repository.store(), content).try_for_each(|id| visit(id?))
    }
}
