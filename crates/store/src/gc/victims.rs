//! Which packs are worth being written anew, and which deltas.
//!
//! The rule, which `docs/gc.md` tells to users:
//!
//! - Packs with garbage, from the largest share of it on, until what is left of it in all packs is at most a fiftieth of
//!   what is needed.
//! - Packs of less than a quarter of the usual size, where there are eight or more of one kind and of about one size: each
//!   merge makes one of another size of them, so that no byte is written more than a few times, however often is merged.
//! - A delta whose chain serves nothing else is stored whole, if its links cost more than a fortieth of that.

use std::collections::{BTreeMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};

use super::bits::Bits;
use super::marks::Marks;
use super::packs::Count;
use super::table::{Copy, Table};
use crate::error::Result;
use crate::index::MAX_LINKS;

/// Garbage that may stay, as a part of what is needed.
const GARBAGE: u64 = 50;

/// Packs below this are merged: a quarter of the usual size.
const SMALL: u64 = 8 << 20;

/// So many of one size are merged.
const MANY: usize = 8;

/// Links that may stay, as a part of the whole chunk at their end.
const LINKS: u64 = 40;

/// What is written anew.
pub(super) struct Victims {
    /// Packs that are emptied.
    pub(super) packs: HashSet<u32>,
    /// Copies that are stored whole instead.
    pub(super) whole: Bits,
    /// Kept copies that nothing needs then.
    pub(super) loose: Bits,
    /// Whether there are such.
    pub(super) any_whole: bool,
}

impl Victims {
    /// Chooses, given which copies are kept. What becomes garbage by it is counted as such.
    pub(super) fn choose(marks: &Marks, kept: &Bits, most: u64) -> Result<Self> {
        let (whole, loose, any_whole) = Chains::find(marks, kept)?;
        let counts: Vec<Count> = marks.table.packs.counts().collect();
        let mut budget = most;
        let mut packs = HashSet::new();
        for count in small(&counts).into_iter().chain(wasteful(&counts)) {
            if packs.contains(&count.number) {
                continue;
            }
            match budget.checked_sub(count.kept_bytes) {
                Some(left) => budget = left,
                None => continue,
            }
            packs.insert(count.number);
        }
        Ok(Self {
            packs,
            whole,
            loose,
            any_whole,
        })
    }
}

/// From the largest share of garbage on, as many as are needed to get rid of most of it.
fn wasteful(counts: &[Count]) -> Vec<Count> {
    let mut wasteful: Vec<Count> = counts.to_vec();
    wasteful.retain(|count| count.garbage() > 0);
    wasteful.sort_by(|a, b| {
        let [a_share, b_share] = [(a, b), (b, a)]
            .map(|(one, other)| u128::from(one.garbage()) * u128::from(other.all_bytes));
        b_share.cmp(&a_share).then(a.number.cmp(&b.number))
    });
    let live: u64 = counts.iter().map(|count| count.kept_bytes).sum();
    let mut left: u64 = counts.iter().map(Count::garbage).sum();
    let enough = wasteful.iter().take_while(|count| {
        let is_worth = left > live / GARBAGE;
        left -= count.garbage();
        is_worth
    });
    enough.copied().collect()
}

/// Small packs of which there are many of one size.
fn small(counts: &[Count]) -> Vec<Count> {
    let mut classes: BTreeMap<(u8, u32), Vec<Count>> = BTreeMap::new();
    for count in counts.iter().filter(|count| count.all_bytes < SMALL) {
        // Powers of four.
        let class = count.all_bytes.max(1).ilog2() / 2;
        classes
            .entry((count.kind as u8, class))
            .or_default()
            .push(*count);
    }
    let many = classes.into_values().filter(|class| class.len() >= MANY);
    many.flatten().collect()
}

/// Chains of deltas that serve one chunk alone.
struct Chains<'m> {
    table: &'m Table,
    marks: &'m Marks,
    kept: &'m Bits,
    /// Kept copies on which one kept delta stands, and on which more do.
    one: Bits,
    more: Bits,
    whole: Bits,
    loose: Bits,
    any: AtomicBool,
}

impl<'m> Chains<'m> {
    fn find(marks: &'m Marks, kept: &'m Bits) -> Result<(Bits, Bits, bool)> {
        let len = marks.table.len();
        let chains = Self {
            table: &marks.table,
            marks,
            kept,
            one: Bits::new(len),
            more: Bits::new(len),
            whole: Bits::new(len),
            loose: Bits::new(len),
            any: AtomicBool::new(false),
        };
        chains.each_kept(|copy| chains.lean(copy))?;
        chains.each_kept(|copy| chains.weigh(copy))?;
        Ok((chains.whole, chains.loose, chains.any.into_inner()))
    }

    fn each_kept(&self, visit: impl Fn(&Copy) + Sync) -> Result<()> {
        self.table.each_chunk(|copies| {
            let kept = copies.iter().filter(|copy| self.kept.has(copy.number));
            kept.for_each(&visit);
            Ok(())
        })
    }

    fn base(&self, copy: &Copy) -> Option<Copy> {
        let mut named = self.table.named(copy.at.encoding.base()?);
        named.find(|base| self.kept.has(base.number))
    }

    fn lean(&self, copy: &Copy) {
        if let Some(base) = self.base(copy)
            && !self.one.set(base.number)
        {
            self.more.set(base.number);
        }
    }

    /// Decides whether a delta is stored whole, and counts what is garbage then.
    fn weigh(&self, copy: &Copy) {
        if copy.at.encoding.base().is_none() || !self.marks.is_referred(copy) {
            return;
        }
        let mut links = vec![*copy];
        while let Some(base) = links.last().and_then(|link| self.base(link)) {
            let is_shared = self.marks.is_referred(&base) || self.more.has(base.number);
            if is_shared || links.len() > MAX_LINKS {
                return;
            }
            links.push(base);
        }
        let Some((end, links)) = links.split_last() else {
            return;
        };
        let cost: u64 = links.iter().map(|link| u64::from(link.at.stored_len)).sum();
        if end.at.encoding.base().is_none() && cost > u64::from(end.at.stored_len) / LINKS {
            self.whole.set(copy.number);
            self.table.packs.note_whole(copy);
            self.any.store(true, Ordering::Relaxed);
            for link in links.iter().chain([end]) {
                self.table.packs.waste(link);
                self.loose.set(link.number);
            }
        }
    }
}
