//! Finding out what is damaged and what can be had of it, by reading alone.

use std::collections::HashSet;

use super::{DamagedPack, Examination, Way};
use crate::error::{IoContext, Result, StoreError};
use crate::id::PackId;
use crate::index::{Index, list_packs};
use crate::layout::Object;
use crate::progress::Progress;
use crate::store::Store;
use crate::verify::{Reading, Verification, words};

impl Store {
    /// Reads everything and finds out what is damaged and what gives it back. From here on this store reads what parity
    /// gives back as if it were not damaged.
    ///
    /// # Errors
    /// Where something cannot be listed, or on request. Damage is a finding, no error.
    pub fn examine(&self, progress: &dyn Progress) -> Result<Examination> {
        self.forget_mendable();
        // Parity before packs: one whose pack is being written is not taken for one whose pack is lost.
        let parity = self.list_parity()?;
        let found = self.verify_each(&Reading::All, progress)?;
        let cached = self.index()?;
        let mut examination = Examination {
            configs: self.verify_config(),
            ..Examination::default()
        };
        let (mut again, mut sound) = (Vec::new(), Vec::new());
        for (pack, verified) in found {
            examination.checked_bytes += verified.checked_bytes;
            if verified.damage.is_empty() {
                examination.sound.insert(pack);
                sound.push((pack, verified));
            } else {
                again.push(pack);
                self.examine_pack(pack, &verified, &mut examination, progress)?;
            }
        }
        again.extend(self.examine_orphans(&parity, &mut examination, progress)?);
        self.learn(&mut examination, &cached);
        let leaning = match again.is_empty() {
            true => HashSet::new(),
            false => self.leaning_packs(&examination)?,
        };
        for (pack, verified) in sound {
            let without_base = verified.without_base.into_iter().map(|id| (pack, id));
            examination.bad.extend(without_base);
            match leaning.contains(&pack) {
                true => again.push(pack),
                false => examination.good.extend(verified.good),
            }
        }
        self.examine_again(&again, &mut examination, progress)?;
        self.examine_parity(&parity, &mut examination, progress)?;
        Ok(examination)
    }

    /// A pack with damage: are its own bytes wrong, or only those that a delta in it is made from?
    fn examine_pack(
        &self,
        pack: PackId,
        verified: &Verification,
        examination: &mut Examination,
        progress: &dyn Progress,
    ) -> Result<()> {
        let first = verified.damage.first();
        let mut what = first.map_or_else(String::new, |damage| damage.what.clone());
        let is_legible;
        match self.storage().open(Object::Pack(pack)) {
            Ok(Some(file)) => match self.check_as_written(pack, file.as_ref()) {
                Ok(_) => {
                    examination.sound.insert(pack);
                    return Ok(());
                }
                Err(error) => {
                    is_legible = !matches!(error, StoreError::Io { .. });
                    what = words(&error);
                }
            },
            Ok(None) => return Ok(()), // Gone since it was listed.
            Err(_) => is_legible = false,
        }
        let (way, is_final) = self.find_way(pack, progress)?;
        examination.packs.push(DamagedPack {
            pack,
            object: self.storage().locate(Object::Pack(pack)),
            what,
            way,
            chunks: 0,
            lost: Vec::new(),
            is_known: true,
            is_legible: is_legible && is_final,
        });
        Ok(())
    }

    /// What gives the pack back, and whether another day could give more; from here on reads of it go that way.
    fn find_way(&self, pack: PackId, progress: &dyn Progress) -> Result<(Way, bool)> {
        Ok(match self.heal(pack, progress) {
            Err(StoreError::Cancelled) => return Err(StoreError::Cancelled),
            // What keeps parity from being read keeps it from mending.
            Err(_) => (Way::Remains, false),
            Ok(None) => (Way::Remains, true),
            Ok(Some(healed)) => {
                self.mendable_mut().packs.insert(pack);
                (healed.way, healed.is_final)
            }
        })
    }

    /// Parity without a pack: the pack is lost, for whoever deletes a pack deletes its parity first.
    fn examine_orphans(
        &self,
        parity: &[PackId],
        examination: &mut Examination,
        progress: &dyn Progress,
    ) -> Result<Vec<PackId>> {
        let listed = list_packs(self.storage())?;
        let mut orphans = Vec::new();
        for &pack in parity.iter().filter(|pack| !listed.contains(pack)) {
            if self.storage().open(Object::Parity(pack))?.is_none() {
                continue; // Both were deleted meanwhile.
            }
            orphans.push(pack);
            let (way, is_legible) = self.find_way(pack, progress)?;
            examination.packs.push(DamagedPack {
                pack,
                object: self.storage().locate(Object::Pack(pack)),
                what: "it is missing".to_owned(),
                way,
                chunks: 0,
                lost: Vec::new(),
                is_known: true,
                is_legible,
            });
        }
        Ok(orphans)
    }

    /// What can be had of the packs with damage, now that reads go through what mends them.
    fn examine_again(
        &self,
        packs: &[PackId],
        examination: &mut Examination,
        progress: &dyn Progress,
    ) -> Result<()> {
        if packs.is_empty() {
            return Ok(());
        }
        self.forget_packs();
        let index = self.uncached_index()?;
        let mut baseless = Vec::new();
        for (pack, verified) in self.check_again(&index, packs, progress)? {
            let lost = verified.damage.into_iter().flat_map(|damage| damage.chunks);
            let lost: Vec<_> = lost.chain(verified.without_base.iter().copied()).collect();
            for id in &verified.good {
                examination.bad.remove(&(pack, *id));
            }
            let own = examination.packs.iter_mut().find(|own| own.pack == pack);
            match own {
                Some(own) => {
                    own.is_legible &= !verified.is_partial;
                    own.chunks = verified.good.len() as u64;
                    own.lost = lost;
                    if !verified.without_base.is_empty() {
                        baseless.push(pack);
                    }
                }
                None => examination
                    .bad
                    .extend(lost.into_iter().map(|id| (pack, id))),
            }
            examination.good.extend(verified.good);
        }
        examination.keep_baseless(&baseless);
        Ok(())
    }

    fn check_again(
        &self,
        index: &Index,
        packs: &[PackId],
        progress: &dyn Progress,
    ) -> Result<Vec<(PackId, Verification)>> {
        let (told, silent): (Vec<PackId>, Vec<PackId>) =
            packs.iter().partition(|pack| self.known(**pack).is_none());
        let mut found = self.verify_these(index, &told, &Reading::All, progress)?;
        for pack in silent {
            if let Some(known) = self.known(pack) {
                found.push((pack, self.check_known(index, pack, &known, progress)?));
            }
        }
        Ok(found)
    }

    fn examine_parity(
        &self,
        parity: &[PackId],
        examination: &mut Examination,
        progress: &dyn Progress,
    ) -> Result<()> {
        for (pack, what) in self.verify_parity(&Reading::All, progress)? {
            let path = self.storage().locate(Object::Parity(pack));
            examination.parity.push((pack, path, what));
        }
        let with: HashSet<PackId> = parity.iter().copied().collect();
        for &pack in examination.sound.difference(&with) {
            let object = Object::Pack(pack);
            if let Some(file) = self.storage().open(object)? {
                let path = || self.storage().locate(object);
                examination.without_parity.0 += 1;
                examination.without_parity.1 += file.len().context("read", path)?;
            }
        }
        Ok(())
    }
}
