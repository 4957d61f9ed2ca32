//! Numbers that look random and are the same for the same seed.

/// SplitMix64.
#[derive(Debug, Clone)]
pub(super) struct Sequence(u64);

impl Sequence {
    /// The sequence of this seed and position.
    pub(super) fn new(seed: u64, position: u64) -> Self {
        let mut sequence = Self(seed);
        sequence.0 = sequence.next() ^ position.wrapping_mul(0xd6e8_feb8_6659_fd93);
        sequence
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below the limit; 0 where the limit is 0.
    pub(super) fn below(&mut self, limit: u64) -> u64 {
        self.next().checked_rem(limit).unwrap_or(0)
    }

    pub(super) fn fill(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let drawn = self.next().to_le_bytes();
            chunk
                .iter_mut()
                .zip(drawn)
                .for_each(|(to, byte)| *to = byte);
        }
    }
}
