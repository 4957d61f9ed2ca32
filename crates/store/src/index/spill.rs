//! From memory to the cache: what many trailers say is written to segments, so that memory stays bounded.
//!
//! Best effort, as all that concerns the cache: where it cannot be written, what was read stays in memory.

use std::mem;
use std::sync::Arc;

use super::{Index, Recent, Segment, cache};
use crate::disk::Disk;

/// Segments of one process's own that are merged once they are more: then they are few however much it stores, and each
/// record is written a few times at most.
const MOST_SPILLED: usize = 8;

impl Index {
    /// Moves what is in memory into a cache segment; all of it must be of packs that a cache may tell of.
    pub(crate) fn spill(&mut self, disk: &dyn Disk) -> bool {
        let packs = self.recent_packs();
        let records = mem::take(&mut self.recent).into_records(&cache::numbered(&packs));
        let name = cache::write_segment(disk, self.repository, &packs, &records);
        match name.ok().and_then(|name| self.reopen(disk, &name)) {
            Some(segment) => {
                self.segments.push(segment);
                true
            }
            None => {
                self.recent = Recent::of(packs, records);
                false
            }
        }
    }

    fn reopen(&self, disk: &dyn Disk, name: &str) -> Option<Arc<Segment>> {
        let segment = cache::open_segment(disk, name, self.repository)?;
        segment.let_go();
        Some(Arc::new(segment))
    }

    /// Makes fewer segments of many, where nothing is in memory and all of them were spilled here.
    pub(crate) fn gather(&mut self, disk: &dyn Disk) {
        if self.segments.len() <= MOST_SPILLED {
            return;
        }
        self.segments.sort_by_key(|segment| segment.len());
        let short = cache::count_to_merge(&self.segments, 2, 0);
        let long = self.segments.split_off(short);
        let merged = mem::replace(&mut self.segments, long);
        let name = cache::merge(disk, self.repository, self, &merged);
        let Some(one) = name.ok().and_then(|name| self.reopen(disk, &name)) else {
            self.segments.extend(merged);
            return;
        };
        for segment in merged {
            let _ = disk.remove(segment.name());
        }
        self.segments.push(one);
    }

    /// Takes in all that another index tells, whose packs are there.
    pub(crate) fn append(&mut self, other: Self) {
        self.bases = Default::default();
        self.listed.extend(other.listed);
        self.mended.extend(other.mended);
        self.segments.extend(other.segments);
        self.recent.append(other.recent);
    }

    /// Copies that are in memory.
    pub(crate) fn held(&self) -> usize {
        self.recent.len()
    }

    /// Writes what is only in memory to the cache once it is worth a file, or merges segments that are too many. Best
    /// effort: the cache is disposable.
    pub(crate) fn save(&self, disk: &dyn Disk) {
        let is_worth = self.recent.packs().len() >= cache::WORTH_PACKS
            || self.recent.len() >= cache::WORTH_CHUNKS
            || self.segments.len() > cache::MOST_SEGMENTS;
        if is_worth {
            cache::save(disk, self.repository, self);
        }
    }

    /// Writes anew what is left of segments that mostly tell of packs which are gone. Best effort, as all of the cache.
    pub(crate) fn tidy(&self, disk: &dyn Disk) {
        if self.segments.iter().any(|part| cache::is_stale(self, part)) {
            cache::save(disk, self.repository, self);
        }
    }
}
