//! An entry's bytes, inflated where they are, and compared with what the archive says of them.

use std::io::{self, BufReader, Read};

use flate2::bufread::DeflateDecoder;

use super::bad::Mismatch;
use super::{ReadAt, ZipEntry};

/// Compressed bytes that are read at once.
const BUFFER: usize = 64 << 10;

/// Reads an entry. The end is only told once length and checksum are right.
pub struct EntryBytes<'z, S> {
    inner: Inner<'z, S>,
    left: u64,
    crc: crc32fast::Hasher,
    wanted_crc: u32,
}

enum Inner<'z, S> {
    Stored(BufReader<Slice<'z, S>>),
    Deflated(Box<DeflateDecoder<BufReader<Slice<'z, S>>>>),
}

/// The compressed bytes.
struct Slice<'z, S> {
    source: &'z S,
    at: u64,
    end: u64,
}

impl<S: ReadAt> Read for Slice<'_, S> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let len = (self.end - self.at).min(buf.len() as u64);
        let part = buf.get_mut(..len as usize).unwrap_or_default();
        self.source.read_at(part, self.at)?;
        self.at += len;
        Ok(part.len())
    }
}

impl<'z, S: ReadAt> EntryBytes<'z, S> {
    pub(super) fn new(source: &'z S, entry: &ZipEntry) -> Self {
        let slice = Slice {
            source,
            at: entry.data_offset,
            end: entry.data_offset.saturating_add(entry.deflated_len),
        };
        let bytes = BufReader::with_capacity(BUFFER, slice);
        let inner = match entry.is_deflated {
            true => Inner::Deflated(Box::new(DeflateDecoder::new(bytes))),
            false => Inner::Stored(bytes),
        };
        Self {
            inner,
            left: entry.len,
            crc: crc32fast::Hasher::new(),
            wanted_crc: entry.crc,
        }
    }

    fn fill(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let read = match &mut self.inner {
            Inner::Stored(bytes) => bytes.read(buf),
            Inner::Deflated(bytes) => bytes.read(buf),
        };
        read.map_err(|error| match is_of_deflate(&error) {
            true => mismatch("its compressed bytes make no sense"),
            false => error,
        })
    }

    /// All declared bytes came: there must be no more, of any kind, and they must be the right ones.
    fn check_end(&mut self) -> io::Result<usize> {
        if self.fill(&mut [0])? > 0 {
            return Err(mismatch("it has more bytes than it says"));
        }
        let slice = match &self.inner {
            Inner::Stored(bytes) => bytes,
            Inner::Deflated(bytes) => bytes.get_ref(),
        };
        if slice.get_ref().at != slice.get_ref().end || !slice.buffer().is_empty() {
            return Err(mismatch("something follows its bytes"));
        }
        match self.crc.clone().finalize() == self.wanted_crc {
            true => Ok(0),
            false => Err(mismatch("its bytes are not the ones that were put in")),
        }
    }
}

impl<S: ReadAt> Read for EntryBytes<'_, S> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if buf.is_empty() {
            return Ok(0);
        }
        if self.left == 0 {
            return self.check_end();
        }
        let len = self.left.min(buf.len() as u64) as usize;
        let part = buf.get_mut(..len).unwrap_or_default();
        let read = match self.fill(part) {
            Ok(0) => Err(mismatch("it has fewer bytes than it says")),
            result => result,
        }?;
        self.crc.update(buf.get(..read).unwrap_or_default());
        self.left -= read as u64;
        Ok(read)
    }
}

/// The decoder's own complaints, as against those of the disk.
fn is_of_deflate(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof
    )
}

fn mismatch(reason: &'static str) -> io::Error {
    io::Error::other(Mismatch(reason))
}
