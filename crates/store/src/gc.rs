//! Collecting garbage: packs that no record leads to are found and deleted, beside backups, readers and other collectors.
//!
//! The protocol and its invariants are those of `docs/format.md`, "Collection". In short: find the packs that nothing
//! needs and *condemn* them in the plan (g1, g2); then list the sessions that may not have seen the plan and wait until
//! each has ended (g3, g4); find out again what is needed (g5); make what is left of the condemned *final* (g6); delete it
//! (g7, g8) and *retire* the plan (g9). Each step begins from the plan as it is now, so that any collector goes on where
//! another died, and one that comes late finds that the plan has moved and does nothing. No clock takes part.
//!
//! What leads where is the business of the crate above ([`Reach`]); how long to wait is its caller's ([`Watch`]).

use std::collections::{BTreeSet, HashSet};

use crate::error::{IoContext, Result, StoreError};
use crate::id::{PackId, SnapshotId};
use crate::index::Index;
use crate::layout::{Folder, Object};
use crate::storage::Storage;
use crate::store::{Forgotten, Store};

use plan::{Seen, Stage};

pub use marks::Marks;
pub use terms::{Collect, Collected, Phase, Reach, Root, Watch};

mod bits;
mod clean;
mod condemn;
mod drain;
mod keep;
mod marks;
mod packs;
pub(crate) mod plan;
mod repack;
#[cfg(feature = "testing")]
pub mod sample;
mod sweep;
mod table;
mod terms;
mod victims;

/// Listings that are made for two that agree.
const MAX_LISTINGS: usize = 1000;

impl Store {
    /// Deletes what no record leads to.
    ///
    /// # Errors
    /// Where anything cannot be read, listed or deleted. Whatever is left is for the next collection.
    pub fn collect<R: Reach>(
        &self,
        options: Collect,
        reach: &R,
        watch: &dyn Watch,
    ) -> Result<Collected, R::Error> {
        Collector {
            store: self,
            options,
            reach,
            watch,
            known: None,
            bad: HashSet::new(),
            emptied: None,
            done: Collected::default(),
        }
        .run()
    }
}

/// How a step ended.
enum Step {
    /// Look at the plan again.
    On,
    /// Nothing is left to do.
    Done,
}

/// One run.
struct Collector<'s, R> {
    store: &'s Store,
    options: Collect,
    reach: &'s R,
    watch: &'s dyn Watch,
    known: Option<Known>,
    /// Copies that were read and do not give their chunk, each by its place.
    bad: HashSet<(PackId, u64)>,
    /// Packs that were emptied, once that was done.
    emptied: Option<Vec<PackId>>,
    done: Collected,
}

/// What is known of what is needed.
struct Known {
    marks: Marks,
    /// The records that were walked.
    roots: BTreeSet<Root>,
}

impl<R: Reach> Collector<'_, R> {
    fn run(mut self) -> Result<Collected, R::Error> {
        let before = clean::Before::look(self.store)?;
        loop {
            if self.watch.cancelled() {
                return Err(StoreError::Cancelled.into());
            }
            self.store.check_collectable()?;
            let seen = plan::read(self.storage())?;
            match self.step(&seen) {
                Ok(Step::On) => {}
                Ok(Step::Done) => break,
                // What another collector deleted meanwhile is no damage.
                // Yet nothing that was looked at stands for what is there now.
                Err(_) if !self.watch.cancelled() && self.has_moved(&seen) => self.known = None,
                Err(error) => return Err(error),
            }
        }
        if !self.options.dry_run {
            self.done.freed_bytes += before.clean(self.store, self.known.is_some())?;
            self.tidy_cache();
        }
        Ok(self.done)
    }

    /// The cache need not tell of what was deleted.
    fn tidy_cache(&mut self) {
        // A file that is still mapped keeps its room.
        self.known = None;
        if self.done.packs > 0
            && let Some(cache) = self.store.cache()
            && let Ok(index) = self.store.index()
        {
            index.tidy(cache);
            drop(index);
            self.store.forget_index();
        }
    }

    /// What comes next, given the plan as it is.
    fn step(&mut self, seen: &Seen) -> Result<Step, R::Error> {
        let stage = seen.plan.as_ref().map(|plan| &plan.stage);
        match stage {
            _ if self.options.dry_run => self.rehearse(),
            Some(Stage::Open { .. }) => self.drain(seen),
            Some(Stage::Final { packs, forgotten }) => self.sweep(seen, packs, forgotten),
            Some(Stage::Retired) | None => self.condemn(seen),
        }
    }

    fn storage(&self) -> &dyn Storage {
        self.store.storage()
    }

    fn has_moved(&self, seen: &Seen) -> bool {
        plan::read(self.storage()).is_ok_and(|now| now != *seen)
    }

    /// Marks what the records lead to, but for those that are forgotten for good.
    fn mark(&mut self, forgotten: &[(SnapshotId, u64)]) -> Result<&Marks, R::Error> {
        self.watch.phase(Phase::Mark, None);
        // Records before packs (I1): what a record leads to was there before the record.
        // And copies before records: a record is there before its copy is.
        let copies = self.store.copies()?;
        let mut roots = self.records()?;
        self.check_copies(&copies, &roots)?;
        for &(id, at_ms) in forgotten {
            roots.remove(&Root::Forgotten(Forgotten { id, at_ms }));
        }
        let index = self.index()?;
        let known = match self.known.take() {
            // What was needed by a record that is gone is marked for ever: then better anew.
            Some(mut known) if known.roots.is_subset(&roots) => {
                known.marks.renew(&index)?;
                known
            }
            _ => Known {
                marks: Marks::new(&index),
                roots: BTreeSet::new(),
            },
        };
        let new: Vec<Root> = roots.difference(&known.roots).copied().collect();
        self.reach.mark(&new, &known.marks)?;
        known.marks.finish()?;
        let marks = known.marks;
        Ok(&self.known.insert(Known { marks, roots }).marks)
    }

    /// A record that is lost with its name leads to something all the same, which its copy tells.
    fn check_copies(&self, copies: &[SnapshotId], roots: &BTreeSet<Root>) -> Result<()> {
        let there: HashSet<SnapshotId> = roots.iter().map(|root| root.id()).collect();
        if copies.iter().all(|id| there.contains(id)) {
            return Ok(());
        }
        match self.store.lone_copies()?.first() {
            None => Ok(()),
            Some(lost) => Err(StoreError::RecordLost {
                object: self.store.locate_record(*lost),
                copy: self.store.locate_copy(*lost),
            }),
        }
    }

    /// Those of these forgotten records that nobody will ask for again.
    fn given_up(
        &self,
        forgotten: &[(SnapshotId, u64)],
    ) -> Result<Vec<(SnapshotId, u64)>, R::Error> {
        let forgotten = forgotten.iter().map(|&(id, at_ms)| Forgotten { id, at_ms });
        let expired = self.reach.expired(&forgotten.collect::<Vec<_>>())?;
        Ok(expired.iter().map(|old| (old.id, old.at_ms)).collect())
    }

    /// All records that have not ended. A listing that takes several calls may miss a record that is renamed meanwhile, under
    /// its old name and its new one: so it is done until two in a row agree. What a record leads to that was missed would be
    /// deleted.
    fn records(&self) -> Result<BTreeSet<Root>> {
        let mut before = self.list_records()?;
        for _ in 0..MAX_LISTINGS {
            let now = self.list_records()?;
            if now == before {
                return Ok(now);
            }
            before = now;
        }
        Err(StoreError::Io {
            action: "list",
            path: self.storage().place().join("snapshots"),
            source: std::io::Error::other("snapshots come and go all the time"),
        })
    }

    fn list_records(&self) -> Result<BTreeSet<Root>> {
        self.storage()
            .listed(Folder::Snapshots, |object| match object {
                Object::Snapshot(id) => Some(Root::Snapshot(id)),
                Object::Forgotten(id, at_ms) => Some(Root::Forgotten(Forgotten { id, at_ms })),
                _ => None,
            })
    }

    /// The index as of now. A pack that cannot be read may hold anything.
    fn index(&self) -> Result<std::sync::Arc<Index>> {
        let index = self.store.load_whole_index()?;
        match index.unreadable() {
            Some(error) => Err(error),
            None => Ok(index),
        }
    }

    /// Bytes of packs and their parity, as files.
    fn file_bytes(&self, packs: &[PackId]) -> Result<u64> {
        let both = packs
            .iter()
            .flat_map(|&pack| [Object::Pack(pack), Object::Parity(pack)]);
        both.map(|object| object_len(self.storage(), object)).sum()
    }
}

/// The length of an object; 0 of one that is gone.
fn object_len(storage: &dyn Storage, object: Object) -> Result<u64> {
    match storage.open(object)? {
        None => Ok(0),
        Some(file) => file.len().context("read", || storage.locate(object)),
    }
}
