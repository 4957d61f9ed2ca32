//! One file of an archive while its segments arrive: fresh ones, and ones carried over from an earlier archive.
//!
//! The entry's checksum is combined from those of its segments; a carried-over segment is not inflated, so its lengths and
//! checksum are believed. That is the hazard: whoever carries over knows them from a table that it has checked.

use std::io::{Read, Seek, Write};

use super::ZipError;
use super::head::Written;
use super::record::Record;
use super::segment::{Run, STREAM_END, Segment};
use super::writer::{State, ZipWriter, close_stream};

/// Compressed bytes that are copied at a time.
const COPY_BUFFER: usize = 128 * 1024;

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

    /// The entry's name in the archive.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.record.name
    }

    /// Appends a segment.
    ///
    /// # Errors
    /// [`ZipError::LargerThanPromised`], or a failed write.
    pub fn segment(&mut self, segment: &Segment) -> Result<Placed, ZipError> {
        self.append(segment.run(), |zip| zip.put(segment.deflated()))
    }

    /// Appends `run`, one segment or several neighbours of an earlier archive, whose compressed bytes come from `from`.
    ///
    /// # Errors
    /// [`ZipError::CopyLength`] if `from` ends early, [`ZipError::LargerThanPromised`], a failed read or a failed write.
    pub fn copied(&mut self, run: Run, from: &mut dyn Read) -> Result<Placed, ZipError> {
        let name = self.record.name.clone();
        self.append(run, |zip| {
            let mut actual = 0;
            while actual < run.deflated_len {
                let mut piece = Vec::with_capacity(COPY_BUFFER);
                let wanted = (run.deflated_len - actual).min(COPY_BUFFER as u64);
                let read = from.take(wanted).read_to_end(&mut piece);
                if let Err(source) = read {
                    return Err(ZipError::Read { name, source });
                }
                if piece.is_empty() {
                    break;
                }
                zip.put(&piece)?;
                actual += piece.len() as u64;
            }
            check_copied(name, run.deflated_len, actual)
        })
    }

    /// Like [`EntryWriter::copied`] for a caller with a better way than reading, such as `copy_file_range`: `copy` puts
    /// the bytes where `out` stands and leaves it behind them.
    ///
    /// # Errors
    /// [`ZipError::CopyLength`] if `out` is not behind `run` afterwards, [`ZipError::LargerThanPromised`], or what
    /// `copy` says, as a failed write.
    pub fn copied_by(
        &mut self,
        run: Run,
        copy: impl FnOnce(&mut W) -> std::io::Result<()>,
    ) -> Result<Placed, ZipError> {
        let name = self.record.name.clone();
        self.append(run, |zip| {
            let actual = zip.put_by(copy)?;
            check_copied(name, run.deflated_len, actual)
        })
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

    fn append(
        &mut self,
        run: Run,
        write: impl FnOnce(&mut ZipWriter<W>) -> Result<(), ZipError>,
    ) -> Result<Placed, ZipError> {
        let offset = self.zip.position();
        let record = &mut self.record;
        record.run = record.run.then(run);
        self.zip.step(State::InEntry, State::InEntry, |zip| {
            check_room(record, self.at_most)?;
            write(zip)
        })?;
        Ok(Placed { offset, run })
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

fn check_copied(name: String, expected: u64, actual: u64) -> Result<(), ZipError> {
    if actual == expected {
        return Ok(());
    }
    Err(ZipError::CopyLength {
        name,
        expected,
        actual,
    })
}
