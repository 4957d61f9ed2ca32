//! What the records lead to: one bit for each stored copy of a chunk that somebody refers to.
//!
//! References to data come in great numbers and nothing hangs on them, so they are gathered and looked up sorted, which
//! touches each page of the index once a batch. Descriptions are looked up at once: whoever walks must know whether
//! somebody was there before.

use std::sync::{Mutex, MutexGuard, PoisonError};

use rayon::prelude::*;

use super::bits::Bits;
use super::table::{Copy, Table};
use crate::error::{Result, StoreError};
use crate::id::ChunkId;
use crate::index::Index;

/// References that are gathered before they are looked up, at 32 bytes each.
const BATCH: usize = 1 << 20;

/// The chunks that records lead to.
pub struct Marks {
    pub(super) table: Table,
    /// Copies of chunks that something refers to. Not set for what is only a base: such a description was not walked.
    referred: Bits,
    gathered: Mutex<Vec<ChunkId>>,
}

impl Marks {
    /// Nothing is marked yet of what this index knows.
    pub(super) fn new(index: &Index) -> Self {
        let table = Table::new(index);
        Self {
            referred: Bits::new(table.len()),
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
        // All copies of a chunk tell the same, the new ones as well. What is marked may be known from a copy that is gone.
        let (table, referred) = (&self.table, &self.referred);
        table.each_known(|copies| {
            let is_marked = copies.iter().any(|copy| referred.has(copy.number));
            match copies.first() {
                Some(lost) if is_marked && !copies.iter().any(|copy| table.is_there(copy)) => {
                    Err(StoreError::ChunkMissing { id: lost.at.id })
                }
                _ if is_marked => {
                    set_all(referred, copies);
                    Ok(())
                }
                _ => Ok(()),
            }
        })
    }

    fn gathered(&self) -> MutexGuard<'_, Vec<ChunkId>> {
        self.gathered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Marks a description. Whether it is the first time: then what it leads to is to be marked as well.
    ///
    /// # Errors
    /// Where no pack has it.
    pub fn enter(&self, id: &ChunkId) -> Result<bool> {
        self.mark(id)
    }

    /// Marks chunks of data.
    ///
    /// # Errors
    /// Where no pack has one of them, or one of those noted before.
    pub fn note(&self, ids: impl IntoIterator<Item = ChunkId>) -> Result<()> {
        let mut gathered = self.gathered();
        gathered.extend(ids);
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

    fn look_up(&self, mut batch: Vec<ChunkId>) -> Result<()> {
        batch.par_sort_unstable();
        batch.dedup();
        batch.par_iter().try_for_each(|id| self.mark(id).map(drop))
    }

    fn mark(&self, id: &ChunkId) -> Result<bool> {
        let mut copies = self.table.copies(id);
        // The first copy decides who is first where two threads come at once.
        let first = copies.next().ok_or(StoreError::ChunkMissing { id: *id })?;
        let is_first = self.referred.set(first.number);
        if is_first {
            for copy in copies {
                self.referred.set(copy.number);
            }
        }
        Ok(is_first)
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
