//! A chunk told by its difference from another one, its base: compressed with the base's bytes as prefix.
//!
//! A changed page then costs about what changed in it, and bytes that only moved cost next to nothing. The forms that were compared: `docs/decisions/0006-deltas.md`.

use zstd::zstd_safe::{CCtx, CParameter, DCtx};

use crate::frame::{Base, Encoding, Frame, compress, decompress};

/// The delta, where one can be made.
pub(crate) fn encode(plain: &[u8], level: i32, base: Base<'_>) -> Option<Frame> {
    // A context of its own: a prefix is borrowed for as long as the context lives.
    let mut context = CCtx::try_create()?;
    // The length is known to the reader already.
    context
        .set_parameter(CParameter::ContentSizeFlag(false))
        .ok()?;
    context.ref_prefix(base.plain).ok()?;
    Some(Frame {
        encoding: Encoding::Prefix { base: base.prefix },
        bytes: compress(&mut context, plain, level).ok()?,
    })
}

/// Plain bytes from a base and a frame.
pub(crate) fn decode(stored: &[u8], plain_len: usize, base: &[u8]) -> Result<Vec<u8>, String> {
    let mut context = DCtx::try_create().ok_or("no memory for zstd")?;
    decompress(stored, plain_len, |plain| {
        context.ref_prefix(base)?;
        context.decompress(plain, stored)
    })
}
