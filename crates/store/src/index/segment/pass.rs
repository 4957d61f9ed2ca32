//! Passes over all of a segment, by copies of a few blocks: segments are merged beside each other, and of none of them anything
//! stays in the process's memory.

use std::borrow::Cow;
use std::ops::Range;

use super::{BLOCK, Record, Segment};

/// Blocks that are copied at once: 64 KiB.
const AT_ONCE: u64 = 16;

impl Segment {
    /// All records in order; those of damaged blocks are missing.
    pub(crate) fn records(&self) -> impl Iterator<Item = Record> + '_ {
        self.runs().flat_map(|run| {
            let bytes = self.copied_blocks(&run);
            let blocks = run.zip(bytes.chunks(BLOCK));
            let good = blocks.filter(|(number, block)| self.is_good(*number, block));
            let records = good.flat_map(|(_, block)| block.as_chunks().0);
            records.map(Record::from_bytes).collect::<Vec<_>>()
        })
    }

    /// Whether every block is good, so that its records are all there.
    pub(crate) fn is_whole(&self) -> bool {
        self.runs().all(|run| {
            if run.clone().all(|number| self.is_checked(number)) {
                return true;
            }
            let bytes = self.copied_blocks(&run);
            let mut blocks = run.clone().zip(bytes.chunks(BLOCK));
            bytes.len().div_ceil(BLOCK) == run.count()
                && blocks.all(|(number, block)| self.is_good(number, block))
        })
    }

    /// Lets go of what its opening read: a system that has the file in large pieces maps two megabytes for its first bytes.
    pub(crate) fn let_go(&self) {
        self.bytes.let_go(0..(*self.bytes).as_ref().len());
    }

    fn runs(&self) -> impl Iterator<Item = Range<u64>> + use<> {
        let blocks = self.blocks();
        let firsts = (0..blocks).step_by(AT_ONCE as usize);
        firsts.map(move |first| first..(first + AT_ONCE).min(blocks))
    }

    fn copied_blocks(&self, blocks: &Range<u64>) -> Cow<'_, [u8]> {
        let last = self.range_of(blocks.end.saturating_sub(1));
        let range = self.range_of(blocks.start).start..last.end;
        self.copied(range).unwrap_or_default()
    }
}
