//! Compresses one run of an entry's bytes so that it can stand anywhere in any deflate stream.
//!
//! A segment ends on a byte boundary without closing the stream, so any row of segments followed by [`STREAM_END`] is one
//! valid deflate stream. It refers to no bytes but its own and, where its maker said what stands before it, the last
//! [`WINDOW`] of those: then it may only be placed behind the same bytes. That costs nothing against one stream, where
//! segments that know only themselves cost a tenth (`docs/decisions/0016-zip.md`).
//!
//! What deflate cannot shrink becomes stored blocks *inside* the deflate stream, segment by segment. The zip method
//! "stored" would save 5 bytes in 64 KiB, but it holds for a whole entry: one decision from its first bytes would be
//! wrong for a disk image with a compressed head, and a segment could no longer be reused by an entry decided otherwise.

use std::cell::RefCell;

use flate2::{Compress, Compression, FlushCompress};

/// Level at which size stops improving much for the time it takes.
pub const DEFAULT_LEVEL: u32 = 5;

/// Plain bytes of one segment, as a rule: small enough that one changed page costs little, large enough for deflate.
pub const SEGMENT_LEN: usize = 64 * 1024;

/// How far back deflate can refer.
pub const WINDOW: usize = 32 * 1024;

/// An empty final block: ends a deflate stream made of segments.
pub(super) const STREAM_END: [u8; 2] = [0x03, 0x00];

/// The empty stored block with which a full flush ends.
const FLUSH_MARK: [u8; 4] = [0x00, 0x00, 0xff, 0xff];

/// Longest stored block that deflate knows, and the bytes that one costs.
const STORED_BLOCK: usize = 0xffff;
const STORED_HEAD: usize = 5;

thread_local! {
    /// Setting up a compressor (a quarter megabyte, zeroed) costs more than compressing a small file.
    static DEFLATER: RefCell<Option<Deflater>> = const { RefCell::new(None) };
}

/// What an archive has to know of compressed bytes to hold them, without seeing them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    /// Length in the archive.
    pub deflated_len: u64,
    /// Length after inflating.
    pub plain_len: u64,
    /// CRC-32 of the plain bytes.
    pub crc: u32,
}

impl Run {
    /// No bytes: the start of every sum.
    pub const EMPTY: Self = Self {
        deflated_len: 0,
        plain_len: 0,
        crc: 0,
    };

    /// This run and the next as one, so that neighbours can be copied in one go.
    #[must_use]
    pub fn then(self, next: Self) -> Self {
        let mut crc = crc32fast::Hasher::new_with_initial_len(self.crc, self.plain_len);
        crc.combine(&crc32fast::Hasher::new_with_initial_len(
            next.crc,
            next.plain_len,
        ));
        Self {
            deflated_len: self.deflated_len.saturating_add(next.deflated_len),
            plain_len: self.plain_len.saturating_add(next.plain_len),
            crc: crc.finalize(),
        }
    }
}

/// One independently compressed run of an entry's bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    deflated: Vec<u8>,
    run: Run,
}

impl Segment {
    /// Compresses `plain` at `level` (0 to 9); the same bytes and level always give the same segment.
    #[must_use]
    pub fn deflate(plain: &[u8], level: u32) -> Self {
        Self::deflate_after(&[], plain, level)
    }

    /// Compresses `plain` for a place behind bytes that end in `before`; the same of all three give the same segment.
    #[must_use]
    pub fn deflate_after(before: &[u8], plain: &[u8], level: u32) -> Self {
        let window = before
            .get(before.len().saturating_sub(WINDOW)..)
            .unwrap_or_default();
        let deflated = match is_even(plain) {
            true => None,
            false => squeeze(window, plain, level),
        };
        let deflated = deflated.unwrap_or_else(|| stored_blocks(plain));
        let run = Run {
            deflated_len: deflated.len() as u64,
            plain_len: plain.len() as u64,
            crc: crc32fast::hash(plain),
        };
        Self { deflated, run }
    }

    /// A segment of an earlier archive: `deflated` is what [`Segment::deflate`] made of the bytes that `plain_len` and
    /// `crc` tell of, or a row of such. That is believed, so whoever calls this has checked the bytes.
    #[must_use]
    pub fn carried(deflated: Vec<u8>, plain_len: u64, crc: u32) -> Self {
        let run = Run {
            deflated_len: deflated.len() as u64,
            plain_len,
            crc,
        };
        Self { deflated, run }
    }

    /// The compressed bytes: deflate blocks, none of them final, that end on a byte boundary.
    #[must_use]
    pub fn deflated(&self) -> &[u8] {
        &self.deflated
    }

    /// Lengths and checksum.
    #[must_use]
    pub fn run(&self) -> Run {
        self.run
    }
}

/// A compressor of one level with its output buffer, kept by each thread.
struct Deflater {
    level: u32,
    compress: Compress,
    room: Vec<u8>,
}

impl Deflater {
    fn new(level: u32) -> Self {
        Self {
            level,
            compress: Compress::new(Compression::new(level), false),
            room: Vec::new(),
        }
    }

    /// Deflate in less than `limit` bytes, or nothing.
    fn run(&mut self, window: &[u8], plain: &[u8], limit: usize) -> Option<Vec<u8>> {
        if self.room.len() < limit {
            self.room.resize(limit, 0);
        }
        let room = self.room.get_mut(..limit)?;
        self.compress.reset();
        if !window.is_empty() {
            self.compress.set_dictionary(window).ok()?;
        }
        self.compress
            .compress(plain, room, FlushCompress::Full)
            .ok()?;
        let len = usize::try_from(self.compress.total_out()).ok()?;
        let deflated = room.get(..len)?;
        // A full buffer may hide an unfinished flush; the mark at the end is what makes segments joinable.
        let complete = self.compress.total_in() == plain.len() as u64 && len < limit;
        (complete && deflated.ends_with(&FLUSH_MARK)).then(|| deflated.to_vec())
    }
}

/// Fewer bytes look even by chance.
const LEAST_EVEN: usize = 16 << 10;

/// Whether every value of a byte is as frequent as the others, as in what is compressed or encrypted already: deflate takes
/// the longest to find nothing there. What of such bytes would be shorter all the same repeats long runs of itself.
fn is_even(plain: &[u8]) -> bool {
    if plain.len() < LEAST_EVEN {
        return false;
    }
    let mut counts = [0_u32; 256];
    for &byte in plain {
        if let Some(count) = counts.get_mut(usize::from(byte)) {
            *count += 1;
        }
    }
    let squares: u64 = counts.iter().map(|&count| u64::from(count).pow(2)).sum();
    let length = plain.len() as u64;
    // The sum of the squares where all are equal, the least there is. By chance it is more by about the length; what is more by
    // a thirty-second would be shorter by three thousandths.
    let even = length * length / 256;
    squares <= even + even / 32 + length
}

/// Deflate that is shorter than stored blocks; `None` also if the compressor fails, since storing is always right.
fn squeeze(window: &[u8], plain: &[u8], level: u32) -> Option<Vec<u8>> {
    let level = level.min(9);
    let blocks = plain.len().div_ceil(STORED_BLOCK);
    let limit = plain.len().checked_add(blocks.checked_mul(STORED_HEAD)?)?;
    DEFLATER.with_borrow_mut(|kept| {
        if kept.as_ref().is_some_and(|d| d.level != level) {
            *kept = None;
        }
        kept.get_or_insert_with(|| Deflater::new(level))
            .run(window, plain, limit)
    })
}

/// `plain` as deflate blocks without compression. They start and end on byte boundaries, so no flush is needed.
fn stored_blocks(plain: &[u8]) -> Vec<u8> {
    let blocks = plain.len().div_ceil(STORED_BLOCK);
    let mut out = Vec::with_capacity(plain.len() + blocks * STORED_HEAD);
    for block in plain.chunks(STORED_BLOCK) {
        let len = u16::try_from(block.len()).unwrap_or(u16::MAX);
        out.push(0);
        out.extend_from_slice(&len.to_le_bytes());
        out.extend_from_slice(&(!len).to_le_bytes());
        out.extend_from_slice(block);
    }
    out
}
