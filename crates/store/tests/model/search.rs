//! Breadth first through everything that can happen.

use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hasher};

use super::state::{Collector, Model, OVER, Record, Stage, State};
use super::{bystanders, collector, writers};

/// What can come next, each with who does what.
#[derive(Default)]
pub(crate) struct Next {
    pub(crate) steps: Vec<(&'static str, usize, State)>,
}

impl Next {
    pub(crate) fn add(&mut self, what: &'static str, who: usize, state: State) {
        self.steps.push((what, who, state));
    }
}

/// All that may happen in a state.
pub(crate) fn next(model: &Model, state: &State) -> Next {
    let mut next = Next::default();
    (0..model.backups).for_each(|me| writers::steps(model, state, me, &mut next));
    bystanders::forgets(state, &mut next);
    bystanders::reads(model, state, &mut next);
    bystanders::brings_back(model, state, &mut next);
    (0..model.collectors).for_each(|me| collector::steps(model, state, me, &mut next));
    next
}

/// What a search found.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) states: usize,
    /// The shortest way to a loss.
    pub(crate) loss: Option<Vec<String>>,
}

/// Fingerprints are hashes already.
#[derive(Default)]
struct AsItIs(u64);

impl Hasher for AsItIs {
    fn write(&mut self, bytes: &[u8]) {
        self.0 = bytes
            .first_chunk()
            .map_or(0, |head| u64::from_le_bytes(*head));
    }

    fn write_u128(&mut self, number: u128) {
        self.0 = number as u64;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// Every reachable state, shown once to `visit`, until one is a loss.
pub(crate) fn search(model: &Model, mut visit: impl FnMut(&State)) -> Found {
    let mut seen: HashSet<u128, BuildHasherDefault<AsItIs>> = HashSet::default();
    // How each state was come to: the one before, and which of its steps.
    let mut ways: Vec<(u32, u8)> = vec![(0, 0)];
    let mut level = vec![(0_u32, State::first(model))];
    seen.insert(level[0].1.fingerprint());
    while !level.is_empty() {
        let mut below = Vec::new();
        for (way, state) in level {
            visit(&state);
            for (number, (_, _, state)) in (0_u8..).zip(next(model, &state).steps) {
                if !seen.insert(state.fingerprint()) {
                    continue;
                }
                ways.push((way, number));
                let here = ways.len() as u32 - 1;
                if state.is_loss() {
                    let loss = Some(retell(model, &ways, here));
                    return Found {
                        states: seen.len(),
                        loss,
                    };
                }
                below.push((here, state));
            }
        }
        level = below;
    }
    Found {
        states: seen.len(),
        loss: None,
    }
}

/// The steps that led there, in words.
fn retell(model: &Model, ways: &[(u32, u8)], mut way: u32) -> Vec<String> {
    let mut numbers = Vec::new();
    while way != 0 {
        let (before, number) = ways[way as usize];
        numbers.push(number);
        way = before;
    }
    let mut state = State::first(model);
    let mut told = Vec::new();
    for number in numbers.into_iter().rev() {
        let (what, who, after) = next(model, &state).steps[number as usize];
        told.push(format!("{} {what}", name(who)));
        state = after;
    }
    told
}

fn name(who: usize) -> String {
    match who {
        0..3 => format!("backup {who}"),
        3 => "reader".to_owned(),
        4 => "undoer".to_owned(),
        _ => format!("collector {}", who - 10),
    }
}

/// What is left once everybody has died and collectors have run, one after the other (I10): garbage, if any.
pub(crate) fn garbage(model: &Model, state: &State) -> Option<State> {
    let mut state = *state;
    for writer in state.writers.iter_mut().chain([&mut state.undoer]) {
        *writer = super::state::Writer {
            at: OVER,
            ..Default::default()
        };
    }
    state.reader = OVER;
    state.forgets = 0;
    state.collectors = [Collector {
        at: OVER,
        ..Collector::default()
    }; 3];
    for _ in 0..4 {
        state.collectors[0] = Collector::default();
        while state.collectors[0].at != OVER {
            let mut next = Next::default();
            collector::steps(model, &state, 0, &mut next);
            // The first step is always to die; one that has nothing to do has no other.
            match next.steps.get(1) {
                Some((_, _, after)) => state = *after,
                None => state.collectors[0].at = OVER,
            }
        }
    }
    let is_live = state.records.iter().any(|record| record.is_committed());
    let left =
        state.sessions(|record| matches!(record, Record::Forgotten | Record::ForgottenAgain));
    let is_clean = state.packs.count_ones() == u32::from(is_live)
        && state.plan.stage == Stage::Retired
        && left == 0;
    (!is_clean).then_some(state)
}
