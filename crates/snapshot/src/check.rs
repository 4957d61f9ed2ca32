//! Verifying a repository: every pack, and then that everything each snapshot refers to is there.
//!
//! The store finds what is bad, [`losses`] whom it concerns. Reports, never repairs.

use lifeboat_store::{SnapshotId, StoreError};

use crate::error::Result;
use crate::monitor::{Monitor, Task};
use crate::record::Snapshot;
use crate::repository::Repository;

use losses::Losses;

mod blame;
mod lists;
mod losses;

/// What to verify.
#[derive(Debug, Clone, Default)]
pub struct Verify {
    /// Snapshots to walk; all where not given. Packs are looked at in any case.
    pub snapshots: Option<Vec<Snapshot>>,
    /// Read and hash every stored byte, as against the structure alone.
    pub read_data: bool,
    /// Threads that work; as many as there are cores where not given.
    pub threads: Option<usize>,
}

/// What verification found.
#[derive(Debug, Clone, Default)]
pub struct VerifyReport {
    /// Snapshots that were walked.
    pub snapshots: u64,
    /// Chunks that were checked.
    pub checked_chunks: u64,
    /// Stored bytes that were read.
    pub checked_bytes: u64,
    /// What is damaged, and whom it concerns.
    pub damaged: Vec<Damaged>,
}

/// A damaged object.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Damaged {
    /// The object, as a path or as the id of a chunk that no pack gives.
    pub object: String,
    /// What is wrong with it.
    pub what: String,
    /// The snapshots that need it.
    pub snapshots: Vec<SnapshotId>,
    /// The paths in them that cannot be restored because of it.
    pub paths: Vec<String>,
}

impl Repository {
    /// Looks at every pack and at everything the snapshots refer to.
    ///
    /// # Errors
    /// Where the repository cannot be listed. Damage is a finding, no error.
    pub fn verify(&self, plan: &Verify, monitor: &dyn Monitor) -> Result<VerifyReport> {
        self.in_pool(plan.threads, || {
            let total = plan
                .read_data
                .then(|| self.store().pack_bytes())
                .transpose()?;
            monitor.begin(Task::Verify, total);
            // Before the snapshots are listed: what they lead to is not deleted meanwhile.
            let _hold = self.store().hold();
            let listing = self.snapshots()?;
            let packs = self.store().verify_packs(plan.read_data, monitor)?;
            let mut report = VerifyReport {
                checked_chunks: packs.checked_chunks,
                checked_bytes: packs.checked_bytes,
                ..VerifyReport::default()
            };
            for (path, what) in self.store().verify_config() {
                report.damaged.push(Damaged {
                    object: path.display().to_string(),
                    what,
                    ..Damaged::default()
                });
            }
            for (id, error) in &listing.damaged {
                report.damaged.push(Damaged {
                    object: self.store().locate_record(*id).display().to_string(),
                    what: what(error),
                    snapshots: vec![*id],
                    paths: Vec::new(),
                });
            }
            let snapshots = plan.snapshots.as_ref().unwrap_or(&listing.snapshots);
            let mut losses = Losses::new(self, monitor, &packs.good, packs.damage);
            for snapshot in snapshots {
                losses.walk(snapshot)?;
            }
            report.snapshots = snapshots.len() as u64;
            report.damaged.extend(losses.finish());
            Ok(report)
        })
    }
}

fn what(error: &StoreError) -> String {
    match error {
        StoreError::Damaged { what, .. } => what.clone(),
        other => other.to_string(),
    }
}
