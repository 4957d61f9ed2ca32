//! What a session stored itself, so that it stores nothing twice: chunks on their way into a pack by their ids, those of
//! published packs in an index of their own, which goes to the cache once it is long. So memory does not grow with what is
//! stored but for some bytes a chunk.
//!
//! The index is of durable packs alone (invariant I4); what it wrote to the cache tells of packs that a listing shows from
//! then on, whatever becomes of the session.

use std::collections::HashSet;

use super::known::Known;
use crate::disk::Disk;
use crate::id::{ChunkId, PackId, RepositoryId};
use crate::index::Index;
use crate::pack::Trailer;

/// Chunks of published packs that are kept in memory, at 64 bytes each.
pub(super) const MOST_HELD: usize = 32 << 10;

/// The chunks of one session.
pub(super) struct Own {
    /// Those that are in no published pack yet. In a rehearsal, all.
    under_way: HashSet<ChunkId>,
    /// Those that are in one: what it has not seen is not looked for.
    known: Known,
    published: Index,
    packs: Vec<PackId>,
    /// As [`MOST_HELD`].
    most_held: usize,
    /// After a cache could not be written: how many are held before it is tried again.
    next: usize,
}

impl Own {
    pub(super) fn new(repository: RepositoryId, most_held: usize) -> Self {
        Self {
            under_way: HashSet::new(),
            known: Known::default(),
            published: Index::empty(repository),
            packs: Vec::new(),
            most_held,
            next: most_held,
        }
    }

    /// Whether the chunk is one of them.
    pub(super) fn has(&self, id: &ChunkId) -> bool {
        self.under_way.contains(id) || self.is_published(id)
    }

    fn is_published(&self, id: &ChunkId) -> bool {
        self.known.may_have(id) && self.published.holds(id)
    }

    /// Claims a chunk for whoever asks first; the others find it stored, or about to be.
    pub(super) fn claim(&mut self, id: ChunkId) -> bool {
        !self.is_published(&id) && self.under_way.insert(id)
    }

    /// The chunks of a pack that is durable under its name.
    pub(super) fn publish(&mut self, trailer: &Trailer, cache: Option<&dyn Disk>) {
        self.packs.push(trailer.pack);
        self.published.add(trailer);
        for entry in &trailer.entries {
            self.known.add(&entry.id);
            self.under_way.remove(&entry.id);
        }
        if let Some(cache) = cache
            && self.published.held() >= self.next
        {
            match self.published.spill(cache) {
                true => self.published.gather(cache),
                false => self.next = self.published.held() + self.most_held,
            }
        }
    }

    /// The packs that were published, in that order.
    pub(super) fn packs(&self) -> &[PackId] {
        &self.packs
    }

    /// What those tell.
    pub(super) fn into_index(self) -> Index {
        self.published
    }
}
