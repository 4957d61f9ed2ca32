//! Verifying a repository: every pack, and then that everything each snapshot refers to is there.
//!
//! The store finds what is bad, [`losses`] whom it concerns. Reports, never repairs.

use lifeboat_store::{Reading, Share, SnapshotId};

use crate::error::Result;
use crate::monitor::{Monitor, Task};
use crate::record::Snapshot;
use crate::repository::Repository;
use lifeboat_store::words::in_one_line;

use losses::Losses;

pub use databases::DatabaseVerified;

mod ages;
mod blame;
mod databases;
mod lists;
mod losses;
mod records;
mod rounds;

/// What to verify.
#[derive(Debug, Clone, Default)]
pub struct Verify {
    /// Snapshots to walk; all where not given. Packs are looked at in any case.
    pub snapshots: Option<Vec<Snapshot>>,
    /// Read and hash every stored byte, as against the structure alone.
    pub read_data: bool,
    /// Read and hash this part of the stored bytes, beginning with what was not read for the longest time.
    pub subset: Option<Share>,
    /// Open every database of the snapshots and run SQLite's integrity check on it.
    pub databases: bool,
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
    /// What SQLite says of the databases.
    pub databases: Vec<DatabaseVerified>,
    /// Packs that there are, and those of them that were read by now, in this round or an earlier one.
    pub packs: u64,
    /// See `packs`.
    pub packs_read: u64,
    /// Why the round could not be remembered, where it could not: the next one will read the same again.
    pub not_remembered: Option<String>,
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
            // Before the snapshots are listed: what they lead to is not deleted meanwhile.
            let _hold = self.store().hold();
            let verified = self.store().verified()?;
            let sizes = self.store().pack_sizes()?;
            let (reading, bytes) = rounds::choose(plan, &verified, &sizes);
            monitor.begin(Task::Verify, bytes);
            let listing = self.snapshots()?;
            let packs = self.store().verify_as(&reading, monitor)?;
            let read = packs.read;
            let mut report = VerifyReport {
                checked_chunks: packs.checked_chunks,
                checked_bytes: packs.checked_bytes,
                ..VerifyReport::default()
            };
            let small = self.store().verify_config().into_iter();
            let small = small.chain(self.store().verify_plan());
            for (path, what) in small.chain(verified.damaged()) {
                report.damaged.push(Damaged {
                    object: path.display().to_string(),
                    what,
                    ..Damaged::default()
                });
            }
            report.damaged.extend(self.verify_records(&listing)?);
            let snapshots = plan.snapshots.as_ref().unwrap_or(&listing.snapshots);
            let mut losses = Losses::new(self, monitor, &packs.good, packs.damage);
            for snapshot in snapshots {
                losses.walk(snapshot)?;
            }
            report.snapshots = snapshots.len() as u64;
            report.damaged.extend(losses.finish());
            if plan.databases {
                report.databases = self.verify_databases(snapshots, monitor)?;
            }
            self.count_packs(&verified, &sizes, &read, &mut report);
            if !matches!(reading, Reading::Structure) {
                let remembered = self.remember_round(verified, read, snapshots, &report, monitor);
                report.not_remembered = not_remembered(remembered)?;
            }
            Ok(report)
        })
    }
}

/// A repository that cannot be written, or may not be, is as good as verified.
fn not_remembered(remembered: Result<()>) -> Result<Option<String>> {
    match remembered {
        Err(error) if error.is_cancelled() => Err(error),
        Err(error) => Ok(Some(in_one_line(&error))),
        Ok(()) => Ok(None),
    }
}
