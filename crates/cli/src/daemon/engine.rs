//! Which job is to start when: a plain state machine, which knows nothing of processes, and of time what it is told.
//!
//! The hazards are clocks. Intervals are counted by a clock that never jumps and goes on during sleep; times of the day are
//! counted anew when the time of day has jumped. However many runs were missed, one makes up for them.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::timing::Timing;
use state::{PATIENCE, State};

mod state;
#[cfg(test)]
mod tests;

/// A job's name, for messages and to know it again.
pub(crate) type Name = String;

/// What is to be done again and again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) name: Name,
    pub(crate) timing: Timing,
    /// Whether it serves the repository as a whole: it waits for backups, and never runs beside another of its kind.
    pub(crate) is_upkeep: bool,
}

/// What was, as far as somebody remembers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Past {
    /// Begin of the last run that went well.
    pub(crate) last_good: Option<DateTime<Utc>>,
    /// Whether a later one did not.
    pub(crate) has_failed: bool,
    /// From when on a job counts that never ran.
    pub(crate) since: DateTime<Utc>,
}

impl Past {
    /// Of a job of which nobody knows that it ever ran.
    const fn none(now: Moment) -> Self {
        Self {
            last_good: None,
            has_failed: false,
            since: now.wall,
        }
    }
}

/// A moment, by both clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Moment {
    /// The time of day, which may jump.
    pub(crate) wall: DateTime<Utc>,
    /// Time since some moment in the past, which does not.
    pub(crate) steady: Duration,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ended {
    /// Whether it has to be tried again soon.
    pub(crate) is_good: bool,
    /// Whether there was anything new, where that is known.
    pub(crate) has_changes: Option<bool>,
}

/// A difference between the two clocks from which on the time of day has jumped. Clocks are put right by less all the time.
const JUMP: TimeDelta = TimeDelta::seconds(30);

/// All jobs.
#[derive(Debug)]
pub(crate) struct Engine {
    states: Vec<State>,
    /// How many backups may run at once.
    at_once: usize,
    /// Of the jitter.
    seed: u64,
    /// The last moment that it was told.
    last: Moment,
    /// Whether nothing may be started at the moment.
    is_barred: bool,
}

impl Engine {
    /// Of these jobs, with what is known of their past.
    pub(crate) fn new(plans: Vec<(Plan, Past)>, at_once: usize, seed: u64, now: Moment) -> Self {
        let mut engine = Self {
            states: Vec::new(),
            at_once,
            seed,
            last: now,
            is_barred: false,
        };
        engine.replace(plans, at_once, now);
        engine
    }

    /// Other jobs from now on. Those that run go on; those of the same name keep their failures.
    pub(crate) fn replace(&mut self, plans: Vec<(Plan, Past)>, at_once: usize, now: Moment) {
        let plans = plans.into_iter().map(|(plan, past)| (plan, Some(past)));
        self.exchange(plans, at_once, now);
    }

    /// The same where nobody can tell of the past: what is known of jobs that were there before is not forgotten by that.
    pub(crate) fn replace_blindly(&mut self, plans: Vec<Plan>, at_once: usize, now: Moment) {
        let plans = plans.into_iter().map(|plan| (plan, None));
        self.exchange(plans, at_once, now);
    }

    fn exchange(
        &mut self,
        plans: impl Iterator<Item = (Plan, Option<Past>)>,
        at_once: usize,
        now: Moment,
    ) {
        self.at_once = at_once;
        let mut old = std::mem::take(&mut self.states);
        for (plan, past) in plans {
            let known = old.iter().position(|state| state.plan.name == plan.name);
            let known = known.map(|index| old.swap_remove(index));
            let state = match (known, past) {
                (Some(known), None) if known.plan == plan => known.wanted(),
                (Some(known), past) => {
                    let past = past.unwrap_or_else(|| known.past(now));
                    State::new(plan, self.seed, past, now).after(&known)
                }
                (None, past) => {
                    let past = past.unwrap_or_else(|| Past::none(now));
                    State::new(plan, self.seed, past, now)
                }
            };
            self.states.push(state);
        }
        for mut state in old {
            state.is_gone = true;
            if state.running.is_some() {
                self.states.push(state);
            }
        }
    }

    /// Takes notice of the time, before anything else is asked.
    pub(crate) fn observe(&mut self, now: Moment) {
        let passed = now.steady.saturating_sub(self.last.steady);
        let expected = self.last.wall + TimeDelta::from_std(passed).unwrap_or_default();
        // After a jump forwards, what lay between is due; after one backwards, days may pass until the time that was next.
        if expected.signed_duration_since(now.wall) > JUMP {
            let jumped = self.states.iter_mut();
            jumped.for_each(|state| state.go_back(self.seed, now));
        }
        self.last = now;
    }

    /// The jobs to start now, in their order. Each is to be told as started, or as ended if it could not.
    pub(crate) fn due(&mut self, now: Moment) -> Vec<Name> {
        for state in &mut self.states {
            let is_ready = state.running.is_none() && state.wait(now).is_zero();
            state.ready = is_ready.then(|| state.ready.unwrap_or(now.steady));
        }
        let mut ready: Vec<&State> = self.states.iter().filter(|s| s.ready.is_some()).collect();
        // Who waits longest goes first; in the order of the config among equals.
        ready.sort_by_key(|state| state.ready);
        let (upkeep, backups): (Vec<&State>, Vec<&State>) =
            ready.into_iter().partition(|state| state.plan.is_upkeep);
        let room = self.at_once.saturating_sub(self.running(false));
        let mut due: Vec<&State> = backups.into_iter().take(room).collect();
        let is_quiet = due.is_empty() && self.running(false) == 0;
        if self.running(true) == 0 {
            let may_start = |state: &&&State| is_quiet || state.has_waited(now);
            due.extend(upkeep.iter().find(may_start));
        }
        due.into_iter()
            .map(|state| state.plan.name.clone())
            .collect()
    }

    /// How long nothing is to be done, if nothing ends before; `None` for ever.
    pub(crate) fn next_wake(&self, now: Moment) -> Option<Duration> {
        let wait = |state: &State| match (state.running, state.ready) {
            (Some(_), _) => None,
            // However long that has waited, it is of no use to wake for it.
            (None, Some(_)) if self.is_barred => None,
            // It waits for another to end; upkeep not for ever.
            (None, Some(since)) if state.plan.is_upkeep && self.running(true) == 0 => {
                Some((since + PATIENCE).saturating_sub(now.steady))
            }
            (None, Some(_)) => None,
            (None, None) => state.has_time().then(|| state.wait(now)),
        };
        self.states.iter().filter_map(wait).min()
    }

    /// Whether nothing may be started until this is told again, for a reason that is none of the engine's.
    pub(crate) const fn bar(&mut self, is_barred: bool) {
        self.is_barred = is_barred;
    }

    /// What was told last of that.
    pub(crate) const fn is_barred(&self) -> bool {
        self.is_barred
    }

    /// How long until this job is due, while it does not run.
    pub(crate) fn until(&self, name: &str, now: Moment) -> Option<Duration> {
        let state = self.states.iter().find(|state| state.plan.name == name)?;
        let is_waiting = state.running.is_none() && state.has_time();
        is_waiting.then(|| state.wait(now))
    }

    /// It was started.
    pub(crate) fn started(&mut self, name: &str, now: Moment) {
        if let Some(state) = self.find(name) {
            state.running = Some(now);
            state.ready = None;
            state.runs += 1;
        }
    }

    /// It neither ends nor can be ended. Others no longer wait for it; it is not started beside itself.
    pub(crate) fn given_up(&mut self, name: &str) {
        if let Some(state) = self.find(name) {
            state.is_given_up = true;
        }
    }

    /// It ended, or could not be started.
    pub(crate) fn ended(&mut self, name: &str, how: Ended, now: Moment) {
        let seed = self.seed;
        if let Some(state) = self.find(name) {
            state.ended(how, seed, now);
        }
        self.states
            .retain(|state| !state.is_gone || state.running.is_some());
    }

    /// Somebody else has done it, beginning at this time. Gives whether it is not due any more.
    pub(crate) fn postpone(&mut self, name: &str, began: DateTime<Utc>, now: Moment) -> bool {
        let seed = self.seed;
        self.find(name)
            .is_some_and(|state| state.postpone(began, seed, now))
    }

    /// How many run, of backups or of upkeep.
    fn running(&self, is_upkeep: bool) -> usize {
        let running = |state: &&State| {
            state.running.is_some() && !state.is_given_up && state.plan.is_upkeep == is_upkeep
        };
        self.states.iter().filter(running).count()
    }

    fn find(&mut self, name: &str) -> Option<&mut State> {
        self.states.iter_mut().find(|state| state.plan.name == name)
    }
}
