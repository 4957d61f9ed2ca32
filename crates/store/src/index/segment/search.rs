//! Looking for a prefix in a segment: in which block it begins, and where in that.

use std::borrow::Cow;
use std::ops::Range;

use super::{PER_BLOCK, Segment};
use crate::index::record::{RECORD, Record, prefix_of};

/// How a lookup comes at a segment's bytes.
#[derive(Clone, Copy)]
enum Way {
    /// Through the map, which fills the process's memory and is the faster the more is read there.
    Map,
    /// By a copy of a few bytes.
    Copy,
}

impl Segment {
    /// All records whose id has this prefix.
    pub(crate) fn find(&self, prefix: u64) -> impl Iterator<Item = Record> + '_ {
        let way = self.way(self.guessed_block(prefix));
        // Equal ids may begin in the block before the first one that begins with the prefix.
        (self.first_block(prefix, way).saturating_sub(1)..self.blocks())
            .filter_map(move |number| self.block_by(number, way))
            .flat_map(move |block| up_to_another(behind(&block, prefix), prefix))
            .take_while(move |record| record.prefix() == prefix)
    }

    /// Position of the first record with this prefix or a higher one; of a segment that [is whole](Self::is_whole).
    pub(crate) fn lower_bound(&self, prefix: u64) -> u64 {
        let block = self.first_block(prefix, Way::Map).saturating_sub(1);
        let mut position = block * PER_BLOCK as u64;
        while self
            .get(position)
            .is_some_and(|record| record.prefix() < prefix)
        {
            position += 1;
        }
        position
    }

    fn way(&self, block: u64) -> Way {
        match self.resident.is_near(self.range_of(block).start) {
            true => Way::Map,
            false => Way::Copy,
        }
    }

    /// Ids are hashes, so where one stands can be guessed.
    fn guessed_block(&self, prefix: u64) -> u64 {
        ((u128::from(prefix) * u128::from(self.blocks())) >> 64) as u64
    }

    /// The first block that begins with this prefix or a higher one.
    fn first_block(&self, prefix: u64, way: Way) -> u64 {
        let blocks = self.blocks();
        let (mut low, mut high) = (0, blocks);
        // The guess only narrows the search.
        let guess = self.guessed_block(prefix);
        let mut reach = 8;
        while reach < blocks {
            let (below, above) = (guess.saturating_sub(reach), (guess + reach).min(blocks));
            let is_between = (below == 0 || self.first_prefix(below, way) < prefix)
                && (above == blocks || self.first_prefix(above, way) >= prefix);
            if is_between {
                (low, high) = (below, above);
                break;
            }
            reach *= 4;
        }
        while low < high {
            let middle = low + (high - low) / 2;
            if self.first_prefix(middle, way) < prefix {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }

    /// The prefix that a block begins with, unchecked: a wrong answer only makes a search miss.
    fn first_prefix(&self, number: u64, way: Way) -> u64 {
        self.fences.get(number).unwrap_or_else(|| {
            let prefix = self.read_first_prefix(number, way);
            self.fences.note(number, prefix, self.blocks());
            prefix
        })
    }

    fn read_first_prefix(&self, number: u64, way: Way) -> u64 {
        let begin = self.range_of(number).start;
        let bytes = self.bytes_by(begin..begin + size_of::<u64>(), way);
        let first = bytes.and_then(|bytes| bytes.first_chunk().copied());
        first.map_or(0, u64::from_be_bytes)
    }

    fn block_by(&self, number: u64, way: Way) -> Option<Cow<'_, [u8]>> {
        let bytes = self.bytes_by(self.range_of(number), way)?;
        self.is_good(number, &bytes).then_some(bytes)
    }

    fn bytes_by(&self, range: Range<usize>, way: Way) -> Option<Cow<'_, [u8]>> {
        match way {
            Way::Map => self.mapped(range).map(Cow::Borrowed),
            Way::Copy => self.copied(range),
        }
    }
}

/// The first of these records: those with this prefix and one more.
fn up_to_another(records: &[[u8; RECORD]], prefix: u64) -> Vec<Record> {
    let equal = records.iter().take_while(|r| prefix_of(r) == prefix);
    let count = equal.count() + 1;
    records.iter().take(count).map(Record::from_bytes).collect()
}

/// The records of a block that have this prefix or a higher one. Where they begin is guessed, since ids are hashes, and looked
/// for from there: mostly that is within some records, which are beside each other in memory as those of a halving are not.
fn behind(block: &[u8], prefix: u64) -> &[[u8; RECORD]] {
    let (records, _) = block.as_chunks();
    let is_below = |at: usize| records.get(at).is_some_and(|r| prefix_of(r) < prefix);
    let mut first = guess(records, prefix);
    while first > 0 && !is_below(first - 1) {
        first -= 1;
    }
    while is_below(first) {
        first += 1;
    }
    records.get(first..).unwrap_or_default()
}

/// Where the records with this prefix would begin, were all equally far from each other.
fn guess(records: &[[u8; RECORD]], prefix: u64) -> usize {
    let (Some(low), Some(high)) = (records.first(), records.last()) else {
        return 0;
    };
    let (low, high) = (prefix_of(low), prefix_of(high));
    if prefix <= low || high <= low {
        return 0;
    }
    let above = u128::from(prefix - low) * records.len() as u128;
    let guess = above / u128::from(high - low);
    usize::try_from(guess).map_or(records.len(), |guess| guess.min(records.len()))
}
