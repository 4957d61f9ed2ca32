//! A deterministic scheduler: of several threads one runs at a time, and at every step another may go on. The same seed
//! gives the same run.

use std::sync::{Arc, Condvar, Mutex, MutexGuard};

/// Numbers that a seed gives.
#[derive(Debug, Clone)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// A number below `end`.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % end
    }
}

/// Whose turn it is.
pub(crate) struct Baton {
    turns: Mutex<Turns>,
    wake: Vec<Condvar>,
}

struct Turns {
    current: usize,
    is_alive: Vec<bool>,
    dice: Dice,
    style: Style,
}

/// How the next one is chosen.
enum Style {
    /// Anybody, at about every so manieth call.
    Random(u64),
    /// The one of the highest rank; a few calls, counted down to, put the one that makes them last.
    Ranked { ranks: Vec<u64>, falls: Vec<u64> },
}

/// Calls of a usual run, for the places at which ranks change.
const CALLS: u64 = 1500;

impl Baton {
    pub(crate) fn new(actors: usize, seed: u64) -> Arc<Self> {
        let mut dice = Dice::new(seed);
        let style = match dice.below(2) {
            0 => Style::Random(1 << dice.below(6)),
            _ => Style::Ranked {
                ranks: (0..actors).map(|_| CALLS + dice.below(1 << 30)).collect(),
                falls: (0..2 + dice.below(6)).map(|_| dice.below(CALLS)).collect(),
            },
        };
        let mut turns = Turns {
            current: 0,
            is_alive: vec![true; actors],
            dice,
            style,
        };
        turns.current = turns.next(None).unwrap();
        Arc::new(Self {
            turns: Mutex::new(turns),
            wake: (0..actors).map(|_| Condvar::new()).collect(),
        })
    }

    fn turns(&self) -> MutexGuard<'_, Turns> {
        self.turns.lock().unwrap()
    }

    /// Waits for the first turn.
    pub(crate) fn start(&self, me: usize) {
        let turns = self.turns();
        self.wait(me, turns);
    }

    fn wait(&self, me: usize, mut turns: MutexGuard<'_, Turns>) {
        while turns.current != me {
            turns = self.wake[me].wait(turns).unwrap();
        }
    }

    fn hand_to(&self, me: usize, next: usize, mut turns: MutexGuard<'_, Turns>) {
        if next != me {
            turns.current = next;
            self.wake[next].notify_one();
            self.wait(me, turns);
        }
    }

    /// A place where another may go on.
    pub(crate) fn step(&self, me: usize) {
        let mut turns = self.turns();
        let next = turns.step(me);
        self.hand_to(me, next, turns);
    }

    /// Lets others go on; `false` where nobody else is left.
    pub(crate) fn pause(&self, me: usize) -> bool {
        let mut turns = self.turns();
        turns.put_last(me);
        let Some(next) = turns.next(Some(me)) else {
            return false;
        };
        self.hand_to(me, next, turns);
        true
    }

    /// This one has ended.
    pub(crate) fn end(&self, me: usize) {
        let mut turns = self.turns();
        turns.is_alive[me] = false;
        if let Some(next) = turns.next(None) {
            turns.current = next;
            self.wake[next].notify_one();
        }
    }
}

impl Turns {
    fn step(&mut self, me: usize) -> usize {
        let is_change = match &mut self.style {
            Style::Random(odds) => self.dice.below(*odds) == 0,
            Style::Ranked { falls, .. } => {
                let mut falls_now = false;
                for left in falls {
                    *left = left.wrapping_sub(1);
                    falls_now |= *left == 0;
                }
                falls_now
            }
        };
        if !is_change {
            return me;
        }
        self.put_last(me);
        self.next(None).unwrap_or(me)
    }

    fn put_last(&mut self, me: usize) {
        if let Style::Ranked { ranks, .. } = &mut self.style {
            let lowest = ranks.iter().min().copied().unwrap_or(0);
            ranks[me] = lowest.saturating_sub(1);
        }
    }

    /// The one to go on, but for one that will not.
    fn next(&mut self, not: Option<usize>) -> Option<usize> {
        let alive = |who: &usize| self.is_alive[*who] && Some(*who) != not;
        let able: Vec<usize> = (0..self.is_alive.len()).filter(alive).collect();
        match &self.style {
            _ if able.is_empty() => None,
            Style::Random(_) => {
                let which = self.dice.below(able.len() as u64);
                Some(able[which as usize])
            }
            Style::Ranked { ranks, .. } => able.into_iter().max_by_key(|who| ranks[*who]),
        }
    }
}
