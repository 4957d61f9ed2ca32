//! A chunk told by its difference from another one, its base.
//!
//! Databases change in place, so the usual difference is a few blocks of an extent: only those are compressed, with
//! their old versions as prefix, and a bitmap says which they are. Where lengths differ or most blocks changed, the whole
//! base is the prefix. Both forms and the measurement behind the choice: `docs/decisions/0006-deltas.md`.

use zstd::zstd_safe::{CCtx, CParameter, DCtx};

use crate::frame::{Base, Encoding, Frame, compress, decompress};

/// Bytes of a block; the page size that most databases have.
pub(crate) const BLOCK: usize = 4096;

/// The delta, where one can be made.
pub(crate) fn encode(plain: &[u8], level: i32, base: Base<'_>) -> Option<Frame> {
    encode_blocks(plain, level, base).or_else(|| encode_prefix(plain, level, base))
}

fn encode_prefix(plain: &[u8], level: i32, base: Base<'_>) -> Option<Frame> {
    let bytes = compress_with(base.plain, plain, level)?;
    Some(Frame {
        encoding: Encoding::Prefix { base: base.prefix },
        bytes,
    })
}

fn encode_blocks(plain: &[u8], level: i32, base: Base<'_>) -> Option<Frame> {
    if plain.len() != base.plain.len() {
        return None;
    }
    let blocks = plain.len().div_ceil(BLOCK);
    let mut bytes = vec![0; blocks.div_ceil(8)];
    let (mut new, mut old) = (Vec::new(), Vec::new());
    let pairs = plain.chunks(BLOCK).zip(base.plain.chunks(BLOCK));
    for (index, (after, before)) in pairs.enumerate().filter(|(_, (a, b))| a != b) {
        *bytes.get_mut(index / 8)? |= 1 << (index % 8);
        new.extend_from_slice(after);
        old.extend_from_slice(before);
    }
    bytes.extend(compress_with(&old, &new, level)?);
    Some(Frame {
        encoding: Encoding::Blocks { base: base.prefix },
        bytes,
    })
}

/// A context of its own for each delta: a prefix is borrowed for as long as the context lives.
fn compress_with(prefix: &[u8], plain: &[u8], level: i32) -> Option<Vec<u8>> {
    let mut context = CCtx::try_create()?;
    // The length is known to the reader already.
    context
        .set_parameter(CParameter::ContentSizeFlag(false))
        .ok()?;
    context.ref_prefix(prefix).ok()?;
    compress(&mut context, plain, level).ok()
}

fn decompress_with(prefix: &[u8], frame: &[u8], plain_len: usize) -> Result<Vec<u8>, String> {
    let mut context = DCtx::try_create().ok_or("no memory for zstd")?;
    decompress(frame, plain_len, |plain| {
        context.ref_prefix(prefix)?;
        context.decompress(plain, frame)
    })
}

/// Plain bytes from a whole base and a frame.
pub(crate) fn decode_prefix(
    stored: &[u8],
    plain_len: usize,
    base: &[u8],
) -> Result<Vec<u8>, String> {
    decompress_with(base, stored, plain_len)
}

/// Plain bytes from a base of the same length and the blocks that differ.
pub(crate) fn decode_blocks(
    stored: &[u8],
    plain_len: usize,
    base: &[u8],
) -> Result<Vec<u8>, String> {
    if base.len() != plain_len {
        return Err("its base has another length".to_owned());
    }
    let blocks = plain_len.div_ceil(BLOCK);
    let (bitmap, frame) = stored
        .split_at_checked(blocks.div_ceil(8))
        .ok_or("its bitmap is cut short")?;
    let changed = |index: usize| {
        bitmap
            .get(index / 8)
            .is_some_and(|byte| byte & (1 << (index % 8)) != 0)
    };
    if (blocks..bitmap.len() * 8).any(changed) {
        return Err("its bitmap names blocks past its end".to_owned());
    }
    let old: Vec<u8> = base
        .chunks(BLOCK)
        .enumerate()
        .filter(|(index, _)| changed(*index))
        .flat_map(|(_, block)| block)
        .copied()
        .collect();
    let new = decompress_with(&old, frame, old.len())?;
    if new.len() != old.len() {
        return Err("its blocks are cut short".to_owned());
    }
    let mut fresh = new.as_slice();
    let mut plain = base.to_vec();
    for (index, block) in plain.chunks_mut(BLOCK).enumerate() {
        if changed(index)
            && let Some((head, rest)) = fresh.split_at_checked(block.len())
        {
            block.copy_from_slice(head);
            fresh = rest;
        }
    }
    Ok(plain)
}
