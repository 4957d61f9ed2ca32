//! What a repair tells the index, and the end of a cache that may be wrong.

use std::collections::{HashMap, HashSet};

use super::{Index, Location, Segment, cache};
use crate::disk::Disk;
use crate::id::{PackId, RepositoryId};
use crate::pack::Trailer;

impl Index {
    /// Whether the pack's chunks are in it.
    pub(crate) fn lists(&self, pack: PackId) -> bool {
        self.listed.contains(&pack)
    }

    /// Adds the chunks of a pack whose own file does not give them, and which is not to be cached.
    pub(crate) fn add_mended(&mut self, trailer: &Trailer) {
        self.add(trailer);
        self.mended.insert(trailer.pack);
    }

    /// Adds these copies, which are said to be in a pack that does not tell of itself. It is not to be cached either.
    pub(crate) fn add_known(&mut self, pack: PackId, copies: &[Location]) {
        self.add_told(pack, copies);
        self.mended.insert(pack);
    }

    fn add_told(&mut self, pack: PackId, copies: &[Location]) {
        self.bases = Default::default();
        self.listed.insert(pack);
        self.recent.add_copies(pack, copies.iter().copied());
    }

    /// What segments tell of these packs, in any order and some of it twice; and whether that is everything: of those that are in a
    /// damaged segment only some copies are known.
    pub(crate) fn cached(&self, packs: &HashSet<PackId>) -> HashMap<PackId, (Vec<Location>, bool)> {
        let mut cached: HashMap<PackId, (Vec<Location>, bool)> = HashMap::new();
        for segment in &self.segments {
            let is_whole = segment.is_whole();
            for pack in segment.packs().filter(|pack| packs.contains(pack)) {
                cached.entry(pack).or_default().1 |= is_whole;
            }
            for copy in segment
                .records()
                .filter_map(|record| located(segment, record))
            {
                if let Some((copies, _)) = cached.get_mut(&copy.pack) {
                    copies.push(copy);
                }
            }
        }
        cached
    }

    /// Whether every part of the cache that it is made of is whole. One that is not hides chunks.
    pub(crate) fn is_whole(&self) -> bool {
        self.segments.iter().all(|segment| segment.is_whole())
    }

    /// Whether there is a file of a cache that is not whole, or none at all.
    pub(crate) fn has_flawed_cache(disk: &dyn Disk, repository: RepositoryId) -> bool {
        cache::is_flawed(disk, repository)
    }

    /// Caches these packs too, which do not tell of themselves and stay: nobody else will ever know what is in them.
    pub(crate) fn save_with<'a>(
        &mut self,
        disk: &dyn Disk,
        told: impl Iterator<Item = (PackId, &'a [Location])>,
    ) {
        let before = self.listed.len();
        for (pack, copies) in told {
            self.add_told(pack, copies);
        }
        match self.listed.len() == before {
            true => self.save(disk),
            false => cache::save(disk, self.repository, self),
        }
    }

    /// Removes everything that is cached. Best effort, as all that concerns the cache.
    pub(crate) fn clear_cache(disk: &dyn Disk) {
        cache::clear(disk);
    }
}

fn located(segment: &Segment, record: super::Record) -> Option<Location> {
    record.location(segment.pack(record.pack_number())?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::Encoding;
    use crate::index::bases::tests::trailer;

    #[test]
    fn what_is_mended_is_not_to_be_cached_by_an_index_that_takes_it_in_either() {
        let [mut index, mut other] =
            [0; 2].map(|_| Index::empty(RepositoryId::from_bytes([0; 16])));
        let [whole, mended] = [1, 2].map(|number| trailer(number, number, Encoding::Raw));
        other.add(&whole);
        other.add_mended(&mended);
        index.append(other);
        assert!(index.lists(whole.pack) && index.lists(mended.pack));
        assert_eq!(index.recent().0, [whole.pack]);
    }
}
