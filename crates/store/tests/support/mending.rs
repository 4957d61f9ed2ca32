//! What `lifeboat repair` does with the store, without snapshots and live sources.

use std::collections::HashSet;

use lifeboat_store::disk::sim::SimDisk;
use lifeboat_store::progress::Unwatched;
use lifeboat_store::{Examination, Options, PackId, Repaired, Result, Share, Store};

use crate::support::backing;

/// What a repair has found and done.
pub(crate) struct Repair {
    pub(crate) examination: Examination,
    pub(crate) rescued: HashSet<PackId>,
    pub(crate) repaired: Repaired,
}

pub(crate) fn repair(disk: &SimDisk, process: u64) -> Result<Repair> {
    let store = Store::open(backing(disk, process))?;
    let session = store.begin_salvage(Options::default())?;
    let examination = store.examine(&Unwatched)?;
    let rescued = store.rescue(&session, &examination, &Unwatched)?;
    session.flush()?;
    let share = Share::default();
    let repaired = store.retire(&session, &examination, &rescued, share, &Unwatched)?;
    session.abandon()?;
    Ok(Repair {
        examination,
        rescued,
        repaired,
    })
}

/// Where the parity of a pack is.
pub(crate) fn parity_of(pack: &str) -> String {
    pack.replace("packs/", "parity/")
        .replace(".pack", ".parity")
}
