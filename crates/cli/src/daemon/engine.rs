//! Which job is to start when: a plain state machine, which knows nothing of processes, and of time what it is told.
//!
//! The hazards are clocks. Intervals are counted by a clock that never jumps and goes on during sleep; times of the day are
//! counted anew when the time of day has jumped. However many runs were missed, one makes up for them.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::timing::{Rule, Timing, jitter};

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

/// The first pause before a failed run is tried again; it doubles with each failure.
const RETRY: Duration = Duration::from_secs(60);

/// The longest pause before a failed run is tried again.
const LONGEST_RETRY: Duration = Duration::from_secs(3600);

/// How long upkeep waits for a moment without a backup before it starts beside one.
const PATIENCE: Duration = Duration::from_secs(3600);

/// A job and where it stands.
#[derive(Debug)]
struct State {
    plan: Plan,
    /// Since when it runs.
    running: Option<Moment>,
    /// Due at this time of the day.
    slot: Option<DateTime<Utc>>,
    /// Due at this moment.
    at: Option<Duration>,
    /// Since when it could run.
    ready: Option<Duration>,
    /// The interval at the moment, between the bounds of the rule.
    interval: Duration,
    /// How often in a row it failed.
    failures: u32,
    /// Runs so far, for the jitter.
    runs: u64,
    /// No longer wanted when it ends.
    is_gone: bool,
}

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
}

impl Engine {
    /// Of these jobs, with what is known of their past.
    pub(crate) fn new(plans: Vec<(Plan, Past)>, at_once: usize, seed: u64, now: Moment) -> Self {
        let mut engine = Self {
            states: Vec::new(),
            at_once,
            seed,
            last: now,
        };
        engine.replace(plans, at_once, now);
        engine
    }

    /// Other jobs from now on. Those that run go on; those of the same name keep their failures.
    pub(crate) fn replace(&mut self, plans: Vec<(Plan, Past)>, at_once: usize, now: Moment) {
        self.at_once = at_once;
        let mut old = std::mem::take(&mut self.states);
        for (plan, past) in plans {
            let known = old.iter().position(|state| state.plan.name == plan.name);
            let known = known.map(|index| old.swap_remove(index));
            let mut state = State::new(plan, self.seed, past, now);
            if let Some(known) = known {
                state.running = known.running;
                state.failures = known.failures;
                state.runs = known.runs;
            }
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
            // It waits for another to end; upkeep not for ever.
            (None, Some(since)) if state.plan.is_upkeep && self.running(true) == 0 => {
                Some((since + PATIENCE).saturating_sub(now.steady))
            }
            (None, Some(_)) => None,
            (None, None) => state.has_time().then(|| state.wait(now)),
        };
        self.states.iter().filter_map(wait).min()
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

    /// It ended, or could not be started.
    pub(crate) fn ended(&mut self, name: &str, how: Ended, now: Moment) {
        let seed = self.seed;
        if let Some(state) = self.find(name) {
            state.ended(how, seed, now);
        }
        self.states
            .retain(|state| !state.is_gone || state.running.is_some());
    }

    /// How many run, of backups or of upkeep.
    fn running(&self, is_upkeep: bool) -> usize {
        let running = |state: &&State| state.running.is_some() && state.plan.is_upkeep == is_upkeep;
        self.states.iter().filter(running).count()
    }

    fn find(&mut self, name: &str) -> Option<&mut State> {
        self.states.iter_mut().find(|state| state.plan.name == name)
    }
}

impl State {
    fn new(plan: Plan, seed: u64, past: Past, now: Moment) -> Self {
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
            failures: 0,
            runs: 0,
            is_gone: false,
        };
        state.begin(past, seed, now);
        state
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
    fn go_back(&mut self, seed: u64, now: Moment) {
        let planned = self.slot;
        self.count_anew(seed, now);
        self.slot = planned.into_iter().chain(self.slot).min();
    }

    fn jitter(&self, seed: u64) -> Duration {
        jitter(self.plan.timing.jitter, seed, &self.plan.name, self.runs)
    }

    fn has_time(&self) -> bool {
        self.slot.is_some() || self.at.is_some()
    }

    /// How long until it is due; as long as can be told where it is not.
    fn wait(&self, now: Moment) -> Duration {
        let until = |slot: DateTime<Utc>| slot.signed_duration_since(now.wall).to_std();
        let slot = self.slot.map(|slot| until(slot).unwrap_or_default());
        let at = self.at.map(|at| at.saturating_sub(now.steady));
        slot.into_iter().chain(at).min().unwrap_or(Duration::MAX)
    }

    fn has_waited(&self, now: Moment) -> bool {
        self.ready
            .is_some_and(|since| now.steady.saturating_sub(since) >= PATIENCE)
    }

    fn ended(&mut self, how: Ended, seed: u64, now: Moment) {
        let began = self.running.take().unwrap_or(now);
        self.ready = None;
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

#[cfg(test)]
mod tests;
