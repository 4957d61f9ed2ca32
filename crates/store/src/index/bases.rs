//! Bases of which everything is known to be there: very many chunks stand on one, a dictionary for instance, and each would
//! otherwise have it looked up again.
//!
//! Whether a chain is whole depends on the first of its bases and on nothing else, as long as the index is the same.

use std::sync::atomic::{AtomicU64, Ordering};

use super::Index;
use crate::frame::Encoding;

/// Bases that are remembered, at most.
const PLACES: usize = 256;

/// The bases that were looked up last, each at the place that its prefix gives it.
pub(super) struct Bases([AtomicU64; PLACES]);

impl Default for Bases {
    fn default() -> Self {
        Self([const { AtomicU64::new(0) }; PLACES])
    }
}

impl Bases {
    /// Whether this base and all of its own were found to be there.
    pub(super) fn are_known(&self, prefix: u64) -> bool {
        // 0 stands for none.
        prefix != 0
            && self
                .place(prefix)
                .is_some_and(|place| place.load(Ordering::Relaxed) == prefix)
    }

    /// Remembers that they are.
    pub(super) fn note(&self, prefix: u64) {
        if let Some(place) = self.place(prefix) {
            place.store(prefix, Ordering::Relaxed);
        }
    }

    fn place(&self, prefix: u64) -> Option<&AtomicU64> {
        self.0.get(prefix as usize % PLACES)
    }
}

impl Index {
    /// Whether everything that is needed to decode a copy is there.
    pub(crate) fn has_bases(&self, encoding: Encoding) -> bool {
        let Some(base) = encoding.base() else {
            return true;
        };
        let is_known = self.bases.are_known(base);
        if !is_known && self.chain(encoding).is_none() {
            return false;
        }
        self.bases.note(base);
        true
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::id::{ChunkId, PackId, RepositoryId};
    use crate::pack::{Kind, Stored, Trailer};

    /// Of a pack of one chunk, each named by its number.
    pub(in crate::index) fn trailer(number: u8, chunk: u8, encoding: Encoding) -> Trailer {
        Trailer {
            kind: Kind::Data,
            pack: PackId::from_bytes([number; 16]),
            body_hash: [0; 32],
            body_len: 1,
            entries: vec![Stored {
                id: ChunkId::from_bytes([chunk; 32]),
                stored_len: 1,
                plain_len: 1,
                encoding,
            }],
        }
    }

    #[test]
    fn a_base_that_goes_is_not_known_any_more() {
        let mut index = Index::empty(RepositoryId::from_bytes([0; 16]));
        let [base, one, other] = [1, 2, 3].map(|chunk| ChunkId::from_bytes([chunk; 32]));
        let delta = Encoding::Prefix {
            base: base.prefix(),
        };
        index.add(&trailer(2, 2, delta));
        assert!(!index.contains(&one));
        index.add(&trailer(1, 1, Encoding::Raw));
        assert!(index.contains(&one) && index.contains(&one));
        index.add(&trailer(3, 3, delta));
        assert!(index.contains(&other));
        index.leave_out(&[PackId::from_bytes([1; 16])]);
        assert!(!index.contains(&base) && !index.contains(&one) && !index.contains(&other));
    }
}
