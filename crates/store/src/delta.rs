//! A chunk told by its difference from another one, its base: compressed with the base's bytes as prefix.
//!
//! A changed page then costs about what changed in it, and bytes that only moved cost next to nothing. The forms that
//! were compared: `docs/decisions/0006-deltas.md`.

use zstd::zstd_safe::{CCtx, CParameter, DCtx};

use crate::frame::{Base, Encoding, Frame, compress, decompress, in_room};

/// The delta, where one can be made, in this thread's context: a new one takes a good part of a delta's time.
pub(crate) fn encode(
    context: &mut CCtx<'_>,
    plain: &[u8],
    level: i32,
    base: Base<'_>,
) -> Option<Frame> {
    let bytes = match is_of_zstd(base.plain) {
        true => encode_anew(plain, level, base.plain)?,
        // Bytes that are no dictionary are a prefix, and the context keeps nothing of them.
        false => in_room(plain.len(), <[u8]>::to_vec, |room| {
            context.compress_using_dict(room, plain, base.plain, level)
        })
        .ok()?,
    };
    Some(Frame {
        encoding: Encoding::Prefix { base: base.prefix },
        bytes,
    })
}

/// The same for a base that begins as a dictionary of zstd's does: only `ref_prefix` takes it for plain bytes, and that
/// borrows it for as long as the context lives.
fn encode_anew(plain: &[u8], level: i32, base: &[u8]) -> Option<Vec<u8>> {
    let mut context = CCtx::try_create()?;
    // The length is known to the reader already.
    context
        .set_parameter(CParameter::ContentSizeFlag(false))
        .ok()?;
    context.ref_prefix(base).ok()?;
    compress(&mut context, plain, level).ok()
}

/// How a dictionary of zstd's own kind begins: a base that begins so must not be taken for one.
const DICTIONARY: [u8; 4] = [0x37, 0xa4, 0x30, 0xec];

/// Whether zstd would take a base for a dictionary of its own kind.
pub(crate) fn is_of_zstd(base: &[u8]) -> bool {
    base.starts_with(&DICTIONARY)
}

/// Plain bytes from a base and a frame, in this thread's context: a new one costs more than most decodings.
pub(crate) fn decode(
    context: &mut DCtx<'_>,
    stored: &[u8],
    plain_len: usize,
    base: &[u8],
) -> Result<Vec<u8>, String> {
    if is_of_zstd(base) {
        return decode_anew(stored, plain_len, base);
    }
    // Bytes that are no dictionary are a prefix, and the context keeps nothing of them.
    decompress(stored, plain_len, |plain| {
        context.decompress_using_dict(plain, stored, base)
    })
}

/// The same for a base that begins as a dictionary of zstd's does: only `ref_prefix` takes it for plain bytes, and that
/// borrows it for as long as the context lives.
fn decode_anew(stored: &[u8], plain_len: usize, base: &[u8]) -> Result<Vec<u8>, String> {
    let mut context = DCtx::try_create().ok_or("no memory for zstd")?;
    decompress(stored, plain_len, |plain| {
        context.ref_prefix(base)?;
        context.decompress(plain, stored)
    })
}
