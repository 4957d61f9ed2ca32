//! A sorted, memory-mapped part of the index: the copies of some packs, looked up without loading them.
//!
//! Layout: head (magic, version, repository, counts, hash over head and pack table), pack table, then blocks of up to
//! [`PER_BLOCK`] records, each with a checksum. A flipped bit in a record could name the wrong pack, and a chunk that
//! is believed to stand where it does not is a chunk lost, so a block is checked before its records are used; a block
//! that fails has none.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::record::{RECORD, Record};
use super::resident::Resident;
use crate::disk::Map;
use crate::id::{PackId, RepositoryId};
use crate::pack::Reader;

use search::behind;

const MAGIC: &[u8; 8] = b"LBINDEX1";
const HEAD: usize = 8 + 16 + 4 + 8;
const HASH: usize = 32;
const CHECKSUM: usize = 8;

/// Records of a full block.
pub(crate) const PER_BLOCK: usize = 63;
const BLOCK: usize = PER_BLOCK * RECORD + CHECKSUM;

/// A cache file, mapped.
pub(crate) struct Segment {
    bytes: Box<dyn Map>,
    resident: Resident,
    /// File name in the cache folder.
    name: String,
    packs: Vec<PackId>,
    records: u64,
    /// One bit a block that was found good.
    checked: Vec<AtomicU64>,
    damaged: AtomicBool,
}

impl Segment {
    /// The segment in these bytes, if it is whole so far and of this repository.
    pub(crate) fn open(name: &str, bytes: Box<dyn Map>, repository: RepositoryId) -> Option<Self> {
        let all = (*bytes).as_ref();
        let mut read = Reader(all);
        let magic = read.take::<8>()?;
        let owner = RepositoryId::from_bytes(read.take()?);
        let pack_count = read.u32()? as usize;
        let records = read.u64()?;
        let hash = read.take::<HASH>()?;
        if magic != *MAGIC || owner != repository {
            return None;
        }
        let table = read.0.get(..pack_count.checked_mul(PackId::LEN)?)?;
        if head_hash(all.get(..HEAD)?, table) != hash {
            return None;
        }
        let (ids, _) = table.as_chunks::<{ PackId::LEN }>();
        let packs = ids.iter().copied().map(PackId::from_bytes).collect();
        let blocks = records.div_ceil(PER_BLOCK as u64);
        let expected = records
            .checked_mul(RECORD as u64)?
            .checked_add(blocks.checked_mul(CHECKSUM as u64)?)?
            .checked_add((HEAD + HASH + table.len()) as u64)?;
        if all.len() as u64 != expected {
            return None;
        }
        let checked = (0..blocks.div_ceil(64))
            .map(|_| AtomicU64::new(0))
            .collect();
        Some(Self {
            name: name.to_owned(),
            packs,
            records,
            checked,
            damaged: AtomicBool::new(false),
            resident: Resident::new(all),
            bytes,
        })
    }

    /// The same bytes as a file of this repository, with every hash in them put right.
    #[cfg(feature = "testing")]
    pub(crate) fn sealed(bytes: &[u8], repository: RepositoryId) -> Vec<u8> {
        let counts: Vec<u8> = bytes.iter().skip(24).take(12).copied().collect();
        let mut sealed = [MAGIC.as_slice(), repository.as_bytes(), &counts].concat();
        sealed.resize(HEAD, 0);
        let mut rest = bytes.get(HEAD + HASH..).unwrap_or_default().to_vec();
        let packs = Reader(counts.as_slice()).u32().unwrap_or_default() as usize;
        let table = packs.saturating_mul(PackId::LEN).min(rest.len());
        let (table, blocks) = rest.split_at_mut(table);
        for block in blocks.chunks_mut(BLOCK) {
            if let Some((records, checksum)) = block.split_last_chunk_mut::<CHECKSUM>() {
                *checksum = block_checksum(records);
            }
        }
        let hash = head_hash(&sealed, table);
        [&sealed, hash.as_slice(), table, blocks].concat()
    }

    /// The file's name in the cache.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Records in it.
    pub(crate) fn len(&self) -> u64 {
        self.records
    }

    /// The packs whose chunks it tells, all of them.
    pub(crate) fn packs(&self) -> impl Iterator<Item = PackId> + '_ {
        self.packs.iter().copied()
    }

    /// The pack of this number.
    pub(crate) fn pack(&self, number: u32) -> Option<PackId> {
        self.packs.get(number as usize).copied()
    }

    fn blocks(&self) -> u64 {
        self.records.div_ceil(PER_BLOCK as u64)
    }

    /// A block's bytes without its checksum, checked on first use.
    fn block(&self, number: u64) -> Option<&[u8]> {
        let begin = self.begin() + number as usize * BLOCK;
        let all = (*self.bytes).as_ref();
        let end = (begin + BLOCK).min(all.len());
        self.resident.touch(self.bytes.as_ref(), begin);
        self.resident.touch(self.bytes.as_ref(), end);
        let (records, checksum) = all.get(begin..end)?.split_last_chunk::<CHECKSUM>()?;
        let word = self.checked.get(number as usize / 64)?;
        let bit = 1 << (number % 64);
        if word.load(Ordering::Relaxed) & bit == 0 {
            if block_checksum(records) != *checksum {
                self.damaged.store(true, Ordering::Relaxed);
                return None;
            }
            word.fetch_or(bit, Ordering::Relaxed);
        }
        Some(records)
    }

    fn begin(&self) -> usize {
        HEAD + HASH + self.packs.len() * PackId::LEN
    }

    /// The prefix that a block begins with, unchecked: a wrong answer only makes a search miss.
    fn first_prefix(&self, number: u64) -> u64 {
        let begin = self.begin() + number as usize * BLOCK;
        self.resident.touch(self.bytes.as_ref(), begin);
        (*self.bytes)
            .as_ref()
            .get(begin..)
            .and_then(|bytes| bytes.first_chunk())
            .map_or(0, |head| u64::from_be_bytes(*head))
    }

    /// The first block that begins with this prefix or a higher one.
    fn first_block(&self, prefix: u64) -> u64 {
        let blocks = self.blocks();
        let (mut low, mut high) = (0, blocks);
        // Ids are hashes, so where one stands can be guessed; the guess only narrows the search.
        let guess = ((u128::from(prefix) * u128::from(blocks)) >> 64) as u64;
        let mut reach = 8;
        while reach < blocks {
            let (below, above) = (guess.saturating_sub(reach), (guess + reach).min(blocks));
            let is_between = (below == 0 || self.first_prefix(below) < prefix)
                && (above == blocks || self.first_prefix(above) >= prefix);
            if is_between {
                (low, high) = (below, above);
                break;
            }
            reach *= 4;
        }
        while low < high {
            let middle = low + (high - low) / 2;
            if self.first_prefix(middle) < prefix {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }

    /// Position of the first record with this prefix or a higher one; of a segment that [is whole](Self::is_whole).
    pub(crate) fn lower_bound(&self, prefix: u64) -> u64 {
        // Equal ids may begin in the block before the first one that begins with the prefix.
        let mut position = self.first_block(prefix).saturating_sub(1) * PER_BLOCK as u64;
        while self
            .get(position)
            .is_some_and(|record| record.prefix() < prefix)
        {
            position += 1;
        }
        position
    }

    /// The record at a position.
    pub(crate) fn get(&self, position: u64) -> Option<Record> {
        let block = self.block(position / PER_BLOCK as u64)?;
        let begin = (position % PER_BLOCK as u64) as usize * RECORD;
        Record::from_slice(block.get(begin..begin + RECORD)?)
    }

    /// All records whose id has this prefix.
    pub(crate) fn find(&self, prefix: u64) -> impl Iterator<Item = Record> + '_ {
        // Equal ids may begin in the block before the first one that begins with the prefix.
        (self.first_block(prefix).saturating_sub(1)..self.blocks())
            .filter_map(|number| self.block(number))
            .flat_map(move |block| behind(block, prefix))
            .map(Record::from_bytes)
            .take_while(move |record| record.prefix() == prefix)
    }

    /// All records in order; those of damaged blocks are missing.
    pub(crate) fn records(&self) -> impl Iterator<Item = Record> + '_ {
        self.records_from(0)
    }

    fn records_from(&self, first: u64) -> impl Iterator<Item = Record> + '_ {
        (first..self.blocks())
            .filter_map(|number| self.block(number))
            .flat_map(|block| block.as_chunks().0)
            .map(Record::from_bytes)
    }

    /// Whether a block was met whose checksum does not match.
    pub(crate) fn is_damaged(&self) -> bool {
        self.damaged.load(Ordering::Relaxed)
    }

    /// Whether every block is good, so that its records are all there.
    pub(crate) fn is_whole(&self) -> bool {
        (0..self.blocks()).all(|number| self.block(number).is_some())
    }
}

/// The head and pack table of a segment file.
pub(crate) fn encode_head(repository: RepositoryId, packs: &[PackId], records: u64) -> Vec<u8> {
    let mut head = Vec::with_capacity(HEAD + HASH + packs.len() * PackId::LEN);
    head.extend_from_slice(MAGIC);
    head.extend_from_slice(repository.as_bytes());
    // A listing of 2³² packs would not fit any memory.
    head.extend_from_slice(&(packs.len() as u32).to_le_bytes());
    head.extend_from_slice(&records.to_le_bytes());
    let table: Vec<u8> = packs.iter().flat_map(|pack| *pack.as_bytes()).collect();
    let hash = head_hash(&head, &table);
    head.extend_from_slice(&hash);
    head.extend_from_slice(&table);
    head
}

/// The bytes of a block of up to [`PER_BLOCK`] records.
pub(crate) fn encode_block(records: &[Record]) -> Vec<u8> {
    let mut block: Vec<u8> = records
        .iter()
        .flat_map(|record| record.as_bytes())
        .copied()
        .collect();
    let checksum = block_checksum(&block);
    block.extend_from_slice(&checksum);
    block
}

fn head_hash(head: &[u8], table: &[u8]) -> [u8; HASH] {
    *blake3::Hasher::new()
        .update(head)
        .update(table)
        .finalize()
        .as_bytes()
}

fn block_checksum(records: &[u8]) -> [u8; CHECKSUM] {
    let hash = blake3::hash(records);
    hash.as_bytes().first_chunk().copied().unwrap_or_default()
}

mod search;
#[cfg(test)]
mod tests;
