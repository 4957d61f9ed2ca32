//! Forgetting snapshots, and bringing them back until a collection has taken what they hold.

use lifeboat_store::{ChunkId, Forgotten, Kind, Options, Session, SnapshotId, StoreError};
use rayon::prelude::*;

use crate::copies::Read;
use crate::error::{Result, SnapshotError};
use crate::monitor::{Monitor, go_on};
use crate::reach::Reach;
use crate::record::Snapshot;
use crate::repository::Repository;

/// A snapshot that was forgotten and may be brought back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForgottenSnapshot {
    /// What it was.
    pub snapshot: Snapshot,
    /// When it was forgotten, in milliseconds since 1970 by the clock of who did.
    pub at_ms: u64,
}

/// The forgotten snapshots of a repository, and what is wrong with some.
#[derive(Debug, Default)]
pub struct ForgottenListing {
    /// Those that can be read, oldest first.
    pub items: Vec<ForgottenSnapshot>,
    /// Records that are there and cannot be read, each with the reason.
    pub damaged: Vec<(SnapshotId, StoreError)>,
    /// Records that cannot be read but for their copies: they are among the items, each here with the reason.
    pub mendable: Vec<(Forgotten, StoreError)>,
}

impl Repository {
    /// Forgets snapshots: they are in no listing any longer, and a collection may take what only they hold. Gives those
    /// that were forgotten; one that is gone already is no error.
    ///
    /// # Errors
    /// [`SnapshotError::Pinned`], with nothing done, where one is pinned; else where some may still be there.
    pub fn forget(&self, ids: &[SnapshotId]) -> Result<Vec<SnapshotId>> {
        let pins = self.pins()?;
        if let Some(&id) = ids.iter().find(|id| pins.contains(id)) {
            return Err(SnapshotError::Pinned { id });
        }
        let now_ms = self.clock().now().timestamp_millis();
        let now_ms = u64::try_from(now_ms).unwrap_or_default();
        Ok(self.store().forget(ids, now_ms)?)
    }

    /// All snapshots that were forgotten and that no collection has dropped yet.
    ///
    /// # Errors
    /// Where they cannot be listed. A record that cannot be read is part of the answer.
    pub fn forgotten(&self) -> Result<ForgottenListing> {
        let forgotten = self.store().forgotten()?;
        let read = |forgotten: &Forgotten| (*forgotten, self.forgotten_snapshot(*forgotten));
        let records: Vec<_> = forgotten.par_iter().map(read).collect();
        let mut listing = ForgottenListing::default();
        for (forgotten, record) in records {
            match record {
                Ok(Read { snapshot, was }) => {
                    let at_ms = forgotten.at_ms;
                    listing.items.push(ForgottenSnapshot { snapshot, at_ms });
                    listing.mendable.extend(was.map(|error| (forgotten, error)));
                }
                // Brought back or dropped since it was listed.
                Err(StoreError::NoRecord { .. }) => {}
                Err(error) => listing.damaged.push((forgotten.id, error)),
            }
        }
        listing.items.sort_by_key(|item| item.snapshot.order());
        Ok(listing)
    }

    fn forgotten_snapshot(&self, forgotten: Forgotten) -> Result<Read, StoreError> {
        let read = self.store().forgotten_record(forgotten);
        let path = self.store().locate_forgotten(forgotten);
        self.or_copy(forgotten.id, path, read)
    }

    /// Brings forgotten snapshots back, each under its own name and in its old place among the others. All or, where
    /// one cannot be, those before it.
    ///
    /// # Errors
    /// [`SnapshotError::Collected`] where a collection has taken what one held.
    pub fn bring_back(
        &self,
        forgotten: &[ForgottenSnapshot],
        monitor: &dyn Monitor,
    ) -> Result<Vec<SnapshotId>> {
        self.in_pool(None, || {
            let session = self.store().begin(Options::default())?;
            let result = self.bring_all_back(&session, forgotten, monitor);
            // What was brought back is back, whether the session's own record goes or is left to an evictor.
            let _ = session.abandon();
            result
        })
    }

    fn bring_all_back(
        &self,
        session: &Session<'_>,
        forgotten: &[ForgottenSnapshot],
        monitor: &dyn Monitor,
    ) -> Result<Vec<SnapshotId>> {
        let mut reach = Reach::new(self);
        for ForgottenSnapshot { snapshot, .. } in forgotten {
            let walked = reach.walk(snapshot, &mut |chunk| {
                go_on(monitor)?;
                self.secure(session, chunk)
            });
            walked.map_err(|error| collected(error, snapshot.id))?;
        }
        let mut done = Vec::new();
        for ForgottenSnapshot { snapshot, at_ms } in forgotten {
            let (id, at_ms) = (snapshot.id, *at_ms);
            session.bring_back(Forgotten { id, at_ms })?;
            done.push(id);
        }
        Ok(done)
    }

    /// Sees to it that a chunk is in a pack that the session may build on (I6): one that stands in a condemned pack only
    /// is put again as long as it can be read.
    fn secure(&self, session: &Session<'_>, chunk: ChunkId) -> Result<()> {
        if session.has(&chunk) {
            return Ok(());
        }
        let plain = self.store().get(&chunk)?;
        let is_of = |kind: &Kind| ChunkId::of(*kind, &plain) == chunk;
        if let Some(kind) = Kind::ALL.into_iter().find(is_of) {
            session.put(kind, &plain, None)?;
        }
        Ok(())
    }
}

/// Of a forgotten snapshot, a chunk that is gone is no damage.
fn collected(error: SnapshotError, id: SnapshotId) -> SnapshotError {
    match error {
        SnapshotError::Store(source @ StoreError::ChunkMissing { .. }) => {
            SnapshotError::Collected { id, source }
        }
        error => error,
    }
}
