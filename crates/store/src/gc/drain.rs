//! g3 to g6: the sessions that may not have seen the plan end, and what is then needed is spared.

use std::collections::{BTreeSet, HashSet};
use std::sync::{Mutex, PoisonError};

use super::bits::Bits;
use super::keep::Unwanted;
use super::plan::{MAX_RECORDS, Plan, Seen, Stage};
use super::{Collector, Marks, Phase, Reach, Step, keep};
use crate::error::{Result, StoreError};
use crate::id::{PackId, SnapshotId};
use crate::layout::{Folder, Object};
use crate::mutant::{self, Mutant};
use crate::storage::Storage;

impl<R: Reach> Collector<'_, R> {
    /// Goes on with an open plan, be it one's own or another's.
    pub(super) fn drain(&mut self, seen: &Seen) -> Result<Step, R::Error> {
        let Some(plan) = &seen.plan else {
            return Ok(Step::On);
        };
        let Stage::Open {
            packs,
            forgotten,
            waits,
        } = &plan.stage
        else {
            return Ok(Step::On);
        };
        let Some(waits) = waits else {
            return self.list_sessions(seen, plan);
        };
        if !self.wait(waits)? {
            self.done.pending_bytes = self.file_bytes(packs)?;
            return Ok(Step::Done);
        }
        // Somebody may have pinned one meanwhile.
        let forgotten = self.given_up(forgotten)?;
        let packs = match mutant::is(Mutant::MarksOnce) {
            true => packs.clone(),
            false => self.unneeded(packs, &forgotten)?,
        };
        let stage = Stage::Final { packs, forgotten };
        let id = plan.id;
        self.replace(seen, Plan { id, stage })
    }

    /// g3: which sessions were there when the plan was. Whoever registers later reads the plan after that, and sees it.
    /// Written down, so that a collector that goes on with the plan does not wait for those that came since.
    fn list_sessions(&mut self, seen: &Seen, plan: &Plan) -> Result<Step, R::Error> {
        let Stage::Open {
            packs, forgotten, ..
        } = plan.stage.clone()
        else {
            return Ok(Step::On);
        };
        let mut living = living(self.storage(), |_| true)?;
        living.sort_unstable();
        if living.len() > MAX_RECORDS {
            self.done.sessions = living.len();
            return Ok(Step::Done);
        }
        let stage = Stage::Open {
            packs,
            forgotten,
            waits: Some(living),
        };
        let id = plan.id;
        self.replace(seen, Plan { id, stage })
    }

    /// g4: whether all of these sessions have ended; the dead ones are given up.
    fn wait(&mut self, waits: &[SnapshotId]) -> Result<bool, R::Error> {
        if mutant::is(Mutant::WaitsForNobody) {
            return Ok(true);
        }
        let waits: HashSet<SnapshotId> = waits.iter().copied().collect();
        let mut is_told = false;
        loop {
            let living = living(self.storage(), |id| waits.contains(id))?.len();
            self.done.sessions = living;
            if living == 0 {
                return Ok(true);
            }
            if self.watch.cancelled() {
                return Err(StoreError::Cancelled.into());
            }
            if !std::mem::replace(&mut is_told, true) {
                self.watch.phase(Phase::Wait, None);
            }
            if !self.watch.pause(living) {
                return Ok(false);
            }
        }
    }

    /// g5: those of the condemned packs that nothing needs.
    fn unneeded(
        &mut self,
        condemned: &[PackId],
        forgotten: &[(SnapshotId, u64)],
    ) -> Result<Vec<PackId>, R::Error> {
        // What is seen from here on outlasts a power cut, a forgotten snapshot's new name included: otherwise a snapshot
        // could come back whose packs do not.
        self.storage().harden_all()?;
        let store = self.store;
        // What is read good from here on is read from the disk: this process may have waited for hours.
        store.forget_packs();
        let mut bad = std::mem::take(&mut self.bad);
        let marks = self.mark(forgotten)?;
        let is_condemned: BTreeSet<&PackId> = condemned.iter().collect();
        let free = loop {
            let kept = keep::choose(marks, &Unwanted::new(marks, condemned, &bad))?;
            let mut free = marks.table.packs.free();
            free.retain(|pack| is_condemned.contains(pack));
            let found = unreadable(store, marks, &kept, &free)?;
            if found.is_empty() {
                break free;
            }
            for (place, error) in found {
                // There is none better: the chunk is lost, and nothing is deleted where that is so.
                if !bad.insert(place) {
                    return Err(error.into());
                }
            }
        };
        self.bad = bad;
        Ok(free)
    }
}

/// The sessions that are at work, of those that are wanted; dead ones are evicted.
pub(super) fn living(
    storage: &dyn Storage,
    is_wanted: impl Fn(&SnapshotId) -> bool,
) -> Result<Vec<SnapshotId>> {
    let mut living = Vec::new();
    for object in storage.list(Folder::Snapshots)? {
        if let Object::Pending(id) = object
            && is_wanted(&id)
            && !storage.evict(id)?
        {
            living.push(id);
        }
    }
    Ok(living)
}

/// The copies that would be kept in favour of those in packs that go, and that do not give their chunk. A copy that goes
/// may be the last good one: before it does, the one that stays is read.
fn unreadable(
    store: &crate::store::Store,
    marks: &Marks,
    kept: &Bits,
    free: &[PackId],
) -> Result<Vec<((PackId, u64), StoreError)>> {
    let index = store.index()?;
    let free: HashSet<u32> = marks.table.packs.numbers(free).collect();
    let bad = Mutex::new(Vec::new());
    keep::in_favour_of(marks, kept, &free, |copy| {
        match store.read_copy(&index, &copy.at) {
            Ok(_) => Ok(()),
            Err(error) if error.is_damage() => {
                let mut bad = bad.lock().unwrap_or_else(PoisonError::into_inner);
                bad.push((copy.at.place(), error));
                Ok(())
            }
            Err(error) => Err(error),
        }
    })?;
    Ok(bad.into_inner().unwrap_or_else(PoisonError::into_inner))
}
