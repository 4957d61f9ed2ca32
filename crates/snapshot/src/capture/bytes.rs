//! The bytes of one open file on their way to the store: small ones whole, large ones cut by one thread and stored by all.

use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use lifeboat_store::{Session, chunker};

use super::sparse::{self, Part};
use super::stream::{self, Closed, Kin, Outlet, Piece};
use crate::content::{Content, ContentWriter, Cut, Near, Ref};
use crate::error::{IoContext, Result};
use crate::monitor::Monitor;

/// Files up to this many bytes are read whole; one such buffer a core is in memory.
pub(crate) const SMALL: u64 = chunker::MAX_CUT as u64;

/// Bytes that are read before they are cut: more than the longest piece, and some pieces of usual size, so that what is left
/// over and moved is little.
const WINDOW: usize = 3 << 19;

/// Bytes of pieces that go through memory together.
const BATCH: usize = 1 << 20;

/// An open file that is being stored, and where to.
pub(super) struct Bytes<'a, 'r> {
    pub(super) session: &'a Session<'r>,
    pub(super) monitor: &'a dyn Monitor,
    pub(super) path: &'a Path,
    pub(super) file: &'a File,
    /// What stood there before.
    pub(super) near: Option<&'a Content>,
}

impl Bytes<'_, '_> {
    /// As many bytes as the file had when it looked so, where those are few and there are any.
    pub(super) fn read_small(&self, stat: &Metadata) -> Result<Option<Vec<u8>>> {
        let len = stat.len();
        if len == 0 || len > SMALL {
            return Ok(None);
        }
        let mut bytes = Vec::with_capacity(len as usize);
        let file = Positioned {
            file: self.file,
            offset: 0,
        };
        let read = file.take(len).read_to_end(&mut bytes);
        read.context("read", self.path)?;
        Ok(Some(bytes))
    }

    /// Stores as many bytes as the file had when it looked so.
    pub(super) fn store(&self, stat: &Metadata) -> Result<Content> {
        match self.read_small(stat)? {
            Some(bytes) => self.store_small(&bytes),
            None => self.store_large(stat),
        }
    }

    /// Cuts and stores what was read whole.
    pub(super) fn store_small(&self, bytes: &[u8]) -> Result<Content> {
        let mut before = Near::chunks(self.session.store(), self.near);
        let mut writer = ContentWriter::new(self.session, Cut::ByContent, self.near);
        let mut rest = bytes;
        let mut offset = 0;
        while let Some((piece, more)) =
            chunker::first_cut(rest, true).and_then(|len| rest.split_at_checked(len))
        {
            let near = before.at(offset);
            let id = self.session.put_sibling(piece, near.as_ref())?.id;
            let len = piece.len() as u64;
            writer.push(Ref { id, len })?;
            offset += len;
            rest = more;
        }
        self.monitor.advance(offset);
        writer.finish()
    }

    fn store_large(&self, stat: &Metadata) -> Result<Content> {
        let mut before = Near::chunks(self.session.store(), self.near);
        let mut writer = ContentWriter::new(self.session, Cut::ByContent, self.near);
        for part in sparse::parts(self.file, stat) {
            let range = match part {
                Part::Data(range) => range,
                Part::Hole(len) => {
                    sparse::store_hole(self.session, self.monitor, &mut writer, len)?;
                    continue;
                }
            };
            let read = stream::store(
                self.session,
                self.monitor,
                &AtomicBool::new(false),
                BATCH,
                |outlet| cut(self.file, range, outlet),
                &mut |pieces| {
                    let near = pieces.iter().map(|piece| before.at(piece.position));
                    Ok(near.map(|near| Kin { near, like: None }).collect())
                },
                &mut |stored| writer.push(stored.chunk),
            )?;
            read.context("read", self.path)?;
        }
        writer.finish()
    }
}

/// Reads a range that was there, so that a file that grows for ever is not followed (bad input 34), and cuts it.
fn cut(file: &File, range: Range<u64>, outlet: &mut Outlet) -> io::Result<()> {
    let offset = range.start;
    let mut source = Positioned { file, offset }.take(range.end - offset);
    let mut position = offset;
    let mut window = Vec::with_capacity(WINDOW);
    loop {
        let room = WINDOW - window.len();
        let read = (&mut source).take(room as u64).read_to_end(&mut window)?;
        let is_last = read < room;
        let mut rest = &window[..];
        // What follows the last cut is cut again with more behind it.
        while let Some((piece, more)) =
            chunker::first_cut(rest, is_last).and_then(|len| rest.split_at_checked(len))
        {
            let bytes = piece.to_vec();
            if let Err(Closed) = outlet.push(Piece { position, bytes }) {
                return Ok(());
            }
            position += piece.len() as u64;
            rest = more;
        }
        if is_last {
            return Ok(());
        }
        let cut = window.len() - rest.len();
        window.drain(..cut);
    }
}

/// Reads a descriptor from an offset on, whatever its own position is.
struct Positioned<'a> {
    file: &'a File,
    offset: u64,
}

impl Read for Positioned<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let len = self.file.read_at(buf, self.offset)?;
        self.offset += len as u64;
        Ok(len)
    }
}
