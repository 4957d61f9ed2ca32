//! Bases that were read last, so that what is told by one of them after another does not decode it each time.

use std::sync::{Arc, Mutex, PoisonError};

use crate::id::ChunkId;

/// So many are kept at most: the dictionaries and extents that as many threads read by at a time.
const MOST: usize = 16;

/// Lengths of those that are kept, in bytes: smaller ones are decoded as fast as they are found, and of larger ones some
/// would be more memory than they are worth.
const WORTH: std::ops::RangeInclusive<usize> = (4 << 10)..=(256 << 10);

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
        let is_kept = used.iter().any(|(kept, _)| *kept == id);
        if is_kept || !WORTH.contains(&plain.len()) {
            return;
        }
        if used.len() >= MOST {
            used.remove(0);
        }
        used.push((id, plain.clone()));
    }

    /// Keeps nothing any longer.
    pub(super) fn clear(&self) {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        used.clear();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    fn id(number: u32) -> ChunkId {
        ChunkId::of(crate::Kind::Data, &number.to_le_bytes())
    }

    #[test]
    fn few_are_kept_and_none_that_is_tiny_or_huge() {
        let roots = Roots::default();
        let dictionary = Arc::new(vec![0; 256 << 10]);
        roots.keep(id(0), &dictionary);
        for number in 1..1000 {
            roots.keep(id(number), &Arc::new(vec![0; 100]));
            roots.keep(id(number), &Arc::new(vec![0; 4 << 20]));
        }
        assert!(roots.get(&id(0)).is_some());
        for number in 1..=MOST as u32 {
            roots.keep(id(number), &dictionary);
            roots.keep(id(number), &dictionary);
        }
        assert!(roots.get(&id(0)).is_none());
        assert!((1..=MOST as u32).all(|number| roots.get(&id(number)).is_some()));
        roots.clear();
        assert!(roots.get(&id(1)).is_none());
    }
}
