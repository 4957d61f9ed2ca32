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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::Encoding;
    use crate::id::RepositoryId;
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
