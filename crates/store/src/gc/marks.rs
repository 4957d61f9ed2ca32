//! What the records lead to: one bit for each stored copy of a chunk that somebody refers to.
//!
//! References to data come in great numbers and nothing hangs on them, so they are gathered and looked up sorted, which
//! is one pass over the index a batch. Of their ids the first eight bytes are gathered, as deltas name their bases:
//! another chunk that begins with the same ones would be marked as well, and stay. Descriptions are looked up at once:
//! whoever walks must know whether somebody was there before.

use std::sync::{Mutex, MutexGuard, PoisonError};

use rayon::prelude::*;

use super::bits::Bits;
use super::table::{Copy, Table};
use crate::error::{Result, StoreError};
use crate::id::ChunkId;
use crate::index::Index;

/// References that are gathered before they are looked up, at 8 bytes each. Each batch is a pass over the index.
const BATCH: usize = 4 << 20;

/// The chunks that records lead to.
pub struct Marks {
    pub(super) table: Table,
    /// Copies of chunks that something refers to. Not set for what is only a base: such a description was not walked.
    referred: Bits,
    /// Copies of descriptions that were entered. What was noted may only begin like one, and leads to nothing.
    entered: Bits,
    /// Prefixes of ids.
    gathered: Mutex<Vec<u64>>,
}

impl Marks {
    /// Nothing is marked yet of what this index knows.
    pub(super) fn new(index: &Index) -> Self {
        let table = Table::new(index);
        Self {
            referred: Bits::new(table.len()),
            entered: Bits::new(table.len()),
            gathered: Mutex::default(),
            table,
        }
    }

    /// Takes a newer index; what was marked stays.
    ///
    /// # Errors
    /// Where a chunk that is marked has no copy any more.
    pub(super) fn renew(&mut self, index: &Index) -> Result<()> {
        self.table.extend(index);
        self.referred.grow(self.table.len());
        self.entered.grow(self.table.len());
        // All copies of a chunk tell the same, the new ones as well. What is marked may be known from a copy that is gone.
        let (table, referred) = (&self.table, &self.referred);
        table.each_known(|copies| {
            let is_marked = copies.iter().any(|copy| referred.has(copy.number));
            match copies.first() {
                Some(lost) if is_marked && !copies.iter().any(|copy| table.is_there(copy)) => {
                    return Err(StoreError::ChunkMissing { id: lost.at.id });
                }
                _ => {}
            }
            for bits in [referred, &self.entered] {
                if copies.iter().any(|copy| bits.has(copy.number)) {
                    set_all(bits, copies);
                }
            }
            Ok(())
        })
    }

    fn gathered(&self) -> MutexGuard<'_, Vec<u64>> {
        self.gathered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Marks a description. Whether it is the first time: then what it leads to is to be marked as well.
    ///
    /// # Errors
    /// Where no pack has it.
    pub fn enter(&self, id: &ChunkId) -> Result<bool> {
        let mut copies = self.table.copies(id);
        // The first copy decides who is first where two threads come at once.
        let first = copies.next().ok_or(StoreError::ChunkMissing { id: *id })?;
        let is_first = self.entered.set(first.number);
        if is_first {
            for copy in [first].into_iter().chain(copies) {
                self.entered.set(copy.number);
                self.referred.set(copy.number);
            }
        }
        Ok(is_first)
    }

    /// Marks chunks of data.
    ///
    /// # Errors
    /// Where no pack has one of them, or one of those noted before.
    pub fn note(&self, ids: impl IntoIterator<Item = ChunkId>) -> Result<()> {
        let mut gathered = self.gathered();
        gathered.extend(ids.into_iter().map(|id| id.prefix()));
        if gathered.len() < BATCH {
            return Ok(());
        }
        let batch = std::mem::take(&mut *gathered);
        drop(gathered);
        self.look_up(batch)
    }

    /// Looks up what is gathered.
    pub(super) fn finish(&self) -> Result<()> {
        let batch = std::mem::take(&mut *self.gathered());
        self.look_up(batch)
    }

    fn look_up(&self, mut batch: Vec<u64>) -> Result<()> {
        batch.par_sort_unstable();
        batch.dedup();
        batch.par_iter().try_for_each(|prefix| self.mark(*prefix))
    }

    /// Marks whatever has this prefix.
    fn mark(&self, prefix: u64) -> Result<()> {
        let mut copies = self.table.named(prefix).peekable();
        if copies.peek().is_none() {
            let id = ChunkId::with_prefix(prefix);
            return Err(StoreError::ChunkMissing { id });
        }
        for copy in copies {
            self.referred.set(copy.number);
        }
        Ok(())
    }

    /// Whether something refers to the chunk of this copy.
    pub(super) fn is_referred(&self, copy: &Copy) -> bool {
        self.referred.has(copy.number)
    }
}

pub(super) fn set_all(bits: &Bits, copies: &[Copy]) {
    for copy in copies {
        bits.set(copy.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::RealDisk;
    use crate::frame::Encoding;
    use crate::id::{PackId, RepositoryId};
    use crate::index::Location;
    use crate::pack::Kind;

    /// An index of one pack with chunks of these ids and kinds.
    fn index(folder: &std::path::Path, chunks: &[(ChunkId, Kind)]) -> Index {
        let pack = PackId::from_bytes([1; PackId::LEN]);
        let copy = |(number, &(id, kind)): (usize, &(ChunkId, Kind))| {
            let location = Location {
                id,
                kind,
                pack,
                offset: number as u64,
                stored_len: 1,
                plain_len: 1,
                encoding: Encoding::Zstd,
            };
            (location, 0)
        };
        let disk = RealDisk::inside(folder.to_owned());
        let repository = RepositoryId::from_bytes([7; RepositoryId::LEN]);
        let copies = chunks.iter().enumerate().map(copy);
        Index::of_copies(&disk, repository, &[pack], chunks.len() as u64, copies).unwrap()
    }

    /// Two ids with one prefix.
    fn alike() -> [ChunkId; 2] {
        let first = ChunkId::with_prefix(5);
        let mut bytes = *first.as_bytes();
        bytes[31] = 1;
        [first, ChunkId::from_bytes(bytes)]
    }

    #[test]
    fn a_description_that_begins_like_data_is_still_entered() {
        let folder = tempfile::tempdir().unwrap();
        let [data, description] = alike();
        let index = index(
            folder.path(),
            &[(data, Kind::Data), (description, Kind::Meta)],
        );
        let marks = Marks::new(&index);
        marks.note([data]).unwrap();
        marks.finish().unwrap();
        assert!(
            marks.enter(&description).unwrap(),
            "what it leads to is to be marked"
        );
        assert!(!marks.enter(&description).unwrap());
    }
}
