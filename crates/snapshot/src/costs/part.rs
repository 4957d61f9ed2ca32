//! The parts that a snapshot is made of, and what each leads to.

use lifeboat_store::ChunkId;

use crate::content::{Content, Ref, read_list};
use crate::entry::{Entry, Node};
use crate::error::Result;
use crate::folder::read_node;
use crate::record::Snapshot;
use crate::repository::Repository;

/// First half of a name: as good as all of it among what one repository holds.
pub(super) type Key = [u8; 16];

/// Something that leads to chunks.
pub(super) enum Part {
    /// A snapshot's manifest.
    Manifest(Box<Snapshot>),
    /// A list of references, with the depth of what it lists.
    List(Ref, u8, Leaf),
    /// A node of a folder.
    Folder(Ref),
    /// Bytes, which lead to nothing more.
    Bytes(ChunkId),
}

/// What the references at depth 0 of a content are to.
#[derive(Clone, Copy)]
pub(super) enum Leaf {
    Bytes,
    Folder,
}

impl Part {
    /// A whole snapshot.
    pub(super) fn of(snapshot: &Snapshot) -> Self {
        Self::Manifest(Box::new(snapshot.clone()))
    }

    /// What this stands under among those that lead further, with its chunk where it is one.
    pub(super) fn key(&self) -> Option<(u16, Key)> {
        match self {
            Self::Manifest(snapshot) => Some((0, key_of(&snapshot.manifest))),
            Self::List(node, depth, Leaf::Bytes) => {
                Some((2 + 2 * u16::from(*depth), key(&node.id)))
            }
            Self::List(node, depth, Leaf::Folder) => {
                Some((3 + 2 * u16::from(*depth), key(&node.id)))
            }
            Self::Folder(node) => Some((1, key(&node.id))),
            Self::Bytes(_) => None,
        }
    }

    /// The chunk that it is.
    pub(super) fn chunk(&self) -> Option<ChunkId> {
        match self {
            Self::Manifest(_) => None,
            Self::List(node, ..) | Self::Folder(node) => Some(node.id),
            Self::Bytes(id) => Some(*id),
        }
    }

    /// Adds the parts that it leads to.
    pub(super) fn unfold(&self, repository: &Repository, into: &mut Vec<Self>) -> Result<()> {
        match self {
            Self::Manifest(snapshot) => {
                content(&snapshot.manifest, Leaf::Bytes, into)?;
                let sources = repository.manifest(snapshot)?.sources;
                sources.iter().try_for_each(|one| entry(&one.root, into))
            }
            Self::List(node, depth, leaf) => {
                refs(&read_list(repository.store(), node)?, *depth, *leaf, into);
                Ok(())
            }
            Self::Folder(node) => {
                let entries = read_node(repository.store(), node)?;
                entries.iter().try_for_each(|one| entry(one, into))
            }
            Self::Bytes(_) => Ok(()),
        }
    }
}

fn entry(entry: &Entry, into: &mut Vec<Part>) -> Result<()> {
    let leaf = match entry.node {
        Node::Folder { .. } => Leaf::Folder,
        _ => Leaf::Bytes,
    };
    entry
        .node
        .stored()
        .map_or(Ok(()), |all| content(all, leaf, into))
}

fn content(content: &Content, leaf: Leaf, into: &mut Vec<Part>) -> Result<()> {
    refs(content.checked_refs()?, content.depth, leaf, into);
    Ok(())
}

fn refs(refs: &[Ref], depth: u8, leaf: Leaf, into: &mut Vec<Part>) {
    into.extend(refs.iter().map(|one| match (depth.checked_sub(1), leaf) {
        (Some(below), _) => Part::List(*one, below, leaf),
        (None, Leaf::Folder) => Part::Folder(*one),
        (None, Leaf::Bytes) => Part::Bytes(one.id),
    }));
}

/// The key of a chunk.
pub(super) fn key(id: &ChunkId) -> Key {
    id.as_bytes().first_chunk().copied().unwrap_or_default()
}

fn key_of(content: &Content) -> Key {
    let mut hash = blake3::Hasher::new();
    hash.update(&[content.depth]);
    for found in &content.refs {
        hash.update(found.id.as_bytes());
    }
    let hash = *hash.finalize().as_bytes();
    hash.first_chunk().copied().unwrap_or_default()
}
