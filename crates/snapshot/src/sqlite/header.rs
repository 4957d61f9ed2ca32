//! The first hundred bytes of a database, and the first thirty-two of its WAL.
//!
//! Everything that these bytes tell is read from them and not asked by `PRAGMA`: a damaged
//! schema makes most pragmas fail, and the bytes are known to stem from the captured state.
//! Layouts: sqlite.org/fileformat2.html, sections 1.3 and 4.1.

use std::io;
use std::path::Path;

use super::held;
use super::sniff::{first_bytes, has_wal};

/// What every database begins with.
pub(super) const MAGIC: &[u8; 16] = b"SQLite format 3\0";
/// Bytes of the database header, at the start of page 1.
pub(super) const HEADER_BYTES: usize = 100;
/// Bytes of the WAL header.
pub(super) const WAL_HEADER_BYTES: usize = 32;
/// Bytes of the header in front of each page in the WAL.
pub(super) const FRAME_HEADER_BYTES: usize = 24;

/// A big-endian number inside `bytes`, zero where they are too short.
pub(super) fn number(bytes: &[u8], at: usize) -> u32 {
    let four = bytes.get(at..).and_then(|rest| rest.first_chunk::<4>());
    four.map_or(0, |four| u32::from_be_bytes(*four))
}

/// The page size that `bytes`, the start of a database, claim; `None` if no such size exists.
fn page_size(bytes: &[u8; HEADER_BYTES]) -> Option<u32> {
    let size = match u16::from_be_bytes([bytes[16], bytes[17]]) {
        1 => 65536,
        size => u32::from(size),
    };
    (size.is_power_of_two() && size >= 512).then_some(size)
}

/// The header of page 1.
#[derive(Clone, Copy)]
pub(super) struct Header {
    bytes: [u8; HEADER_BYTES],
    page_size: u32,
}

impl Header {
    /// Checks the magic and the page size, which everything else depends on.
    pub(super) fn parse(bytes: [u8; HEADER_BYTES]) -> Option<Self> {
        let page_size = page_size(&bytes)?;
        let header = Self { bytes, page_size };
        bytes.starts_with(MAGIC).then_some(header)
    }

    pub(super) fn bytes(&self) -> &[u8; HEADER_BYTES] {
        &self.bytes
    }

    /// Pages of the database, as its last writer counted them.
    pub(super) fn pages(&self) -> u32 {
        number(&self.bytes, 28)
    }

    pub(super) fn page_size(&self) -> u32 {
        self.page_size
    }

    /// Whether readers have to look into a WAL.
    pub(super) fn is_wal(&self) -> bool {
        self.bytes[19] == 2
    }

    pub(super) fn user_version(&self) -> i32 {
        number(&self.bytes, 60).cast_signed()
    }

    pub(super) fn application_id(&self) -> i32 {
        number(&self.bytes, 68).cast_signed()
    }

    pub(super) fn encoding(&self) -> &'static str {
        match number(&self.bytes, 56) {
            2 => "UTF-16le",
            3 => "UTF-16be",
            _ => "UTF-8",
        }
    }
}

/// Whether the database at this path says that it is in WAL mode. One of zero bytes is what its WAL says.
pub(crate) fn is_wal(path: &Path) -> io::Result<bool> {
    let bytes = first_bytes(&*held::descriptor(path)?)?;
    Ok(match Header::parse(bytes) {
        Some(header) => header.is_wal(),
        None => has_wal(path)?,
    })
}

/// The page size of the WAL that begins with `bytes`; `None` if it is none.
///
/// The checksum is not looked at: a WAL that fails it is one that SQLite ignores.
pub(super) fn wal_page_size(bytes: &[u8]) -> Option<u32> {
    let magic = number(bytes, 0);
    let size = number(bytes, 8);
    let known = magic == 0x377f_0682 || magic == 0x377f_0683;
    (known && size.is_power_of_two() && (512..=65536).contains(&size)).then_some(size)
}
