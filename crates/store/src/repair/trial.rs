//! One wrong byte in few, found by trying: every place with every value, until the hash that covers them is right.
//!
//! A hash of 32 bytes that comes out right is no chance. It serves objects that are too small to be worth parity.

use rayon::prelude::*;

use crate::progress::Progress;

/// Most bytes that are tried: some seconds for one object at the worst.
pub(crate) const MOST: usize = 4096;

/// The bytes with one of them changed such that they are right; `None` where no single change does it.
pub(crate) fn find(
    bytes: &[u8],
    is_right: impl Fn(&[u8]) -> bool + Sync,
    progress: &dyn Progress,
) -> Option<Vec<u8>> {
    if bytes.len() > MOST {
        return None;
    }
    // A single bit is the likeliest.
    let bits = |mask: &u8| mask.is_power_of_two();
    let others = |mask: &u8| !mask.is_power_of_two();
    search(bytes, &is_right, bits, progress).or_else(|| search(bytes, &is_right, others, progress))
}

fn search(
    bytes: &[u8],
    is_right: &(impl Fn(&[u8]) -> bool + Sync),
    of: impl Fn(&u8) -> bool + Sync,
    progress: &dyn Progress,
) -> Option<Vec<u8>> {
    (0..bytes.len()).into_par_iter().find_map_any(|place| {
        if progress.cancelled() {
            return None;
        }
        let mut tried = bytes.to_vec();
        let original = *bytes.get(place)?;
        (1..=u8::MAX).filter(&of).find_map(|mask| {
            *tried.get_mut(place)? = original ^ mask;
            is_right(&tried).then(|| tried.clone())
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::progress::Unwatched;

    #[test]
    fn one_wrong_byte_is_found_and_two_are_not() {
        let good: Vec<u8> = (0..200).collect();
        let hash = blake3::hash(&good);
        let find = |bytes: &[u8]| find(bytes, |bytes| blake3::hash(bytes) == hash, &Unwatched);
        for place in [0, 7, 199] {
            for mask in [1, 0x81, 0xff] {
                let mut bad = good.clone();
                bad[place] ^= mask;
                assert_eq!(find(&bad).as_deref(), Some(good.as_slice()), "{place}");
                bad[100] ^= 3;
                assert_eq!(find(&bad), None);
            }
        }
    }
}
