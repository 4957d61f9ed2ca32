//! What is told to a session, and what it tells.

use super::own::MOST_HELD;
use crate::id::ChunkId;
use crate::parity::Share;

/// How a session stores.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// zstd level, 1 to 19.
    pub level: i32,
    /// A pack is closed once its chunks have this many stored bytes.
    pub pack_bytes: u64,
    /// How much parity is written beside packs.
    pub parity: Share,
    /// Chunks of published packs that are kept in memory before they are written to the index cache, at 64 bytes each.
    pub most_held: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            level: 3,
            pack_bytes: 32 << 20,
            parity: Share::default(),
            most_held: MOST_HELD,
        }
    }
}

/// What became of a chunk that was put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Put {
    /// Its id.
    pub id: ChunkId,
    /// Whether its bytes had not been seen before.
    pub new: bool,
}

/// What a session has stored so far, in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// Plain bytes of chunks that were new.
    pub new_bytes: u64,
    /// What the repository grew by.
    pub stored_bytes: u64,
    /// Chunks that were new.
    pub new_chunks: u64,
}
