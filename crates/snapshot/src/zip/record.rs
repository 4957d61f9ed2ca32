//! The bytes of zip headers: what is fixed by PKWARE's APPNOTE 6.3, and the choices that it leaves.
//!
//! - Sizes are in the local header, never in a data descriptor after the data, so that readers from the front work too.
//! - An entry that may pass 4 GiB reserves 20 bytes of extra field. They become the zip64 sizes if needed; if not, they
//!   are a growth hint (0xA220: padding that readers skip), because a zip64 field beside 32-bit sizes is not valid.
//! - 64-bit fields appear only where a 32-bit one does not suffice: readers without zip64 open all smaller archives.
//! - "Made by" unix, so that modes and symlinks are read back; the name is marked as UTF-8 where it is not ASCII.
//!
//! The hazard is the value that just fits: `0xFFFF_FFFF` and `0xFFFF` mean "look in the 64-bit field", so a number equal
//! to them needs that field as well.

use super::segment::Run;
use super::time::Modified;

const LOCAL_HEADER: u32 = 0x0403_4b50;
const CENTRAL_HEADER: u32 = 0x0201_4b50;
const END: u32 = 0x0605_4b50;
const END_64: u32 = 0x0606_4b50;
const END_64_LOCATOR: u32 = 0x0706_4b50;

const NEEDS_DEFLATE: u16 = 20;
const NEEDS_ZIP64: u16 = 45;
const MADE_BY_UNIX: u16 = 3 << 8 | NEEDS_ZIP64;
const NAME_IS_UTF8: u16 = 1 << 11;
const NUMBERS_FOLLOW: u16 = 1 << 3;
const NUMBERS: u32 = 0x0807_4b50;

const ZIP64_FIELD: u16 = 0x0001;
const TIME_FIELD: u16 = 0x5455;
const PADDING_FIELD: u16 = 0xa220;
const PADDING_MARK: u16 = 0xa028;
/// Two sizes of 64 bits: what a local header needs above 4 GiB.
const RESERVED_LEN: u16 = 16;

const DOS_READ_ONLY: u32 = 0x01;
const DOS_DIRECTORY: u32 = 0x10;

/// Bytes of a header of the directory before its name.
pub(super) const CENTRAL_FIXED: usize = 46;

/// File type bits of a unix mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    File = 0o100_000,
    Directory = 0o040_000,
    Symlink = 0o120_000,
}

/// How an entry's bytes are held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    Stored = 0,
    Deflated = 8,
}

/// All that the archive says about one entry.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) mode: u32,
    pub(super) modified: Modified,
    pub(super) method: Method,
    pub(super) run: Run,
    /// Where the local header is.
    pub(super) offset: u64,
    /// Whether the local header has room for 64-bit sizes.
    pub(super) reserved: bool,
    /// Whether lengths and checksum follow the bytes, since what was written cannot be gone back to.
    pub(super) streamed: bool,
}

impl Record {
    /// Whether a size does not fit 32 bits.
    pub(super) fn is_large(&self) -> bool {
        self.run.plain_len >= u64::from(u32::MAX) || self.run.deflated_len >= u64::from(u32::MAX)
    }

    /// The header before the data; its length does not depend on the sizes if room is reserved or none is needed.
    pub(super) fn local_header(&self) -> Vec<u8> {
        let mut extra = Bytes::default();
        let mut run = self.run;
        if self.streamed {
            run = Run::EMPTY;
            if self.reserved {
                extra.u16(ZIP64_FIELD).u16(RESERVED_LEN).u64(0).u64(0);
                (run.plain_len, run.deflated_len) = (u64::MAX, u64::MAX);
            }
        } else if self.is_large() {
            extra.u16(ZIP64_FIELD).u16(RESERVED_LEN);
            extra.u64(run.plain_len).u64(run.deflated_len);
            // Here, unlike in the directory, both sizes move to the field together.
            run.plain_len = u64::MAX;
            run.deflated_len = u64::MAX;
        } else if self.reserved {
            extra.u16(PADDING_FIELD).u16(RESERVED_LEN);
            extra.u16(PADDING_MARK).u16(0).u64(0).u32(0);
        }
        self.push_time(&mut extra);
        let mut header = Bytes::default();
        header.u32(LOCAL_HEADER);
        self.push_shared(&mut header, self.needs(false), run, &extra);
        header.bytes(self.name.as_bytes()).bytes(&extra.0);
        header.0
    }

    /// The header in the directory at the archive's end.
    pub(super) fn central_header(&self) -> Vec<u8> {
        let mut large = Bytes::default();
        for value in [self.run.plain_len, self.run.deflated_len, self.offset] {
            if value >= u64::from(u32::MAX) {
                large.u64(value);
            }
        }
        let mut extra = Bytes::default();
        if !large.0.is_empty() {
            extra.u16(ZIP64_FIELD).u16(low16(large.0.len()));
            extra.bytes(&large.0);
        }
        self.push_time(&mut extra);
        let mut header = Bytes::default();
        header.u32(CENTRAL_HEADER).u16(MADE_BY_UNIX);
        self.push_shared(
            &mut header,
            self.needs(!large.0.is_empty()),
            self.run,
            &extra,
        );
        // No comment, first disk, no internal attributes.
        header.u16(0).u16(0).u16(0);
        header.u32(self.attributes()).u32(low32(self.offset));
        header.bytes(self.name.as_bytes()).bytes(&extra.0);
        header.0
    }

    /// Lengths and checksum, for behind the bytes.
    pub(super) fn numbers(&self) -> Vec<u8> {
        let mut numbers = Bytes::default();
        numbers.u32(NUMBERS).u32(self.run.crc);
        let (deflated_len, plain_len) = (self.run.deflated_len, self.run.plain_len);
        match self.reserved {
            true => numbers.u64(deflated_len).u64(plain_len),
            false => numbers.u32(low32(deflated_len)).u32(low32(plain_len)),
        };
        numbers.0
    }

    fn needs(&self, zip64: bool) -> u16 {
        if zip64 || self.is_large() || self.streamed && self.reserved {
            NEEDS_ZIP64
        } else {
            NEEDS_DEFLATE
        }
    }

    /// The part that both headers have in common.
    fn push_shared(&self, header: &mut Bytes, needs: u16, run: Run, extra: &Bytes) {
        let utf8 = if self.name.is_ascii() {
            0
        } else {
            NAME_IS_UTF8
        };
        let follow = if self.streamed { NUMBERS_FOLLOW } else { 0 };
        let flags = utf8 | follow;
        header.u16(needs).u16(flags).u16(self.method as u16);
        header
            .u16(self.modified.dos_time)
            .u16(self.modified.dos_date);
        header.u32(run.crc);
        header
            .u32(low32(run.deflated_len))
            .u32(low32(run.plain_len));
        header.u16(low16(self.name.len())).u16(low16(extra.0.len()));
    }

    fn push_time(&self, extra: &mut Bytes) {
        const ONLY_MODIFIED: u8 = 1;
        if let Some(unix) = self.modified.unix {
            extra.u16(TIME_FIELD).u16(5);
            extra.bytes(&[ONLY_MODIFIED]).bytes(&unix.to_le_bytes());
        }
    }

    fn attributes(&self) -> u32 {
        let mut dos = 0;
        if self.kind == Kind::Directory {
            dos |= DOS_DIRECTORY;
        }
        if self.mode & 0o222 == 0 {
            dos |= DOS_READ_ONLY;
        }
        (self.kind as u32 | self.mode & 0o7777) << 16 | dos
    }
}

/// Where the directory is, for the end of the archive.
#[derive(Debug, Clone, Copy)]
pub(super) struct Directory {
    pub(super) entries: u64,
    pub(super) offset: u64,
    pub(super) len: u64,
}

impl Directory {
    /// The records after the directory, by which readers find it.
    pub(super) fn end(&self, comment: &[u8]) -> Vec<u8> {
        let mut end = Bytes::default();
        let large = self.entries >= u64::from(u16::MAX)
            || self.offset >= u64::from(u32::MAX)
            || self.len >= u64::from(u32::MAX);
        if large {
            self.push_end_64(&mut end);
        }
        let entries = u16::try_from(self.entries).unwrap_or(u16::MAX);
        end.u32(END).u16(0).u16(0).u16(entries).u16(entries);
        end.u32(low32(self.len)).u32(low32(self.offset));
        end.u16(low16(comment.len())).bytes(comment);
        end.0
    }

    fn push_end_64(&self, end: &mut Bytes) {
        const LEN_AFTER_LEN: u64 = 44;
        end.u32(END_64).u64(LEN_AFTER_LEN);
        end.u16(MADE_BY_UNIX).u16(NEEDS_ZIP64).u32(0).u32(0);
        end.u64(self.entries).u64(self.entries);
        end.u64(self.len).u64(self.offset);
        end.u32(END_64_LOCATOR).u32(0);
        end.u64(self.offset.saturating_add(self.len)).u32(1);
    }
}

/// The 32-bit field for `value`, all ones where it is in a 64-bit field instead.
fn low32(value: u64) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

/// A length that was checked to fit when it was taken.
fn low16(len: usize) -> u16 {
    u16::try_from(len).unwrap_or(u16::MAX)
}

/// Little-endian numbers, one after the other.
#[derive(Debug, Default)]
struct Bytes(Vec<u8>);

impl Bytes {
    fn bytes(&mut self, value: &[u8]) -> &mut Self {
        self.0.extend_from_slice(value);
        self
    }

    fn u16(&mut self, value: u16) -> &mut Self {
        self.bytes(&value.to_le_bytes())
    }

    fn u32(&mut self, value: u32) -> &mut Self {
        self.bytes(&value.to_le_bytes())
    }

    fn u64(&mut self, value: u64) -> &mut Self {
        self.bytes(&value.to_le_bytes())
    }
}
