//! A durable file with the position that a zip writer needs.

use std::io::{Seek, SeekFrom, Write};

use lifeboat_store::{DurableFile, StoreError};

/// Writes where it stands, and can be moved.
pub(super) struct Positioned<'a> {
    file: DurableFile<'a>,
    at: u64,
}

impl<'a> Positioned<'a> {
    /// At the start of the file.
    pub(super) fn new(file: DurableFile<'a>) -> Self {
        Self { file, at: 0 }
    }

    /// The file.
    pub(super) fn into_inner(self) -> DurableFile<'a> {
        self.file
    }
}

impl Write for Positioned<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.file.write_at(bytes, self.at).map_err(io_error)?;
        self.at += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Seek for Positioned<'_> {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.file.len().checked_add_signed(by),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
        };
        self.at = at.ok_or(std::io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}

/// Something that can only be written to its end.
pub(super) struct Forward<'o>(pub(super) &'o mut (dyn Write + Send));

impl Write for Forward<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.0.flush()
    }
}

/// Never called: a writer that streams does not go back.
impl Seek for Forward<'_> {
    fn seek(&mut self, _: SeekFrom) -> std::io::Result<u64> {
        Err(std::io::ErrorKind::NotSeekable.into())
    }
}

/// The cause alone: the path is told by the zip's error.
fn io_error(error: StoreError) -> std::io::Error {
    match error {
        StoreError::Io { source, .. } => source,
        other => std::io::Error::other(other),
    }
}
