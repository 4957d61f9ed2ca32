//! What a repair tells the index, and the end of a cache that may be wrong.

use super::{Index, cache};
use crate::disk::Disk;
use crate::id::PackId;
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

    /// Removes everything that is cached. Best effort, as all that concerns the cache.
    pub(crate) fn clear_cache(disk: &dyn Disk) {
        cache::clear(disk);
    }
}
