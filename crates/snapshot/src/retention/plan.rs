//! What is to be forgotten, decided and held against what must not be: nothing is done here.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use lifeboat_store::SnapshotId;
use serde_bytes::ByteBuf;

use super::{Group, Policy, Reason, Verdict, decide, grouped, has_others};
use crate::error::{Result, SnapshotError};
use crate::filter::Filter;
use crate::path::escape;
use crate::record::Snapshot;
use crate::repository::{Listing, Repository};

type Now = DateTime<Utc>;

/// Which snapshots are judged.
#[derive(Debug, Clone)]
pub enum Which {
    /// These, which all go. One whose record cannot be read goes with [`Forget::force`] only.
    Named(Vec<SnapshotId>),
    /// Those that the filter admits: all of them go, or those that the policy does not keep.
    Matching(Filter),
    /// Those of this host and exactly these sources.
    Of(String, Vec<ByteBuf>),
}

/// What stays of those that are judged.
pub enum Rule<'a> {
    /// Nothing but what is pinned.
    Go,
    /// What the policy keeps.
    Keep(Policy),
    /// What the policy keeps that holds for these sources.
    KeepBy(&'a dyn Fn(&[ByteBuf]) -> Policy),
}

/// What is asked for.
pub struct Forget<'a> {
    /// Which snapshots are judged.
    pub which: Which,
    /// What stays of them.
    pub rule: Rule<'a>,
    /// Let go of the last snapshot of a group, and of its last healthy one.
    pub force: bool,
}

impl Forget<'_> {
    fn admits(&self, snapshot: &Snapshot) -> bool {
        match &self.which {
            Which::Named(ids) => ids.contains(&snapshot.id),
            Which::Matching(filter) => filter.admits(snapshot),
            Which::Of(host, sources) => snapshot.host == *host && snapshot.sources == *sources,
        }
    }

    /// What is decided of a group's snapshots before anything is held against it.
    fn judge(&self, judged: &[Snapshot], pins: &HashSet<SnapshotId>, now: Now) -> Vec<Group> {
        let policy = match (&self.rule, judged.first()) {
            (Rule::Keep(policy), _) => policy.clone(),
            (Rule::KeepBy(policy), Some(one)) => policy(&one.sources),
            _ => Policy::default(),
        };
        let mut groups = decide(judged, pins, &policy, now);
        if matches!(self.rule, Rule::Go) {
            let verdicts = groups.iter_mut().flat_map(|group| &mut group.verdicts);
            for verdict in verdicts.filter(|verdict| !pins.contains(&verdict.snapshot.id)) {
                verdict.keep = false;
                verdict.reasons = vec![Reason::Asked];
            }
        }
        groups
    }
}

/// What would be forgotten, and why everything else would not.
#[derive(Debug, Default)]
pub struct ForgetPlan {
    /// All that was judged.
    pub groups: Vec<Group>,
    /// Records that were named and cannot be read.
    pub unreadable: Vec<SnapshotId>,
}

impl ForgetPlan {
    /// All verdicts.
    pub fn verdicts(&self) -> impl Iterator<Item = &Verdict> {
        self.groups.iter().flat_map(|group| &group.verdicts)
    }

    /// The snapshots that go.
    pub fn goes(&self) -> Vec<SnapshotId> {
        let goes = self.verdicts().filter(|verdict| !verdict.keep);
        let goes = goes.map(|verdict| verdict.snapshot.id);
        goes.chain(self.unreadable.iter().copied()).collect()
    }
}

impl Repository {
    /// Decides what is to be forgotten.
    ///
    /// # Errors
    /// Without `force`: [`SnapshotError::WouldForgetAll`] where nothing of a group would stay,
    /// [`SnapshotError::LastWhole`] where the last snapshot that lacks nothing was named (a policy keeps it instead).
    /// [`SnapshotError::Pinned`] where one was named that is pinned. Else where records or pins cannot be listed.
    pub fn plan_forget(&self, what: &Forget<'_>) -> Result<ForgetPlan> {
        let listing = self.snapshots()?;
        let pins = self.pins()?;
        let mut plan = ForgetPlan::default();
        if let Which::Named(ids) = &what.which {
            plan.unreadable = unreadable(ids, &listing, what.force)?;
            if let Some(&id) = ids.iter().find(|id| pins.contains(id)) {
                return Err(SnapshotError::Pinned { id });
            }
        }
        let now = self.clock().now();
        for (_, all) in grouped(&listing.snapshots) {
            let admitted = all.iter().filter(|snapshot| what.admits(snapshot));
            let judged: Vec<Snapshot> = admitted.map(|snapshot| (*snapshot).clone()).collect();
            for mut group in what.judge(&judged, &pins, now) {
                if !what.force {
                    self.spare(what, &all, &mut group)?;
                }
                plan.groups.push(group);
            }
        }
        Ok(plan)
    }

    /// Forgets what the plan says.
    ///
    /// # Errors
    /// As [`forget`](Self::forget).
    pub fn forget_planned(&self, plan: &ForgetPlan) -> Result<Vec<SnapshotId>> {
        match plan.goes() {
            none if none.is_empty() => Ok(none),
            goes => self.forget(&goes),
        }
    }

    /// Sees to it that something of a group stays, and something healthy if there was any.
    fn spare(&self, what: &Forget<'_>, all: &[&Snapshot], group: &mut Group) -> Result<()> {
        let goes: HashSet<SnapshotId> = group
            .verdicts
            .iter()
            .filter(|verdict| !verdict.keep)
            .map(|verdict| verdict.snapshot.id)
            .collect();
        let (lost, left): (Vec<&Snapshot>, Vec<&Snapshot>) =
            all.iter().partition(|snapshot| goes.contains(&snapshot.id));
        if left.is_empty() || lost.is_empty() {
            return match lost.first() {
                None => Ok(()),
                Some(one) => Err(forgets_all(one, lost.len())),
            };
        }
        let Some(last) = self.last_whole(&lost, &left, has_others(all)) else {
            return Ok(());
        };
        if matches!(what.rule, Rule::Go) {
            return Err(SnapshotError::LastWhole { id: last.id });
        }
        let verdict = group.verdicts.iter_mut();
        for verdict in verdict.filter(|verdict| verdict.snapshot.id == last.id) {
            verdict.keep = true;
            verdict.reasons = vec![Reason::LastWhole];
        }
        Ok(())
    }

    /// The one of the lost that must stay, so that one with everything does. What a restore saved may be the very damage that
    /// was restored from, in a file that is whole: it takes the place of no backup.
    fn last_whole<'s>(
        &self,
        lost: &[&'s Snapshot],
        left: &[&Snapshot],
        has_others: bool,
    ) -> Option<&'s Snapshot> {
        // Manifests are read one by one, likely ones first: as a rule the first settles it.
        let counts = |one: &&&Snapshot| !has_others || !one.is_safety();
        if left
            .iter()
            .rev()
            .filter(counts)
            .any(|one| self.has_everything(one))
        {
            return None;
        }
        let backups = lost.iter().rev().filter(|one| counts(one));
        if let Some(last) = backups.copied().find(|one| self.has_everything(one)) {
            return Some(last);
        }
        if left.iter().rev().any(|one| self.has_everything(one)) {
            return None;
        }
        let mut lost = lost.iter().rev().copied();
        lost.find(|one| self.has_everything(one))
    }

    fn has_everything(&self, snapshot: &Snapshot) -> bool {
        self.flaws(snapshot)
            .is_ok_and(|flaws| flaws.has_everything())
    }
}

/// Those of the names whose records cannot be read; they are let go only where that is insisted on.
fn unreadable(ids: &[SnapshotId], listing: &Listing, force: bool) -> Result<Vec<SnapshotId>> {
    let good: HashSet<SnapshotId> = listing.snapshots.iter().map(|one| one.id).collect();
    let mut found = Vec::new();
    for id in ids.iter().filter(|id| !good.contains(id)) {
        let is_there = listing.damaged.iter().any(|(damaged, _)| damaged == id);
        if !is_there || !force {
            let name = id.to_string();
            return Err(SnapshotError::SnapshotUnknown { name });
        }
        found.push(*id);
    }
    Ok(found)
}

fn forgets_all(one: &Snapshot, count: usize) -> SnapshotError {
    let sources: Vec<String> = one.sources.iter().map(|source| escape(source)).collect();
    SnapshotError::WouldForgetAll {
        host: one.host.clone(),
        sources: sources.join(", "),
        count,
    }
}
