//! How files are divided into what becomes a segment of the zip, and what names each.

use lifeboat_store::Store;

use super::table::Key;
use crate::content::{Chunks, Content, Ref};
use crate::error::{Result, SnapshotError};
use crate::sqlite::EXTENT_BYTES;

/// Parts that are worked on, read and written together, at most.
const GROUP: usize = 8;

/// Bytes of a group, but for its last part: some groups are in memory, plain and compressed.
const GROUP_BYTES: usize = 1 << 20;

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
    std::iter::from_fn(move || match group(&mut chunks, &mut before, cut, len) {
        Ok(group) if group.is_empty() => None,
        group => Some(group),
    })
}

/// The next neighbours; none at the end.
fn group(
    chunks: &mut impl Iterator<Item = Result<(u64, Ref)>>,
    before: &mut Option<Ref>,
    cut: Cut,
    len: u64,
) -> Result<Vec<Part>> {
    let mut group = Vec::new();
    while group.len() < GROUP
        && weigh(&group) < GROUP_BYTES
        && let Some(chunk) = chunks.next()
    {
        let (at, own) = chunk?;
        let before = before.replace(own);
        let part = Part { at, before, own };
        check(cut, &part, len)?;
        group.push(part);
    }
    Ok(group)
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

#[cfg(test)]
mod tests {
    use lifeboat_store::ChunkId;

    use super::*;

    fn lengths(chunks: &[u64]) -> Vec<usize> {
        let mut at = 0;
        let refs = chunks.iter().map(|&len| {
            let id = ChunkId::from_bytes([len as u8; 32]);
            at += len;
            Ok((at - len, Ref { id, len }))
        });
        let (mut refs, mut before) = (refs, None);
        let groups = std::iter::from_fn(|| {
            let group = group(&mut refs, &mut before, Cut::Chunks, u64::MAX).unwrap();
            (!group.is_empty()).then_some(group)
        });
        let groups: Vec<Vec<Part>> = groups.collect();
        let parts: Vec<&Part> = groups.iter().flatten().collect();
        assert!(
            parts
                .iter()
                .map(|part| part.own.len)
                .eq(chunks.iter().copied())
        );
        assert!(
            parts
                .windows(2)
                .all(|two| two[1].before == Some(two[0].own))
        );
        groups.iter().map(Vec::len).collect()
    }

    #[test]
    fn a_group_has_few_parts_and_of_long_ones_fewer() {
        assert_eq!(lengths(&[64 << 10; 20]), [8, 8, 4]);
        assert_eq!(lengths(&[1 << 20; 3]), [1, 1, 1]);
        assert_eq!(lengths(&[400 << 10; 7]), [3, 3, 1]);
        assert_eq!(lengths(&[]), [] as [usize; 0]);
    }
}
