//! g1 and g2: what nothing needs is condemned, if there is any.

use super::bits::Bits;
use super::drain::living;
use super::plan::{MAX_PACKS, MAX_RECORDS, Plan, Seen, Stage};
use super::{Collector, Reach, Root, Step, keep};
use crate::error::Result;
use crate::id::{PackId, SnapshotId};
use crate::mutant::{self, Mutant};
use crate::store::Forgotten;

/// What could go.
struct Garbage {
    packs: Vec<PackId>,
    forgotten: Vec<(SnapshotId, u64)>,
    kept: Bits,
}

impl<R: Reach> Collector<'_, R> {
    /// Publishes a plan for what nothing needs. The plan that was seen was read before anything else, and must still be
    /// the one: so nobody has deleted anything since.
    pub(super) fn condemn(&mut self, seen: &Seen) -> Result<Step, R::Error> {
        let Garbage {
            packs,
            forgotten,
            kept,
        } = self.find_garbage()?;
        if packs.is_empty() && forgotten.is_empty() {
            if self.emptied.is_some() || self.options.max_repack == 0 {
                return Ok(Step::Done);
            }
            // Only now, when the room of what is garbage as a whole is there.
            let emptied = self.repack(&kept)?;
            self.emptied = Some(emptied);
            return Ok(Step::On);
        }
        let waits = match mutant::is(Mutant::SessionsBeforePlan) {
            true => Some(living(self.storage(), |_| true)?),
            false => None,
        };
        let stage = Stage::Open {
            packs,
            forgotten,
            waits,
        };
        let id = self.store.draw()?;
        self.replace(seen, Plan { id, stage })
    }

    /// Tells what would go.
    pub(super) fn rehearse(&mut self) -> Result<Step, R::Error> {
        let Garbage {
            packs, forgotten, ..
        } = self.find_garbage()?;
        self.done.freed_bytes = self.file_bytes(&packs)?;
        self.done.packs = packs.len() as u64;
        self.done.forgotten = forgotten.len() as u64;
        Ok(Step::Done)
    }

    fn find_garbage(&mut self) -> Result<Garbage, R::Error> {
        let mut forgotten = self.forgotten()?;
        forgotten.truncate(MAX_RECORDS);
        let (bad, emptied) = (std::mem::take(&mut self.bad), self.emptied.clone());
        let marks = self.mark(&forgotten)?;
        let emptied = emptied.as_deref().unwrap_or_default();
        let kept = keep::choose(marks, &keep::Unwanted::new(marks, emptied, &bad))?;
        let mut packs = marks.table.packs.free();
        let live_bytes = marks.table.packs.live_bytes();
        packs.truncate(MAX_PACKS);
        self.done.live_bytes = live_bytes;
        self.bad = bad;
        Ok(Garbage {
            packs,
            forgotten,
            kept,
        })
    }

    /// The forgotten snapshots that nobody will ask for again.
    fn forgotten(&self) -> Result<Vec<(SnapshotId, u64)>, R::Error> {
        let forgotten = self.records()?.into_iter().filter_map(|root| match root {
            Root::Forgotten(Forgotten { id, at_ms }) => Some((id, at_ms)),
            Root::Snapshot(_) => None,
        });
        self.given_up(&forgotten.collect::<Vec<_>>())
    }
}
