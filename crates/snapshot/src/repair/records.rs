//! Records and their copies: each is written again from the other.

use std::path::PathBuf;

use lifeboat_store::{Forgotten, SnapshotId, StoreError};

use super::{Repair, RepairReport};
use crate::copies::Flaws;
use crate::error::Result;
use crate::forgotten::ForgottenListing;
use crate::record::Snapshot;
use crate::repository::{Listing, Repository};
use lifeboat_store::words::in_one_line;

impl Repository {
    /// Tells what is wrong with records and copies, and mends it where the plan says so. The caller holds a session. What
    /// cannot be written is told, and keeps nothing else from being mended.
    pub(super) fn repair_records(
        &self,
        plan: &Repair,
        listing: &Listing,
        report: &mut RepairReport,
    ) -> Result<()> {
        let forgotten = self.forgotten()?;
        let flaws = self.copy_flaws(&all(listing, &forgotten));
        let damaged = listing.damaged.iter().chain(&forgotten.damaged);
        report
            .records
            .extend(damaged.map(|(id, error)| (*id, error.to_string())));
        report.others.extend(self.told(listing, &forgotten, &flaws));
        if plan.apply {
            self.mend_records(listing, &forgotten, &flaws, report);
        }
        Ok(())
    }

    /// Brings back the records that are gone and have a copy, or finds out what they are. To be done first: what they lead to
    /// may be damaged as well.
    pub(super) fn lone_records(&self, apply: bool) -> Result<Lone> {
        let mut lone = Lone(Vec::new());
        for id in self.store().lone_copies()? {
            lone.0.push((
                id,
                match apply {
                    true => self.bring_again(id).map(Brought::Written),
                    false => self
                        .read_copy(id)
                        .map(|read| Brought::Rehearsed(read.map(Box::new))),
                },
            ));
        }
        Ok(lone)
    }

    /// Tells of them.
    pub(super) fn tell_lone(&self, lone: Lone, report: &mut RepairReport) {
        for (id, brought) in lone.0 {
            let what = "it is missing, and its copy is there".to_owned();
            report.others.push((self.store().locate_record(id), what));
            let is_written = |brought| matches!(brought, Brought::Written(true));
            note(id, brought.map(is_written), report);
        }
    }

    /// What can be mended, by its path and with what is wrong.
    fn told(
        &self,
        listing: &Listing,
        forgotten: &ForgottenListing,
        flaws: &Flaws,
    ) -> Vec<(PathBuf, String)> {
        let store = self.store();
        let mut told = Vec::new();
        for (id, error) in &listing.mendable {
            told.push((store.locate_record(*id), error.to_string()));
        }
        for (forgotten, error) in &forgotten.mendable {
            told.push((store.locate_forgotten(*forgotten), error.to_string()));
        }
        for (_, path, what) in &flaws.copies {
            told.push((path.clone(), what.clone()));
        }
        told
    }

    /// A copy is mended by its record only where that can be read by itself: of two that differ neither is believed over
    /// the other.
    fn mend_records(
        &self,
        listing: &Listing,
        forgotten: &ForgottenListing,
        flaws: &Flaws,
        report: &mut RepairReport,
    ) {
        for (id, _) in &listing.mendable {
            note(*id, self.mend_record(*id), report);
        }
        for (one, _) in &forgotten.mendable {
            note(one.id, self.mend_forgotten(*one), report);
        }
        let flawed = flaws.copies.iter().map(|(id, ..)| (*id, true));
        let without = flaws.without.iter().map(|id| (*id, false));
        for (id, is_there) in flawed.chain(without) {
            let written = match self.record_bytes(id, forgotten) {
                Ok(bytes) if is_there => self.store().mend_copy(id, &bytes),
                Ok(bytes) => self.store().copy_record(id, &bytes),
                // Gone since it was looked at, with its copy.
                Err(StoreError::NoRecord { .. }) => continue,
                Err(error) => Err(error),
            };
            note(id, written.map_err(Into::into), report);
        }
    }

    /// The bytes of a record under whichever of its names, if they are a record.
    fn record_bytes(
        &self,
        id: SnapshotId,
        forgotten: &ForgottenListing,
    ) -> Result<Vec<u8>, StoreError> {
        let store = self.store();
        let found = forgotten.items.iter().find(|item| item.snapshot.id == id);
        let bytes = match found {
            Some(item) => {
                let at_ms = item.at_ms;
                store.forgotten_record(Forgotten { id, at_ms })
            }
            None => store.record(id),
        }?;
        self.decode_record(id, store.locate_record(id), &bytes)?;
        Ok(bytes)
    }
}

/// Records that are gone, and what their copies gave.
pub(super) struct Lone(Vec<(SnapshotId, Result<Brought>)>);

enum Brought {
    /// Whether it was written again.
    Written(bool),
    /// What would be.
    Rehearsed(Option<Box<Snapshot>>),
}

impl Lone {
    /// Those that would be there, had this been no rehearsal.
    pub(super) fn rehearsed(&self) -> impl Iterator<Item = Snapshot> + '_ {
        self.0.iter().filter_map(|(_, brought)| match brought {
            Ok(Brought::Rehearsed(snapshot)) => snapshot.as_deref().cloned(),
            _ => None,
        })
    }
}

/// Counts what was written; what could not be stays, and is named.
fn note(id: SnapshotId, written: Result<bool>, report: &mut RepairReport) {
    match written {
        Ok(written) => report.done.records += u64::from(written),
        Err(error) => report.records.push((id, in_one_line(&error))),
    }
}

/// All records that can be read, forgotten or not.
pub(crate) fn all(listing: &Listing, forgotten: &ForgottenListing) -> Vec<Snapshot> {
    let forgotten = forgotten.items.iter().map(|item| item.snapshot.clone());
    listing.snapshots.iter().cloned().chain(forgotten).collect()
}
