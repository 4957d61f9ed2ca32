//! Where to cut: a pure function of bytes, the same on every machine and in every version.
//!
//! Files are cut by content (FastCDC), so that an insertion moves few cuts; databases are cut at fixed places, because
//! SQLite changes pages where they stand. Sizes and the measurements behind them: `docs/decisions/0002-chunk-sizes.md`.

use fastcdc::v2020::FastCDC;

/// Smallest chunk of a file that is not the file's last, in bytes.
pub const MIN_CUT: usize = 64 << 10;
/// The size that cuts of a file aim at, in bytes.
pub const AVERAGE_CUT: usize = 256 << 10;
/// Largest chunk of a file, in bytes.
pub const MAX_CUT: usize = 1 << 20;

/// Length of the first chunk of `bytes`. Unless `last`, the bytes go on beyond the slice, and `None` says that more of
/// them are needed to tell: at least [`MAX_CUT`] always suffices.
pub fn first_cut(bytes: &[u8], last: bool) -> Option<usize> {
    if bytes.is_empty() || (!last && bytes.len() < MAX_CUT) {
        return None;
    }
    let window = bytes.get(..MAX_CUT).unwrap_or(bytes);
    FastCDC::new(window, MIN_CUT, AVERAGE_CUT, MAX_CUT)
        .next()
        .map(|chunk| chunk.length)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The cuts of these bytes are pinned, so they are made here and by nothing that may change.
    fn noise(len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        blake3::Hasher::new().finalize_xof().fill(&mut bytes);
        bytes
    }

    fn cuts(bytes: &[u8]) -> Vec<usize> {
        let mut rest = bytes;
        let mut lengths = Vec::new();
        while let Some(len) = first_cut(rest, true) {
            lengths.push(len);
            rest = &rest[len..];
        }
        lengths
    }

    #[test]
    fn cuts_are_pinned() {
        // A change here makes every repository store its files again.
        let lengths = cuts(&noise(2 << 20));
        assert_eq!(lengths.iter().sum::<usize>(), 2 << 20);
        assert_eq!(lengths, PINNED);
    }

    const PINNED: &[usize] = &[531_215, 93_777, 506_155, 463_976, 351_611, 67_744, 82_674];

    #[test]
    fn an_insertion_moves_few_cuts() {
        let old = noise(8 << 20);
        let mut new = old.clone();
        new.splice(100_000..100_000, *b"inserted");
        let ends = |bytes: &[u8]| -> std::collections::HashSet<blake3::Hash> {
            let mut offset = 0;
            cuts(bytes)
                .into_iter()
                .map(|len| {
                    offset += len;
                    blake3::hash(&bytes[offset - len..offset])
                })
                .collect()
        };
        let (before, after) = (ends(&old), ends(&new));
        assert!(after.difference(&before).count() <= 2);
    }

    #[test]
    fn a_cut_waits_for_the_bytes_it_depends_on() {
        let bytes = noise(MAX_CUT);
        assert_eq!(first_cut(&bytes[..MAX_CUT - 1], false), None);
        assert_eq!(first_cut(&bytes, false), first_cut(&bytes, true));
        assert_eq!(first_cut(b"", true), None);
        assert_eq!(first_cut(b"x", true), Some(1));
    }
}
