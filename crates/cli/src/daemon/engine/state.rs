//! A job and where it stands: when it is due next, by its rule and by how it went.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::super::timing::{Rule, jitter};
use super::{Ended, Moment, Past, Plan};

/// The first pause before a failed run is tried again; it doubles with each failure.
const RETRY: Duration = Duration::from_secs(60);

/// The longest pause before a failed run is tried again.
const LONGEST_RETRY: Duration = Duration::from_secs(3600);

/// How long upkeep waits for a moment without a backup before it starts beside one.
pub(super) const PATIENCE: Duration = Duration::from_secs(3600);

/// A job and where it stands.
#[derive(Debug)]
pub(super) struct State {
    pub(super) plan: Plan,
    /// Since when it runs.
    pub(super) running: Option<Moment>,
    /// Due at this time of the day.
    slot: Option<DateTime<Utc>>,
    /// Due at this moment.
    at: Option<Duration>,
    /// Since when it could run.
    pub(super) ready: Option<Duration>,
    /// The interval at the moment, between the bounds of the rule.
    interval: Duration,
    /// When the last run was over that is known, by the time of day.
    pub(super) over: Option<DateTime<Utc>>,
    /// How often in a row it failed.
    pub(super) failures: u32,
    /// Runs so far, for the jitter.
    pub(super) runs: u64,
    /// No longer wanted when it ends.
    pub(super) is_gone: bool,
    /// It runs, and nobody waits for it any more.
    pub(super) is_given_up: bool,
}

impl State {
    pub(super) fn new(plan: Plan, seed: u64, past: Past, now: Moment) -> Self {
        let interval = match &plan.timing.rule {
            Rule::Every { least, .. } => *least,
            Rule::Calendar(_) => Duration::ZERO,
        };
        let mut state = Self {
            plan,
            running: None,
            slot: None,
            at: None,
            ready: None,
            interval,
            over: past.last_good,
            failures: 0,
            runs: 0,
            is_gone: false,
            is_given_up: false,
        };
        state.begin(past, seed, now);
        state
    }

    /// In the place of one of the same name: what that does and how it went is its own.
    pub(super) fn after(self, known: &Self) -> Self {
        Self {
            running: known.running,
            is_given_up: known.is_given_up,
            failures: known.failures,
            runs: known.runs,
            ..self
        }
    }

    /// Still there, or again.
    pub(super) fn wanted(self) -> Self {
        Self {
            is_gone: false,
            ..self
        }
    }

    /// Its past, as far as it was seen.
    pub(super) fn past(&self, now: Moment) -> Past {
        Past {
            last_good: self.over,
            has_failed: self.failures > 0,
            since: now.wall,
        }
    }

    /// Due as the past wants it: at once where a run was missed, was never, or failed.
    fn begin(&mut self, past: Past, seed: u64, now: Moment) {
        let from = match (past.last_good, self.plan.is_upkeep) {
            (Some(last), _) => Some(last),
            (None, true) => Some(past.since),
            (None, false) => None,
        };
        let passed = from.map(|from| now.wall.signed_duration_since(from).to_std());
        let wait = match (&self.plan.timing.rule, passed) {
            _ if past.has_failed => Some(Duration::ZERO),
            // Never before, or in the future: a clock was wrong.
            (_, None) | (Rule::Every { .. }, Some(Err(_))) => Some(Duration::ZERO),
            (Rule::Every { .. }, Some(Ok(passed))) => Some(self.interval.saturating_sub(passed)),
            (Rule::Calendar(calendar), Some(_)) => {
                let next = from.and_then(|from| calendar.after(from));
                let is_missed = next.is_some_and(|next| next <= now.wall);
                is_missed.then_some(Duration::ZERO)
            }
        };
        self.at = wait.map(|wait| now.steady + wait + self.jitter(seed));
        self.count_anew(seed, now);
    }

    /// The next time of the day, from now on.
    fn count_anew(&mut self, seed: u64, now: Moment) {
        if let Rule::Calendar(calendar) = &self.plan.timing.rule {
            self.slot = calendar
                .after(now.wall)
                .map(|slot| slot + self.jitter(seed));
        }
    }

    /// An earlier time of the day, where there is one now.
    pub(super) fn go_back(&mut self, seed: u64, now: Moment) {
        let planned = self.slot;
        self.count_anew(seed, now);
        self.slot = planned.into_iter().chain(self.slot).min();
    }

    fn jitter(&self, seed: u64) -> Duration {
        jitter(self.plan.timing.jitter, seed, &self.plan.name, self.runs)
    }

    pub(super) fn has_time(&self) -> bool {
        self.slot.is_some() || self.at.is_some()
    }

    /// How long until it is due; as long as can be told where it is not.
    pub(super) fn wait(&self, now: Moment) -> Duration {
        let until = |slot: DateTime<Utc>| slot.signed_duration_since(now.wall).to_std();
        let slot = self.slot.map(|slot| until(slot).unwrap_or_default());
        let at = self.at.map(|at| at.saturating_sub(now.steady));
        slot.into_iter().chain(at).min().unwrap_or(Duration::MAX)
    }

    pub(super) fn has_waited(&self, now: Moment) -> bool {
        self.ready
            .is_some_and(|since| now.steady.saturating_sub(since) >= PATIENCE)
    }

    pub(super) fn ended(&mut self, how: Ended, seed: u64, now: Moment) {
        let began = self.running.take().unwrap_or(now);
        self.over = Some(now.wall);
        self.ready = None;
        self.is_given_up = false;
        self.failures = if how.is_good { 0 } else { self.failures + 1 };
        if let Some(has_changes) = how.has_changes.filter(|_| how.is_good) {
            self.adapt(has_changes);
        }
        let by_rule = match &self.plan.timing.rule {
            Rule::Every { .. } => Some(began.steady + self.interval + self.jitter(seed)),
            Rule::Calendar(_) => None,
        };
        let again = (!how.is_good).then(|| now.steady + self.pause());
        self.at = by_rule.into_iter().chain(again).min();
        self.count_anew(seed, now);
    }

    /// Another has done it since the last run that is known, and began then: its interval counts from there. Gives whether that
    /// is to be waited for. Times of the day are kept whatever others do.
    pub(super) fn postpone(&mut self, began: DateTime<Utc>, seed: u64, now: Moment) -> bool {
        let is_news = self.over.is_none_or(|over| began > over);
        let passed = now.wall.signed_duration_since(began).to_std();
        let (Rule::Every { .. }, true, Ok(passed)) = (&self.plan.timing.rule, is_news, passed)
        else {
            return false;
        };
        let wait = self.interval.saturating_sub(passed);
        if wait.is_zero() {
            return false;
        }
        self.over = Some(began);
        self.failures = 0;
        self.ready = None;
        self.at = Some(now.steady + wait + self.jitter(seed));
        true
    }

    /// Shorter after a change, longer where there was none, between the bounds.
    fn adapt(&mut self, has_changes: bool) {
        if let Rule::Every { least, most } = &self.plan.timing.rule {
            let next = match has_changes {
                true => self.interval / 2,
                false => self.interval.saturating_mul(2),
            };
            self.interval = next.clamp(*least, (*most).max(*least));
        }
    }

    /// How long to wait after so many failures.
    fn pause(&self) -> Duration {
        let doubled = 1_u32 << self.failures.saturating_sub(1).min(10);
        RETRY.saturating_mul(doubled).min(LONGEST_RETRY)
    }
}
