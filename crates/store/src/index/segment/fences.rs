//! The prefix that each block begins with, as far as lookups have read it: the next one searches in memory, and reads only
//! the block that it ends at.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// Eight bytes for each block of four thousand; none are taken before the first prefix is noted.
#[derive(Default)]
pub(super) struct Fences(OnceLock<Box<[AtomicU64]>>);

impl Fences {
    /// The prefix that a block begins with, where it is known. 0 stands for unknown.
    pub(super) fn get(&self, block: u64) -> Option<u64> {
        let fence = self.0.get()?.get(block as usize)?;
        Some(fence.load(Ordering::Relaxed)).filter(|&prefix| prefix != 0)
    }

    /// Notes what a block of so many begins with.
    pub(super) fn note(&self, block: u64, prefix: u64, blocks: u64) {
        let fences = || (0..blocks).map(|_| AtomicU64::new(0)).collect();
        if let Some(fence) = self.0.get_or_init(fences).get(block as usize) {
            fence.store(prefix, Ordering::Relaxed);
        }
    }
}
