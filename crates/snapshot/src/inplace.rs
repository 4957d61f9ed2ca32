//! Restoring a snapshot to where it was taken, over data that is in daily use.
//!
//! The order of the work is what makes it safe. **Compare**: what would change, without changing anything. **Lock** the live
//! folder against a second restore. **Save**: a snapshot of everything as it is, pinned, and the proof that all that will go
//! is in it. **Stage**: what is to come is written beside the live folder, each chunk against its hash, and every database in
//! it is opened and checked. **Journal**: all steps are written down; from here on a crash ends as *new*, before it as *old*.
//! **Swap**: one renaming for each thing that differs. What does not differ keeps its inode and is not touched.
//!
//! Whoever comes first after a crash ([`finish_interrupted`]) finishes what a journal says.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::error::{Result, SnapshotError};
use crate::monitor::{Monitor, Warning};
use crate::opened::Opened;
use crate::record::Snapshot;
use crate::repository::Repository;
use vouch::Vouchers;
use work::Work;

pub use error::InPlaceError;
pub(crate) use files::open_folder;
pub use holders::Holder;
pub(crate) use holders::Wanted;
pub(crate) use places::{is_name as is_stage, is_name_of_stage};
pub use plan::{InPlace, Now, Plan, PlannedDatabase, Touched};
pub use recover::{Settled, finish_interrupted};
pub(crate) use recover::{check_finished, finish_before_looking, unfinished_in};
pub use safety::SAFETY_TAG;
pub(crate) use stage::remove;
pub use vouch::state_folder;
#[cfg(feature = "testing")]
pub(crate) use {journal::try_journal, leader::try_leader};

mod attributes;
mod back;
mod compare;
mod error;
mod extras;
mod files;
mod finish;
mod fits;
pub(crate) mod holders;
mod in_use;
mod journal;
mod kept;
mod leader;
mod leaving;
mod links;
pub(crate) mod live;
mod locks;
mod places;
mod plan;
mod recover;
mod safety;
mod stage;
mod steps;
mod swap;
mod target;
#[cfg(test)]
mod tests;
mod vouch;
mod was;
mod work;
mod write_down;

/// The folder in a stage for what is to come.
const NEW: &str = "new";

/// What a restore in place did.
#[derive(Debug)]
pub struct InPlaceReport {
    /// What was changed.
    pub plan: Plan,
    /// The snapshot that undoes it; `None` where nothing had to be changed, or there was nothing to save.
    pub safety: Option<Snapshot>,
    /// Databases that were restored, as they were opened before they were put in place.
    pub databases: Vec<Opened>,
    /// Folders that hold what was replaced, where the safety snapshot does not hold all of it.
    pub kept: Vec<PathBuf>,
    /// How long it took.
    pub duration: Duration,
    /// Everything that was in the way.
    pub warnings: Vec<Warning>,
}

impl Repository {
    /// What a restore in place would do. Nothing is changed.
    ///
    /// # Errors
    /// Where the snapshot or the live places cannot be read, or cannot be restored to.
    pub fn plan_in_place(
        &self,
        snapshot: &Snapshot,
        options: &InPlace,
        monitor: &dyn Monitor,
    ) -> Result<Plan> {
        let tree = self.tree(snapshot)?;
        self.in_pool(options.threads, || {
            compare::compare(self, &tree, options, monitor)
        })
    }

    /// Does what the plan says, after a safety snapshot.
    ///
    /// # Errors
    /// Everything is then as before, unless [`InPlaceError::RestoreStopped`] or [`InPlaceError::WrittenBack`] says otherwise.
    pub fn restore_in_place(
        &self,
        snapshot: &Snapshot,
        options: &InPlace,
        plan: Plan,
        monitor: &dyn Monitor,
    ) -> Result<InPlaceReport> {
        let began = Instant::now();
        let mut work = Work {
            repository: self,
            snapshot,
            options,
            monitor,
            vouchers: Vouchers::new(options.state.as_deref()),
            plan,
            stages: Vec::new(),
            opened: Vec::new(),
            warnings: Vec::new(),
            is_begun: false,
        };
        let (safety, kept) = match work.plan.is_empty() {
            true => (None, Vec::new()),
            false => work.run()?,
        };
        let mut warnings = std::mem::take(&mut work.plan.warnings);
        warnings.append(&mut work.warnings);
        Ok(InPlaceReport {
            safety,
            kept,
            databases: work.opened,
            plan: work.plan,
            duration: began.elapsed(),
            warnings,
        })
    }

    /// The snapshot that the last restore in place was preceded by.
    ///
    /// # Errors
    /// Where there is none that can be read.
    pub fn last_safety(&self, host: &str, source: Option<&Path>) -> Result<Snapshot> {
        let filter = crate::filter::Filter {
            tag: Some(SAFETY_TAG.to_owned()),
            host: Some(host.to_owned()),
            source: source.map(Path::to_owned),
        };
        match self.find("latest", &filter) {
            Err(SnapshotError::SnapshotUnknown { .. } | SnapshotError::NoneAdmitted { .. }) => {
                Err(InPlaceError::NothingToUndo.into())
            }
            result => result,
        }
    }
}
