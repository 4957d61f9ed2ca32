//! Which parts of a file are holes, so that a terabyte of nothing is not read.
//!
//! A hole is stored as the chunks of zeros that reading it would give, by reference to the first of them.

use std::fs::{File, Metadata};
use std::ops::Range;
use std::os::unix::fs::MetadataExt;

use lifeboat_store::{Kind, Session, chunker};
use rustix::fs::SeekFrom;

use crate::content::{ContentWriter, Ref};
use crate::error::Result;
use crate::monitor::{Monitor, go_on};

/// Bytes of a chunk of a hole; a shorter hole is read as the zeros that it is.
const PIECE: u64 = chunker::MAX_CUT as u64;

/// A part of a file.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// It is to be read.
    Data(Range<u64>),
    /// So many bytes of zeros that need no reading, a multiple of a piece.
    Hole(u64),
}

/// The parts of a file in order. Where its file system tells of no holes, all of it is data.
pub(super) fn parts(file: &File, stat: &Metadata) -> impl Iterator<Item = Part> {
    let len = stat.len();
    // Holes have no blocks: a file that has all of its own has none.
    let may_have_holes = stat.blocks().saturating_mul(512) < len;
    let mut at = 0;
    let mut hole = None;
    std::iter::from_fn(move || {
        if let Some(hole) = hole.take() {
            at += hole;
            return Some(Part::Hole(hole));
        }
        if at >= len {
            return None;
        }
        let end = match may_have_holes {
            true => next_hole(file, at, len, &mut hole),
            false => len,
        };
        let data = at..end;
        at = end;
        if data.is_empty() {
            let hole = hole.take()?;
            at += hole;
            return Some(Part::Hole(hole));
        }
        Some(Part::Data(data))
    })
}

/// Where the data from here on ends, with the hole that follows it.
fn next_hole(file: &File, from: u64, len: u64, found: &mut Option<u64>) -> u64 {
    let seek = |from| rustix::fs::seek(file, from);
    let mut at = from;
    while at < len {
        let begin = seek(SeekFrom::Hole(at)).unwrap_or(len).clamp(at, len);
        // No data behind it: the hole is the rest.
        let end = seek(SeekFrom::Data(begin)).unwrap_or(len).clamp(begin, len);
        let pieces = (end - begin) / PIECE;
        if pieces > 0 {
            *found = Some(pieces * PIECE);
            return begin;
        }
        at = end.max(at + 1);
    }
    len
}

/// Adds a hole to a content.
pub(super) fn store_hole(
    session: &Session<'_>,
    monitor: &dyn Monitor,
    writer: &mut ContentWriter<'_, '_>,
    len: u64,
) -> Result<()> {
    let zeros = vec![0; chunker::MAX_CUT];
    let id = session.put(Kind::Data, &zeros, None)?.id;
    for _ in 0..len / PIECE {
        go_on(monitor)?;
        writer.push(Ref { id, len: PIECE })?;
        monitor.advance(PIECE);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::FileExt;

    use super::*;

    fn parts_of(data: &[u64], len: u64) -> Vec<Part> {
        let file = tempfile::tempfile().unwrap();
        for at in data {
            file.write_all_at(&[1; 4096], *at).unwrap();
        }
        file.set_len(len).unwrap();
        let stat = file.metadata().unwrap();
        parts(&file, &stat).collect()
    }

    #[test]
    fn long_holes_are_told_from_data_and_short_ones_are_data() {
        let mib = 1 << 20;
        assert_eq!(parts_of(&[], 0), []);
        assert_eq!(parts_of(&[], 100), [Part::Data(0..100)]);
        let found = parts_of(&[0, 10 * mib, 10 * mib + 8192], 20 * mib + 5);
        let sum = found.iter().map(|part| match part {
            Part::Data(range) => range.end - range.start,
            Part::Hole(len) => *len,
        });
        assert_eq!(sum.sum::<u64>(), 20 * mib + 5);
        let data = found.iter().filter_map(|part| match part {
            Part::Data(range) => Some(range.clone()),
            Part::Hole(_) => None,
        });
        let data: Vec<_> = data.collect();
        for at in [0, 10 * mib, 10 * mib + 8192] {
            assert!(data.iter().any(|range| range.contains(&at)), "{found:?}");
        }
        assert!(data.iter().all(|range| range.end - range.start < 2 * mib));
    }
}
