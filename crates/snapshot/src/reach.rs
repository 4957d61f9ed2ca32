//! Everything that a snapshot leads to, chunk by chunk.

use std::collections::HashSet;

use lifeboat_store::ChunkId;

use crate::content::{Content, Ref, read_list};
use crate::entry::Node;
use crate::error::{Result, SnapshotError};
use crate::folder::FolderReader;
use crate::path::MAX_DEPTH;
use crate::record::Snapshot;
use crate::repository::Repository;

/// Whether to walk what a folder or a long content refers to.
type Enter<'e> = dyn FnMut(Key) -> bool + 'e;

/// What is done with each chunk.
type Visit<'v> = dyn FnMut(ChunkId) -> Result<()> + 'v;

/// A folder, a long content or a list of it, by all that it refers to.
type Key = [u8; 16];

/// Walks snapshots; the folders, the long contents and the lists that they share are walked once.
pub(crate) struct Reach<'r> {
    repository: &'r Repository,
    walked: HashSet<Key>,
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
        let mut walked = std::mem::take(&mut self.walked);
        let result = self.walk_where(snapshot, &mut |key| walked.insert(key), visit);
        self.walked = walked;
        result
    }

    /// Whether every chunk of the snapshot is there, as far as the packs say so.
    ///
    /// # Errors
    /// Where that cannot be found out.
    pub(crate) fn has_all(mut self, snapshot: &Snapshot) -> Result<bool> {
        let (store, mut has_all) = (self.repository.store(), true);
        let walked = self.walk(snapshot, &mut |id| {
            has_all = has_all && store.contains(&id)?;
            Ok(())
        });
        match walked {
            Ok(()) => Ok(has_all),
            // A description that cannot be read is a part of it that is lost.
            Err(SnapshotError::Store(error)) if error.is_damage() => Ok(false),
            Err(SnapshotError::Refused { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The same, of what `enter` says is to be walked.
    ///
    /// # Errors
    /// As [`walk`](Self::walk).
    fn walk_where(
        &self,
        snapshot: &Snapshot,
        enter: &mut Enter<'_>,
        visit: &mut Visit<'_>,
    ) -> Result<()> {
        self.content(&snapshot.manifest, enter, visit)?;
        let manifest = self.repository.manifest(snapshot)?;
        // Depth stands beside each folder: how deep they go is the repository's choice, and nothing recurses.
        let mut waiting: Vec<(usize, Content)> = Vec::new();
        for source in manifest.sources {
            self.node(0, source.root.node, &mut waiting, enter, visit)?;
        }
        while let Some((depth, folder)) = waiting.pop() {
            if depth > MAX_DEPTH {
                return Err(SnapshotError::Refused {
                    what: "a folder",
                    reason: format!("folders are nested deeper than {MAX_DEPTH}"),
                });
            }
            self.content(&folder, enter, visit)?;
            for child in FolderReader::new(self.repository.store(), &folder) {
                self.node(depth + 1, child?.node, &mut waiting, enter, visit)?;
            }
        }
        Ok(())
    }

    /// Visits what a file holds; a folder waits for its turn.
    fn node(
        &self,
        depth: usize,
        node: Node,
        waiting: &mut Vec<(usize, Content)>,
        enter: &mut Enter<'_>,
        visit: &mut Visit<'_>,
    ) -> Result<()> {
        match node {
            Node::Folder { entries } if enter(key(b"folder", &entries)) => {
                waiting.push((depth, entries));
                Ok(())
            }
            Node::File { content, .. } | Node::Database { content, .. } => {
                // Short lists cost less than it would to remember them.
                match content.depth == 0 || enter(key(b"bytes", &content)) {
                    true => self.content(&content, enter, visit),
                    false => Ok(()),
                }
            }
            _ => Ok(()),
        }
    }

    /// Visits all references of a content, each list before what it lists.
    fn content(
        &self,
        content: &Content,
        enter: &mut Enter<'_>,
        visit: &mut Visit<'_>,
    ) -> Result<()> {
        let refs = content.checked_refs()?.to_vec();
        let mut open = vec![(content.depth, refs.into_iter())];
        while let Some((depth, refs)) = open.last_mut() {
            let depth = *depth;
            let Some(found) = refs.next() else {
                open.pop();
                continue;
            };
            visit(found.id)?;
            if depth > 0 && enter(list_key(depth, &found)) {
                let refs = read_list(self.repository.store(), &found)?;
                open.push((depth - 1, refs.into_iter()));
            }
        }
        Ok(())
    }
}

fn key(kind: &[u8], content: &Content) -> Key {
    let mut hash = blake3::Hasher::new();
    hash.update(kind).update(&[content.depth]);
    for found in &content.refs {
        hash.update(found.id.as_bytes());
    }
    short(&hash)
}

/// The length counts: a list whose sum it is not is an error and no list.
fn list_key(depth: u8, list: &Ref) -> Key {
    let mut hash = blake3::Hasher::new();
    hash.update(b"list").update(&[depth]);
    hash.update(list.id.as_bytes())
        .update(&list.len.to_le_bytes());
    short(&hash)
}

fn short(hash: &blake3::Hasher) -> Key {
    let hash = *hash.finalize().as_bytes();
    hash.first_chunk().copied().unwrap_or_default()
}
