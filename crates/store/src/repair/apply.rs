//! Doing what an examination found can be done.

use std::collections::HashSet;

use super::{DamagedPack, Examination, Repaired};
use crate::error::{Result, StoreError};
use crate::frame::{self, Frame};
use crate::id::{ChunkId, PackId};
use crate::index::{Index, Location, locations};
use crate::layout::Object;
use crate::pack::PackReader;
use crate::parity::Share;
use crate::progress::{Progress, Unwatched};
use crate::session::{Options, Session};
use crate::store::Store;

impl Store {
    /// Copies what damaged packs give, and no sound pack has, into packs of the session. Gives the packs of which
    /// everything was copied that the examination had found.
    ///
    /// # Errors
    /// Where it cannot be written; nothing is lost by that.
    pub fn rescue(
        &self,
        session: &Session<'_>,
        examination: &Examination,
        progress: &dyn Progress,
    ) -> Result<HashSet<PackId>> {
        let index = self.uncached_index()?;
        let mut rescued = HashSet::new();
        for damaged in &examination.packs {
            if progress.cancelled() {
                return Err(StoreError::Cancelled);
            }
            if self.rescue_pack(session, &index, damaged, examination)? {
                rescued.insert(damaged.pack);
            }
        }
        self.rescue_stranded(session, examination)?;
        Ok(rescued)
    }

    fn rescue_pack(
        &self,
        session: &Session<'_>,
        index: &Index,
        damaged: &DamagedPack,
        examination: &Examination,
    ) -> Result<bool> {
        let Ok(file) = self.open_as_written(damaged.pack) else {
            return Ok(false);
        };
        let Some(file) = file else {
            return Ok(damaged.chunks == 0);
        };
        let reader = PackReader::new(file.as_ref(), &damaged.object);
        let copies: Vec<Location> = match self.known(damaged.pack) {
            Some(known) => known.copies.clone(),
            None => match reader.trailer(damaged.pack) {
                Ok(trailer) => locations(&trailer).collect(),
                Err(_) => return Ok(false),
            },
        };
        let lost: HashSet<&ChunkId> = damaged.lost.iter().collect();
        let mut is_complete = true;
        for copy in copies {
            if session.has_in(&copy.id, |pack| examination.has(pack, copy.id)) {
                continue;
            }
            let stored = reader.read(copy.offset, u64::from(copy.stored_len));
            let plain = stored.and_then(|stored| {
                let plain = self.decode_copy(index, &copy, &stored)?;
                Ok((plain, stored))
            });
            match plain {
                Ok((plain, stored)) => {
                    // What the base of a delta stands in may be condemned, and deleted soon.
                    let frame = match session.may_stand_on(copy.encoding) {
                        true => Frame {
                            encoding: copy.encoding,
                            bytes: stored,
                        },
                        false => frame::encode(&plain, Options::default().level, None, || None)?,
                    };
                    session.copy(&copy, &frame)?;
                }
                Err(_) => is_complete &= lost.contains(&copy.id),
            }
        }
        Ok(is_complete)
    }

    /// Takes the `rescued` packs out of use, now that everything that they gave is durable elsewhere, and mends the rest:
    /// parity and config. The session must have been flushed.
    ///
    /// # Errors
    /// Where something cannot be moved or written; what was done stays done.
    pub fn retire(
        &self,
        session: &Session<'_>,
        examination: &Examination,
        rescued: &HashSet<PackId>,
        share: Share,
        progress: &dyn Progress,
    ) -> Result<Repaired> {
        let is_spent = |pack: &&DamagedPack| pack.is_spent() && rescued.contains(&pack.pack);
        let spent = examination.packs.iter().filter(is_spent);
        let going: Vec<PackId> = spent.map(|damaged| damaged.pack).collect();
        self.check_kept(session, examination, &going, progress)?;
        let mut repaired = Repaired::default();
        for &pack in &going {
            // Parity first: one without its pack is a lost pack to whoever comes next.
            for object in [Object::Parity(pack), Object::Pack(pack)] {
                repaired.quarantined += u64::from(self.storage().quarantine(object)?);
            }
        }
        let is_flawed = |cache| Index::has_flawed_cache(cache, self.config.id);
        if !examination.packs.is_empty() || self.cache().is_some_and(is_flawed) {
            self.rebuild_cache(&going)?;
        }
        self.forget_mendable();
        self.remake_parity(examination, share, &mut repaired)?;
        for round in self.verified()?.damaged_rounds() {
            repaired.quarantined += u64::from(self.storage().quarantine(Object::Verified(round))?);
        }
        repaired.configs = self.repair_config()?;
        Ok(repaired)
    }

    fn remake_parity(
        &self,
        examination: &Examination,
        share: Share,
        repaired: &mut Repaired,
    ) -> Result<()> {
        for (pack, ..) in &examination.parity {
            if !examination.sound.contains(pack) {
                continue; // It went with its pack.
            }
            // One that cannot be read today is not damaged for that.
            let found = self.check_parity(*pack, true, &Unwatched);
            if !found.is_err_and(|error| error.is_damage()) {
                continue;
            }
            repaired.quarantined += u64::from(self.storage().quarantine(Object::Parity(*pack))?);
            let share = if share.is_none() {
                Share::default()
            } else {
                share
            };
            if let Some(bytes) = self.make_parity(*pack, share)? {
                repaired.parity_made += 1;
                repaired.parity_bytes += bytes;
            }
        }
        Ok(())
    }

    /// Gives every sound pack parity that has none. The caller holds a session, so that no collector takes the packs.
    ///
    /// # Errors
    /// Where it cannot be written, or on request; what was written stays.
    pub fn add_parity(
        &self,
        examination: &Examination,
        share: Share,
        progress: &dyn Progress,
    ) -> Result<Repaired> {
        let with: HashSet<PackId> = self.list_parity()?.into_iter().collect();
        let mut packs: Vec<PackId> = examination.sound.difference(&with).copied().collect();
        packs.sort_unstable();
        let mut repaired = Repaired::default();
        for pack in packs {
            if progress.cancelled() {
                return Err(StoreError::Cancelled);
            }
            if let Some(bytes) = self.make_parity(pack, share)? {
                repaired.parity_made += 1;
                repaired.parity_bytes += bytes;
            }
        }
        Ok(repaired)
    }

    /// The cache may know the packs that went, and what was wrong may be the cache itself. What it alone knows of packs that
    /// stay is kept in it.
    fn rebuild_cache(&self, went: &[PackId]) -> Result<()> {
        self.forget_packs();
        let Some(cache) = self.cache() else {
            return Ok(());
        };
        let mut staying = std::mem::take(&mut self.mendable_mut().known);
        staying.retain(|pack, known| known.is_whole && !went.contains(pack));
        Index::clear_cache(cache);
        let mut index = Index::load(self.storage(), Some(cache), self.config.id)?;
        let told = staying.iter();
        let told = told.map(|(pack, known)| (*pack, known.copies.as_slice()));
        index.save_with(cache, told);
        Ok(())
    }
}
