//! The bytes of a simulated file: as readers see them, as the last sync left them, and what differs.

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use super::random::Sequence;

/// Bytes that reach the disk together or not at all.
pub(super) const BLOCK: usize = 4096;

/// What a power cut made of the unsynced bytes of one block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BlockFate {
    /// As the last sync left them; zero where the file was shorter.
    Old,
    New,
    /// Bytes that nobody wrote, different for each seed.
    Garbage(u64),
    Zero,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Contents {
    live: Arc<Vec<u8>>,
    durable: Arc<Vec<u8>>,
    /// Ranges written since the last sync: sorted, apart from each other.
    dirty: Vec<Range<usize>>,
    fingerprint: OnceLock<u128>,
}

impl Contents {
    /// Bytes that are durable already.
    pub(super) fn at_rest(bytes: &Arc<Vec<u8>>) -> Self {
        Self {
            live: Arc::clone(bytes),
            durable: Arc::clone(bytes),
            ..Self::default()
        }
    }

    pub(super) const fn live(&self) -> &Arc<Vec<u8>> {
        &self.live
    }

    pub(super) fn durable_len(&self) -> usize {
        self.durable.len()
    }

    pub(super) fn is_durable(&self) -> bool {
        self.dirty.is_empty()
    }

    /// Writes from the offset on; a gap before it reads as zero.
    pub(super) fn write(&mut self, bytes: &[u8], offset: usize) {
        let end = offset.saturating_add(bytes.len());
        let live = Arc::make_mut(&mut self.live);
        if bytes.is_empty() {
            return;
        }
        if live.len() < end {
            live.resize(end, 0);
        }
        if let Some(place) = live.get_mut(offset..end) {
            place.copy_from_slice(bytes);
        }
        self.fingerprint.take();
        self.mark_dirty(offset..end);
    }

    fn mark_dirty(&mut self, mut new: Range<usize>) {
        self.dirty.retain(|old| {
            let apart = old.end < new.start || new.end < old.start;
            if !apart {
                new = old.start.min(new.start)..old.end.max(new.end);
            }
            apart
        });
        let place = self.dirty.partition_point(|old| old.start < new.start);
        self.dirty.insert(place, new);
    }

    pub(super) fn sync(&mut self) {
        self.durable = Arc::clone(&self.live);
        self.dirty.clear();
    }

    /// Drops what was written since the last sync, as a failed sync does. The length stays.
    pub(super) fn lose_unsynced(&mut self) {
        self.live = Arc::new(self.image(self.live.len(), |_| BlockFate::Old));
        self.fingerprint.take();
    }

    /// Numbers of the blocks with unsynced bytes.
    pub(super) fn dirty_blocks(&self) -> Vec<usize> {
        let mut blocks: Vec<usize> = self
            .dirty
            .iter()
            .flat_map(|range| range.start / BLOCK..range.end.div_ceil(BLOCK))
            .collect();
        blocks.dedup();
        blocks
    }

    /// The file that a power cut leaves, with this length and these fates of its blocks.
    pub(super) fn image(&self, len: usize, fate: impl Fn(usize) -> BlockFate) -> Vec<u8> {
        let mut bytes = self.live.get(..len).unwrap_or(&self.live).to_vec();
        for range in &self.dirty {
            for block in range.start / BLOCK..range.end.div_ceil(BLOCK) {
                let start = range.start.max(block * BLOCK);
                let end = range.end.min((block + 1) * BLOCK).min(bytes.len());
                let Some(place) = bytes.get_mut(start..end) else {
                    continue; // past the end
                };
                match fate(block) {
                    BlockFate::New => {}
                    BlockFate::Zero => place.fill(0),
                    BlockFate::Garbage(seed) => Sequence::new(seed, block as u64).fill(place),
                    BlockFate::Old => {
                        place.fill(0);
                        let old = self.durable.get(start..).unwrap_or_default();
                        place.iter_mut().zip(old).for_each(|(to, old)| *to = *old);
                    }
                }
            }
        }
        bytes
    }

    /// Hash of the bytes as readers see them.
    pub(super) fn fingerprint(&self) -> u128 {
        *self.fingerprint.get_or_init(|| fingerprint(&self.live))
    }
}

/// A hash to tell states apart by.
pub(super) fn fingerprint(bytes: &[u8]) -> u128 {
    let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, ..] = *blake3::hash(bytes).as_bytes();
    u128::from_le_bytes([a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dirty_ranges_merge_and_stay_sorted() {
        let mut contents = Contents::default();
        contents.write(&[1; 10], 20);
        contents.write(&[1; 10], 0);
        assert_eq!(contents.dirty, [0..10, 20..30]);
        contents.write(&[1; 10], 10);
        assert_eq!(contents.dirty.first(), Some(&(0..30)));
        contents.write(&[2; 4], 8);
        assert_eq!(contents.dirty.len(), 1);
        contents.write(&[3; 1], 3 * BLOCK);
        assert_eq!(contents.dirty_blocks(), [0, 3]);
        assert_eq!(contents.live().len(), 3 * BLOCK + 1);
    }

    #[test]
    fn each_fate_touches_only_the_unsynced_bytes_of_its_block() {
        let mut contents = Contents::at_rest(&Arc::new(vec![1; BLOCK + 100]));
        contents.write(&[2; 200], BLOCK - 50);
        let image = |fate| {
            contents.image(contents.live().len(), |block| {
                if block == 0 { BlockFate::New } else { fate }
            })
        };
        for (fate, expected) in [
            (BlockFate::New, 2),
            (BlockFate::Zero, 0),
            (BlockFate::Old, 1),
        ] {
            let bytes = image(fate);
            assert_eq!(bytes[..BLOCK - 50], vec![1; BLOCK - 50]);
            assert_eq!(bytes[BLOCK - 50..BLOCK], [2; 50]);
            assert_eq!(bytes[BLOCK..BLOCK + 100], [expected; 100], "{fate:?}");
        }
        assert_eq!(
            image(BlockFate::Old)[BLOCK + 100..],
            [0; 50],
            "longer than it was: a hole"
        );
        let garbage = image(BlockFate::Garbage(7));
        assert_ne!(garbage[BLOCK..], image(BlockFate::Garbage(8))[BLOCK..]);
        assert_eq!(garbage, image(BlockFate::Garbage(7)));
        assert_eq!(contents.image(BLOCK, |_| BlockFate::Old), vec![1; BLOCK]);
    }

    #[test]
    fn a_lost_sync_leaves_the_length_and_not_the_bytes() {
        let mut contents = Contents::at_rest(&Arc::new(vec![1; 10]));
        let before = contents.fingerprint();
        contents.write(&[2; 10], 5);
        assert_ne!(contents.fingerprint(), before);
        contents.lose_unsynced();
        assert_eq!(
            **contents.live(),
            [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0]
        );
        contents.sync();
        assert!(contents.is_durable());
        assert_eq!(contents.durable_len(), 15);
    }
}
