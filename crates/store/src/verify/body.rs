//! Reading a pack's body once, chunk by chunk, with a hash over all of it.

use crate::error::Result;
use crate::pack::{HEAD, PackReader};

/// Bytes of a pack that are read at once.
const WINDOW: u64 = 1 << 20;

/// A pack's body, read once from front to end and hashed on the way.
pub(super) struct Body<'a> {
    reader: PackReader<'a>,
    hasher: blake3::Hasher,
    window: Vec<u8>,
    /// Where in the window the next chunk begins.
    cursor: usize,
    /// Where in the file the window ends, and where the body does.
    read_to: u64,
    end: u64,
}

impl<'a> Body<'a> {
    pub(super) fn new(reader: PackReader<'a>, len: u64) -> Self {
        let begin = HEAD.len() as u64;
        Self {
            reader,
            hasher: blake3::Hasher::new(),
            window: Vec::new(),
            cursor: 0,
            read_to: begin,
            end: begin + len,
        }
    }

    /// The next stored bytes. The trailer's lengths add up to the body, so they are there unless the file shrinks.
    pub(super) fn next(&mut self, len: usize) -> Result<&[u8]> {
        while self.window.len() - self.cursor < len && self.read_to < self.end {
            self.window.drain(..self.cursor);
            self.cursor = 0;
            let more = WINDOW.min(self.end - self.read_to);
            let more = self.reader.read(self.read_to, more)?;
            self.read_to += more.len() as u64;
            self.hasher.update(&more);
            self.window.extend(more);
        }
        let begin = self.cursor;
        self.cursor = (begin + len).min(self.window.len());
        Ok(self.window.get(begin..self.cursor).unwrap_or_default())
    }

    pub(super) fn hash(&self) -> [u8; 32] {
        *self.hasher.finalize().as_bytes()
    }
}
