//! A session that puts back what is lost and nothing else: the work of a repair.
//!
//! It is registered as a backup is, so that no collector runs under it, and ends without a record: what it stores is named by
//! the records of the snapshots that lacked it.

use std::collections::HashSet;
use std::sync::{PoisonError, RwLock};

use super::{Options, Session, lock};
use crate::error::Result;
use crate::id::{ChunkId, PackId, SnapshotId};
use crate::index::{Index, Location, list_packs};
use crate::storage::Claim;
use crate::store::Store;

/// What a salvaging session looks for.
#[derive(Default)]
pub(super) struct Salvage {
    wanted: RwLock<HashSet<ChunkId>>,
    /// Nothing is written: what would be put is only noted.
    pub(super) is_rehearsal: bool,
}

impl Salvage {
    pub(super) fn wants(&self, id: &ChunkId) -> bool {
        let wanted = self.wanted.read().unwrap_or_else(PoisonError::into_inner);
        wanted.contains(id)
    }
}

/// The claim of a rehearsal, which holds nothing.
struct Unclaimed;

impl Claim for Unclaimed {
    fn commit(self: Box<Self>, _record: &[u8]) -> Result<()> {
        Ok(())
    }

    fn abandon(self: Box<Self>) -> Result<()> {
        Ok(())
    }
}

impl Store {
    /// A registered session that stores only what [`Session::want`] names, whether packs claim to have it or not.
    ///
    /// # Errors
    /// As [`Store::begin`].
    pub fn begin_salvage(&self, options: Options) -> Result<Session<'_>> {
        let mut session = Session::begin(self, options)?;
        session.salvage = Some(Salvage::default());
        Ok(session)
    }

    /// The same, writing nothing: it only finds out what could be stored.
    ///
    /// # Errors
    /// Where the packs cannot be listed.
    pub fn rehearse_salvage(&self, options: Options) -> Result<Session<'_>> {
        let id = SnapshotId::from_bytes(self.draw()?);
        let mut session = Session::over(self, id, Box::new(Unclaimed), self.index()?, options);
        session.salvage = Some(Salvage {
            is_rehearsal: true,
            ..Salvage::default()
        });
        Ok(session)
    }
}

impl Session<'_> {
    /// Names the chunks that are to be stored when they come.
    pub fn want(&self, ids: HashSet<ChunkId>) {
        if let Some(salvage) = &self.salvage {
            let mut wanted = salvage
                .wanted
                .write()
                .unwrap_or_else(PoisonError::into_inner);
            wanted.extend(ids);
        }
    }

    /// The wanted chunks that came.
    pub fn salvaged(&self) -> HashSet<ChunkId> {
        let Some(salvage) = &self.salvage else {
            return HashSet::new();
        };
        let wanted = salvage.wanted.read();
        let wanted = wanted.unwrap_or_else(PoisonError::into_inner);
        let own = lock(&self.own);
        wanted.iter().copied().filter(|id| own.has(id)).collect()
    }

    /// Whether the session may build on a copy of the chunk in one of these packs. One that is made from what a plan has
    /// condemned is gone with the plan.
    pub(crate) fn has_in(&self, id: &ChunkId, is_good: impl Fn(PackId) -> bool) -> bool {
        let copies = self.index.copies(id);
        let stays = |copy: &Location| is_good(copy.pack) && self.index.has_bases(copy.encoding);
        copies.iter().any(stays)
    }

    /// Takes out of an index what nobody may build on: all packs but those that the session began with and its own.
    pub(crate) fn restrict(&self, index: &mut Index) -> Result<()> {
        let own: HashSet<PackId> = self.written().into_iter().collect();
        let others = list_packs(self.store.storage())?.into_iter();
        let others = others.filter(|pack| !own.contains(pack) && !self.index.is_listed(*pack));
        index.leave_out(&others.collect::<Vec<_>>());
        Ok(())
    }

    /// The packs that it has published.
    pub(crate) fn written(&self) -> Vec<PackId> {
        lock(&self.own).packs().to_vec()
    }
}
