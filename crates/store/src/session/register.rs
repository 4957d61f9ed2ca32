//! The beginning of a session, in the order that everything else rests on: register (b1), read the plan (b2), then list the
//! packs (b3, b4). So either the session sees what a collector condemned, or the collector sees the session and waits.

use std::sync::Arc;

use crate::error::Result;
use crate::id::{PackId, SnapshotId};
use crate::index::Index;
use crate::mutant::{self, Mutant};
use crate::storage::Claim;
use crate::store::Store;

/// Registers a session and reads what it may build on.
pub(super) fn register(store: &Store, id: SnapshotId) -> Result<(Box<dyn Claim + '_>, Arc<Index>)> {
    let plan = early(Mutant::PlanBeforeRegistering, || store.condemned())?;
    let packs = early(Mutant::PacksBeforeRegistering, || list(store))?;
    let claim = store.storage().claim(id)?;
    match look(store, plan, packs) {
        Ok(index) => Ok((claim, index)),
        Err(error) => {
            // The error that kept the session from beginning is the one to tell.
            let _ = claim.abandon();
            Err(error)
        }
    }
}

/// Whether somebody newer forbids writing, what is condemned, and which packs there are: less the condemned ones.
fn look(store: &Store, plan: Option<Vec<PackId>>, packs: Option<Index>) -> Result<Arc<Index>> {
    store.check_writable()?;
    let packs = match packs {
        None => early(Mutant::PacksBeforePlan, || list(store))?,
        packs => packs,
    };
    let condemned = match plan {
        Some(condemned) => condemned,
        None if mutant::is(Mutant::IgnoresPlan) => Vec::new(),
        None => store.condemned()?,
    };
    let index = match packs {
        Some(mut index) => {
            index.leave_out(&condemned);
            Arc::new(index)
        }
        None => store.load_index_without(&condemned)?,
    };
    store.storage().harden()?;
    Ok(index)
}

/// What is done too early by mistake.
fn early<T>(mistake: Mutant, act: impl FnOnce() -> Result<T>) -> Result<Option<T>> {
    mutant::is(mistake).then(act).transpose()
}

fn list(store: &Store) -> Result<Index> {
    Index::load(store.storage(), store.cache(), store.id())
}
