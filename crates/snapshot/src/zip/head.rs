//! What the caller says of an entry, and what it is told of entries and archives that are written.
//!
//! The hazard is the name: the one in the archive is not always the one on disk. [`Written::escaped`] says when, so that
//! the caller can write the original down.

use super::segment::Run;

/// What the archive is told about an entry besides its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryHead {
    /// Path in the archive: raw unix bytes, components separated by `/`, none at the start or end. Escaped where a zip
    /// cannot carry it; [`Written`] tells.
    pub path: Vec<u8>,
    /// Unix permissions. Bits of the file type are ignored, the kind of entry says them.
    pub mode: u32,
    /// Last modification, seconds since 1970 in UTC.
    pub mtime: i64,
    /// Seconds east of UTC of the clock that the DOS date shows, for readers that know no better; UTC itself unless set.
    pub utc_offset: i32,
    /// The file will not be longer than this. Unless set to less than about 4 GiB, 20 bytes are reserved for long sizes.
    pub at_most: Option<u64>,
}

impl EntryHead {
    /// A head with a DOS date in UTC and no promise about the length.
    pub fn new(path: impl Into<Vec<u8>>, mode: u32, mtime: i64) -> Self {
        Self {
            path: path.into(),
            mode,
            mtime,
            utc_offset: 0,
            at_most: None,
        }
    }
}

/// An entry that is in the archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// Its name there; a directory's ends in `/`.
    pub name: String,
    /// Whether the name had to be escaped, so that extracting the archive gives another path than the original.
    pub escaped: bool,
    /// Offset of its first data byte in the archive.
    pub data_offset: u64,
    /// Lengths and checksum of the whole entry, with the bytes that end its stream.
    pub run: Run,
}

/// A finished archive in numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Totals {
    /// Files, directories and symlinks.
    pub entries: u64,
    /// Length of the archive.
    pub len: u64,
    /// Sum of the plain lengths.
    pub plain_len: u64,
}
