//! g7 to g9: what is final is deleted, and the plan retired.
//!
//! The packs of a final plan are needed by nobody, now or later: nobody could build on them since they were condemned, who
//! had built on them before has ended, and their names never come back. So it does no harm to delete them again, or late.

use super::plan::{Plan, Seen, Stage};
use super::{Collector, Phase, Reach, Step, object_len};
use crate::error::{Result, StoreError};
use crate::id::{PackId, SnapshotId};
use crate::layout::Object;

impl<R: Reach> Collector<'_, R> {
    /// Deletes what a final plan names.
    pub(super) fn sweep(
        &mut self,
        seen: &Seen,
        packs: &[PackId],
        forgotten: &[(SnapshotId, u64)],
    ) -> Result<Step, R::Error> {
        let Some(plan) = &seen.plan else {
            return Ok(Step::On);
        };
        self.watch
            .phase(Phase::Sweep, Some(self.file_bytes(packs)?));
        // The plan must outlast a power cut before anything that it names is gone.
        self.storage().harden_all()?;
        for &(id, at_ms) in forgotten {
            // One that was brought back in time has another name, and keeps its copy.
            let is_back = self.storage().open(Object::Snapshot(id))?.is_some();
            if !is_back {
                // The copy first: alone, it would look as if the record were lost.
                self.storage().remove(Object::Copy(id))?;
            }
            self.storage().remove(Object::Forgotten(id, at_ms))?;
            if !is_back {
                // Whoever writes it may do so only now, and have found the record there a moment ago.
                self.storage().remove(Object::Copy(id))?;
            }
            self.done.forgotten += 1;
        }
        for pack in packs {
            if self.watch.cancelled() {
                return Err(StoreError::Cancelled.into());
            }
            self.delete(*pack)?;
        }
        self.storage().harden_all()?;
        self.store.forget_packs();
        let id = plan.id;
        let stage = Stage::Retired;
        self.replace(seen, Plan { id, stage })
    }

    fn delete(&mut self, pack: PackId) -> Result<()> {
        let parity = object_len(self.storage(), Object::Parity(pack))?;
        let len = object_len(self.storage(), Object::Pack(pack))? + parity;
        // Parity first: then none is left without its pack.
        self.storage().remove(Object::Parity(pack))?;
        self.storage().remove(Object::Pack(pack))?;
        self.done.freed_bytes += len;
        self.done.packs += u64::from(len > 0);
        self.watch.advance(len);
        Ok(())
    }
}
