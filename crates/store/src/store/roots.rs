//! Bases that were read last, so that what is told by one of them after another does not decode it each time.

use std::sync::{Arc, Mutex, PoisonError};

use crate::id::ChunkId;

/// Plain bytes that are kept at most: some dictionaries, for as many threads.
const MOST_BYTES: usize = 2 << 20;

/// Whole chunks, each checked against its id when it was read.
#[derive(Default)]
pub(super) struct Roots {
    /// The one used last stands last.
    used: Mutex<Vec<(ChunkId, Arc<Vec<u8>>)>>,
}

impl Roots {
    /// The plain bytes of a chunk, if they are kept.
    pub(super) fn get(&self, id: &ChunkId) -> Option<Arc<Vec<u8>>> {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        let at = used.iter().rposition(|(kept, _)| kept == id)?;
        if let Some(behind) = used.get_mut(at..) {
            behind.rotate_left(1);
        }
        used.last().map(|(_, plain)| plain.clone())
    }

    /// Keeps a chunk in place of those used longest ago.
    pub(super) fn keep(&self, id: ChunkId, plain: &Arc<Vec<u8>>) {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        used.push((id, plain.clone()));
        let mut bytes: usize = used.iter().map(|(_, plain)| plain.len()).sum();
        while bytes > MOST_BYTES {
            bytes -= used.remove(0).1.len();
        }
    }

    /// Keeps nothing any longer.
    pub(super) fn clear(&self) {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        used.clear();
    }
}
