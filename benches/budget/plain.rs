//! The plain bytes of a source in memory, in the pieces that lifeboat handles at a time: extents of a database, whole small
//! files.

use std::collections::HashSet;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// Bytes of a piece of a large file.
const EXTENT: usize = 64 << 10;

/// Pieces that a thread takes at a time.
const TAKEN: usize = 16;

/// Processors that this process may use.
pub(crate) fn processors() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

/// Does something with numbers below `count`, on all processors; each thread makes itself what it works with.
pub(crate) fn on_all<W>(
    count: usize,
    make: impl Fn() -> W + Sync,
    work: impl Fn(&mut W, usize) + Sync,
) {
    let next = AtomicUsize::new(0);
    let run = || {
        let mut own = make();
        loop {
            let begin = next.fetch_add(TAKEN, Ordering::Relaxed);
            if begin >= count {
                break;
            }
            (begin..(begin + TAKEN).min(count)).for_each(|number| work(&mut own, number));
        }
    };
    thread::scope(|scope| {
        (0..processors()).for_each(|_| drop(scope.spawn(run)));
    });
}

/// All files below a folder.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)
            .expect("the source can be read")
            .flatten()
        {
            match entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                true => folders.push(entry.path()),
                false => found.push(entry.path()),
            }
        }
    }
    found
}

/// The bytes of all files, one after the other.
pub(crate) struct Plain {
    bytes: Vec<u8>,
    pieces: Vec<Range<usize>>,
}

impl Plain {
    /// Reads all files.
    pub(crate) fn of(files: &[PathBuf]) -> Self {
        let (mut bytes, mut pieces) = (Vec::new(), Vec::new());
        for file in files {
            let begin = bytes.len();
            bytes.extend(fs::read(file).expect("the source can be read"));
            let cuts = (begin..bytes.len()).step_by(EXTENT);
            pieces.extend(cuts.map(|cut| cut..(cut + EXTENT).min(bytes.len())));
        }
        Self { bytes, pieces }
    }

    /// Bytes of all.
    pub(crate) fn len(&self) -> u64 {
        self.bytes.len() as u64
    }

    /// Number of pieces.
    pub(crate) fn pieces(&self) -> usize {
        self.pieces.len()
    }

    /// A piece.
    pub(crate) fn piece(&self, number: usize) -> &[u8] {
        &self.bytes[self.pieces[number].clone()]
    }

    /// What each piece is known by.
    pub(crate) fn ids(&self) -> HashSet<blake3::Hash> {
        (0..self.pieces())
            .map(|number| blake3::hash(self.piece(number)))
            .collect()
    }

    /// The share of the bytes that stand in pieces which are not known.
    pub(crate) fn share_beside(&self, known: &HashSet<blake3::Hash>) -> f64 {
        let pieces = (0..self.pieces()).map(|number| self.piece(number));
        let new = pieces.filter(|piece| !known.contains(&blake3::hash(piece)));
        new.map(<[u8]>::len).sum::<usize>() as f64 / self.bytes.len() as f64
    }
}
