//! Forgetting: a committed record loses its name, and can have it back until a collection takes what it leads to.
//!
//! Forgetting is a rename, so that it needs no room on a full disk and a crash leaves the record under one name or the
//! other. It builds on nothing, so it needs no session. Bringing back does, and is [`Session::bring_back`].

use std::path::PathBuf;

use super::Store;
use crate::error::{Result, StoreError};
use crate::id::SnapshotId;
use crate::layout::{Folder, Object};
use crate::small::read_object;

#[cfg(doc)]
use crate::Session;

/// A forgotten record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Forgotten {
    /// The snapshot that it was.
    pub id: SnapshotId,
    /// When it was forgotten, in milliseconds since 1970 by the clock of who did.
    pub at_ms: u64,
}

impl Forgotten {
    pub(crate) const fn object(self) -> Object {
        Object::Forgotten(self.id, self.at_ms)
    }
}

impl Store {
    /// Forgets committed records, and gives those that it did: one that is gone already is no error. They are durably
    /// forgotten when this returns.
    ///
    /// # Errors
    /// Where some may keep their names; those that were renamed may be forgotten all the same.
    pub fn forget(&self, ids: &[SnapshotId], at_ms: u64) -> Result<Vec<SnapshotId>> {
        self.check_features()?;
        let mut done = Vec::new();
        for &id in ids {
            let forgotten = Object::Forgotten(id, at_ms);
            if self
                .storage()
                .rename_record(Object::Snapshot(id), forgotten)?
            {
                done.push(id);
            }
        }
        self.storage().settle(Folder::Snapshots)?;
        Ok(done)
    }

    /// All forgotten records, the latest time of each; not those that are there under their own name as well, as a copy
    /// of a repository that was made meanwhile may have them.
    ///
    /// # Errors
    /// Where they cannot all be listed.
    pub fn forgotten(&self) -> Result<Vec<Forgotten>> {
        let objects = self.storage().list(Folder::Snapshots)?;
        let mut live = std::collections::HashSet::new();
        let mut found = std::collections::BTreeMap::new();
        for object in objects {
            match object {
                Object::Snapshot(id) => drop(live.insert(id)),
                Object::Forgotten(id, at_ms) => {
                    let latest = found.entry(id).or_insert(at_ms);
                    *latest = at_ms.max(*latest);
                }
                _ => {}
            }
        }
        let found = found.into_iter().filter(|(id, _)| !live.contains(id));
        Ok(found.map(|(id, at_ms)| Forgotten { id, at_ms }).collect())
    }

    /// The bytes of a forgotten record.
    ///
    /// # Errors
    /// [`StoreError::NoRecord`] where it was brought back or is gone.
    pub fn forgotten_record(&self, forgotten: Forgotten) -> Result<Vec<u8>> {
        let record = read_object(self.storage(), forgotten.object())?;
        record.ok_or(StoreError::NoRecord { id: forgotten.id })
    }

    /// Where a person would find a forgotten record.
    pub fn locate_forgotten(&self, forgotten: Forgotten) -> PathBuf {
        self.storage().locate(forgotten.object())
    }

    /// Removes a forgotten record for good. One that was brought back meanwhile has another name and stays.
    ///
    /// # Errors
    /// Where it stays.
    pub fn drop_forgotten(&self, forgotten: Forgotten) -> Result<()> {
        self.storage().remove(forgotten.object())
    }
}
