//! The packs of a table by their numbers, and what of each is kept.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::table::Copy;
use crate::id::PackId;
use crate::pack::Kind;

/// What a pass found of one pack.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// Copies in it that are kept.
    kept: AtomicU64,
    /// Their stored bytes.
    kept_bytes: AtomicU64,
    /// Stored bytes of all copies.
    all_bytes: AtomicU64,
    /// Whether its chunks are metadata.
    is_meta: AtomicBool,
    /// Whether a delta in it is to be stored whole.
    has_whole: AtomicBool,
}

/// What a pass counted of one pack.
#[derive(Debug, Clone, Copy)]
pub(super) struct Count {
    pub(super) number: u32,
    pub(super) id: PackId,
    pub(super) kind: Kind,
    /// Stored bytes of what is kept.
    pub(super) kept_bytes: u64,
    /// Stored bytes of all copies.
    pub(super) all_bytes: u64,
    pub(super) has_whole: bool,
}

impl Count {
    /// Stored bytes of what nothing needs.
    pub(super) const fn garbage(&self) -> u64 {
        self.all_bytes.saturating_sub(self.kept_bytes)
    }
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

    /// The name of a pack, which may be gone.
    pub(super) fn id(&self, number: u32) -> Option<PackId> {
        self.all.get(number as usize).map(|pack| pack.id)
    }

    /// Whether a pack is there.
    pub(super) fn is_there(&self, number: u32) -> bool {
        let pack = self.all.get(number as usize);
        pack.is_some_and(|pack| !pack.is_gone)
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
        for Pack { tally, .. } in &self.all {
            for count in [&tally.kept, &tally.kept_bytes, &tally.all_bytes] {
                count.store(0, Ordering::Relaxed);
            }
            tally.has_whole.store(false, Ordering::Relaxed);
        }
    }

    /// Counts a copy that is there.
    pub(super) fn count(&self, copy: &Copy) {
        if let Some(pack) = self.all.get(copy.pack as usize) {
            let bytes = u64::from(copy.at.stored_len);
            pack.tally.all_bytes.fetch_add(bytes, Ordering::Relaxed);
            let is_meta = copy.at.kind == Kind::Meta;
            pack.tally.is_meta.store(is_meta, Ordering::Relaxed);
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

    fn there(&self) -> impl Iterator<Item = (u32, &Pack)> + '_ {
        (0..).zip(&self.all).filter(|(_, pack)| !pack.is_gone)
    }

    /// What was counted of each pack that is there.
    pub(super) fn counts(&self) -> impl Iterator<Item = Count> + '_ {
        self.there().map(|(number, Pack { id, tally, .. })| Count {
            number,
            id: *id,
            kind: match tally.is_meta.load(Ordering::Relaxed) {
                true => Kind::Meta,
                false => Kind::Data,
            },
            kept_bytes: tally.kept_bytes.load(Ordering::Relaxed),
            all_bytes: tally.all_bytes.load(Ordering::Relaxed),
            has_whole: tally.has_whole.load(Ordering::Relaxed),
        })
    }

    /// The names of these packs.
    pub(super) fn names<'a>(
        &'a self,
        numbers: &'a HashSet<u32>,
    ) -> impl Iterator<Item = PackId> + 'a {
        let there = self.there().filter(|(number, _)| numbers.contains(number));
        there.map(|(_, pack)| pack.id)
    }

    /// Counts a kept copy as what nothing will need.
    pub(super) fn waste(&self, copy: &Copy) {
        if let Some(pack) = self.all.get(copy.pack as usize) {
            let bytes = u64::from(copy.at.stored_len);
            pack.tally.kept_bytes.fetch_sub(bytes, Ordering::Relaxed);
        }
    }

    /// Notes that a delta in its pack is to be stored whole.
    pub(super) fn note_whole(&self, copy: &Copy) {
        if let Some(pack) = self.all.get(copy.pack as usize) {
            pack.tally.has_whole.store(true, Ordering::Relaxed);
        }
    }

    /// The packs of which nothing is kept, sorted.
    pub(super) fn free(&self) -> Vec<PackId> {
        let is_free = |pack: &Pack| pack.tally.kept.load(Ordering::Relaxed) == 0;
        let free = self.there().filter(|(_, pack)| is_free(pack));
        let mut free: Vec<PackId> = free.map(|(_, pack)| pack.id).collect();
        free.sort_unstable();
        free
    }

    /// Stored bytes of everything that is kept.
    pub(super) fn live_bytes(&self) -> u64 {
        self.counts().map(|count| count.kept_bytes).sum()
    }
}
