//! Everything that snapshots lead to, each description once however many snapshots share it.
//!
//! Nothing here recurses, and nothing is kept but what is still to be walked, innermost first.

use lifeboat_store::gc::{Marks, Root};
use lifeboat_store::{ChunkId, StoreError};
use rayon::prelude::*;

use crate::content::{Content, Ref, read_list};
use crate::entry::Node;
use crate::error::Result;
use crate::folder::read_node;
use crate::monitor::{Monitor, go_on};
use crate::record::Snapshot;
use crate::repository::Repository;

/// Steps that are taken at once.
const BATCH: usize = 64;

/// How often a record is looked for under its other name: it may be forgotten or brought back meanwhile.
const LOOKS: usize = 8;

/// What the references at depth 0 of a content are to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Leaf {
    /// Bytes of a file or database.
    Data,
    /// Folder nodes.
    Folder,
    /// Parts of a manifest, which is read as a whole.
    Manifest,
}

/// Something that is to be walked.
enum Step {
    Root(Root),
    /// A list node that was entered, with the depth of what it lists.
    List(Ref, u8, Leaf),
    /// A folder node that was entered.
    Folder(Ref),
}

/// Marks everything that the records lead to.
pub(super) fn walk(
    repository: &Repository,
    roots: &[Root],
    marks: &Marks,
    monitor: &dyn Monitor,
) -> Result<()> {
    let walk = Walk { repository, marks };
    let mut waiting: Vec<Step> = roots.iter().map(|root| Step::Root(*root)).collect();
    while !waiting.is_empty() {
        go_on(monitor)?;
        let batch = waiting.split_off(waiting.len().saturating_sub(BATCH));
        let further: Vec<Vec<Step>> = batch
            .into_par_iter()
            .map(|step| walk.step(step))
            .collect::<Result<_>>()?;
        waiting.extend(further.into_iter().flatten());
    }
    Ok(())
}

struct Walk<'w> {
    repository: &'w Repository,
    marks: &'w Marks,
}

impl Walk<'_> {
    /// Takes a step; gives those that follow from it.
    fn step(&self, step: Step) -> Result<Vec<Step>> {
        let mut further = Vec::new();
        match step {
            Step::Root(root) => self.root(root, &mut further)?,
            Step::List(node, depth, leaf) => {
                let refs = read_list(self.repository.store(), &node)?;
                self.refs(&refs, depth, leaf, &mut further)?;
            }
            Step::Folder(node) => {
                for entry in read_node(self.repository.store(), &node)? {
                    self.node(&entry.node, &mut further)?;
                }
            }
        }
        Ok(further)
    }

    fn root(&self, root: Root, further: &mut Vec<Step>) -> Result<()> {
        let snapshot = self.snapshot(root)?;
        let content = &snapshot.manifest;
        let refs = content.checked_refs()?;
        let is_new = self.refs(refs, content.depth, Leaf::Manifest, further)?;
        // A manifest of several parts may be new though each of them is known.
        if !is_new && refs.len() == 1 && content.depth == 0 {
            return Ok(());
        }
        for source in self.repository.manifest(&snapshot)?.sources {
            self.node(&source.root.node, further)?;
        }
        Ok(())
    }

    /// The snapshot of a record, under whichever of its names it stands now.
    fn snapshot(&self, root: Root) -> Result<Snapshot> {
        let mut root = root;
        for _ in 0..LOOKS {
            match self.record(root) {
                Err(StoreError::NoRecord { .. }) => {}
                snapshot => return Ok(snapshot?),
            }
            let forgotten = self.repository.store().forgotten()?;
            let found = forgotten.into_iter().find(|found| found.id == root.id());
            root = found.map_or(Root::Snapshot(root.id()), Root::Forgotten);
        }
        Err(StoreError::NoRecord { id: root.id() }.into())
    }

    fn record(&self, root: Root) -> Result<Snapshot, StoreError> {
        let store = self.repository.store();
        let (path, bytes) = match root {
            Root::Snapshot(id) => (store.locate_record(id), store.record(id)?),
            Root::Forgotten(old) => (store.locate_forgotten(old), store.forgotten_record(old)?),
        };
        self.repository.decode_record(root.id(), path, &bytes)
    }

    fn node(&self, node: &Node, further: &mut Vec<Step>) -> Result<()> {
        let Some(content) = node.stored() else {
            return Ok(());
        };
        let leaf = match node {
            Node::Folder { .. } => Leaf::Folder,
            _ => Leaf::Data,
        };
        self.content(content, leaf, further)
    }

    fn content(&self, content: &Content, leaf: Leaf, further: &mut Vec<Step>) -> Result<()> {
        let refs = content.checked_refs()?;
        self.refs(refs, content.depth, leaf, further).map(drop)
    }

    /// Marks what is referred to; whether any of it is new.
    fn refs(&self, refs: &[Ref], depth: u8, leaf: Leaf, further: &mut Vec<Step>) -> Result<bool> {
        if depth == 0 && leaf == Leaf::Data {
            self.marks.note(refs.iter().map(|found| found.id))?;
            return Ok(false);
        }
        let mut any = false;
        for found in refs {
            if !self.enter(&found.id)? {
                continue;
            }
            any = true;
            match (depth.checked_sub(1), leaf) {
                (Some(below), _) => further.push(Step::List(*found, below, leaf)),
                (None, Leaf::Folder) => further.push(Step::Folder(*found)),
                (None, _) => {}
            }
        }
        Ok(any)
    }

    fn enter(&self, id: &ChunkId) -> Result<bool> {
        Ok(self.marks.enter(id)?)
    }
}
