//! Which copy of each needed chunk is kept, so that as many packs as possible are not needed.
//!
//! A kept delta needs its base, so keeping makes further chunks needed until nothing changes. Of several copies one with
//! the shortest chain is kept: by this no chain grows longer than it was written, whatever is collected (invariant I14).

use std::cmp::Reverse;
use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;

use super::bits::Bits;
use super::marks::{Marks, set_all};
use super::table::{Copy, Table};
use crate::error::{Result, StoreError};
use crate::frame::Encoding;
use crate::id::{ChunkId, PackId};
use crate::index::MAX_LINKS;

/// Bases that are gathered before they are looked up, at 8 bytes each.
const BATCH: usize = 4 << 20;

/// What is better not kept, if there is a choice.
#[derive(Debug)]
pub(super) struct Unwanted<'b> {
    /// Packs that are to go.
    pub(super) packs: HashSet<u32>,
    /// Copies that do not give their chunk, by pack and offset.
    pub(super) copies: &'b HashSet<(PackId, u64)>,
}

impl<'b> Unwanted<'b> {
    /// These packs, and those with bad copies.
    pub(super) fn new(marks: &Marks, packs: &[PackId], copies: &'b HashSet<(PackId, u64)>) -> Self {
        let bad = copies.iter().map(|(pack, _)| pack);
        Self {
            packs: marks.table.packs.numbers(packs.iter().chain(bad)).collect(),
            copies,
        }
    }
}

/// Chooses a copy of each chunk that is needed, and counts in its pack what is kept.
///
/// # Errors
/// Where a base is in no pack.
pub(super) fn choose(marks: &Marks, unwanted: &Unwanted<'_>) -> Result<Bits> {
    let len = marks.table.len();
    let choice = Choice {
        marks,
        unwanted,
        needed: Bits::new(len),
        kept: Bits::new(len),
        bases: Mutex::default(),
        again: AtomicBool::new(false),
    };
    marks.table.packs.reset();
    choice.pass(Pass::Single)?;
    while choice.again.swap(false, Ordering::Relaxed) {
        choice.pass(Pass::Several)?;
    }
    Ok(choice.kept)
}

/// The kept copy of every chunk of which there are copies in these packs.
pub(super) fn in_favour_of<E: Send>(
    marks: &Marks,
    kept: &Bits,
    packs: &HashSet<u32>,
    visit: impl Fn(&Copy) -> Result<(), E> + Sync,
) -> Result<(), E> {
    marks.table.each_chunk(|copies| {
        let is_in = |copy: &Copy| packs.contains(&copy.pack);
        match copies.iter().find(|copy| kept.has(copy.number)) {
            Some(kept) if copies.iter().any(is_in) => visit(kept),
            _ => Ok(()),
        }
    })
}

/// A choice under way.
struct Choice<'m> {
    marks: &'m Marks,
    unwanted: &'m Unwanted<'m>,
    /// Copies of chunks that are needed, as content or as base.
    needed: Bits,
    kept: Bits,
    /// First bytes of the ids of bases.
    bases: Mutex<Vec<u64>>,
    /// A chunk with several copies became needed, of which one is still to be chosen.
    again: AtomicBool,
}

/// Which chunks a pass decides about.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pass {
    /// Those with one copy.
    Single,
    /// Those with several, now that it is known which packs are needed anyway.
    Several,
}

impl<'m> Choice<'m> {
    fn table(&self) -> &'m Table {
        &self.marks.table
    }

    fn pass(&self, pass: Pass) -> Result<()> {
        self.table().each_chunk(|copies| self.visit(copies, pass))?;
        self.follow(0)
    }

    fn visit(&self, copies: &[Copy], pass: Pass) -> Result<()> {
        let Some(first) = copies.first() else {
            return Ok(());
        };
        if pass == Pass::Single {
            copies
                .iter()
                .for_each(|copy| self.table().packs.count(copy));
        }
        if self.marks.is_referred(first) {
            set_all(&self.needed, copies);
        }
        if !self.needed.has(first.number) || self.is_settled(copies) {
            return Ok(());
        }
        match (copies, pass) {
            ([only], Pass::Single) => self.keep(only),
            ([_], Pass::Several) => {}
            (_, Pass::Single) => self.again.store(true, Ordering::Relaxed),
            (_, Pass::Several) => self.keep(self.best(copies).unwrap_or(first)),
        }
        self.follow(BATCH)
    }

    fn is_settled(&self, copies: &[Copy]) -> bool {
        copies.iter().any(|copy| self.kept.has(copy.number))
    }

    fn keep(&self, copy: &Copy) {
        if !self.kept.set(copy.number) {
            return;
        }
        self.table().packs.keep(copy);
        if let Some(base) = copy.at.encoding.base() {
            let mut bases = self.bases.lock().unwrap_or_else(PoisonError::into_inner);
            bases.push(base);
        }
    }

    /// The copy to keep: one that can be read, with the shortest chain, not in a pack that is to go, in a pack of which
    /// most is kept.
    fn best<'c>(&self, copies: &'c [Copy]) -> Option<&'c Copy> {
        let packs = &self.table().packs;
        copies.iter().min_by_key(|copy| {
            let is_bad = self.unwanted.copies.contains(&copy.at.place());
            let links = self.links(copy.at.encoding).unwrap_or(usize::MAX);
            let leaves = self.unwanted.packs.contains(&copy.pack);
            let used = Reverse(packs.kept_bytes(copy.pack));
            (is_bad, links, leaves, used, copy.number)
        })
    }

    /// Links down to a whole copy by the shortest way; `None` where there is none.
    fn links(&self, encoding: Encoding) -> Option<usize> {
        // Level by level: a base is looked at once, however many ways lead to it.
        let mut level: HashSet<u64> = encoding.base().into_iter().collect();
        let mut seen = level.clone();
        for links in 0..=MAX_LINKS {
            if level.is_empty() {
                return (links == 0).then_some(0);
            }
            let copies = level.iter().flat_map(|base| self.table().named(*base));
            let bases: Vec<Option<u64>> = copies.map(|copy| copy.at.encoding.base()).collect();
            if bases.contains(&None) {
                return Some(links + 1);
            }
            level = bases
                .into_iter()
                .flatten()
                .filter(|base| seen.insert(*base))
                .collect();
        }
        None
    }

    /// Makes the gathered bases needed, if there are so many, and those of the copies that are kept by it.
    fn follow(&self, at_least: usize) -> Result<()> {
        loop {
            let mut bases = self.bases.lock().unwrap_or_else(PoisonError::into_inner);
            if bases.is_empty() || bases.len() < at_least {
                return Ok(());
            }
            let mut batch = std::mem::take(&mut *bases);
            drop(bases);
            batch.par_sort_unstable();
            batch.dedup();
            batch.par_iter().try_for_each(|base| self.need(*base))?;
        }
    }

    /// Whatever chunk has this prefix may be the base.
    fn need(&self, prefix: u64) -> Result<()> {
        let mut copies: Vec<Copy> = self.table().named(prefix).collect();
        copies.sort_by_key(|copy| copy.at.id);
        if copies.is_empty() {
            let id = ChunkId::with_prefix(prefix);
            return Err(StoreError::ChunkMissing { id });
        }
        for copies in copies.chunk_by(|a, b| a.at.id == b.at.id) {
            set_all(&self.needed, copies);
            match copies {
                [only] => self.keep(only),
                several if !self.is_settled(several) => self.again.store(true, Ordering::Relaxed),
                _ => {}
            }
        }
        Ok(())
    }
}
