//! What a chunk costs where it is stored.

use super::Store;
use crate::error::Result;
use crate::id::ChunkId;

/// A stored copy, by what it costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Footprint {
    /// The chunk.
    pub id: ChunkId,
    /// Its stored bytes.
    pub stored_len: u32,
    /// Whether it is the difference to another chunk.
    pub is_delta: bool,
}

impl Store {
    /// The copy of a chunk that is read first, and behind it those that it is made from; empty where there is none.
    ///
    /// # Errors
    /// Where the packs cannot be listed.
    pub fn footprint(&self, id: &ChunkId) -> Result<Vec<Footprint>> {
        let index = self.index()?;
        let Some(copy) = index.copies(id).first().copied() else {
            return Ok(Vec::new());
        };
        let chain = index.chain(copy.encoding).unwrap_or_default();
        let footprint = |copy: crate::index::Location| Footprint {
            id: copy.id,
            stored_len: copy.stored_len,
            is_delta: copy.encoding.base().is_some(),
        };
        Ok([copy].into_iter().chain(chain).map(footprint).collect())
    }
}
