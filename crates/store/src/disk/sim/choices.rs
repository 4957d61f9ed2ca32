//! Which combinations of lost and kept effects to try: all where they are few, else the telling ones and a seeded
//! sample.

use super::random::Sequence;
use super::tree::FileId;

/// How many states to build for each operation, at most.
#[derive(Debug, Clone)]
pub struct Budget {
    /// Try every combination where there are no more than this.
    pub exhaustive: u64,
    /// Where there are more: how many at random, besides none, all, each one missing and each one alone.
    pub random: u64,
    /// What random choices, garbage bytes and torn lengths derive from.
    pub seed: u64,
    /// Build no states of power cuts before so many operations of the log.
    pub from: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            exhaustive: 1 << 12,
            random: 256,
            seed: 0,
            from: 0,
        }
    }
}

/// What an effect is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Name,
    Length,
    Block,
}

/// Something that may not have reached the disk.
#[derive(Debug)]
pub(super) struct Effect {
    pub(super) kind: Kind,
    /// The file, where it is about bytes.
    pub(super) file: Option<FileId>,
    /// How many things may have become of it: lost, kept, and up to two that are neither.
    pub(super) outcomes: u8,
    pub(super) what: String,
}

impl Effect {
    /// An outcome, in words.
    const fn word(&self, choice: u8) -> &'static str {
        match (self.kind, choice) {
            (Kind::Name, 0) => "lost",
            (Kind::Name, 1) => "kept",
            (Kind::Name, _) => "under both names",
            (Kind::Length, 2) => "torn",
            (Kind::Block, 2) => "garbage",
            (Kind::Block, 3) => "zero",
            (Kind::Length | Kind::Block, 0) => "old",
            (Kind::Length | Kind::Block, _) => "new",
        }
    }
}

/// One outcome for each effect: 0 is lost, 1 is kept, more is neither.
pub(super) type Choices = Vec<u8>;

/// All the choices at one moment.
#[derive(Debug)]
pub(super) struct Chooser {
    effects: Vec<Effect>,
    budget: Budget,
    /// Number of all combinations, where they are few enough to try all.
    combinations: Option<u64>,
    /// Which moment, so that each draws its own random choices.
    moment: u64,
}

impl Chooser {
    pub(super) fn new(effects: Vec<Effect>, budget: &Budget, moment: usize) -> Self {
        let combinations = effects.iter().try_fold(1_u64, |product, effect| {
            let product = product.checked_mul(u64::from(effect.outcomes))?;
            (product <= budget.exhaustive).then_some(product)
        });
        Self {
            effects,
            budget: budget.clone(),
            combinations,
            moment: moment as u64,
        }
    }

    /// The choices of a turn, counted from 0; `None` past the last.
    pub(super) fn choices(&self, turn: u64) -> Option<Choices> {
        match self.combinations {
            Some(all) => (turn < all).then(|| self.combination(turn)),
            None => self.sample(turn),
        }
    }

    /// All combinations, counted up: the last effect changes fastest.
    fn combination(&self, mut turn: u64) -> Choices {
        let mut choices: Choices = Vec::with_capacity(self.effects.len());
        for effect in self.effects.iter().rev() {
            let outcomes = u64::from(effect.outcomes);
            choices.push(u8::try_from(turn % outcomes).unwrap_or(0));
            turn /= outcomes;
        }
        choices.reverse();
        choices
    }

    /// Patterns first, then single effects, then the dice.
    fn sample(&self, turn: u64) -> Option<Choices> {
        // Outcomes of names, lengths and blocks: nothing, everything, names before bytes, bytes before names, and names
        // with bytes that are zero, garbage or torn off.
        const PATTERNS: [[u8; 3]; 8] = [
            [0, 0, 0],
            [1, 1, 1],
            [1, 0, 0],
            [0, 1, 1],
            [1, 1, 0],
            [1, 1, 2],
            [1, 1, 3],
            [1, 2, 1],
        ];
        let pattern = usize::try_from(turn)
            .ok()
            .and_then(|turn| PATTERNS.get(turn));
        if let Some([name, length, block]) = pattern {
            return Some(self.choose(|_, effect| match effect.kind {
                Kind::Name => *name,
                Kind::Length => *length,
                Kind::Block => *block,
            }));
        }
        let turn = turn - PATTERNS.len() as u64;
        let step = self.step();
        let singles = (self.effects.len() as u64).div_ceil(step) * WAYS.len() as u64;
        if turn < singles {
            let ways = WAYS.len() as u64;
            return Some(self.single(turn / ways * step, turn % ways));
        }
        let turn = turn - singles;
        (turn < self.budget.random).then(|| self.random(turn))
    }

    /// Each how-many-th effect is singled out: all, unless there are so many that it would break the budget.
    fn step(&self) -> u64 {
        let singles = self.effects.len() as u64 * WAYS.len() as u64;
        singles.div_ceil(self.budget.exhaustive.max(1)).max(1)
    }

    /// One effect missing or alone. Bytes alone still get a name and a length, as nobody would see them otherwise.
    fn single(&self, index: u64, way: u64) -> Choices {
        let way = usize::try_from(way).ok().and_then(|way| WAYS.get(way));
        let (others, own) = way.copied().unwrap_or((0, 0));
        let at = usize::try_from(index).unwrap_or(usize::MAX);
        let file = self.effects.get(at).and_then(|effect| effect.file);
        self.choose(|index, effect| match effect.kind {
            _ if index == at => own,
            Kind::Name if file.is_some() => 1,
            Kind::Length if effect.file == file => 1,
            _ => others,
        })
    }

    /// Each effect by a die, of which the odds are drawn first: from nearly all lost to nearly all kept.
    fn random(&self, turn: u64) -> Choices {
        let mut dice = Sequence::new(self.budget.seed ^ self.moment.rotate_left(32), turn);
        let odds = dice.below(9);
        self.choose(|_, effect| {
            if dice.below(8) < odds {
                return 1;
            }
            match dice.below(u64::from(effect.outcomes).saturating_sub(1)) {
                0 => 0,
                other => u8::try_from(other).map_or(0, |other| other.saturating_add(1)),
            }
        })
    }

    /// Choices effect by effect; an outcome that an effect does not have is its loss.
    fn choose(&self, mut choice: impl FnMut(usize, &Effect) -> u8) -> Choices {
        let effects = self.effects.iter().enumerate();
        effects
            .map(|(index, effect)| match choice(index, effect) {
                choice if choice < effect.outcomes => choice,
                _ => 0,
            })
            .collect()
    }

    /// What these choices mean, for the message of a test that fails on them.
    pub(super) fn describe(&self, choices: &Choices) -> String {
        let effects = self.effects.iter().zip(choices);
        let parts: Vec<String> = effects
            .map(|(effect, choice)| format!("{}: {}", effect.what, effect.word(*choice)))
            .collect();
        if parts.is_empty() {
            "nothing was in doubt".to_owned()
        } else {
            parts.join("; ")
        }
    }
}

/// How one effect is singled out: what the others are, and what it is itself.
const WAYS: [(u8, u8); 6] = [(1, 0), (1, 2), (1, 3), (0, 1), (0, 2), (0, 3)];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn chooser(outcomes: &[u8], budget: &Budget) -> Chooser {
        let effects = outcomes.iter().enumerate().map(|(index, outcomes)| Effect {
            kind: if index % 2 == 0 {
                Kind::Name
            } else {
                Kind::Block
            },
            file: (index % 2 == 1).then_some(FileId(index as u64)),
            outcomes: *outcomes,
            what: index.to_string(),
        });
        Chooser::new(effects.collect(), budget, 3)
    }

    fn all(chooser: &Chooser) -> Vec<Choices> {
        (0..).map_while(|turn| chooser.choices(turn)).collect()
    }

    #[test]
    fn few_effects_are_tried_in_every_combination() {
        let tried = all(&chooser(&[2, 3, 4], &Budget::default()));
        assert_eq!(tried.len(), 24);
        assert_eq!(tried.iter().collect::<HashSet<_>>().len(), 24);
        assert_eq!(tried[0], [0, 0, 0]);
        assert_eq!(tried[23], [1, 2, 3]);
        assert_eq!(all(&chooser(&[], &Budget::default())), [Choices::new()]);
        assert_eq!(all(&chooser(&[2; 12], &Budget::default())).len(), 4096);
    }

    #[test]
    fn many_effects_are_tried_by_patterns_singles_and_dice() {
        let outcomes = [[2, 3]; 20].concat();
        let chooser = chooser(&outcomes, &Budget::default());
        let tried = all(&chooser);
        assert_eq!(tried.len(), 8 + 40 * 6 + 256);
        let set: HashSet<_> = tried.iter().cloned().collect();
        assert!(set.contains(&vec![0; 40]));
        assert!(set.contains(&vec![1; 40]));
        for index in 0..40 {
            let mut missing = vec![1; 40];
            missing[index] = 0;
            assert!(set.contains(&missing), "{index} missing");
        }
        for index in (0..40).step_by(2) {
            let mut alone = vec![0; 40];
            alone[index] = 1;
            assert!(set.contains(&alone), "{index} alone");
        }
        assert!(tried.iter().all(|tried| {
            tried
                .iter()
                .zip(&outcomes)
                .all(|(choice, outcomes)| choice < outcomes)
        }));
        assert_eq!(tried, all(&chooser), "the same seed gives the same choices");
    }

    #[test]
    fn a_large_file_does_not_break_the_budget() {
        let budget = Budget {
            exhaustive: 100,
            random: 10,
            ..Budget::default()
        };
        let tried = all(&chooser(&[3; 10_000], &budget));
        assert!(tried.len() <= 8 + 106 + 10, "{}", tried.len());
    }
}
