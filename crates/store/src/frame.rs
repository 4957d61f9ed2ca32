//! One chunk's stored bytes: how plain bytes are encoded, and how they come back only if they are the right ones.
//!
//! The id is the BLAKE3 of the plain bytes whatever the encoding, so an encoding is a property of one stored copy:
//! another copy of the chunk may have another. The encodings are described in `docs/format.md`, "Stored chunks".
//!
//! Hazard: compressors have had bugs and memory flips bits, so [`encode`] decodes what it made and compares before
//! anybody relies on it (fault F-11), and [`decode`] checks every length before it allocates (F-56).

use std::cell::RefCell;
use std::sync::Arc;

use zstd::zstd_safe::{
    CCtx, CParameter, DCtx, compress_bound, find_frame_compressed_size, get_error_name,
};

use crate::delta;
use crate::dictionary::Dictionary;
use crate::error::{Result, StoreError};

/// Most plain bytes of a chunk.
pub const MAX_PLAIN: usize = 4 << 20;

/// How a chunk's stored bytes become its plain bytes. A base is named by
/// [`ChunkId::prefix`](crate::ChunkId::prefix).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Encoding {
    /// They are the plain bytes.
    Raw,
    /// One zstd frame.
    Zstd,
    /// One zstd frame made with the plain bytes of the base as prefix.
    Prefix {
        /// The first eight bytes of the base's id.
        base: u64,
    },
}

impl Encoding {
    /// The prefix of the base's id, where there is a base.
    pub(crate) const fn base(self) -> Option<u64> {
        match self {
            Self::Raw | Self::Zstd => None,
            Self::Prefix { base } => Some(base),
        }
    }
}

/// A chunk ready to be stored.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) encoding: Encoding,
    pub(crate) bytes: Vec<u8>,
}

/// A base for a delta: its id's prefix and its plain bytes.
#[derive(Clone, Copy)]
pub(crate) struct Base<'a> {
    pub(crate) prefix: u64,
    pub(crate) plain: &'a [u8],
}

/// A delta of at most this part of the plain bytes is taken without a look at what the whole chunk would cost.
const DELTA_PAYS: usize = 4;

/// The same of what a dictionary gives: whether one is of use for such chunks was asked when it was made.
const DICTIONARY_PAYS: usize = 2;

/// What shrinks by less than this part is stored raw: reading it back is then a copy.
const ZSTD_PAYS: usize = 32;

/// How a frame of zstd begins, as against one that is to be skipped.
const FRAME: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

thread_local! {
    // Contexts are large and slow to make: one pair a thread serves every whole chunk.
    static CONTEXTS: RefCell<(CCtx<'static>, DCtx<'static>)> =
        RefCell::new((CCtx::create(), DCtx::create()));
}

/// Encodes plain bytes at a zstd level: as a delta where a base or a dictionary is given and it pays, else whole. The
/// dictionary is asked for where the base does not do.
pub(crate) fn encode(
    plain: &[u8],
    level: i32,
    base: Option<Base<'_>>,
    dictionary: impl FnOnce() -> Option<Arc<Dictionary>>,
) -> Result<Frame> {
    if plain.len() > MAX_PLAIN {
        return Err(StoreError::TooLarge {
            what: "a chunk",
            actual: plain.len() as u64,
            limit: MAX_PLAIN as u64,
        });
    }
    let delta = base.and_then(|base| delta::encode(plain, level, base));
    let delta = match delta {
        Some(delta) if delta.bytes.len() <= plain.len() / DELTA_PAYS => {
            return checked(delta, plain, base);
        }
        delta => delta,
    };
    let dictionary = dictionary();
    let alike = encode_alike(plain, level, dictionary.as_deref())?;
    match delta {
        Some(delta) if pays(&delta, &alike) => checked(delta, plain, base),
        _ => checked(alike, plain, dictionary.as_deref().map(Dictionary::base)),
    }
}

/// The frame, if what comes out of it is what went in.
fn checked(frame: Frame, plain: &[u8], base: Option<Base<'_>>) -> Result<Frame> {
    let base = base.map(|base| base.plain);
    let back = decode(frame.encoding, &frame.bytes, plain.len(), base);
    match back.as_deref() == Ok(plain) {
        true => Ok(frame),
        false => Err(StoreError::WriteCheck),
    }
}

/// By the dictionary, where there is one and it pays, else whole.
fn encode_alike(plain: &[u8], level: i32, dictionary: Option<&Dictionary>) -> Result<Frame> {
    let told = dictionary.and_then(|dictionary| dictionary.encode(plain));
    match told {
        Some(told) if told.bytes.len() <= plain.len() / DICTIONARY_PAYS => Ok(told),
        Some(told) => match encode_whole(plain, level)? {
            whole if pays(&told, &whole) => Ok(told),
            whole => Ok(whole),
        },
        None => encode_whole(plain, level),
    }
}

/// A delta costs every reader its base as well, and keeps that alive: it is taken only where it saves a sixth.
pub(crate) fn pays(delta: &Frame, whole: &Frame) -> bool {
    delta.bytes.len() <= whole.bytes.len() / 6 * 5
}

pub(crate) fn encode_whole(plain: &[u8], level: i32) -> Result<Frame> {
    let mut bytes = CONTEXTS
        .with_borrow_mut(|(context, _)| compress(context, plain, level))
        .map_err(|_| StoreError::WriteCheck)?;
    let encoding = match bytes.len() < plain.len() - plain.len() / ZSTD_PAYS {
        true => Encoding::Zstd,
        false => {
            // In the memory that is there.
            bytes.clear();
            bytes.extend_from_slice(plain);
            Encoding::Raw
        }
    };
    Ok(Frame { encoding, bytes })
}

/// Compresses with a context that may have a dictionary, or a prefix for this one frame.
pub(crate) fn compress(context: &mut CCtx<'_>, plain: &[u8], level: i32) -> Result<Vec<u8>, usize> {
    context.set_parameter(CParameter::CompressionLevel(level))?;
    let mut bytes = Vec::with_capacity(compress_bound(plain.len()));
    context.compress2(&mut bytes, plain)?;
    bytes.shrink_to_fit();
    Ok(bytes)
}

/// The plain bytes of a stored chunk, or words on why there are none. The caller checks them against the id.
pub(crate) fn decode(
    encoding: Encoding,
    stored: &[u8],
    plain_len: usize,
    base: Option<&[u8]>,
) -> Result<Vec<u8>, String> {
    if plain_len > MAX_PLAIN {
        return Err(format!("it claims {plain_len} plain bytes"));
    }
    let missing = || "its base is not at hand".to_owned();
    let plain = match encoding {
        Encoding::Raw => stored.to_vec(),
        Encoding::Zstd => CONTEXTS.with_borrow_mut(|(_, context)| {
            decompress(stored, plain_len, |plain| context.decompress(plain, stored))
        })?,
        Encoding::Prefix { .. } => {
            let base = base.ok_or_else(missing)?;
            CONTEXTS
                .with_borrow_mut(|(_, context)| delta::decode(context, stored, plain_len, base))?
        }
    };
    if plain.len() == plain_len {
        Ok(plain)
    } else {
        Err(format!("it gives {} bytes, not {plain_len}", plain.len()))
    }
}

/// Runs a decompression of exactly one frame into at most `plain_len` bytes.
pub(crate) fn decompress(
    frame: &[u8],
    plain_len: usize,
    run: impl FnOnce(&mut Vec<u8>) -> Result<usize, usize>,
) -> Result<Vec<u8>, String> {
    // zstd itself would take several frames, and skippable ones, for one.
    if !frame.starts_with(&FRAME) {
        return Err("it is no frame of zstd".to_owned());
    }
    if find_frame_compressed_size(frame).map_err(words)? != frame.len() {
        return Err("bytes follow its frame".to_owned());
    }
    let mut plain = Vec::with_capacity(plain_len);
    run(&mut plain).map_err(words)?;
    Ok(plain)
}

fn words(code: usize) -> String {
    format!("zstd: {}", get_error_name(code))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(len: usize, seed: u8) -> Vec<u8> {
        let mut bytes = vec![0; len];
        blake3::Hasher::new()
            .update(&[seed])
            .finalize_xof()
            .fill(&mut bytes);
        bytes
    }

    fn text(len: usize) -> Vec<u8> {
        b"patient 0001, visit 17; "
            .iter()
            .copied()
            .cycle()
            .take(len)
            .collect()
    }

    fn round_trip(plain: &[u8], base: Option<&[u8]>) -> Frame {
        let given = base.map(|plain| Base { prefix: 7, plain });
        let frame = encode(plain, 3, given, || None).unwrap();
        let back = decode(frame.encoding, &frame.bytes, plain.len(), base).unwrap();
        assert_eq!(back, plain);
        frame
    }

    #[test]
    fn what_shrinks_is_compressed_and_what_does_not_is_raw() {
        assert_eq!(round_trip(&text(65536), None).encoding, Encoding::Zstd);
        assert_eq!(round_trip(&noise(65536, 1), None).encoding, Encoding::Raw);
        assert_eq!(round_trip(b"", None).encoding, Encoding::Raw);
        round_trip(&text(MAX_PLAIN), None);
        assert!(encode(&vec![0; MAX_PLAIN + 1], 3, None, || None).is_err());
    }

    #[test]
    fn a_small_change_costs_its_own_size() {
        let old = noise(65536, 1);
        let mut new = old.clone();
        new[20_000..20_040].copy_from_slice(&[9; 40]);
        let frame = round_trip(&new, Some(&old));
        assert_eq!(frame.encoding, Encoding::Prefix { base: 7 });
        assert!(frame.bytes.len() < 100, "{}", frame.bytes.len());
        // An insertion moves everything behind it, the prefix still finds it.
        new.splice(100..100, [1, 2, 3]);
        let frame = round_trip(&new, Some(&old));
        assert_eq!(frame.encoding, Encoding::Prefix { base: 7 });
        assert!(frame.bytes.len() < 200, "{}", frame.bytes.len());
    }

    #[test]
    fn a_base_that_looks_like_a_dictionary_is_a_base() {
        let mut old = noise(65536, 1);
        old[..4].copy_from_slice(&[0x37, 0xa4, 0x30, 0xec]);
        let mut new = old.clone();
        new[20_000..20_040].copy_from_slice(&[9; 40]);
        assert!(matches!(
            round_trip(&new, Some(&old)).encoding,
            Encoding::Prefix { .. }
        ));
        // And the next chunk of the same thread knows nothing of it.
        round_trip(&text(65536), None);
    }

    #[test]
    fn a_delta_that_does_not_pay_is_stored_whole() {
        let frame = round_trip(&noise(65536, 1), Some(&noise(65536, 2)));
        assert_eq!(frame.encoding, Encoding::Raw);
    }

    #[test]
    fn f56_no_frame_gives_more_than_it_declares() {
        let bomb = encode(&vec![0; MAX_PLAIN], 3, None, || None).unwrap().bytes;
        assert!(decode(Encoding::Zstd, &bomb, 1, None).is_err());
        assert!(decode(Encoding::Zstd, &bomb, usize::MAX, None).is_err());
    }

    #[test]
    fn bad_23_frames_to_be_skipped_and_of_a_foreign_dictionary_are_refused() {
        // A frame to be skipped gives no bytes, and that is what a chunk without bytes has.
        let skipped = [0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3];
        assert!(decode(Encoding::Zstd, &skipped, 0, None).is_err());
        let both = [&encode_whole(&text(5000), 3).unwrap().bytes, &skipped[..]].concat();
        assert!(decode(Encoding::Zstd, &both, 5000, None).is_err());
        // One byte of dictionary id, single segment, five bytes raw.
        let named = [
            0x28, 0xb5, 0x2f, 0xfd, 0x21, 7, 5, 0x29, 0, 0, 1, 2, 3, 4, 5,
        ];
        assert!(decode(Encoding::Zstd, &named, 5, None).is_err());
        let plain = [0x28, 0xb5, 0x2f, 0xfd, 0x20, 5, 0x29, 0, 0, 1, 2, 3, 4, 5];
        assert_eq!(
            decode(Encoding::Zstd, &plain, 5, None).unwrap(),
            [1, 2, 3, 4, 5]
        );
    }

    #[test]
    fn bad_23_a_window_of_two_gibibytes_costs_nothing() {
        // Window descriptor 0xa8 is 2 GiB; the content is five raw bytes.
        let wide = [
            0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xa8, 0x29, 0, 0, 1, 2, 3, 4, 5,
        ];
        for plain_len in [5, 4, 6] {
            let decoded = decode(Encoding::Zstd, &wide, plain_len, None);
            assert!(decoded.is_err() || decoded.is_ok_and(|plain| plain == [1, 2, 3, 4, 5]));
        }
    }

    #[test]
    fn bad_22_a_frame_of_gibibytes_stops_at_the_length_that_is_declared() {
        // Blocks of one byte repeated: 128 KiB each, 8192 of them.
        let mut bomb = vec![0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x58];
        for block in 0..8192_u32 {
            let header = (128 << 10) << 3 | 1 << 1 | u32::from(block == 8191);
            bomb.extend_from_slice(&header.to_le_bytes()[..3]);
            bomb.push(0);
        }
        for plain_len in [0, 1, 4096, MAX_PLAIN, MAX_PLAIN + 1] {
            assert!(decode(Encoding::Zstd, &bomb, plain_len, None).is_err());
        }
        let whole = vec![0; 4096];
        for encoding in [Encoding::Zstd, Encoding::Prefix { base: 1 }] {
            assert!(decode(encoding, &bomb, 1, Some(&whole)).is_err());
        }
    }

    #[test]
    fn bad_23_junk_behind_a_frame_is_refused() {
        let mut frame = encode(&text(5000), 3, None, || None).unwrap().bytes;
        frame.extend_from_slice(&[0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0]);
        assert!(decode(Encoding::Zstd, &frame, 5000, None).is_err());
    }
}
