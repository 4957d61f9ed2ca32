//! Mending a repository: what is damaged, what gives it back, and the one order in which nothing readable is lost.
//!
//! The most dangerous thing that can be done to a repository, so it is bound to rules: nothing is deleted and nothing
//! changed in place. [`examine`](Store::examine) only reads. What a damaged pack still gives, be it by its
//! parity, is written into new packs by a registered session; they are read back; only then the damaged one is moved to
//! the quarantine, where nobody looks and nobody sweeps. Whatever step is the last, what was readable still is, and the next
//! repair goes on from there.

use std::collections::HashSet;
use std::path::PathBuf;

use crate::id::{ChunkId, PackId};
use crate::store::Store;

mod apply;
mod config;
mod examine;
mod heal;
mod kept;
mod known;
mod parity;
mod stranded;
mod trial;

#[cfg(feature = "testing")]
pub(crate) use heal::Held;
pub(crate) use known::Mendable;

/// What is damaged, and what can be had of it.
#[derive(Debug, Default)]
pub struct Examination {
    /// Packs whose bytes are not what was written.
    pub packs: Vec<DamagedPack>,
    /// Parity objects that are not what was written, each with the reason.
    pub parity: Vec<(PackId, PathBuf, String)>,
    /// Copies of the config that are not what was written, each with the reason.
    pub configs: Vec<(PathBuf, String)>,
    /// Packs that have no parity, and their bytes.
    pub without_parity: (u64, u64),
    /// The chunks that some pack gives, be it after mending.
    pub good: HashSet<ChunkId>,
    /// Stored bytes that were read.
    pub checked_bytes: u64,
    /// Packs whose bytes are what was written.
    sound: HashSet<PackId>,
    /// Chunks of those that do not give their bytes all the same.
    bad: HashSet<(PackId, ChunkId)>,
}

/// A pack whose bytes are not what was written.
#[derive(Debug)]
pub struct DamagedPack {
    /// Its name.
    pub pack: PackId,
    /// Where it is, or was.
    pub object: PathBuf,
    /// What is wrong with it.
    pub what: String,
    /// What gives it back.
    pub way: Way,
    /// Chunks that can be had of it.
    pub chunks: u64,
    /// Chunks that it had and cannot be had of it, as far as they are known.
    pub lost: Vec<ChunkId>,
    /// Whether all that is in it is known: by its trailer, or by the index cache where that is lost.
    pub is_known: bool,
    /// Whether its bytes could be read at all. A disk that does not answer today may answer tomorrow.
    is_legible: bool,
}

impl DamagedPack {
    /// Whether it may be taken out of use: all that it holds is elsewhere, or known to be wrong.
    pub fn is_spent(&self) -> bool {
        (self.is_legible && self.is_known) || (self.way != Way::Remains && self.lost.is_empty())
    }
}

/// What gives the bytes of a damaged pack back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// Its parity, bit for bit; so many shards were lost.
    Parity {
        /// How many.
        shards: u64,
    },
    /// The one wrong byte was found by trying.
    Byte,
    /// Nothing but what is legible of it; parity may have helped with some.
    Remains,
}

/// What was done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Repaired {
    /// Damaged packs, and parity objects, that are in the quarantine now.
    pub quarantined: u64,
    /// Parity objects that were written.
    pub parity_made: u64,
    /// Bytes of these.
    pub parity_bytes: u64,
    /// Copies of the config that were written again.
    pub configs: u64,
    /// Records of snapshots, and copies of them, that were written again.
    pub records: u64,
}

impl Examination {
    /// Whether nothing is damaged. (A pack without parity is not.)
    pub fn is_clean(&self) -> bool {
        self.packs.is_empty() && self.parity.is_empty() && self.configs.is_empty()
    }

    /// Whether a sound pack gives the chunk.
    fn has(&self, pack: PackId, id: ChunkId) -> bool {
        self.sound.contains(&pack) && !self.bad.contains(&(pack, id))
    }
}

impl Store {
    /// Makes reads go to the packs as they are again.
    pub(crate) fn forget_mendable(&self) {
        let mendable = std::mem::take(&mut *self.mendable_mut());
        if !mendable.is_empty() {
            self.forget_packs();
        }
    }
}
