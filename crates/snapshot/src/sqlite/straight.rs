//! A database of which everything stands in the main file is copied straight from there, an extent with one read.
//!
//! SQLite's online backup takes each page through two caches. That is needed where pages come from elsewhere, out of the WAL or
//! by the rollback of a hot journal. The hazard is to take a page from the file that SQLite would take from there, or one that
//! is being written. Whether that can be is SQLite's to say, by the locks that it took for this very transaction
//! (`vfs::is_all_in_file`), and it is asked again with each read: SHARED where there is no WAL, and where there is one the mark
//! 0 as well, whose holder takes nothing from it and keeps checkpoints out (<https://www.sqlite.org/walformat.html>). The
//! number of pages is SQLite's own count, too.

use rusqlite::Error;
use rusqlite::ffi::{self, SQLITE_IOERR_SHORT_READ};

use super::EXTENT_BYTES;
use super::capture::{CaptureOptions, ExtentSink, check_stop};
use super::error::SqliteError;
use super::extents::Extent;
use super::header::Header;
use super::source::Source;

/// Where SQLite's locks are: the page that begins there is never written, and taken for zeros.
const LOCKS: u64 = 1 << 30;

/// Delivers all extents of so many bytes but the first, which is returned.
pub(super) fn copy(
    source: &Source,
    header: &Header,
    bytes: u64,
    options: &CaptureOptions,
    sink: &mut dyn ExtentSink,
) -> Result<Vec<Extent>, SqliteError> {
    let extents = bytes.div_ceil(EXTENT_BYTES as u64);
    for number in 1..extents {
        check_stop(options)?;
        let extent = read(source, header, bytes, number, sink.spare())?;
        sink.extent(number, extent)?;
    }
    let first = read(source, header, bytes, 0, sink.spare())?;
    match first.starts_with(header.bytes()) {
        true => Ok(vec![(0, first)]),
        false => Err(damaged(source, "page 1 is not the one that was read first")),
    }
}

/// Reads an extent into a buffer, whatever that holds.
fn read(
    source: &Source,
    header: &Header,
    bytes: u64,
    number: u64,
    mut into: Vec<u8>,
) -> Result<Vec<u8>, SqliteError> {
    let begin = number * EXTENT_BYTES as u64;
    let length = (bytes - begin).min(EXTENT_BYTES as u64);
    into.resize(usize::try_from(length).unwrap_or(EXTENT_BYTES), 0);
    // Both are multiples of the size of an extent, and of a page.
    let zeros = match begin == LOCKS {
        true => into.len().min(header.page_size() as usize),
        false => 0,
    };
    let (locks, pages) = into.split_at_mut(zeros);
    locks.fill(0);
    match source.read_file(pages, begin + zeros as u64) {
        ffi::SQLITE_OK => Ok(into),
        SQLITE_IOERR_SHORT_READ => Err(damaged(source, "the file ends in the middle of a page")),
        code => Err(source.fail("copy", Error::SqliteFailure(ffi::Error::new(code), None))),
    }
}

/// Damage, unless it is the work of a program that could not know of us: then the capture is to be begun again.
fn damaged(source: &Source, detail: &str) -> SqliteError {
    let disturbed = source.check_alone().err();
    disturbed.unwrap_or_else(|| source.damaged(detail))
}
