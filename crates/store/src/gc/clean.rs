//! What dead processes left: records of their sessions, and files that never got their names.

use std::collections::HashSet;

use super::drain::living;
use super::object_len;
use crate::error::Result;
use crate::id::SnapshotId;
use crate::index::list_packs;
use crate::layout::{Folder, Object};
use crate::storage::Storage;
use crate::store::Store;

/// What was there when the collection began.
pub(super) struct Before {
    leftovers: Vec<String>,
    /// Sessions that may write one of them.
    sessions: HashSet<SnapshotId>,
}

impl Before {
    /// In this order: whoever writes a file registered before that, and is among the sessions or has ended.
    pub(super) fn look(store: &Store) -> Result<Self> {
        let leftovers = store.storage().leftovers()?;
        let sessions = living(store.storage(), |_| true)?;
        Ok(Self {
            leftovers,
            sessions: sessions.into_iter().collect(),
        })
    }

    /// Removes what nobody writes any more; gives its bytes. Parity of a pack that is gone may be all that is left of it,
    /// and of a tiny pack it is a whole copy: it goes only if everything that is needed `is_there`. That is so where this
    /// collector's marking and choosing went through, as both stop at the first chunk or base that no pack has.
    pub(super) fn clean(self, store: &Store, is_there: bool) -> Result<u64> {
        let storage = store.storage();
        let at_work = living(storage, |id| self.sessions.contains(id))?;
        for object in storage.list(Folder::Snapshots)? {
            if let Object::Evicted(_) = object {
                // The name that its session would commit from is gone for good: this one tells nothing any more.
                storage.remove(object)?;
            }
        }
        let mut freed = match is_there {
            true => lone_parity(storage)?,
            false => 0,
        };
        if at_work.is_empty() {
            for name in &self.leftovers {
                freed += storage.clear(name)?;
            }
        }
        Ok(freed)
    }
}

/// Removes parity of packs that are gone; gives its bytes. A pack is there before its parity is, and never comes back.
fn lone_parity(storage: &dyn Storage) -> Result<u64> {
    let parity = storage.list(Folder::Parity)?;
    let packs = list_packs(storage)?;
    let mut freed = 0;
    for object in parity {
        if let Object::Parity(pack) = object
            && !packs.contains(&pack)
        {
            freed += object_len(storage, object)?;
            storage.remove(object)?;
        }
    }
    Ok(freed)
}
