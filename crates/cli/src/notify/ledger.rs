//! What was told already: the same trouble is told once and then at a sensible pace, however often it is seen.
//!
//! Everything here is plain arithmetic on a time that is given. Where the clock jumps, too much is told rather than too little.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::condition::{Condition, Trouble};

/// Most messages about one matter in an hour.
const BURST: usize = 6;

/// Most troubles of one matter that are told from each other.
const MARKS: usize = 16;

/// Most matters that are remembered.
const MATTERS: usize = 500;

/// After so long a matter that nobody looked at is forgotten.
const FORGET: TimeDelta = TimeDelta::days(90);

/// All matters with which all was not well lately.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Ledger {
    matters: BTreeMap<String, Matter>,
}

/// What was told of one matter.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct Matter {
    /// Since when all is not well; `None` where it is.
    since: Option<DateTime<Utc>>,
    seen: DateTime<Utc>,
    /// How often it was not.
    times: u64,
    /// Which troubles were told since then, and when last.
    told: BTreeMap<String, DateTime<Utc>>,
    /// The last messages of all.
    messages: Vec<DateTime<Utc>>,
}

/// What is to be told of a condition.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum News {
    /// Nothing.
    Nothing,
    /// There is trouble; how often it was seen, and since when.
    Trouble { since: DateTime<Utc>, times: u64 },
    /// All is well again after trouble that was told.
    Recovery { since: DateTime<Utc>, times: u64 },
}

impl Ledger {
    /// Takes notice of a condition.
    pub(crate) fn note(
        &mut self,
        condition: &Condition,
        remind: Duration,
        now: DateTime<Utc>,
    ) -> News {
        match &condition.trouble {
            Some(trouble) => {
                let matter = self.matters.entry(condition.key.clone()).or_default();
                matter.trouble(trouble, remind, now)
            }
            None => {
                let matter = self.matters.get_mut(&condition.key);
                matter.map_or(News::Nothing, |matter| matter.recovered(now))
            }
        }
    }

    /// Whether there is trouble in this matter, by what was seen last.
    pub(crate) fn is_in_trouble(&self, key: &str) -> bool {
        let matter = self.matters.get(key);
        matter.is_some_and(|matter| matter.since.is_some())
    }

    /// Whether there is trouble in a matter of this kind that was told.
    pub(crate) fn is_any_in_trouble(&self, kind: &str) -> bool {
        let is_of = |key: &str| key.split(' ').next() == Some(kind);
        let mut matters = self.matters.iter();
        matters.any(|(key, matter)| is_of(key) && matter.since.is_some() && !matter.told.is_empty())
    }

    /// Lets go of what nobody asks for any more.
    pub(crate) fn tidy(&mut self, now: DateTime<Utc>) {
        self.matters.retain(|_, matter| {
            let is_recent = apart(now, matter.seen) < FORGET;
            let is_quiet = matter.since.is_none() && matter.lately(now) == 0;
            is_recent && !is_quiet
        });
        while self.matters.len() > MATTERS {
            let oldest = self.matters.iter().min_by_key(|(_, matter)| matter.seen);
            let Some(key) = oldest.map(|(key, _)| key.clone()) else {
                return;
            };
            self.matters.remove(&key);
        }
    }
}

impl Matter {
    fn trouble(&mut self, trouble: &Trouble, remind: Duration, now: DateTime<Utc>) -> News {
        let since = *self.since.get_or_insert(now);
        self.times = self.times.saturating_add(1);
        self.seen = now;
        let remind = TimeDelta::from_std(remind).unwrap_or(TimeDelta::MAX);
        let is_new = !self.told.contains_key(&trouble.mark) && self.told.len() < MARKS;
        let last = self.told.values().max();
        let is_due = last.is_none_or(|last| apart(now, *last) >= remind);
        if !(is_new || is_due) || self.is_busy(now) {
            return News::Nothing;
        }
        self.told.insert(trouble.mark.clone(), now);
        self.count(now);
        News::Trouble {
            since,
            times: self.times,
        }
    }

    fn recovered(&mut self, now: DateTime<Utc>) -> News {
        let (since, times) = (self.since.take(), std::mem::take(&mut self.times));
        self.seen = now;
        let was_told = !std::mem::take(&mut self.told).is_empty();
        match since {
            Some(since) if was_told => {
                self.count(now);
                News::Recovery { since, times }
            }
            _ => News::Nothing,
        }
    }

    /// Whether so much was told in the last hour that more would only be noise.
    fn is_busy(&self, now: DateTime<Utc>) -> bool {
        self.lately(now) >= BURST
    }

    /// How many messages there were in the last hour.
    fn lately(&self, now: DateTime<Utc>) -> usize {
        let is_late = |at: &&DateTime<Utc>| apart(now, **at) < TimeDelta::hours(1);
        self.messages.iter().filter(is_late).count()
    }

    fn count(&mut self, now: DateTime<Utc>) {
        self.messages.push(now);
        let over = self.messages.len().saturating_sub(BURST);
        self.messages.drain(..over);
    }
}

/// How far two times are apart, whichever comes first: a clock that went back must not silence anything for long.
fn apart(one: DateTime<Utc>, other: DateTime<Utc>) -> TimeDelta {
    one.signed_duration_since(other).abs()
}

#[cfg(test)]
mod tests;
