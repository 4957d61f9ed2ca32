//! The forms in which an extent can be stored, as the store makes them, each with its cost.

use std::fmt;
use std::time::Instant;

use zstd::zstd_safe::{CCtx, CParameter, DCtx, compress_bound};

/// Bytes of a block, as in the store.
const BLOCK: usize = 4096;

/// How an extent is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// By itself.
    Whole,
    /// With the whole old extent as prefix.
    Prefix,
    /// The changed blocks alone, with their old versions as prefix.
    Blocks,
    /// The changed blocks alone, with the whole old extent as prefix.
    BlocksAfterAll,
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Whole => "whole, no delta",
            Self::Prefix => "old extent as prefix",
            Self::Blocks => "changed blocks, their old versions as prefix",
            Self::BlocksAfterAll => "changed blocks, old extent as prefix",
        })
    }
}

/// What a set of extents costs in a form.
pub(crate) struct Cost {
    pub(crate) extents: u64,
    pub(crate) stored: u64,
    pub(crate) encode: f64,
    pub(crate) decode: f64,
}

impl Cost {
    /// The least times of two runs.
    pub(crate) fn least(self, other: Self) -> Self {
        Self {
            encode: self.encode.min(other.encode),
            decode: self.decode.min(other.decode),
            ..self
        }
    }
}

/// Encodes and decodes all pairs of old and new. Only the coding is timed, not the reading.
pub(crate) fn measure(pairs: impl Iterator<Item = (Vec<u8>, Vec<u8>)>, form: Form) -> Cost {
    let mut coder = Coder::new();
    let mut cost = Cost {
        extents: 0,
        stored: 0,
        encode: 0.0,
        decode: 0.0,
    };
    for (old, new) in pairs {
        let began = Instant::now();
        let stored = coder.encode(&old, &new, form);
        cost.encode += began.elapsed().as_secs_f64();
        let began = Instant::now();
        let back = coder.decode(&old, &stored, new.len(), form);
        cost.decode += began.elapsed().as_secs_f64();
        assert!(back == new, "a coding that loses bytes");
        cost.extents += 1;
        cost.stored += stored.len() as u64;
    }
    cost
}

/// Seconds that it takes to decompress the old versions, which stand compressed in the repository.
pub(crate) fn decode_bases(pairs: impl Iterator<Item = (Vec<u8>, Vec<u8>)>) -> f64 {
    measure(pairs.map(|(old, _)| (Vec::new(), old)), Form::Whole).decode
}

struct Coder {
    compress: CCtx<'static>,
    decompress: DCtx<'static>,
}

impl Coder {
    fn new() -> Self {
        Self {
            compress: CCtx::create(),
            decompress: DCtx::create(),
        }
    }

    fn encode(&mut self, old: &[u8], new: &[u8], form: Form) -> Vec<u8> {
        match form {
            Form::Whole => compress(&mut self.compress, new),
            Form::Prefix => compress_after(old, new),
            Form::Blocks | Form::BlocksAfterAll => {
                let mut stored = changed_blocks(old, new);
                let after = picked(new, &stored);
                let before = context(old, &stored, form);
                stored.extend(compress_after(&before, &after));
                stored
            }
        }
    }

    fn decode(&mut self, old: &[u8], stored: &[u8], len: usize, form: Form) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(len);
        match form {
            Form::Whole => {
                self.decompress
                    .decompress(&mut bytes, stored)
                    .expect("it was compressed");
                bytes
            }
            Form::Prefix => decompress_after(old, stored, len),
            Form::Blocks | Form::BlocksAfterAll => {
                let (bitmap, frame) = stored.split_at(len.div_ceil(BLOCK).div_ceil(8));
                let before = context(old, bitmap, form);
                let mut fresh = decompress_after(&before, frame, len).into_iter();
                bytes.extend_from_slice(old);
                let blocks = bytes.chunks_mut(BLOCK).enumerate();
                for (_, block) in blocks.filter(|(number, _)| has(bitmap, *number)) {
                    block.fill_with(|| fresh.next().unwrap_or_default());
                }
                bytes
            }
        }
    }
}

/// What a reader has of the old version before it reads the new one.
fn context(old: &[u8], bitmap: &[u8], form: Form) -> Vec<u8> {
    match form {
        Form::BlocksAfterAll => old.to_vec(),
        _ => picked(old, bitmap),
    }
}

fn changed_blocks(old: &[u8], new: &[u8]) -> Vec<u8> {
    let mut bitmap = vec![0; new.len().div_ceil(BLOCK).div_ceil(8)];
    for (number, (before, after)) in old.chunks(BLOCK).zip(new.chunks(BLOCK)).enumerate() {
        if before != after {
            bitmap[number / 8] |= 1 << (number % 8);
        }
    }
    bitmap
}

fn has(bitmap: &[u8], number: usize) -> bool {
    bitmap[number / 8] & (1 << (number % 8)) != 0
}

fn picked(bytes: &[u8], bitmap: &[u8]) -> Vec<u8> {
    let blocks = bytes
        .chunks(BLOCK)
        .enumerate()
        .filter(|(number, _)| has(bitmap, *number));
    blocks.flat_map(|(_, block)| block).copied().collect()
}

fn compress(context: &mut CCtx<'_>, plain: &[u8]) -> Vec<u8> {
    context
        .set_parameter(CParameter::CompressionLevel(3))
        .expect("the level exists");
    let mut stored = Vec::with_capacity(compress_bound(plain.len()));
    context
        .compress2(&mut stored, plain)
        .expect("the buffer is large enough");
    stored
}

/// A context of its own, as the store makes one: a prefix is borrowed for as long as the context lives.
fn compress_after(prefix: &[u8], plain: &[u8]) -> Vec<u8> {
    let mut context = CCtx::create();
    context
        .set_parameter(CParameter::ContentSizeFlag(false))
        .expect("the parameter exists");
    context
        .ref_prefix(prefix)
        .expect("a new context takes a prefix");
    compress(&mut context, plain)
}

fn decompress_after(prefix: &[u8], stored: &[u8], len: usize) -> Vec<u8> {
    let mut context = DCtx::create();
    context
        .ref_prefix(prefix)
        .expect("a new context takes a prefix");
    let mut plain = Vec::with_capacity(len);
    context
        .decompress(&mut plain, stored)
        .expect("it was compressed");
    plain
}
