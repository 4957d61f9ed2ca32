//! A set of snapshots by their numbers, as bits: uniting two is what a search does most.

/// Numbers below a limit that is the same for all sets of a search.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Set(Vec<u64>);

impl Set {
    /// With one number, of sets of numbers below `of`.
    pub(super) fn one(number: usize, of: usize) -> Self {
        let mut set = Self(vec![0; of.div_ceil(64)]);
        set.insert(number);
        set
    }

    /// Adds a number; one that is too large is none of them.
    pub(super) fn insert(&mut self, number: usize) {
        if let Some(word) = self.0.get_mut(number / 64) {
            *word |= 1 << (number % 64);
        }
    }

    /// Adds what is in the other one.
    pub(super) fn unite(&mut self, other: &Self) {
        for (word, other) in self.0.iter_mut().zip(&other.0) {
            *word |= other;
        }
    }

    /// The numbers, ascending.
    pub(super) fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        let words = self.0.iter().enumerate();
        words.flat_map(|(at, word)| {
            (0..64).filter_map(move |bit| (word >> bit & 1 == 1).then_some(at * 64 + bit))
        })
    }

    /// The highest number.
    pub(super) fn last(&self) -> Option<usize> {
        let (at, word) = self.0.iter().enumerate().rfind(|(_, word)| **word != 0)?;
        Some(at * 64 + 63 - word.leading_zeros() as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_go_in_and_come_out_in_order() {
        let mut set = Set::one(130, 131);
        set.unite(&Set::one(0, 131));
        set.insert(64);
        set.insert(1000);
        assert_eq!(set.iter().collect::<Vec<_>>(), [0, 64, 130]);
        assert_eq!(set.last(), Some(130));
        assert_eq!(Set::one(0, 0).last(), None);
    }
}
