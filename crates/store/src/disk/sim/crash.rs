//! The states that a power cut may leave: for each prefix of the log, every effect that was not made
//! durable is lost or kept, each for itself.
//!
//! A file's unsynced bytes fall by blocks of 4 KiB: old, new, garbage or zero. Its length is the old one, the new one or
//! one between. Every created, renamed or removed name of a folder that was not synced since is there or not. What was
//! in the middle of being done is covered by the state after it, where its effects are in doubt all the same.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use super::SimDisk;
use super::choices::{Budget, Choices, Chooser};
use super::log::Operation;
use super::moment::Moment;
use super::replay::Replay;
use super::state::State;

impl SimDisk {
    /// Every state that a power cut may leave, from before the first logged operation to after the last; many
    /// operations have more of them than can be tried, and then the budget tells how many are.
    ///
    /// A state that can arise at several operations comes once for each [`SimDisk::mark`] it is after. So tests decide
    /// by [`CrashState::is_after`] what must be there, and not by the number of the operation.
    ///
    /// The death of a process alone is not among them: see [`SimDisk::killed_after`].
    pub fn crash_states(&self, budget: &Budget) -> CrashStates {
        CrashStates::new(&self.state(), budget)
    }
}

/// What a power cut left.
pub struct CrashState {
    /// How many operations of the log were begun before the cut: at the first opportunity for this state.
    pub after_operation: usize,
    /// The disk as the next start finds it, with a log of its own.
    pub disk: SimDisk,
    operation: String,
    marks: Arc<[String]>,
    chooser: Arc<Chooser>,
    choices: Choices,
}

impl CrashState {
    /// Whether the cut came after this mark, so that what it stands for must hold.
    pub fn is_after(&self, mark: &str) -> bool {
        self.marks.iter().any(|passed| passed == mark)
    }
}

/// What was lost and what was kept: to be printed where a test fails on the state.
impl fmt::Display for CrashState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = self.chooser.describe(&self.choices);
        let Self {
            after_operation,
            operation,
            ..
        } = self;
        write!(
            f,
            "power cut after operation {after_operation} ({operation}): {what}"
        )
    }
}

impl fmt::Debug for CrashState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Iterator over [`CrashState`]s, built one at a time.
pub struct CrashStates {
    log: Vec<Operation>,
    marks: Vec<(usize, String)>,
    budget: Budget,
    replay: Replay,
    /// Operations replayed.
    at: usize,
    moment: Moment,
    turn: u64,
    passed: Arc<[String]>,
    /// States that came since the last mark.
    seen: HashSet<u128>,
}

impl CrashStates {
    fn new(state: &State, budget: &Budget) -> Self {
        let mut replay = Replay::from_image(&state.start);
        let skipped = state.log.iter().take(budget.from);
        skipped.for_each(|operation| replay.apply(operation));
        let at = budget.from.min(state.log.len());
        let mut states = Self {
            log: state.log.clone(),
            marks: state.marks.clone(),
            budget: budget.clone(),
            moment: Moment::new(&replay, budget, at),
            replay,
            at,
            turn: 0,
            passed: Arc::new([]),
            seen: HashSet::new(),
        };
        states.pass_marks();
        states
    }

    fn advance(&mut self) -> Option<()> {
        self.replay.apply(self.log.get(self.at)?);
        self.at += 1;
        self.moment = Moment::new(&self.replay, &self.budget, self.at);
        self.turn = 0;
        self.pass_marks();
        Some(())
    }

    fn pass_marks(&mut self) {
        let passed = self.marks.iter().filter(|(at, _)| *at <= self.at);
        let passed: Arc<[String]> = passed.map(|(_, what)| what.clone()).collect();
        if passed.len() > self.passed.len() {
            self.seen.clear();
        }
        self.passed = passed;
    }
}

impl Iterator for CrashStates {
    type Item = CrashState;

    fn next(&mut self) -> Option<CrashState> {
        loop {
            let Some(choices) = self.moment.chooser.choices(self.turn) else {
                self.advance()?;
                continue;
            };
            self.turn += 1;
            if !self
                .seen
                .insert(self.moment.fingerprint(&self.replay, &choices))
            {
                continue;
            }
            let last = self.at.checked_sub(1).and_then(|last| self.log.get(last));
            return Some(CrashState {
                after_operation: self.at,
                disk: SimDisk::from_image(self.moment.image(&self.replay, &choices)),
                operation: last.map_or_else(|| "the start".to_owned(), Operation::to_string),
                marks: Arc::clone(&self.passed),
                chooser: Arc::clone(&self.moment.chooser),
                choices,
            });
        }
    }
}

#[cfg(test)]
mod tests;
