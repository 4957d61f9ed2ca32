//! Which snapshots a policy keeps: a pure function of records, policy and time. Deciding, asking and doing are apart, so that
//! a dry run, a page and a test look at the same verdicts.
//!
//! Snapshots are judged in groups of one host and the same sources, newest first, in the order of their numbers: the clock
//! orders nothing. Where a group's times cannot be right (one is in the future, or they do not ascend with the numbers), every
//! rule by time is suspended for it and nothing of it is dropped by a policy that has one (F-22).
//!
//! What a restore saved before it wrote over it is not a backup that anybody meant to keep as one, and may be the very damage
//! that was restored from: where there is anything else, no rule by count or time counts it or keeps it. A pin does, or a rule
//! by tag.

use std::collections::{BTreeMap, HashSet};
use std::num::NonZeroU32;
use std::time::Duration;

use chrono::{DateTime, FixedOffset, TimeDelta, Utc};
use lifeboat_store::SnapshotId;
use serde_bytes::ByteBuf;

use crate::record::Snapshot;

pub use period::Period;
pub use plan::{Forget, ForgetPlan, Rule, Which};

mod period;
mod plan;
#[cfg(test)]
mod tests;

/// What is to stay. A snapshot stays if any rule keeps it; a policy without a rule keeps everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policy {
    /// So many of the newest.
    pub last: Option<NonZeroU32>,
    /// The newest of each of so many hours in which there are snapshots, newest hours first.
    pub hourly: Option<NonZeroU32>,
    /// The same of days, in the local time of the snapshots' machine.
    pub daily: Option<NonZeroU32>,
    /// The same of weeks, which begin on Monday.
    pub weekly: Option<NonZeroU32>,
    /// The same of months.
    pub monthly: Option<NonZeroU32>,
    /// The same of years.
    pub yearly: Option<NonZeroU32>,
    /// All that are at most so much older than the group's newest.
    pub within: Option<Duration>,
    /// All that have one of these tags.
    pub tags: Vec<String>,
}

impl Policy {
    /// Whether there is no rule.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    fn has_times(&self) -> bool {
        self.within.is_some() || self.periods().iter().any(|(_, count)| count.is_some())
    }

    fn periods(&self) -> [(Period, Option<NonZeroU32>); 5] {
        [
            (Period::Hour, self.hourly),
            (Period::Day, self.daily),
            (Period::Week, self.weekly),
            (Period::Month, self.monthly),
            (Period::Year, self.yearly),
        ]
    }
}

/// Why a snapshot stays or goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// It is one of the newest; from 1 on.
    Last(u32),
    /// It is the newest of this period.
    Period(Period, String),
    /// It is young enough.
    Within,
    /// It has this tag.
    Tag(String),
    /// It is pinned.
    Pinned,
    /// The times of its group cannot be right.
    Clock,
    /// It is the last of its group that lacks nothing.
    LastWhole,
    /// There is no rule for it.
    NoRule,
    /// It goes: no rule keeps it.
    Unkept,
    /// It goes: it was named.
    Asked,
}

/// What is decided of one snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The snapshot.
    pub snapshot: Snapshot,
    /// Whether it stays.
    pub keep: bool,
    /// Why; never empty.
    pub reasons: Vec<Reason>,
}

/// What is wrong with the times of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Suspicion {
    /// This snapshot was taken later than now.
    Future(SnapshotId),
    /// This snapshot was taken before the one that was committed before it.
    Backwards(SnapshotId),
}

/// Snapshots of one host and the same sources.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// The machine.
    pub host: String,
    /// The sources.
    pub sources: Vec<ByteBuf>,
    /// What is decided, oldest first.
    pub verdicts: Vec<Verdict>,
    /// Why rules by time are suspended, where they are.
    pub suspicion: Option<Suspicion>,
}

/// Decides on snapshots, of which those in `pins` stay in any case; of groups in the order of host and sources.
pub fn decide(
    snapshots: &[Snapshot],
    pins: &HashSet<SnapshotId>,
    policy: &Policy,
    now: DateTime<Utc>,
) -> Vec<Group> {
    let groups = grouped(snapshots).into_iter();
    groups
        .map(|((host, sources), snapshots)| {
            let suspicion = suspicion(&snapshots, now);
            let verdicts = match suspicion {
                Some(_) if policy.has_times() => all(&snapshots, pins, &Reason::Clock),
                _ if policy.is_empty() => all(&snapshots, pins, &Reason::NoRule),
                _ => judge(&snapshots, pins, policy),
            };
            Group {
                host,
                sources,
                verdicts,
                suspicion: suspicion.filter(|_| policy.has_times()),
            }
        })
        .collect()
}

type Key = (String, Vec<ByteBuf>);

/// The snapshots by host and sources, each group oldest first.
fn grouped(snapshots: &[Snapshot]) -> BTreeMap<Key, Vec<&Snapshot>> {
    let mut groups: BTreeMap<Key, Vec<&Snapshot>> = BTreeMap::new();
    for snapshot in snapshots {
        let key = (snapshot.host.clone(), snapshot.sources.clone());
        groups.entry(key).or_default().push(snapshot);
    }
    for group in groups.values_mut() {
        group.sort_by_key(|snapshot| snapshot.order());
    }
    groups
}

/// What cannot be, in the order of the numbers: a time to come, or one that ended before an earlier one began. (Of two
/// backups at once the one that began first may be committed last.)
fn suspicion(snapshots: &[&Snapshot], now: DateTime<Utc>) -> Option<Suspicion> {
    let mut latest = i64::MIN;
    for snapshot in snapshots {
        if snapshot.time_ms > now.timestamp_millis() {
            return Some(Suspicion::Future(snapshot.id));
        }
        let took = i64::try_from(snapshot.duration_ms).unwrap_or(i64::MAX);
        if snapshot.time_ms.saturating_add(took) < latest {
            return Some(Suspicion::Backwards(snapshot.id));
        }
        latest = latest.max(snapshot.time_ms);
    }
    None
}

fn all(snapshots: &[&Snapshot], pins: &HashSet<SnapshotId>, reason: &Reason) -> Vec<Verdict> {
    let verdict = |snapshot: &&Snapshot| {
        let pinned = pins.contains(&snapshot.id).then_some(Reason::Pinned);
        Verdict {
            snapshot: (*snapshot).clone(),
            keep: true,
            reasons: pinned.into_iter().chain([reason.clone()]).collect(),
        }
    };
    snapshots.iter().map(verdict).collect()
}

/// Goes from the newest to the oldest and asks each rule.
fn judge(snapshots: &[&Snapshot], pins: &HashSet<SnapshotId>, policy: &Policy) -> Vec<Verdict> {
    let mut rules = Rules::new(policy, snapshots);
    let mut verdicts: Vec<Verdict> = snapshots
        .iter()
        .rev()
        .map(|snapshot| {
            let mut reasons = rules.keep(snapshot);
            if pins.contains(&snapshot.id) {
                reasons.insert(0, Reason::Pinned);
            }
            let keep = !reasons.is_empty();
            if !keep {
                reasons.push(Reason::Unkept);
            }
            Verdict {
                snapshot: (*snapshot).clone(),
                keep,
                reasons,
            }
        })
        .collect();
    verdicts.reverse();
    verdicts
}

/// Whether there is anything but what restores have saved.
fn has_others(snapshots: &[&Snapshot]) -> bool {
    !snapshots.iter().all(|snapshot| snapshot.is_safety())
}

/// How far the rules have come on their way back in time.
struct Rules<'p> {
    policy: &'p Policy,
    newest: Option<DateTime<FixedOffset>>,
    has_others: bool,
    seen: u32,
    /// The periods of each sort that have their snapshot.
    periods: [HashSet<String>; 5],
}

impl<'p> Rules<'p> {
    fn new(policy: &'p Policy, snapshots: &[&Snapshot]) -> Self {
        let has_others = has_others(snapshots);
        let counts = |snapshot: &&&Snapshot| !has_others || !snapshot.is_safety();
        let newest = snapshots.iter().rfind(counts);
        Self {
            policy,
            newest: newest.map(|newest| newest.time()),
            has_others,
            seen: 0,
            periods: Default::default(),
        }
    }

    /// The rules that keep the next older snapshot.
    fn keep(&mut self, snapshot: &Snapshot) -> Vec<Reason> {
        let has = |tag: &&String| snapshot.tags.contains(tag);
        let tags = self.policy.tags.iter().filter(has).cloned();
        let mut reasons = match self.has_others && snapshot.is_safety() {
            true => Vec::new(),
            false => self.keep_in_turn(snapshot),
        };
        reasons.extend(tags.map(Reason::Tag));
        reasons
    }

    /// The rules by count and time.
    fn keep_in_turn(&mut self, snapshot: &Snapshot) -> Vec<Reason> {
        let mut reasons = Vec::new();
        self.seen = self.seen.saturating_add(1);
        if self.policy.last.is_some_and(|last| self.seen <= last.get()) {
            reasons.push(Reason::Last(self.seen));
        }
        let rules = self.policy.periods().into_iter().zip(&mut self.periods);
        for ((period, count), taken) in rules {
            let is_open = count.is_some_and(|count| taken.len() < count.get() as usize);
            if !is_open {
                continue;
            }
            let name = period.of(snapshot.time());
            if taken.insert(name.clone()) {
                reasons.push(Reason::Period(period, name));
            }
        }
        let age = self.newest.map(|newest| newest - snapshot.time());
        if let (Some(within), Some(age)) = (self.policy.within, age)
            && age <= TimeDelta::from_std(within).unwrap_or(TimeDelta::MAX)
        {
            reasons.push(Reason::Within);
        }
        reasons
    }
}
