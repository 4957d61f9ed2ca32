//! A file's chunks in order, where some of them cannot be had: what is lost is a range, and what stands behind it follows.

use std::ops::Range;

use lifeboat_store::{ChunkId, Kind, Store, StoreError};

use crate::content::{Chunks, Content, Ref};
use crate::error::{Result, SnapshotError};

/// The error number of a disk that cannot read what is on it.
const EIO: i32 = 5;

/// Lengths of chunks of nothing but zeros, as holes and unused pages become.
const ZERO_LENGTHS: [usize; 2] = [64 << 10, 1 << 20];

/// A part of a file.
pub(super) enum Part {
    /// The chunk that stands at this offset.
    Chunk(u64, Ref),
    /// Bytes of which nobody knows the chunks any more.
    Lost(Range<u64>, SnapshotError),
}

/// The parts of a content; an error is one that ends the restore.
pub(super) fn parts<'a>(
    store: &'a Store,
    content: &Content,
) -> impl Iterator<Item = Result<Part>> + use<'a> {
    let mut chunks = Chunks::of(store, content);
    let len = content.len;
    let mut is_over = false;
    std::iter::from_fn(move || {
        if is_over {
            return None;
        }
        let begin = chunks.offset();
        match chunks.next()? {
            Ok((offset, chunk)) => Some(Ok(Part::Chunk(offset, chunk))),
            Err(error) if is_loss(&error) => {
                // Numbers that do not fit each other say nothing of what follows.
                is_over = chunks.offset() == begin;
                let end = if is_over { len } else { chunks.offset() };
                Some(Ok(Part::Lost(begin..end, error)))
            }
            Err(error) => {
                is_over = true;
                Some(Err(error))
            }
        }
    })
}

/// Whether an error means that these bytes are lost and others may not be, as against the restore having to end.
pub(super) fn is_loss(error: &SnapshotError) -> bool {
    match error {
        SnapshotError::Store(StoreError::Io { source, .. }) => source.raw_os_error() == Some(EIO),
        SnapshotError::Store(error) => error.is_damage(),
        _ => false,
    }
}

/// The ids of chunks of zeros, which need neither be read nor written.
pub(super) struct Zeros([(ChunkId, u64); ZERO_LENGTHS.len()]);

impl Zeros {
    pub(super) fn new() -> Self {
        Self(ZERO_LENGTHS.map(|len| (ChunkId::of(Kind::Data, &vec![0; len]), len as u64)))
    }

    pub(super) fn has(&self, chunk: &Ref) -> bool {
        self.0.contains(&(chunk.id, chunk.len))
    }
}

/// Ranges in order, with those that touch joined.
pub(super) fn joined(mut ranges: Vec<Range<u64>>) -> Vec<Range<u64>> {
    ranges.sort_by_key(|range| range.start);
    let mut joined: Vec<Range<u64>> = Vec::new();
    for range in ranges {
        match joined.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => joined.push(range),
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_that_touch_are_one() {
        let ranges = vec![10..20, 0..5, 20..30, 40..50, 42..44];
        assert_eq!(joined(ranges), [0..5, 10..30, 40..50]);
    }

    #[test]
    fn a_chunk_of_zeros_is_known_by_its_id_and_length() {
        let zeros = Zeros::new();
        let id = ChunkId::of(Kind::Data, &[0; 65536]);
        assert!(zeros.has(&Ref { id, len: 65536 }));
        assert!(!zeros.has(&Ref { id, len: 65535 }));
    }
}
