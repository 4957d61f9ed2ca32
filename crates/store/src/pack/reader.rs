//! Reading a pack: its trailer for the index, its whole body for verification.

use std::path::Path;

use super::trailer::{BadTrailer, FOOTER, Footer, HEAD, Trailer, VERSION};
use crate::disk::OpenFile;
use crate::error::{IoContext, Result, StoreError};
use crate::id::PackId;

/// The end of a pack that is read in the first go: enough for the trailer of a pack of 64 KiB chunks.
const TAIL: u64 = 32 << 10;

/// A pack open for reading.
pub(crate) struct PackReader<'a> {
    file: &'a dyn OpenFile,
    path: &'a Path,
}

impl<'a> PackReader<'a> {
    /// Reads from this file; `path` is for messages.
    pub(crate) fn new(file: &'a dyn OpenFile, path: &'a Path) -> Self {
        Self { file, path }
    }

    /// The trailer of the pack of this name.
    pub(crate) fn trailer(&self, pack: PackId) -> Result<Trailer> {
        let file_len = self.file_len()?;
        if file_len < (HEAD.len() + FOOTER) as u64 {
            return Err(self.damaged("it is cut short"));
        }
        let tail = self.read(file_len - TAIL.min(file_len), TAIL.min(file_len))?;
        let footer = tail
            .last_chunk::<FOOTER>()
            .ok_or_else(|| self.damaged("it is cut short"))?;
        let begin = Footer::parse(footer, file_len)
            .map_err(|bad| self.bad(bad))?
            .trailer_offset();
        let len = file_len - begin;
        let trailer = match tail.len().checked_sub(len as usize) {
            Some(skip) => Trailer::decode(tail.get(skip..).unwrap_or_default()),
            None => Trailer::decode(&self.read(begin, len)?),
        };
        let trailer = trailer.map_err(|bad| self.bad(bad))?;
        if trailer.pack != pack {
            return Err(self.damaged("it is another pack under this name"));
        }
        Ok(trailer)
    }

    /// The file's length.
    pub(crate) fn file_len(&self) -> Result<u64> {
        self.file.len().context("read", || self.path.into())
    }

    /// Checks that the file begins as a pack.
    pub(crate) fn check_head(&self) -> Result<()> {
        if self.read(0, HEAD.len() as u64)? == HEAD {
            Ok(())
        } else {
            Err(self.damaged("it does not begin as a pack"))
        }
    }

    /// Bytes of the file. The length was checked against the file or against a chunk's limit by the caller.
    pub(crate) fn read(&self, offset: u64, len: u64) -> Result<Vec<u8>> {
        let mut bytes = vec![0; len as usize];
        match self.file.read_exact_at(&mut bytes, offset) {
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
                Err(self.damaged("it is cut short"))
            }
            result => result.context("read", || self.path.into()).map(|()| bytes),
        }
    }

    fn bad(&self, bad: BadTrailer) -> StoreError {
        match bad {
            BadTrailer::Damaged(what) => self.damaged(what),
            BadTrailer::Newer(found) => StoreError::NewerFormat {
                object: self.path.into(),
                found,
                supported: VERSION,
            },
        }
    }

    fn damaged(&self, what: &str) -> StoreError {
        StoreError::Damaged {
            object: self.path.into(),
            what: what.to_owned(),
        }
    }
}
