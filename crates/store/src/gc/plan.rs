//! The plan of a collection: the one object of a repository that is replaced, always as a whole and only by whoever saw
//! its last state. Bytes and rules in `docs/format.md`, "Plan".

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{Collector, Reach, Step};
use crate::envelope;
use crate::error::{Result, StoreError};
use crate::id::{PackId, SnapshotId};
use crate::index::list_packs;
use crate::layout::PLAN;
use crate::small::unwrap_object;
use crate::storage::{Storage, Version};
use crate::store::Store;

/// Newest version of plans that this program reads, and the one it writes.
pub(crate) const VERSION: u16 = 1;

/// Most packs of one plan: they must fit an encoded value. What is left over is for the next plan.
pub(super) const MAX_PACKS: usize = 100_000;

/// Most records of one plan, of each sort.
pub(super) const MAX_RECORDS: usize = 50_000;

/// A collection under way, or over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Plan {
    /// Its name, random: two plans are never equal.
    pub(super) id: [u8; 16],
    pub(super) stage: Stage,
}

/// How far it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Stage {
    /// Nobody may build on these packs any more; some of them may be needed all the same.
    Open {
        packs: Vec<PackId>,
        /// Records that are forgotten for good, each with when it was forgotten.
        forgotten: Vec<(SnapshotId, u64)>,
        /// The sessions that may not have seen the plan, once they have been listed.
        waits: Option<Vec<SnapshotId>>,
    },
    /// Nobody needs these packs, now or later: they are being deleted.
    Final {
        packs: Vec<PackId>,
        forgotten: Vec<(SnapshotId, u64)>,
    },
    /// They are deleted.
    Retired,
}

impl Plan {
    /// The packs that a session must not build on.
    pub(crate) fn condemned(&self) -> &[PackId] {
        match &self.stage {
            Stage::Open { packs, .. } | Stage::Final { packs, .. } => packs,
            Stage::Retired => &[],
        }
    }

    /// The records that are being removed. An open plan removes none, and may yet spare some of those that it names.
    fn given_up(&self) -> &[(SnapshotId, u64)] {
        match &self.stage {
            Stage::Final { forgotten, .. } => forgotten,
            Stage::Open { .. } | Stage::Retired => &[],
        }
    }

    fn encode(&self) -> Result<Vec<u8>> {
        envelope::wrap(envelope::Kind::Plan, VERSION, self).map_err(|_| StoreError::TooLarge {
            what: "a plan",
            actual: self.condemned().len() as u64,
            limit: MAX_PACKS as u64,
        })
    }
}

/// The plan as somebody saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(super) version: Option<Version>,
    pub(super) plan: Option<Plan>,
}

/// Reads the plan.
///
/// # Errors
/// Where it cannot be read: then nobody knows what is condemned, and nothing may be written.
pub(crate) fn read(storage: &dyn Storage) -> Result<Seen> {
    let Some((version, bytes)) = storage.plan()? else {
        return Ok(Seen {
            version: None,
            plan: None,
        });
    };
    let path = storage.place().join(PLAN);
    let plan = unwrap_object(path, envelope::Kind::Plan, VERSION, &bytes)?;
    Ok(Seen {
        version: Some(version),
        plan: Some(plan),
    })
}

impl Store {
    /// The packs that nobody may build on (step b2). Where the plan is damaged it may have condemned any that there is, and
    /// none that is written from now on: nobody can replace it.
    pub(crate) fn condemned(&self) -> Result<Vec<PackId>> {
        match read(self.storage()) {
            Ok(seen) => Ok(seen
                .plan
                .map_or_else(Vec::new, |plan| plan.condemned().to_vec())),
            Err(error) if error.is_damage() => {
                Ok(list_packs(self.storage())?.into_iter().collect())
            }
            Err(error) => Err(error),
        }
    }

    /// The snapshots whose records a collection is removing; none where its plan is damaged.
    pub(crate) fn given_up(&self) -> Result<Vec<SnapshotId>> {
        match read(self.storage()) {
            Ok(Seen { plan, .. }) => {
                let given_up = plan.iter().flat_map(Plan::given_up);
                Ok(given_up.map(|(id, _)| *id).collect())
            }
            Err(error) if error.is_damage() => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    /// What is wrong with the plan of a collection, with its path. While anything is, every backup stores anew what it needs,
    /// and nothing is collected.
    pub fn verify_plan(&self) -> Option<(PathBuf, String)> {
        match read(self.storage()) {
            Err(StoreError::Damaged { object, what }) => Some((object, what)),
            // One that a newer program wrote, or that cannot be read today, is not damaged.
            Ok(_) | Err(_) => None,
        }
    }

    /// Puts a plan in the place of the one that was seen; `None` where another was first.
    fn swap_plan(&self, seen: &Seen, plan: Plan) -> Result<Option<Seen>> {
        let bytes = plan.encode()?;
        let swapped = self.storage().swap_plan(seen.version, &bytes)?;
        Ok(swapped.then(|| Seen {
            version: Some(Version::of(&bytes)),
            plan: Some(plan),
        }))
    }
}

impl<R: Reach> Collector<'_, R> {
    /// Puts a plan in the place of the one that was seen. Where another was first, that one's is gone on with.
    pub(super) fn replace(&mut self, seen: &Seen, plan: Plan) -> Result<Step, R::Error> {
        let is_done = self.publish(seen, plan)?.is_some();
        // Whoever replaces it now may be stopped in the middle: nobody waits for that without end.
        Ok(
            match is_done || self.has_moved(seen) || self.watch.pause(1) {
                true => Step::On,
                false => Step::Done,
            },
        )
    }

    /// Publishes a plan. Where the disk has no room for it, the index cache makes some: nothing else could before the
    /// collection has freed what it is there to free.
    fn publish(&mut self, seen: &Seen, plan: Plan) -> Result<Option<Seen>> {
        match self.store.swap_plan(seen, plan.clone()) {
            Err(error) if error.is_no_room() => {
                // A file that is still mapped keeps its room.
                self.known = None;
                self.store.clear_index_cache();
                self.store.swap_plan(seen, plan)
            }
            result => result,
        }
    }
}
