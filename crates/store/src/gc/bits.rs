//! A row of bits that several threads set at once.

use std::sync::atomic::{AtomicU64, Ordering};

/// Bits, all clear at first.
#[derive(Default)]
pub(super) struct Bits(Vec<AtomicU64>);

impl Bits {
    /// So many bits.
    pub(super) fn new(len: u64) -> Self {
        let mut bits = Self::default();
        bits.grow(len);
        bits
    }

    /// More bits, clear.
    pub(super) fn grow(&mut self, len: u64) {
        self.0
            .resize_with(len.div_ceil(64) as usize, AtomicU64::default);
    }

    /// Sets a bit; whether it was clear.
    pub(super) fn set(&self, number: u64) -> bool {
        let bit = 1 << (number % 64);
        self.0
            .get((number / 64) as usize)
            .is_some_and(|word| word.fetch_or(bit, Ordering::Relaxed) & bit == 0)
    }

    /// Whether a bit is set.
    pub(super) fn has(&self, number: u64) -> bool {
        let bit = 1 << (number % 64);
        self.0
            .get((number / 64) as usize)
            .is_some_and(|word| word.load(Ordering::Relaxed) & bit != 0)
    }
}
