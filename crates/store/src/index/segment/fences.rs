//! What blocks begin with, as far as lookups have read it: the next one halves in a little memory, and reads the block that it
//! ends at alone.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// One prefix a block: eight bytes of 63 records' four thousand, and none before the first is noted.
#[derive(Default)]
pub(super) struct Fences(OnceLock<Box<[AtomicU64]>>);

impl Fences {
    /// The prefix that a block begins with, where it is known. That of 0 never is.
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
