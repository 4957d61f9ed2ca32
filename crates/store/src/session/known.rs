//! Whether something may have been seen, in four to eight bytes each: a Bloom filter that grows. It never forgets, and is
//! wrong about one of a hundred thousand that it has not seen.

use crate::id::ChunkId;

/// Ids that the first part is for; each further one is for twice as many.
const FIRST: usize = 1024;

/// Bits for each of them.
const BITS: usize = 32;

/// Ids, none of which can be told.
#[derive(Default)]
pub(super) struct Known {
    /// The last one is being filled.
    parts: Vec<Part>,
}

struct Part {
    /// A power of two of bits.
    words: Vec<u64>,
    /// Ids that it is still for.
    room: usize,
}

impl Known {
    /// Adds one.
    pub(super) fn add(&mut self, id: &ChunkId) {
        if self.parts.last().is_none_or(|part| part.room == 0) {
            let room = FIRST << self.parts.len();
            let words = vec![0; room * BITS / 64];
            self.parts.push(Part { words, room });
        }
        if let Some(part) = self.parts.last_mut() {
            part.room -= 1;
            for place in places(id) {
                let (at, bit) = at_of(place, part.words.len());
                if let Some(word) = part.words.get_mut(at) {
                    *word |= bit;
                }
            }
        }
    }

    /// Whether it was added; sometimes also where it was not.
    pub(super) fn may_have(&self, id: &ChunkId) -> bool {
        self.parts.iter().any(|part| {
            places(id).all(|place| {
                let (at, bit) = at_of(place, part.words.len());
                part.words.get(at).is_some_and(|word| word & bit != 0)
            })
        })
    }
}

/// Ids are hashes: each four bytes of one choose a bit.
fn places(id: &ChunkId) -> impl Iterator<Item = usize> {
    let (parts, _) = id.as_bytes().as_chunks();
    parts.iter().map(|part| u32::from_le_bytes(*part) as usize)
}

fn at_of(place: usize, words: usize) -> (usize, u64) {
    ((place / 64) & (words - 1), 1 << (place % 64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pack::Kind;

    fn id(number: u32) -> ChunkId {
        ChunkId::of(Kind::Data, &number.to_le_bytes())
    }

    #[test]
    fn what_was_added_is_known_and_hardly_anything_else_in_few_bytes_each() {
        let mut known = Known::default();
        assert!(!known.may_have(&id(0)));
        let count = 100_000;
        (0..count).for_each(|number| known.add(&id(number)));
        assert!((0..count).all(|number| known.may_have(&id(number))));
        let wrong = (count..2 * count).filter(|number| known.may_have(&id(*number)));
        let wrong = wrong.count();
        assert!(wrong < 10, "{wrong}");
        let bytes: usize = known.parts.iter().map(|part| part.words.len() * 8).sum();
        assert!(bytes <= 8 * count as usize + 8 * FIRST, "{bytes}");
    }
}
