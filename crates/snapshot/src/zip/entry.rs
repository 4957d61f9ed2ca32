//! One file of an archive while its segments arrive: fresh ones, and ones carried over from an earlier archive.
//!
//! The entry's checksum is combined from those of its segments; a carried-over segment is not inflated, so its lengths and
//! checksum are believed. That is the hazard: whoever carries over knows them from a table that it has checked.

use std::io::{Seek, Write};

use super::ZipError;
use super::head::Written;
use super::record::Record;
use super::segment::{Run, STREAM_END, Segment};
use super::writer::{State, ZipWriter, close_stream};

/// Where a run of compressed bytes came to lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placed {
    /// Offset of its first byte in the archive.
    pub offset: u64,
    /// Lengths and checksum.
    pub run: Run,
}

/// A file being written; dropped without [`EntryWriter::finish`], it leaves the archive unusable.
#[derive(Debug)]
#[must_use = "an entry that is not finished makes the archive unusable"]
pub struct EntryWriter<'zip, W> {
    zip: &'zip mut ZipWriter<W>,
    record: Record,
    data_offset: u64,
    at_most: u64,
}

impl<'zip, W: Write + Seek> EntryWriter<'zip, W> {
    /// The header of `record` is written, blank.
    pub(super) fn new(zip: &'zip mut ZipWriter<W>, record: Record, at_most: Option<u64>) -> Self {
        Self {
            data_offset: zip.position(),
            at_most: at_most.unwrap_or(u64::MAX),
            zip,
            record,
        }
    }

    /// Offset in the archive where the next segment goes.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.zip.position()
    }

    /// Appends a segment.
    ///
    /// # Errors
    /// [`ZipError::LargerThanPromised`], or a failed write.
    pub fn segment(&mut self, segment: &Segment) -> Result<Placed, ZipError> {
        let (offset, run) = (self.zip.position(), segment.run());
        let record = &mut self.record;
        record.run = record.run.then(run);
        self.zip.step(State::InEntry, State::InEntry, |zip| {
            check_room(record, self.at_most)?;
            zip.put(segment.deflated())
        })?;
        Ok(Placed { offset, run })
    }

    /// Ends the entry and fills in its header.
    ///
    /// # Errors
    /// [`ZipError::LargerThanPromised`], or a failed write.
    pub fn finish(mut self) -> Result<Written, ZipError> {
        let record = &mut self.record;
        self.zip.step(State::InEntry, State::Ready, |zip| {
            if close_stream(record) {
                zip.put(&STREAM_END)?;
            }
            check_room(record, self.at_most)?;
            zip.put_again(record)
        })?;
        Ok(self.zip.keep(self.record, self.data_offset))
    }
}

/// Found as soon as it happens, not after gigabytes more.
fn check_room(record: &Record, at_most: u64) -> Result<(), ZipError> {
    if record.is_large() && !record.reserved {
        return Err(ZipError::LargerThanPromised {
            name: record.name.clone(),
            at_most,
        });
    }
    Ok(())
}
