//! A sorted, memory-mapped part of the index: the copies of some packs, looked up without loading them.
//!
//! Layout: head (magic, version, repository, counts, hash over head and pack table), pack table, then blocks of up to
//! [`PER_BLOCK`] records, each with a checksum. A flipped bit in a record could name the wrong pack, and a chunk that
//! is believed to stand where it does not is a chunk lost, so a block is checked before its records are used; a block
//! that fails has none.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::record::{RECORD, Record};
use super::resident::Resident;
use crate::disk::Map;
use crate::id::{PackId, RepositoryId};
use crate::pack::Reader;

use fences::Fences;

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
    fences: Fences,
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
            fences: Fences::default(),
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

    /// A block's bytes, checked on first use; its checksum is less than a record, so that who takes records leaves it out.
    fn block(&self, number: u64) -> Option<&[u8]> {
        let bytes = self.mapped(self.range_of(number))?;
        self.is_good(number, bytes).then_some(bytes)
    }

    fn mapped(&self, range: Range<usize>) -> Option<&[u8]> {
        self.resident.touch(self.bytes.as_ref(), range.start);
        self.resident.touch(self.bytes.as_ref(), range.end);
        (*self.bytes).as_ref().get(range)
    }

    /// A copy, or the map where nothing can be copied: a record left out silently would be taken for one that is not there.
    fn copied(&self, range: Range<usize>) -> Option<Cow<'_, [u8]>> {
        match self.bytes.copy(range.clone()) {
            Some(bytes) => Some(Cow::Owned(bytes)),
            None => self.mapped(range).map(Cow::Borrowed),
        }
    }

    fn range_of(&self, number: u64) -> Range<usize> {
        let begin = self.begin() + number as usize * BLOCK;
        begin..(begin + BLOCK).min((*self.bytes).as_ref().len())
    }

    fn is_good(&self, number: u64, bytes: &[u8]) -> bool {
        if self.is_checked(number) {
            return true;
        }
        let parts = bytes.split_last_chunk::<CHECKSUM>();
        let is_good = parts.is_some_and(|(records, sum)| block_checksum(records) == *sum);
        match self.checked.get(number as usize / 64) {
            Some(word) if is_good => {
                word.fetch_or(1 << (number % 64), Ordering::Relaxed);
            }
            _ => self.damaged.store(true, Ordering::Relaxed),
        }
        is_good
    }

    /// Whether a block was found good already.
    fn is_checked(&self, number: u64) -> bool {
        let word = self.checked.get(number as usize / 64);
        word.is_some_and(|word| word.load(Ordering::Relaxed) & 1 << (number % 64) != 0)
    }

    fn begin(&self) -> usize {
        HEAD + HASH + self.packs.len() * PackId::LEN
    }

    /// The record at a position.
    pub(crate) fn get(&self, position: u64) -> Option<Record> {
        let block = self.block(position / PER_BLOCK as u64)?;
        let begin = (position % PER_BLOCK as u64) as usize * RECORD;
        Record::from_slice(block.get(begin..begin + RECORD)?)
    }

    /// Whether a block was met whose checksum does not match.
    pub(crate) fn is_damaged(&self) -> bool {
        self.damaged.load(Ordering::Relaxed)
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

mod fences;
mod pass;
mod search;
#[cfg(test)]
mod tests;
