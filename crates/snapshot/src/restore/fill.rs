//! The bytes of one file, chunk by chunk into an open descriptor: only what is not there already, and no zeros where a hole
//! will do.
//!
//! Memory is a chunk a thread, however long the file is. A chunk that cannot be had does not keep the others from being
//! written.

use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use lifeboat_store::{ChunkId, Kind, Store};
use rayon::prelude::*;

use super::early::Written;
use super::parts::{Part, Zeros, is_loss, joined, parts};
use crate::content::{Content, Ref, read_chunk};
use crate::error::{IoContext, Result, SnapshotError};
use crate::monitor::Monitor;

/// Blocks in which zeros are looked for: what file systems give away at once.
const BLOCK: usize = 4096;

/// A shorter run of zeros is written: a file of many small holes is slow to read.
const HOLE: usize = 16 << 10;

/// Longer contents are written by all threads together.
pub(super) const LARGE: u64 = 16 << 20;

/// What is done with a chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Work {
    /// It is written; there is nothing in the file yet.
    Write,
    /// It is written where the file does not have it already.
    Mend,
    /// Nothing is written: it is only found out whether mending would change anything, and whether it could.
    Compare,
}

/// What became of a content.
#[derive(Debug, Default)]
pub(super) struct Filled {
    /// Bytes that cannot be had, in order.
    pub(super) lost: Vec<Range<u64>>,
    /// Why the first of them cannot.
    pub(super) reason: Option<SnapshotError>,
    /// Bytes that were written, or that [`Work::Compare`] found to differ.
    pub(super) changed: u64,
}

/// Fills files from a store.
pub(super) struct Filler<'a> {
    pub(super) store: &'a Store,
    pub(super) monitor: &'a dyn Monitor,
    pub(super) zeros: Zeros,
    /// Told of everything that is written.
    pub(super) written: Written,
}

/// One file while it is filled, by one thread or several.
struct Filling<'a> {
    filler: &'a Filler<'a>,
    file: &'a File,
    path: &'a Path,
    work: Work,
    lost: Mutex<(Vec<Range<u64>>, Option<SnapshotError>)>,
    changed: AtomicU64,
    /// Where the last byte that was written ends.
    end: AtomicU64,
}

impl Filler<'_> {
    /// Brings the bytes of a content into a file; its length is set wherever the numbers of the content fit each other.
    pub(super) fn fill(
        &self,
        file: &File,
        path: &Path,
        content: &Content,
        work: Work,
    ) -> Result<Filled> {
        let mut filling = Filling {
            filler: self,
            file,
            path,
            work,
            lost: Mutex::default(),
            changed: AtomicU64::new(0),
            end: AtomicU64::new(0),
        };
        let mut parts = parts(self.store, content);
        if content.len > LARGE {
            parts
                .par_bridge()
                .try_for_each(|part| filling.take(part?))?;
        } else {
            parts.try_for_each(|part| filling.take(part?))?;
        }
        let is_long_enough = work == Work::Write && *filling.end.get_mut() == content.len;
        // A length that is not believed is not given to a file either: there may be no file as long.
        if work != Work::Compare && !is_long_enough && content.is_sound() {
            file.set_len(content.len).context("write", path)?;
        }
        let changed = filling.changed.into_inner();
        let lost = filling.lost.into_inner();
        let (lost, reason) = lost.unwrap_or_else(std::sync::PoisonError::into_inner);
        Ok(Filled {
            lost: joined(lost),
            reason,
            changed,
        })
    }
}

impl Filling<'_> {
    fn take(&self, part: Part) -> Result<()> {
        if self.filler.monitor.cancelled() {
            return Err(SnapshotError::cancelled());
        }
        let (range, result) = match part {
            Part::Lost(range, error) => (range, Err(error)),
            Part::Chunk(offset, chunk) => {
                let range = offset..offset + chunk.len;
                (range, self.take_chunk(offset, &chunk))
            }
        };
        if self.work != Work::Compare {
            self.filler.monitor.advance(range.end - range.start);
        }
        match result {
            Err(error) if is_loss(&error) => {
                self.lose(range, error);
                Ok(())
            }
            result => result,
        }
    }

    fn lose(&self, range: Range<u64>, error: SnapshotError) {
        let mut lost = self
            .lost
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        lost.0.push(range);
        lost.1.get_or_insert(error);
        if lost.0.len().is_multiple_of(1024) {
            lost.0 = joined(std::mem::take(&mut lost.0));
        }
    }

    fn take_chunk(&self, offset: u64, chunk: &Ref) -> Result<()> {
        let is_zero = self.filler.zeros.has(chunk);
        let is_there = match self.work {
            // A file that was created a moment ago reads as zeros.
            Work::Write => is_zero,
            Work::Mend | Work::Compare => self.has(offset, chunk, is_zero)?,
        };
        if is_there {
            return Ok(());
        }
        let bytes = read_chunk(self.filler.store, chunk)?;
        self.changed.fetch_add(chunk.len, Ordering::Relaxed);
        match self.work {
            Work::Compare => Ok(()),
            Work::Mend => self.write(&bytes, offset),
            Work::Write => data_runs(&bytes, offset).into_iter().try_for_each(|run| {
                let part = bytes.get(run.clone()).unwrap_or_default();
                self.write(part, offset + run.start as u64)
            }),
        }
    }

    /// Whether these bytes are in the file. Beyond its end it will read as zeros.
    fn has(&self, offset: u64, chunk: &Ref, is_zero: bool) -> Result<bool> {
        let Ok(len) = usize::try_from(chunk.len.min(lifeboat_store::MAX_PLAIN as u64)) else {
            return Ok(false);
        };
        let mut bytes = vec![0; len];
        let mut read = 0;
        while let Some(rest) = bytes.get_mut(read..).filter(|rest| !rest.is_empty()) {
            match self.file.read_at(rest, offset + read as u64) {
                Ok(0) => break,
                Ok(more) => read += more,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error).context("read", self.path),
            }
        }
        if is_zero {
            return Ok(is_all_zero(&bytes));
        }
        Ok(ChunkId::of(Kind::Data, &bytes) == chunk.id)
    }

    fn write(&self, bytes: &[u8], offset: u64) -> Result<()> {
        let end = offset + bytes.len() as u64;
        self.end.fetch_max(end, Ordering::Relaxed);
        self.file
            .write_all_at(bytes, offset)
            .context("write", self.path)?;
        self.filler.written.bytes(bytes.len() as u64);
        Ok(())
    }
}

/// Whether no part of these bytes, at the beginning of a file, is a hole.
pub(super) fn has_no_hole(bytes: &[u8]) -> bool {
    matches!(data_runs(bytes, 0).as_slice(), [run] if run.len() == bytes.len())
}

/// The parts of these bytes that are no holes, by blocks as the file has them.
fn data_runs(bytes: &[u8], offset: u64) -> Vec<Range<usize>> {
    let mut runs: Vec<Range<usize>> = Vec::new();
    let mut begin = 0;
    while begin < bytes.len() {
        let in_block = ((offset + begin as u64) % BLOCK as u64) as usize;
        let end = bytes.len().min(begin + BLOCK - in_block);
        if !is_all_zero(bytes.get(begin..end).unwrap_or_default()) {
            match runs.last_mut() {
                // So short a hole is none.
                Some(last) if begin - last.end < HOLE => last.end = end,
                _ if begin < HOLE => runs.push(0..end),
                _ => runs.push(begin..end),
            }
        }
        begin = end;
    }
    runs
}

fn is_all_zero(bytes: &[u8]) -> bool {
    let (words, rest) = bytes.as_chunks::<8>();
    words.iter().all(|word| *word == [0; 8]) && rest.iter().all(|byte| *byte == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_data(len: usize, data: &[usize]) -> Vec<u8> {
        let mut bytes = vec![0; len];
        for at in data {
            bytes[*at] = 1;
        }
        bytes
    }

    #[test]
    fn holes_are_left_out_by_whole_blocks_of_the_file() {
        let bytes = with_data(200_000, &[100_000]);
        assert_eq!(data_runs(&bytes, 0), vec![98_304..102_400; 1]);
        // The same bytes elsewhere in the file have other blocks.
        assert_eq!(data_runs(&bytes, 96), vec![98_208..102_304; 1]);
        assert!(data_runs(&with_data(70_000, &[]), 5).is_empty());
    }

    #[test]
    fn short_runs_of_zeros_are_no_holes() {
        let bytes = with_data(65_536, &[5_000, 15_000, 65_000]);
        assert_eq!(data_runs(&bytes, 0), [0..16_384, 61_440..65_536]);
        assert!(data_runs(&with_data(100, &[]), 0).is_empty());
        assert_eq!(data_runs(&[1; 100], 4_090), vec![0..100; 1]);
    }
}
