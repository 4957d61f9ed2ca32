//! What reading one chunk may cost.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;

use crate::frame::MAX_PLAIN;
use crate::id::PackId;
use crate::index::{Location, MAX_LINKS};

/// Plain bytes that may be decoded: four of the longest chains of the largest chunks.
const BUDGET: u64 = 4 * (MAX_LINKS as u64 + 1) * MAX_PLAIN as u64;

/// What a copy counts for at least: opening and reading it costs something too.
const LEAST: u64 = 64 << 10;

/// What each copy counts for that is only looked at.
const GLANCE: u64 = 1 << 10;

/// What may still be done for one chunk, and which copies are known to be of no use.
pub(super) struct Effort {
    left: Cell<u64>,
    /// Copies that failed, by pack and offset, each with the fewest links that were above it: with more above, fewer may
    /// be below, so it fails again.
    failed: RefCell<HashMap<(PackId, u64), usize>>,
}

impl Effort {
    /// Nothing is done yet.
    pub(super) fn new() -> Self {
        Self {
            left: Cell::new(BUDGET),
            failed: RefCell::default(),
        }
    }

    fn spend(&self, cost: u64) -> bool {
        let left = self.left.get();
        self.left.set(left.saturating_sub(cost));
        cost <= left
    }

    /// Pays for decoding a copy, if there is as much left.
    pub(super) fn pays_for(&self, copy: &Location) -> bool {
        self.spend(u64::from(copy.plain_len).max(LEAST))
    }

    /// Pays for a look at so many copies.
    pub(super) fn pay_for_glances(&self, copies: usize) {
        self.spend((copies as u64).saturating_mul(GLANCE));
    }

    /// Whether the copy has failed, as near to the chunk that is wanted or nearer.
    pub(super) fn is_known_to_fail(&self, copy: &Location, depth: usize) -> bool {
        let failed = self.failed.borrow();
        let at = failed.get(&(copy.pack, copy.offset));
        at.is_some_and(|at| *at <= depth)
    }

    /// Remembers that the copy is of no use so many links below the chunk that is wanted.
    pub(super) fn note_failed(&self, copy: &Location, depth: usize) {
        let mut failed = self.failed.borrow_mut();
        let at = failed.entry((copy.pack, copy.offset)).or_insert(depth);
        *at = depth.min(*at);
    }
}
