//! How files are divided into what becomes a segment of the zip, and what names each.

use lifeboat_store::Store;

use super::table::Key;
use crate::content::{Chunks, Content, Ref};
use crate::error::{Result, SnapshotError};
use crate::sqlite::EXTENT_BYTES;

/// Parts that are worked on, read and written together.
const GROUP: usize = 8;

/// How a long file is divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cut {
    /// A database: at fixed places, so that its hash can be joined of the sums of its extents.
    Extents,
    /// Anything else.
    Chunks,
}

/// A run of a long file that becomes one segment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Part {
    /// Where it begins in the file.
    pub(super) at: u64,
    /// What stands before it: its compressor has seen the end of that.
    pub(super) before: Option<Ref>,
    pub(super) own: Ref,
}

impl Part {
    /// Whether it stands behind its like.
    pub(super) fn repeats(&self) -> bool {
        self.before == Some(self.own)
    }

    /// Names it by what its segment depends on.
    pub(super) fn key(&self, cut: Cut) -> Key {
        let mut hasher = blake3::Hasher::new();
        match cut {
            Cut::Extents => hasher.update(b"extent").update(&self.at.to_le_bytes()),
            Cut::Chunks => hasher.update(b"chunk"),
        };
        if let Some(before) = &self.before {
            hasher.update(before.id.as_bytes());
        }
        hasher.update(self.own.id.as_bytes());
        *hasher.finalize().as_bytes()
    }
}

/// Names a content by the references that it begins with: a tree of references is named by its roots.
pub(super) fn key_of(content: &Content, kind: &[u8]) -> Key {
    let mut hasher = blake3::Hasher::new();
    hasher.update(kind).update(&[content.depth]);
    hasher.update(&content.len.to_le_bytes());
    for part in &content.refs {
        hasher.update(part.id.as_bytes());
    }
    *hasher.finalize().as_bytes()
}

/// The parts of a long file, some neighbours at a time.
pub(super) fn groups<'a>(
    store: &'a Store,
    content: &Content,
    cut: Cut,
) -> impl Iterator<Item = Result<Vec<Part>>> + Send + 'a {
    let len = content.len;
    let mut chunks = Chunks::of(store, content).fuse();
    let mut before = None;
    std::iter::from_fn(move || {
        let group: Result<Vec<Part>> = chunks
            .by_ref()
            .take(GROUP)
            .map(|chunk| {
                let (at, own) = chunk?;
                let part = Part { at, before, own };
                before = Some(own);
                check(cut, &part, len).map(|()| part)
            })
            .collect();
        match group {
            Ok(group) if group.is_empty() => None,
            group => Some(group),
        }
    })
}

/// A database is divided evenly, or its hash would be wrong.
fn check(cut: Cut, part: &Part, len: u64) -> Result<()> {
    let extent = EXTENT_BYTES as u64;
    let is_even = part.at.is_multiple_of(extent) && part.own.len == extent.min(len - part.at);
    if cut == Cut::Chunks || is_even {
        return Ok(());
    }
    Err(SnapshotError::Refused {
        what: "the list of a database's chunks",
        reason: "they are not of one length".to_owned(),
    })
}

/// Plain bytes of a group.
pub(super) fn weigh(parts: &[Part]) -> usize {
    let len: u64 = parts.iter().map(|part| part.own.len).sum();
    usize::try_from(len).unwrap_or(usize::MAX)
}
