//! The destination of the online backup: pages come in, extents go out, nothing is stored.
//!
//! What is relied on was measured, and is checked on every write: into an empty destination
//! without a journal SQLite writes each page once, in ascending order, page 1 last, and reads
//! nothing back but the empty header at the beginning. So one extent is being filled at a time,
//! and extent 0 waits for the end. Anything else is refused, never papered over: a sink that
//! reordered writes would produce a database that no one wrote.
//!
//! The page at 1 GiB holds SQLite's locks and is never written; it is zeros, as in the file.

use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::EXTENT_BYTES;
use super::header::{HEADER_BYTES, Header};
use super::vfs::Object;

/// An extent that is complete, with its number.
pub(super) type Extent = (u64, Vec<u8>);

/// Bytes of the header that a backup sets by itself: change counter and page count (24–31),
/// schema cookie (40–43), version-valid-for and library version (92–99).
const REWRITTEN: [std::ops::Range<usize>; 3] = [24..32, 40..44, 92..100];

/// Assembles extents from the pages that SQLite writes.
#[derive(Default)]
pub(super) struct Extents {
    assembly: Mutex<Assembly>,
}

#[derive(Default)]
struct Assembly {
    /// Extent 0, until the end.
    first: Vec<u8>,
    /// The number of the extent being filled.
    current: u64,
    filling: Vec<u8>,
    ready: Vec<Extent>,
    /// Memory for extents to come.
    spare: Vec<Vec<u8>>,
    /// One past the last byte written so far.
    end: u64,
}

impl Extents {
    /// The extents that were completed since the last call.
    pub(super) fn take(&self) -> Vec<Extent> {
        std::mem::take(&mut self.assembly().ready)
    }

    /// Hands over memory for one more extent, whatever is in it.
    pub(super) fn give(&self, mut spare: Vec<u8>) {
        spare.clear();
        self.assembly().spare.push(spare);
    }

    /// Ends a database of `bytes` bytes. What is left are its last extents and extent 0, with
    /// the header of the source. `None` if page 1 is not the one that `header` belongs to.
    pub(super) fn finish(&self, header: &Header, bytes: u64) -> Option<Vec<Extent>> {
        let mut assembly = std::mem::take(&mut *self.assembly());
        if bytes < assembly.end {
            return None;
        }
        assembly.close(bytes);
        let first = assembly.first.first_chunk_mut::<HEADER_BYTES>()?;
        let written = std::mem::replace(first, *header.bytes());
        let mut expected = *header.bytes();
        for range in REWRITTEN {
            expected
                .get_mut(range.clone())?
                .copy_from_slice(written.get(range)?);
        }
        assembly.ready.push((0, assembly.first));
        (written == expected).then_some(assembly.ready)
    }

    fn assembly(&self) -> MutexGuard<'_, Assembly> {
        self.assembly.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Assembly {
    fn write(&mut self, bytes: &[u8], offset: u64) -> Option<()> {
        let (extent, within) = split(offset);
        if within + bytes.len() > EXTENT_BYTES || extent < self.current && extent != 0 {
            return None;
        }
        self.end = self.end.max(offset + to_u64(bytes.len()));
        if extent == 0 {
            return overwrite(&mut self.first, bytes, within);
        }
        self.advance(extent);
        append(&mut self.filling, bytes, within)
    }

    /// Completes every extent before `extent`.
    fn advance(&mut self, extent: u64) {
        while self.current < extent {
            let next = self.spare.pop().unwrap_or_default();
            let mut complete = std::mem::replace(&mut self.filling, next);
            complete.resize(EXTENT_BYTES, 0);
            if self.current > 0 {
                self.ready.push((self.current, complete));
            }
            self.current += 1;
        }
    }

    /// Fills up with zeros to a length of `bytes`: the last page may be the lock page.
    fn close(&mut self, bytes: u64) {
        let (extent, within) = split(bytes);
        self.advance(extent);
        match extent {
            0 => self.first.resize(within, 0),
            _ => self.first.resize(EXTENT_BYTES, 0),
        }
        if extent > 0 && within > 0 {
            let mut last = std::mem::take(&mut self.filling);
            last.resize(within, 0);
            self.ready.push((extent, last));
        }
    }
}

impl Object for Extents {
    fn len(&self) -> u64 {
        self.assembly().end
    }

    fn read(&self, _: &mut [u8], _: u64) -> io::Result<()> {
        Err(io::Error::other("pages of a capture are not read back"))
    }

    fn write(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let written = self.assembly().write(bytes, offset);
        written.ok_or_else(|| io::Error::other("a page came out of order"))
    }
}

/// Pages of extent 0 come first and last, and page 1 over the gap that it left.
fn overwrite(into: &mut Vec<u8>, bytes: &[u8], at: usize) -> Option<()> {
    let end = at + bytes.len();
    if into.len() < end {
        into.resize(end, 0);
    }
    into.get_mut(at..end)?.copy_from_slice(bytes);
    Some(())
}

fn append(into: &mut Vec<u8>, bytes: &[u8], at: usize) -> Option<()> {
    if at < into.len() {
        return None;
    }
    into.reserve_exact(EXTENT_BYTES - into.len());
    into.resize(at, 0);
    into.extend_from_slice(bytes);
    Some(())
}

/// The extent of an offset, and the place in it.
fn split(offset: u64) -> (u64, usize) {
    let bytes = to_u64(EXTENT_BYTES);
    let within = usize::try_from(offset % bytes).unwrap_or_default();
    (offset / bytes, within)
}

fn to_u64(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}
