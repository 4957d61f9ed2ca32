//! What is in a damaged pack whose trailer cannot be read: the index cache may have read it while it was whole, or it stands
//! elsewhere in the file.
//!
//! Reads go by the cache without ever asking the trailer, so such a pack still gives what it holds, until it is moved away or
//! the cache is emptied. Nothing that is told here is believed: a chunk counts once its bytes have its id.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, PoisonError};

use super::Examination;
use crate::disk::OpenFile;
use crate::error::{Result, StoreError};
use crate::id::PackId;
use crate::index::{Index, Location, locations};
use crate::layout::Object;
use crate::pack::{HEAD, PackReader};
use crate::progress::Progress;
use crate::store::Store;
use crate::verify::{Damage, Verification, words};

/// The copies in a pack, told by others than its trailer.
#[derive(Default)]
pub(crate) struct Known {
    pub(crate) copies: Vec<Location>,
    /// Whether these are all that it had.
    pub(crate) is_whole: bool,
}

/// What an examination found of damaged packs, by which they are read from then on.
#[derive(Default)]
pub(crate) struct Mendable {
    /// Those that can be read better than their files.
    pub(crate) packs: HashSet<PackId>,
    /// Those whose trailer cannot be read for all that, and what is known of them.
    pub(crate) known: HashMap<PackId, Arc<Known>>,
}

impl Mendable {
    pub(super) fn is_empty(&self) -> bool {
        self.packs.is_empty() && self.known.is_empty()
    }
}

impl Store {
    /// Finds out what is in the damaged packs that do not tell it; `cached` is the index as everybody reads by it.
    pub(super) fn learn(&self, examination: &mut Examination, cached: &Index) {
        let packs = examination.packs.iter().map(|damaged| damaged.pack);
        let silent: HashSet<PackId> = packs.filter(|pack| self.is_silent(*pack)).collect();
        if silent.is_empty() {
            return;
        }
        let mut told = cached.cached(&silent);
        for pack in silent {
            let (copies, is_whole) = told.remove(&pack).unwrap_or_default();
            let known = self.look_into(pack, Known { copies, is_whole });
            let own = examination.packs.iter_mut().find(|own| own.pack == pack);
            if let Some(own) = own {
                own.is_known = known.is_whole;
            }
            self.mendable_mut().known.insert(pack, Arc::new(known));
        }
    }

    /// Whether there are bytes of the pack, and its trailer is not among them.
    fn is_silent(&self, pack: PackId) -> bool {
        let path = self.storage().locate(Object::Pack(pack));
        match self.open_as_written(pack) {
            Ok(None) => false,
            Ok(Some(file)) => PackReader::new(file.as_ref(), &path).trailer(pack).is_err(),
            Err(_) => true,
        }
    }

    /// What the file itself says where nobody looks for it, beside what is known already.
    fn look_into(&self, pack: PackId, mut known: Known) -> Known {
        let path = self.storage().locate(Object::Pack(pack));
        let Ok(Some(file)) = self.open_as_written(pack) else {
            return known; // None of it can be had.
        };
        let reader = PackReader::new(file.as_ref(), &path);
        if reader.file_len().is_ok_and(|len| len <= HEAD.len() as u64) {
            known.is_whole = true; // There is no byte of a chunk.
        }
        if let Ok(Some(trailer)) = reader.stray_trailer() {
            let copies = locations(&trailer).map(|copy| Location { pack, ..copy });
            known.copies.extend(copies);
            known.is_whole = true;
        }
        known.copies.sort_by_key(|copy| (copy.offset, copy.id));
        known.copies.dedup();
        known
    }

    /// What is known of a pack whose trailer cannot be read.
    pub(super) fn known(&self, pack: PackId) -> Option<Arc<Known>> {
        let mendable = self.mendable.read().unwrap_or_else(PoisonError::into_inner);
        mendable.known.get(&pack).cloned()
    }

    /// Which of the copies that are said to be in a pack can be had of it.
    pub(super) fn check_known(
        &self,
        index: &Index,
        pack: PackId,
        known: &Known,
        progress: &dyn Progress,
    ) -> Result<Verification> {
        let mut found = Verification::default();
        let Ok(Some(file)) = self.open_as_written(pack) else {
            found.is_partial = true;
            return Ok(found);
        };
        let mut bad = Vec::new();
        let mut what = "its trailer cannot be read".to_owned();
        for copy in &known.copies {
            if progress.cancelled() {
                return Err(StoreError::Cancelled);
            }
            match self.read_known(index, file.as_ref(), copy) {
                Ok(_) => drop(found.good.insert(copy.id)),
                Err(StoreError::ChunkMissing { .. }) => found.without_base.push(copy.id),
                Err(error) => {
                    found.is_partial |= !error.is_damage();
                    what = words(&error);
                    bad.push(copy.id);
                }
            }
        }
        let object = self.storage().locate(Object::Pack(pack));
        found.damage.push(Damage {
            object,
            what,
            chunks: bad,
        });
        Ok(found)
    }

    fn read_known(&self, index: &Index, file: &dyn OpenFile, copy: &Location) -> Result<Vec<u8>> {
        let path = self.storage().locate(Object::Pack(copy.pack));
        let reader = PackReader::new(file, &path);
        let stored = reader.read(copy.offset, u64::from(copy.stored_len))?;
        self.decode_copy(index, copy, &stored)
    }
}
