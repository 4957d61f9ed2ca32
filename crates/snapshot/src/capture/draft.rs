//! From a captured manifest to the snapshot's record and the report: all that is known before the commit.

use std::time::Instant;

use lifeboat_store::{Session, Totals, envelope};
use serde_bytes::ByteBuf;

use super::plan::{Backup, BackupReport};
use super::tally::Tally;
use crate::content::Content;
use crate::error::{Result, SnapshotError};
use crate::inplace::Settled;
use crate::record::{self, Snapshot};
use crate::repository::Listing;

/// All that a snapshot will say, but for what its storing costs.
pub(super) struct Draft {
    pub(super) manifest: Content,
    /// The snapshots that were there at the begin.
    pub(super) seen: Listing,
    pub(super) time_ms: i64,
    pub(super) sources: Vec<ByteBuf>,
    pub(super) parent: Option<Snapshot>,
    pub(super) tally: Tally,
    /// Whether the snapshot would hold what its parent holds.
    pub(super) is_unchanged: bool,
}

impl Draft {
    /// The snapshot, as yet without its costs.
    pub(super) fn snapshot(
        &self,
        session: &Session<'_>,
        sequence: u64,
        plan: &Backup,
        began: Instant,
    ) -> Snapshot {
        Snapshot {
            repository: session.store().id(),
            id: session.id(),
            sequence,
            parent: self.parent.as_ref().map(|parent| parent.id),
            time_ms: self.time_ms,
            offset_minutes: plan.offset_minutes,
            duration_ms: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
            host: plan.host.clone(),
            sources: self.sources.clone(),
            tags: plan.tags.clone(),
            description: plan.description.clone(),
            files: self.tally.files,
            bytes: self.tally.bytes,
            new_bytes: 0,
            stored_bytes: 0,
            manifest: self.manifest.clone(),
        }
    }

    /// What is told of the backup.
    pub(super) fn report(self, snapshot: Option<Snapshot>, began: Instant) -> BackupReport {
        let tally = self.tally;
        let cost = |of: fn(&Snapshot) -> u64| snapshot.as_ref().map_or(0, of);
        BackupReport {
            files_new: tally.files_new,
            files_changed: tally.files_changed,
            files_unchanged: tally.files_unchanged,
            excluded: tally.excluded,
            read_bytes: tally.read_bytes,
            new_bytes: cost(|snapshot| snapshot.new_bytes),
            stored_bytes: cost(|snapshot| snapshot.stored_bytes),
            duration: began.elapsed(),
            databases: tally.databases,
            databases_gone: tally.gone,
            zip: None,
            uncounted: Vec::new(),
            settled: Settled::default(),
            warnings: tally.warnings,
            parent: self.parent,
            snapshot,
        }
    }
}

/// The record's bytes, which tell their own length as part of what the snapshot cost.
pub(super) fn wrap(mut snapshot: Snapshot, totals: Totals) -> Result<(Snapshot, Vec<u8>)> {
    let encode = |snapshot: &Snapshot| {
        envelope::wrap(envelope::Kind::Snapshot, record::VERSION, snapshot).map_err(|source| {
            SnapshotError::Unstorable {
                what: "the snapshot record".to_owned(),
                source,
            }
        })
    };
    snapshot.new_bytes = totals.new_bytes;
    snapshot.stored_bytes = totals.stored_bytes;
    let mut record = encode(&snapshot)?;
    // A longer number may make the record longer once; it never shrinks again.
    while snapshot.stored_bytes != totals.stored_bytes + record.len() as u64 {
        snapshot.stored_bytes = totals.stored_bytes + record.len() as u64;
        record = encode(&snapshot)?;
    }
    Ok((snapshot, record))
}
