//! What stands between a snapshot's bytes and a tar, and between the tar and where it goes.

use std::io::{self, Read, Write};

use crate::error::{Result, SnapshotError};
use crate::monitor::Monitor;

/// The bytes of a content, one after the other; what fails is put aside.
pub(super) struct Pieces<'a, I> {
    pieces: I,
    piece: Vec<u8>,
    at: usize,
    monitor: &'a dyn Monitor,
    failure: &'a mut Option<SnapshotError>,
}

impl<'a, I> Pieces<'a, I> {
    pub(super) fn new(
        pieces: I,
        monitor: &'a dyn Monitor,
        failure: &'a mut Option<SnapshotError>,
    ) -> Self {
        Self {
            pieces,
            piece: Vec::new(),
            at: 0,
            monitor,
            failure,
        }
    }
}

impl<I: Iterator<Item = Result<Vec<u8>>>> Read for Pieces<'_, I> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        while self.at == self.piece.len() {
            let next = match self.monitor.cancelled() {
                true => Some(Err(SnapshotError::cancelled())),
                false => self.pieces.next(),
            };
            match next {
                None => return Ok(0),
                Some(Ok(piece)) => {
                    self.monitor.advance(piece.len() as u64);
                    (self.piece, self.at) = (piece, 0);
                }
                Some(Err(failure)) => {
                    *self.failure = Some(failure);
                    return Err(io::Error::other("the snapshot cannot be read"));
                }
            }
        }
        let rest = self.piece.get(self.at..).unwrap_or_default();
        let (len, from) = (rest.len().min(buf.len()), rest);
        if let (Some(into), Some(from)) = (buf.get_mut(..len), from.get(..len)) {
            into.copy_from_slice(from);
        }
        self.at += len;
        Ok(len)
    }
}

/// Counts what goes through.
pub(super) struct Counted<'o> {
    out: &'o mut (dyn Write + Send),
    len: u64,
}

impl<'o> Counted<'o> {
    pub(super) fn new(out: &'o mut (dyn Write + Send)) -> Self {
        Self { out, len: 0 }
    }

    /// Bytes so far.
    pub(super) fn len(&self) -> u64 {
        self.len
    }
}

impl Write for Counted<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let len = self.out.write(bytes)?;
        self.len += len as u64;
        Ok(len)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// A function that takes all bytes, as a writer.
pub(super) struct Sink<F>(pub(super) F);

impl<F: FnMut(&[u8]) -> io::Result<()>> Write for Sink<F> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        (self.0)(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
