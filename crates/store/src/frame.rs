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
    // Contexts are large and slow to make: one pair a thread serves whole chunks and deltas.
    static CONTEXTS: RefCell<(CCtx<'static>, DCtx<'static>)> =
        RefCell::new((CCtx::create(), DCtx::create()));

    // Where compressed bytes are put before they are known to be worth it.
    static ROOM: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
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
    let delta = base.and_then(|base| {
        CONTEXTS.with_borrow_mut(|(context, _)| delta::encode(context, plain, level, base))
    });
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
    let is_right = match frame.encoding {
        // What comes out of it are its bytes.
        Encoding::Raw => frame.bytes == plain,
        _ => decode(frame.encoding, &frame.bytes, plain.len(), base).as_deref() == Ok(plain),
    };
    match is_right {
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
    let is_worth = |len| len < plain.len() - plain.len() / ZSTD_PAYS;
    let compressed = CONTEXTS.with_borrow_mut(|(context, _)| {
        compress_for(context, plain, level, |bytes| {
            is_worth(bytes.len()).then(|| bytes.to_vec())
        })
    });
    let compressed = compressed.map_err(|_| StoreError::WriteCheck)?;
    Ok(match compressed {
        Some(bytes) => Frame {
            encoding: Encoding::Zstd,
            bytes,
        },
        None => Frame {
            encoding: Encoding::Raw,
            bytes: plain.to_vec(),
        },
    })
}

/// Compresses with a context that may have a dictionary, or a prefix for this one frame.
pub(crate) fn compress(context: &mut CCtx<'_>, plain: &[u8], level: i32) -> Result<Vec<u8>, usize> {
    compress_for(context, plain, level, <[u8]>::to_vec)
}

/// The same for whoever looks at the bytes first.
fn compress_for<T>(
    context: &mut CCtx<'_>,
    plain: &[u8],
    level: i32,
    take: impl FnOnce(&[u8]) -> T,
) -> Result<T, usize> {
    context.set_parameter(CParameter::CompressionLevel(level))?;
    in_room(plain.len(), take, |room| context.compress2(room, plain))
}

/// Runs a compression of so many bytes in room that this thread keeps, and gives what `take` makes of the result. Room taken anew
/// for each chunk, so much larger than what comes out, would leave the process's memory in pieces.
pub(crate) fn in_room<T>(
    plain_len: usize,
    take: impl FnOnce(&[u8]) -> T,
    run: impl FnOnce(&mut Vec<u8>) -> Result<usize, usize>,
) -> Result<T, usize> {
    ROOM.with_borrow_mut(|room| {
        room.clear();
        room.reserve_exact(compress_bound(plain_len));
        run(room)?;
        Ok(take(room))
    })
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
mod tests;
