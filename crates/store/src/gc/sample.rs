//! An index of as many made-up chunks as wanted, without packs: for measuring what marking and choosing take.
//!
//! Chunks come in groups of four in one pack: the first is a delta from the second, and every fiftieth chunk has a copy
//! in the next pack as well. The packs of which [`Sample::is_live`] says no have no other users, so it is known what must
//! come out. Ids are evenly spread over all prefixes, as those of hashes are but for their chance, and chunks of one group
//! are far from each other there.

use std::path::Path;

use super::keep::{self, Unwanted};
use super::marks::Marks;
use crate::disk::RealDisk;
use crate::error::Result;
use crate::frame::Encoding;
use crate::id::{ChunkId, PackId, RepositoryId};
use crate::index::{Index, Location};
use crate::pack::Kind;

/// Chunks of a pack.
const PER_PACK: u64 = 500;

/// The order of ids is that of numbers times this: a prime, and so no divisor of any number of chunks that fits a disk.
const STEP: u64 = 2_654_435_761;

/// One pack of so many is garbage.
const GARBAGE: u64 = 5;

/// Made-up chunks, their index a cache segment that is mapped.
pub struct Sample {
    chunks: u64,
    index: Index,
}

/// What came out of choosing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chosen {
    /// Packs that nothing needs.
    pub free: u64,
    /// Stored bytes of what is kept.
    pub live_bytes: u64,
}

impl Sample {
    /// Writes the segment to a folder, 64 bytes a chunk, and maps it.
    ///
    /// # Errors
    /// Where it cannot be written or mapped.
    pub fn write(folder: &Path, chunks: u64) -> Result<Self> {
        Self::of(
            folder,
            RepositoryId::from_bytes([7; RepositoryId::LEN]),
            chunks,
        )
    }

    /// The same for the cache of a repository.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    pub fn of(folder: &Path, repository: RepositoryId, chunks: u64) -> Result<Self> {
        let chunks = chunks.next_multiple_of(4);
        let packs: Vec<PackId> = (0..pack_count(chunks)).map(pack_id).collect();
        let back = inverse(chunks);
        let in_order = (0..chunks).map(|place| times(place, back, chunks));
        let copies = in_order.flat_map(|number| copies(number, chunks));
        let count = chunks + chunks.div_ceil(50);
        let disk = RealDisk::inside(folder.to_owned());
        let index = Index::of_copies(&disk, repository, &packs, count, copies)?;
        Ok(Self { chunks, index })
    }

    /// The packs that the chunks are in.
    pub fn packs(&self) -> Vec<PackId> {
        (0..pack_count(self.chunks)).map(pack_id).collect()
    }

    /// How many chunks there are.
    pub const fn chunks(&self) -> u64 {
        self.chunks
    }

    /// The name of a chunk.
    pub fn id(&self, number: u64) -> ChunkId {
        chunk_id(number, self.chunks)
    }

    /// Whether something is to refer to the chunk.
    pub fn is_live(&self, number: u64) -> bool {
        !pack_of(number, self.chunks).is_multiple_of(GARBAGE)
    }

    /// The packs that are to be found free.
    pub fn garbage(&self) -> u64 {
        pack_count(self.chunks).div_ceil(GARBAGE)
    }

    /// Nothing is marked yet.
    pub fn marks(&self) -> Marks {
        Marks::new(&self.index)
    }

    /// Looks up what is still gathered, and chooses what to keep.
    ///
    /// # Errors
    /// Where a chunk or a base is not there.
    pub fn choose(&self, marks: &Marks) -> Result<Chosen> {
        marks.finish()?;
        keep::choose(marks, &Unwanted::new(marks, &[], &Default::default()))?;
        Ok(Chosen {
            free: marks.table.packs.free().len() as u64,
            live_bytes: marks.table.packs.live_bytes(),
        })
    }
}

/// A multiple of [`GARBAGE`], so that the last pack's neighbour is the first and no live one.
fn pack_count(chunks: u64) -> u64 {
    (chunks / PER_PACK).max(1).next_multiple_of(GARBAGE)
}

fn pack_id(number: u64) -> PackId {
    let mut id = [0; PackId::LEN];
    for (to, from) in id.iter_mut().zip(number.to_be_bytes()) {
        *to = from;
    }
    PackId::from_bytes(id)
}

fn chunk_id(number: u64, chunks: u64) -> ChunkId {
    ChunkId::with_prefix(times(number, STEP, chunks) * (u64::MAX / chunks.max(1)))
}

/// A product modulo the number of chunks.
fn times(number: u64, factor: u64, chunks: u64) -> u64 {
    (u128::from(number) * u128::from(factor) % u128::from(chunks.max(1))) as u64
}

/// What undoes a multiplication by [`STEP`] (Euclid's algorithm).
fn inverse(chunks: u64) -> u64 {
    let (chunks, step) = (i128::from(chunks), i128::from(STEP));
    let (mut high, mut low) = ((chunks, 0), (step % chunks, 1));
    while low.0 > 0 {
        let times = high.0 / low.0;
        (high, low) = (low, (high.0 - times * low.0, high.1 - times * low.1));
    }
    high.1.rem_euclid(chunks) as u64
}

/// Chunks of neighbouring ids are in any packs, as with hashes.
fn pack_of(number: u64, chunks: u64) -> u64 {
    let mixed = (number / 4).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
    mixed % pack_count(chunks)
}

fn copies(number: u64, chunks: u64) -> impl Iterator<Item = (Location, u32)> {
    let encoding = match number.is_multiple_of(4) {
        true => Encoding::Prefix {
            base: chunk_id(number + 1, chunks).prefix(),
        },
        false => Encoding::Zstd,
    };
    let pack = pack_of(number, chunks);
    let copies = 1 + u64::from(number.is_multiple_of(50));
    (0..copies).map(move |copy| {
        let pack = (pack + copy) % pack_count(chunks);
        let location = Location {
            id: chunk_id(number, chunks),
            kind: Kind::Data,
            pack: pack_id(pack),
            // In this order the records of one chunk are sorted.
            offset: (number % 8192) * 4 + copy,
            stored_len: 30_000,
            plain_len: 60_000,
            encoding,
        };
        (location, pack as u32)
    })
}
