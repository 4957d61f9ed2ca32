//! The hash of a long file from the sums of its extents, so that an unchanged extent need not be hashed again.
//!
//! BLAKE3 is a tree: an extent of 64 KiB that begins at a multiple of its length is one whole branch of it, whatever the
//! rest of the file is. The hazard is the place: a branch's sum depends on where it begins, so a sum is kept together
//! with that.

use blake3::hazmat::{ChainingValue, HasherExt as _, Mode};
use blake3::hazmat::{left_subtree_len, merge_subtrees_non_root, merge_subtrees_root};

use crate::sqlite::EXTENT_BYTES;

/// The sum of the extent whose first byte is the file's byte `at`, a multiple of [`EXTENT_BYTES`].
pub(super) fn of_extent(plain: &[u8], at: u64) -> ChainingValue {
    let mut hasher = blake3::Hasher::new();
    hasher.set_input_offset(at);
    hasher.update(plain);
    hasher.finalize_non_root()
}

/// The hash of a file of `len` bytes from the sums of its extents; `None` unless there are as many as that takes, and two
/// at least.
pub(super) fn join(extents: &[ChainingValue], len: u64) -> Option<blake3::Hash> {
    let (left, right) = split(extents, len)?;
    let (left, right) = (branch(left.0, left.1)?, branch(right.0, right.1)?);
    Some(merge_subtrees_root(&left, &right, Mode::Hash))
}

/// Not deeper than a length has bits.
fn branch(extents: &[ChainingValue], len: u64) -> Option<ChainingValue> {
    if let [only] = extents {
        return (len <= EXTENT_BYTES as u64).then_some(*only);
    }
    let (left, right) = split(extents, len)?;
    let (left, right) = (branch(left.0, left.1)?, branch(right.0, right.1)?);
    Some(merge_subtrees_non_root(&left, &right, Mode::Hash))
}

type Branch<'a> = (&'a [ChainingValue], u64);

fn split(extents: &[ChainingValue], len: u64) -> Option<(Branch<'_>, Branch<'_>)> {
    let extent = EXTENT_BYTES as u64;
    if extents.len() < 2 || len.div_ceil(extent) != extents.len() as u64 {
        return None;
    }
    let left = left_subtree_len(len);
    let (first, rest) = extents.split_at_checked(usize::try_from(left / extent).ok()?)?;
    Some(((first, left), (rest, len - left)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sums_of_extents_make_the_hash_of_the_file() {
        let bytes: Vec<u8> = (0..9 * EXTENT_BYTES as u32)
            .map(|n| (n % 251) as u8)
            .collect();
        for len in [2, 3, 4, 5, 7, 8, 9].map(|extents| extents * EXTENT_BYTES) {
            for len in [len, len - 1, len - EXTENT_BYTES + 1, len - 512] {
                let file = &bytes[..len];
                let sums: Vec<_> = (0..)
                    .zip(file.chunks(EXTENT_BYTES))
                    .map(|(number, plain)| of_extent(plain, number * EXTENT_BYTES as u64))
                    .collect();
                assert_eq!(join(&sums, len as u64), Some(blake3::hash(file)), "{len}");
                assert_eq!(join(&sums[1..], len as u64), None);
            }
        }
    }
}
