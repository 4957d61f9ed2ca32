//! That nothing goes which is needed: what leans on damaged packs, and what is left without those that are to be moved away.

use std::collections::HashSet;

use super::Examination;
use crate::error::{Result, StoreError};
use crate::id::{ChunkId, PackId};
use crate::index::{Index, locations, read_trailer};
use crate::layout::Object;
use crate::progress::Progress;
use crate::session::Session;
use crate::store::Store;
use crate::verify::Reading;

impl Examination {
    /// Leaves packs where they are whose deltas have no base, as long as a base may be in what cannot be read.
    pub(super) fn keep_baseless(&mut self, baseless: &[PackId]) {
        let is_all_told = |packs: &[super::DamagedPack]| {
            let mut packs = packs.iter();
            packs.all(|pack| pack.is_legible && pack.is_known)
        };
        if is_all_told(&self.packs) {
            return;
        }
        for pack in &mut self.packs {
            pack.is_legible &= !baseless.contains(&pack.pack);
        }
    }

    /// Whether a pack of this index that is not known to fail has the chunk with all that it is made from.
    fn is_given(&self, index: &Index, id: &ChunkId) -> bool {
        let copies = index.copies(id);
        let mut copies = copies
            .iter()
            .filter(|copy| !self.bad.contains(&(copy.pack, *id)));
        copies.any(|copy| index.has_bases(copy.encoding))
    }
}

impl Store {
    /// Sound packs with deltas that have no base in sound packs. What was read of them was read by the cache, which tells of
    /// damaged packs too.
    pub(super) fn leaning_packs(&self, examination: &Examination) -> Result<HashSet<PackId>> {
        let mut firm = Index::load(self.storage(), None, self.config.id)?;
        let damaged: Vec<PackId> = examination.packs.iter().map(|own| own.pack).collect();
        firm.leave_out(&damaged);
        let mut leaning = HashSet::new();
        for &pack in &examination.sound {
            let leans = match read_trailer(self.storage(), pack) {
                Ok(Some(trailer)) => locations(&trailer).any(|copy| !firm.has_bases(copy.encoding)),
                Ok(None) => false,
                Err(_) => true, // Read when it was looked at first, and not now.
            };
            if leans {
                leaning.insert(pack);
            }
        }
        Ok(leaning)
    }

    /// Checks that packs may go: what the session has written reads back without them, and every chunk that was good is.
    pub(super) fn check_kept(
        &self,
        session: &Session<'_>,
        examination: &Examination,
        going: &[PackId],
        progress: &dyn Progress,
    ) -> Result<()> {
        let written = session.written();
        if written.is_empty() && going.is_empty() {
            return Ok(());
        }
        let mut index = Index::load(self.storage(), None, self.config.id)?;
        self.add_mendable(&mut index);
        session.restrict(&mut index)?;
        // What a collection takes meanwhile is no concern of this one.
        let good = examination.good.iter();
        let given: Vec<&ChunkId> = good.filter(|id| examination.is_given(&index, id)).collect();
        index.leave_out(going);
        self.read_back(&index, &written, progress)?;
        let lost = given
            .into_iter()
            .find(|id| !examination.is_given(&index, id));
        match (lost, going.first()) {
            (Some(id), Some(pack)) => Err(StoreError::Damaged {
                object: self.storage().locate(Object::Pack(*pack)),
                what: format!("it stays: without it nothing would give chunk {id}"),
            }),
            _ => Ok(()),
        }
    }

    /// Reads what was written: nothing is moved away for the sake of bytes that are not there.
    fn read_back(&self, index: &Index, written: &[PackId], progress: &dyn Progress) -> Result<()> {
        for (pack, verified) in self.verify_these(index, written, &Reading::All, progress)? {
            if let Some(damage) = verified.damage.into_iter().next() {
                return Err(StoreError::Damaged {
                    object: damage.object,
                    what: damage.what,
                });
            }
            if !verified.without_base.is_empty() {
                return Err(StoreError::Damaged {
                    object: self.storage().locate(Object::Pack(pack)),
                    what: "a delta in it has no base that will stay".to_owned(),
                });
            }
        }
        Ok(())
    }
}
