//! Where each chunk stands: what all pack trailers say together.
//!
//! The index is never stored as truth. It is made anew from the listing of packs at each opening; trailers that an
//! earlier run has read already come sorted and memory-mapped from the cache ([`segment`]), the others are read. An entry
//! counts only while its pack is listed (invariant I6), so a cache that is stale, foreign, damaged or gone costs time
//! and nothing else.

use std::collections::HashSet;
use std::sync::Arc;

use rayon::prelude::*;

use crate::disk::Disk;
use crate::error::{Result, StoreError};
use crate::frame::Encoding;
use crate::id::{ChunkId, PackId, RepositoryId};
use crate::pack::Trailer;
use crate::storage::Storage;

use bases::Bases;
use recent::Recent;

pub(crate) use location::{Location, list_packs, locations, read_trailer};
pub(crate) use record::Record;
pub(crate) use segment::Segment;

mod bases;
mod cache;
mod location;
mod mended;
mod recent;
mod record;
mod resident;
#[cfg(feature = "testing")]
mod sample;
mod segment;
mod spill;

/// Most links of a chain of deltas, down to its whole chunk: no longer one is written, nor followed (invariant I14).
pub(crate) const MAX_LINKS: usize = 16;

/// Copies with one prefix that are looked at. Each backup may have stored one; whoever makes more means no good.
const MOST: usize = 64;

/// All stored copies in the packs of one listing.
pub(crate) struct Index {
    repository: RepositoryId,
    /// The packs that are there and can be read.
    listed: HashSet<PackId>,
    /// How many packs the listing had, those included that could not be read.
    listing_len: usize,
    segments: Vec<Arc<Segment>>,
    /// Copies in packs that no segment covers.
    recent: Recent,
    /// Packs that are known by their parity and not by their own trailer.
    mended: HashSet<PackId>,
    /// Why the first of the packs that could not be read could not.
    unreadable: Option<StoreError>,
    /// What is known of bases; forgotten with every change of the index.
    bases: Bases,
}

impl Index {
    /// Reads the listing and whatever of the trailers the cache does not have.
    pub(crate) fn load(
        storage: &dyn Storage,
        cache: Option<&dyn Disk>,
        repository: RepositoryId,
    ) -> Result<Self> {
        let listed = list_packs(storage)?;
        let segments = cache.map_or_else(Vec::new, |disk| cache::open_segments(disk, repository));
        let mut index = Self {
            segments,
            listing_len: listed.len(),
            listed,
            ..Self::empty(repository)
        };
        for group in index.uncovered().chunks(cache::GROUP_PACKS) {
            index.read_trailers(storage, group)?;
            if let Some(disk) = cache
                && index.recent.len() >= cache::GROUP_CHUNKS
            {
                index.spill(disk);
            }
        }
        index.recent.settle();
        Ok(index)
    }

    /// Of no packs.
    pub(crate) fn empty(repository: RepositoryId) -> Self {
        Self {
            repository,
            listed: HashSet::new(),
            listing_len: 0,
            segments: Vec::new(),
            recent: Recent::default(),
            mended: HashSet::new(),
            unreadable: None,
            bases: Bases::default(),
        }
    }

    /// Listed packs that no segment covers, sorted so that equal listings are read in equal order.
    fn uncovered(&self) -> Vec<PackId> {
        let covered: HashSet<PackId> = self.segments.iter().flat_map(|s| s.packs()).collect();
        let mut packs: Vec<PackId> = self.listed.difference(&covered).copied().collect();
        packs.sort_unstable();
        packs
    }

    fn read_trailers(&mut self, storage: &dyn Storage, packs: &[PackId]) -> Result<()> {
        let trailers: Vec<_> = packs
            .par_iter()
            .map(|&pack| (pack, read_trailer(storage, pack)))
            .collect();
        for (pack, trailer) in trailers {
            match trailer {
                Ok(Some(trailer)) => self.add(&trailer),
                // Gone since the listing, or damaged: nothing may build on it. Telling of damage is verify's.
                Ok(None) => drop(self.listed.remove(&pack)),
                Err(error) if is_of_this_pack(&error) => {
                    self.listed.remove(&pack);
                    self.unreadable.get_or_insert(error);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Adds the chunks of a pack that is known to be listed.
    pub(crate) fn add(&mut self, trailer: &Trailer) {
        self.bases = Bases::default();
        self.listed.insert(trailer.pack);
        self.recent.add(trailer);
    }

    /// The answer for a chunk of which there is no copy: missing, unless a pack that may have it could not be read.
    pub(crate) fn missing(&self, id: &ChunkId) -> StoreError {
        match &self.unreadable {
            Some(error @ StoreError::Io { .. }) => error.retold(),
            _ => StoreError::ChunkMissing { id: *id },
        }
    }

    /// Whether it was made of this listing.
    pub(crate) fn is_of(&self, listing: &HashSet<PackId>) -> bool {
        let is_there = |pack| listing.contains(pack) || self.mended.contains(pack);
        self.listing_len == listing.len() && self.listed.iter().all(is_there)
    }

    /// Leaves out packs that nobody may build on.
    pub(crate) fn leave_out(&mut self, packs: &[PackId]) {
        if packs.is_empty() {
            return;
        }
        let out: HashSet<PackId> = packs.iter().copied().collect();
        self.bases = Bases::default();
        self.listed.retain(|pack| !out.contains(pack));
        self.recent.retain(|pack| !out.contains(pack));
    }

    /// Whether the pack is there and can be read.
    pub(crate) fn is_listed(&self, pack: PackId) -> bool {
        self.listed.contains(&pack)
    }

    /// The sorted parts.
    pub(crate) fn segments(&self) -> &[Arc<Segment>] {
        &self.segments
    }

    /// The copies that are in no segment, sorted, with the packs that their numbers mean.
    pub(crate) fn recent(&self) -> (Vec<PackId>, Vec<Record>) {
        let packs = self.recent_packs();
        let records = self.recent.records(&cache::numbered(&packs));
        (packs, records)
    }

    /// The packs that are in no segment and that a cache may tell of.
    fn recent_packs(&self) -> Vec<PackId> {
        let packs = self.recent.packs().iter();
        let own = packs.filter(|pack| !self.mended.contains(pack));
        own.copied().collect()
    }

    /// Why a pack that is listed could not be read, if there is one.
    pub(crate) fn unreadable(&self) -> Option<StoreError> {
        self.unreadable.as_ref().map(StoreError::retold)
    }

    /// Every copy of the chunk, best first.
    pub(crate) fn copies(&self, id: &ChunkId) -> Vec<Location> {
        let mut copies = self.named(id.prefix());
        copies.retain(|location| location.id == *id);
        copies
    }

    /// Whether listed packs hold the chunk and, where their copy is a delta, all its bases: without them the chunk is
    /// lost, and must be stored again.
    pub(crate) fn contains(&self, id: &ChunkId) -> bool {
        let copies = self.found(id.prefix(), usize::MAX);
        let mut copies = copies.filter(|copy| copy.id == *id).take(MOST);
        copies.any(|copy| self.has_bases(copy.encoding))
    }

    /// Whether listed packs have a copy of the chunk, whatever it is made from.
    pub(crate) fn holds(&self, id: &ChunkId) -> bool {
        let mut copies = self.found(id.prefix(), usize::MAX);
        copies.any(|copy| copy.id == *id)
    }

    /// The copies that a copy of this encoding is made from: its base, the base of that, and so on to a whole one. `None`
    /// where the chain is broken or longer than any that is written (invariant I14 of the format).
    pub(crate) fn chain(&self, encoding: Encoding) -> Option<Vec<Location>> {
        let mut chain = Vec::new();
        let mut next = encoding;
        while let Some(prefix) = next.base() {
            if chain.len() >= MAX_LINKS {
                return None;
            }
            let base = self.first_named(prefix)?;
            chain.push(base);
            next = base.encoding;
        }
        Some(chain)
    }

    /// Every copy of every chunk whose id has this prefix; whole copies before deltas.
    pub(crate) fn named(&self, prefix: u64) -> Vec<Location> {
        let mut copies: Vec<Location> = self.found(prefix, usize::MAX).collect();
        copies.sort_by_key(|location| location.encoding.base().is_some());
        copies
    }

    /// The first of [`named`](Self::named).
    fn first_named(&self, prefix: u64) -> Option<Location> {
        // Of equal ones, the first is taken.
        let found = self.found(prefix, MOST);
        found.min_by_key(|location| location.encoding.base().is_some())
    }

    /// Copies of chunks whose id has this prefix as they are found, at most so many in memory and in each segment.
    fn found(&self, prefix: u64, most: usize) -> impl Iterator<Item = Location> + '_ {
        let recent = self.recent.find(prefix);
        let segments = self.segments.iter();
        let segments =
            segments.flat_map(move |segment| self.in_segment(segment, prefix).take(most));
        recent.take(most).chain(segments)
    }

    fn in_segment<'a>(
        &'a self,
        segment: &'a Segment,
        prefix: u64,
    ) -> impl Iterator<Item = Location> + 'a {
        segment
            .find(prefix)
            .filter_map(|record| record.location(segment.pack(record.pack_number())?))
            .filter(|location| self.listed.contains(&location.pack))
    }
}

/// Whether an error concerns one pack, as against this process running out of something, or this program being too old.
fn is_of_this_pack(error: &StoreError) -> bool {
    const ENOMEM: i32 = 12;
    const ENFILE: i32 = 23;
    const EMFILE: i32 = 24;
    match error {
        StoreError::Io { source, .. } => {
            !matches!(source.raw_os_error(), Some(ENOMEM | ENFILE | EMFILE))
        }
        error => error.is_damage(),
    }
}
