//! Cuts at an extreme: where a byte or a word is the largest or the least of those around it. Nothing rolls along, so that
//! the compiler takes many places at once.
//!
//! What was measured is in `docs/decisions/0002-chunk-sizes.md`; the store cuts by FastCDC.

/// Places that are looked at together; of these it is kept what the least value was.
const BLOCK: usize = 512;

/// Bytes of the word that stands at a place.
const WORD: usize = 4;

/// Bytes that decide between places with the same value.
const DECIDING: usize = 64;

/// Odd numbers without order in their bits: values are to be as good as random.
const MIX: [u16; 2] = [0x9e37, 0x85eb];

/// Length of the first chunk by the largest byte: the first byte behind `window` bytes that is no smaller than all of them.
pub(crate) fn largest_byte(bytes: &[u8], window: usize, max: usize) -> usize {
    let bytes = &bytes[..bytes.len().min(max)];
    let Some((before, behind)) = bytes.split_at_checked(window) else {
        return bytes.len();
    };
    let largest = before.iter().fold(0, |most: u8, byte| most.max(*byte));
    let found = behind.iter().position(|byte| *byte >= largest);
    window + found.unwrap_or(behind.len())
}

/// Length of the first chunk by the least word: where, of all places from `min` to `max`, the mixed word is the least.
/// The chunk is all there is where that is shorter than `max`.
pub(crate) fn least_word(bytes: &[u8], min: usize, max: usize) -> usize {
    let Some(window) = bytes.get(min..max) else {
        return bytes.len();
    };
    let places = window.len() - WORD;
    let blocks = (0..places).step_by(BLOCK);
    let blocks: Vec<(usize, i16)> = blocks
        .map(|begin| (begin, least(part(window, begin))))
        .collect();
    let smallest = blocks.iter().map(|(_, value)| *value).min();
    let candidates = blocks
        .iter()
        .filter(|(_, value)| Some(*value) == smallest)
        .flat_map(|&(begin, value)| holding(part(window, begin), value, begin));
    let best = candidates.min_by_key(|&place| deciding(&window[place..]));
    min + best.unwrap_or(0)
}

/// A block, and what its last words have beyond it.
fn part(window: &[u8], begin: usize) -> &[u8] {
    &window[begin..(begin + BLOCK + WORD - 1).min(window.len())]
}

/// The least value of all places of a block, the even ones first: of these the words stand in a row.
#[inline]
fn least(block: &[u8]) -> i16 {
    let even = least_of_every_other(block);
    even.min(least_of_every_other(&block[1..]))
}

#[inline]
fn least_of_every_other(block: &[u8]) -> i16 {
    let (first, second) = (block.as_chunks::<2>().0, block[2..].as_chunks::<2>().0);
    let values = first.iter().zip(second).map(|(a, b)| value(*a, *b));
    values.fold(i16::MAX, |least, value| least.min(value))
}

#[inline]
fn value(first: [u8; 2], second: [u8; 2]) -> i16 {
    let (first, second) = (u16::from_le_bytes(first), u16::from_le_bytes(second));
    let mixed = first.wrapping_mul(MIX[0]) ^ second.wrapping_mul(MIX[1]);
    mixed.cast_signed()
}

/// The places of a block that have this value.
fn holding(block: &[u8], wanted: i16, begin: usize) -> impl Iterator<Item = usize> {
    let words = block.windows(WORD).enumerate();
    let found =
        words.filter(move |(_, word)| value([word[0], word[1]], [word[2], word[3]]) == wanted);
    found.map(move |(place, _)| begin + place)
}

/// A number made of more bytes than a word has.
fn deciding(bytes: &[u8]) -> u64 {
    let halves = bytes[..DECIDING.min(bytes.len())].chunks(8);
    halves.fold(0, |number, half| {
        let mut word = [0; 8];
        word[..half.len()].copy_from_slice(half);
        (number ^ u64::from_le_bytes(word))
            .wrapping_mul(0x9e37_79b9_7f4a_7c15)
            .rotate_left(29)
    })
}
