//! Every stored copy of the repository under a number: what bits are kept about.
//!
//! The copies stand in sorted runs, most of them in memory-mapped segments of the index cache, so that memory does not
//! grow with the repository but for some bits a copy. A run's copies are numbered from its base on.

use std::ops::Range;
use std::sync::Arc;

use rayon::prelude::*;

use super::packs::Packs;
use crate::error::Result;
use crate::id::{ChunkId, PackId};
use crate::index::{Index, Location, Record, Segment};

/// Parts into which a pass over all copies is cut, by the first bits of their ids.
const PARTS: u64 = 256;

/// Marks the packs of a run whose copies another run tells, or that are not there.
const NOBODY: u32 = u32::MAX;

/// Sorted copies.
enum Source {
    Segment(Arc<Segment>),
    Memory(Vec<Record>),
}

impl Source {
    fn len(&self) -> u64 {
        match self {
            Self::Segment(segment) => segment.len(),
            Self::Memory(records) => records.len() as u64,
        }
    }

    fn get(&self, position: u64) -> Option<Record> {
        match self {
            Self::Segment(segment) => segment.get(position),
            Self::Memory(records) => records.get(position as usize).copied(),
        }
    }

    fn lower_bound(&self, prefix: u64) -> u64 {
        match self {
            Self::Segment(segment) => segment.lower_bound(prefix),
            Self::Memory(records) => records.partition_point(|r| r.prefix() < prefix) as u64,
        }
    }
}

struct Run {
    source: Source,
    /// Number of the first copy.
    base: u64,
    /// Numbers of its packs in the table, by their numbers in the run.
    packs: Vec<u32>,
}

/// One stored copy.
#[derive(Debug, Clone, Copy)]
pub(super) struct Copy {
    /// Its number in the table.
    pub(super) number: u64,
    /// The number of its pack.
    pub(super) pack: u32,
    pub(super) at: Location,
}

/// All copies in the packs of a listing.
#[derive(Default)]
pub(super) struct Table {
    runs: Vec<Run>,
    pub(super) packs: Packs,
    len: u64,
}

impl Table {
    /// The copies that an index knows.
    pub(super) fn new(index: &Index) -> Self {
        let mut table = Self::default();
        for segment in index.segments() {
            let packs: Vec<PackId> = segment.packs().collect();
            table.add(Source::Segment(segment.clone()), &packs, index);
        }
        table.add_recent(index);
        table
    }

    /// Adds the packs of a newer index that are not known yet, and notes which are gone.
    pub(super) fn extend(&mut self, index: &Index) {
        self.packs.keep_only(|pack| index.is_listed(pack));
        for segment in index.segments() {
            let is_new = |pack: &PackId| index.is_listed(*pack) && !self.packs.knows(*pack);
            let packs: Vec<PackId> = segment.packs().collect();
            if packs.iter().any(is_new) {
                self.add(Source::Segment(segment.clone()), &packs, index);
            }
        }
        self.add_recent(index);
    }

    fn add_recent(&mut self, index: &Index) {
        let (packs, records) = index.recent();
        self.add(Source::Memory(records), &packs, index);
    }

    /// Adds a run for those of its packs that are listed and not told by another run.
    fn add(&mut self, source: Source, packs: &[PackId], index: &Index) {
        let number = |pack: &PackId| match index.is_listed(*pack) {
            true => self.packs.add(*pack).unwrap_or(NOBODY),
            false => NOBODY,
        };
        let packs: Vec<u32> = packs.iter().map(number).collect();
        let base = self.len;
        self.len += source.len();
        self.runs.push(Run {
            source,
            base,
            packs,
        });
    }

    /// How many numbers there are.
    pub(super) fn len(&self) -> u64 {
        self.len
    }

    fn copy(&self, run: &Run, position: u64, record: &Record) -> Option<Copy> {
        let pack = *run.packs.get(record.pack_number() as usize)?;
        let id = self.packs.id(pack)?;
        Some(Copy {
            number: run.base + position,
            pack,
            at: record.location(id)?,
        })
    }

    /// Whether the copy's pack is still there.
    pub(super) fn is_there(&self, copy: &Copy) -> bool {
        self.packs.is_there(copy.pack)
    }

    /// Every copy of every chunk whose id has this prefix.
    pub(super) fn named(&self, prefix: u64) -> impl Iterator<Item = Copy> + '_ {
        self.runs.iter().flat_map(move |run| {
            (run.source.lower_bound(prefix)..)
                .map_while(move |position| Some((position, run.source.get(position)?)))
                .take_while(move |(_, record)| record.prefix() == prefix)
                .filter_map(|(position, record)| self.copy(run, position, &record))
                .filter(|copy| self.is_there(copy))
        })
    }

    /// Every copy of a chunk.
    pub(super) fn copies(&self, id: &ChunkId) -> impl Iterator<Item = Copy> + '_ {
        let id = *id;
        self.named(id.prefix()).filter(move |copy| copy.at.id == id)
    }

    /// Calls for every chunk with all its copies, from several threads.
    pub(super) fn each_chunk<E: Send>(
        &self,
        visit: impl Fn(&[Copy]) -> Result<(), E> + Sync,
    ) -> Result<(), E> {
        self.each_known(|copies| {
            let is_there = |copy: &Copy| self.is_there(copy);
            match copies.iter().all(is_there) {
                true => visit(copies),
                false => {
                    let there = copies.iter().filter(|copy| is_there(copy));
                    let there: Vec<Copy> = there.copied().collect();
                    match there.is_empty() {
                        true => Ok(()),
                        false => visit(&there),
                    }
                }
            }
        })
    }

    /// The same with the copies that are gone.
    pub(super) fn each_known<E: Send>(
        &self,
        visit: impl Fn(&[Copy]) -> Result<(), E> + Sync,
    ) -> Result<(), E> {
        let part = u64::MAX / PARTS;
        (0..PARTS).into_par_iter().try_for_each(|number| {
            let end = match number + 1 {
                PARTS => None,
                next => Some(next * part),
            };
            self.each_in(number * part, end, &visit)
        })
    }

    fn each_in<E>(
        &self,
        begin: u64,
        end: Option<u64>,
        visit: &impl Fn(&[Copy]) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut cursors: Vec<Cursor<'_>> = self
            .runs
            .iter()
            .map(|run| Cursor::new(run, begin, end))
            .collect();
        let mut copies = Vec::new();
        while let Some(id) = cursors.iter().filter_map(Cursor::id).min() {
            copies.clear();
            for cursor in &mut cursors {
                while cursor.id() == Some(id) {
                    copies.extend(cursor.next(self));
                }
            }
            if !copies.is_empty() {
                visit(&copies)?;
            }
        }
        Ok(())
    }
}

/// A place in a run during a pass over all of them.
struct Cursor<'t> {
    run: &'t Run,
    positions: Range<u64>,
    head: Option<(ChunkId, Record)>,
}

impl<'t> Cursor<'t> {
    fn new(run: &'t Run, begin: u64, end: Option<u64>) -> Self {
        let end = end.map_or_else(|| run.source.len(), |end| run.source.lower_bound(end));
        let mut cursor = Self {
            run,
            positions: run.source.lower_bound(begin)..end,
            head: None,
        };
        cursor.fill();
        cursor
    }

    fn fill(&mut self) {
        let record = match self.positions.is_empty() {
            true => None,
            false => self.run.source.get(self.positions.start),
        };
        self.head = record.map(|record| (record.id(), record));
    }

    fn id(&self) -> Option<ChunkId> {
        self.head.map(|(id, _)| id)
    }

    fn next(&mut self, table: &Table) -> Option<Copy> {
        let (_, record) = self.head?;
        let copy = table.copy(self.run, self.positions.start, &record);
        self.positions.start += 1;
        self.fill();
        copy
    }
}
