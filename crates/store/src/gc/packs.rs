//! The packs of a table by their numbers, and what of each is kept.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};

use super::table::Copy;
use crate::id::PackId;

/// What a pass found of one pack.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// Copies in it that are kept.
    kept: AtomicU64,
    /// Their stored bytes.
    kept_bytes: AtomicU64,
    /// Stored bytes of all copies.
    all_bytes: AtomicU64,
}

/// One pack.
#[derive(Debug)]
struct Pack {
    id: PackId,
    is_gone: bool,
    tally: Tally,
}

/// All packs of a table.
#[derive(Debug, Default)]
pub(super) struct Packs {
    all: Vec<Pack>,
    numbers: HashMap<PackId, u32>,
}

impl Packs {
    /// Adds a pack and gives its number; `None` where it is known already.
    pub(super) fn add(&mut self, id: PackId) -> Option<u32> {
        if self.knows(id) {
            return None;
        }
        // A listing of 2³² packs would not fit any memory.
        let number = self.all.len() as u32;
        self.numbers.insert(id, number);
        self.all.push(Pack {
            id,
            is_gone: false,
            tally: Tally::default(),
        });
        Some(number)
    }

    pub(super) fn knows(&self, id: PackId) -> bool {
        self.numbers.contains_key(&id)
    }

    /// Notes which packs are gone. One that is gone never comes back (invariant I3).
    pub(super) fn keep_only(&mut self, is_there: impl Fn(PackId) -> bool) {
        for pack in &mut self.all {
            pack.is_gone |= !is_there(pack.id);
        }
    }

    /// The name of a pack that is there.
    pub(super) fn present(&self, number: u32) -> Option<PackId> {
        let pack = self.all.get(number as usize)?;
        (!pack.is_gone).then_some(pack.id)
    }

    /// Numbers of the packs with these names.
    pub(super) fn numbers<'a>(
        &'a self,
        ids: impl IntoIterator<Item = &'a PackId> + 'a,
    ) -> impl Iterator<Item = u32> + 'a {
        ids.into_iter()
            .filter_map(|id| self.numbers.get(id).copied())
    }

    /// Forgets what was counted.
    pub(super) fn reset(&self) {
        for pack in &self.all {
            let Tally {
                kept,
                kept_bytes,
                all_bytes,
            } = &pack.tally;
            for count in [kept, kept_bytes, all_bytes] {
                count.store(0, Ordering::Relaxed);
            }
        }
    }

    /// Counts a copy that is there.
    pub(super) fn count(&self, copy: &Copy) {
        if let Some(pack) = self.all.get(copy.pack as usize) {
            let bytes = u64::from(copy.at.stored_len);
            pack.tally.all_bytes.fetch_add(bytes, Ordering::Relaxed);
        }
    }

    /// Counts a copy that is kept.
    pub(super) fn keep(&self, copy: &Copy) {
        if let Some(pack) = self.all.get(copy.pack as usize) {
            let bytes = u64::from(copy.at.stored_len);
            pack.tally.kept.fetch_add(1, Ordering::Relaxed);
            pack.tally.kept_bytes.fetch_add(bytes, Ordering::Relaxed);
        }
    }

    /// Stored bytes of the copies that are kept in a pack.
    pub(super) fn kept_bytes(&self, number: u32) -> u64 {
        let pack = self.all.get(number as usize);
        pack.map_or(0, |pack| pack.tally.kept_bytes.load(Ordering::Relaxed))
    }

    /// Each pack that is there: number, name, kept copies, their bytes, all bytes.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, PackId, u64, u64, u64)> + '_ {
        let there = (0..).zip(&self.all).filter(|(_, pack)| !pack.is_gone);
        there.map(|(number, pack)| {
            let Tally {
                kept,
                kept_bytes,
                all_bytes,
            } = &pack.tally;
            let [kept, kept_bytes, all_bytes] =
                [kept, kept_bytes, all_bytes].map(|count| count.load(Ordering::Relaxed));
            (number, pack.id, kept, kept_bytes, all_bytes)
        })
    }

    /// The packs of which nothing is kept, sorted.
    pub(super) fn free(&self) -> Vec<PackId> {
        let free = self.iter().filter(|(_, _, kept, ..)| *kept == 0);
        let mut free: Vec<PackId> = free.map(|(_, id, ..)| id).collect();
        free.sort_unstable();
        free
    }

    /// Stored bytes of everything that is kept.
    pub(super) fn live_bytes(&self) -> u64 {
        self.iter().map(|(_, _, _, kept_bytes, _)| kept_bytes).sum()
    }
}
