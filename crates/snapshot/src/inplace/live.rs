//! Whether what stands in the live folder has the bytes that a snapshot has, found out without changing anything.

use std::fs::{File, Metadata};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use lifeboat_store::{ChunkId, Kind, MAX_PLAIN, Store};
use rayon::prelude::*;
use rustix::fs::OFlags;

use crate::content::{Chunks, Content, Ref};
use crate::entry::{Seen, Time};
use crate::error::{IoContext, Result, SnapshotError};
use crate::recent::is_recent;
use crate::sqlite::{
    self, CaptureOptions, EXTENT_BYTES, ExtentSink, Facts, Sniffed, SqliteError, Stopped,
};
use crate::tree::batches;

/// What the file system says of a live entry, to be compared later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    pub(super) inode: u64,
    pub(super) device: u64,
    pub(super) links: u64,
    pub(super) bytes: u64,
    pub(super) mtime: Time,
    pub(super) ctime: Time,
    pub(super) is_folder: bool,
}

impl Stamp {
    pub(super) fn of(stat: &Metadata) -> Self {
        let time = |secs, nanos: i64| Time {
            secs,
            nanos: u32::try_from(nanos).unwrap_or_default(),
        };
        Self {
            inode: stat.ino(),
            device: stat.dev(),
            links: stat.nlink(),
            bytes: stat.len(),
            mtime: time(stat.mtime(), stat.mtime_nsec()),
            ctime: time(stat.ctime(), stat.ctime_nsec()),
            is_folder: stat.is_dir(),
        }
    }

    /// How it looks now, if it is there.
    pub(super) fn at(path: &Path) -> Result<Option<Self>> {
        Ok(look(path)?.map(|stat| Self::of(&stat)))
    }

    /// Whether another change could leave the same stamp, at this time.
    pub(super) fn is_fresh(&self, now: SystemTime) -> bool {
        let changed = (self.ctime.secs, i64::from(self.ctime.nanos));
        is_recent(changed, now)
    }

    /// Whether a snapshot saw the file exactly so.
    pub(super) fn is(&self, seen: &Seen) -> bool {
        (seen.inode, seen.ctime) == (self.inode, self.ctime)
    }
}

/// What is at a path, links not followed.
pub(crate) fn look(path: &Path) -> Result<Option<Metadata>> {
    match std::fs::symlink_metadata(path) {
        Ok(stat) => Ok(Some(stat)),
        Err(error) if super::files::is_missing(&error) => Ok(None),
        Err(error) => Err(error).context("look at", path),
    }
}

fn open(path: &Path) -> Result<File> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let mut options = std::fs::OpenOptions::new();
    options
        .read(true)
        .custom_flags(flags.bits().cast_signed())
        .open(path)
        .context("open", path)
}

/// Whether a regular file is a database. One that is stays open (F-34).
pub(crate) fn is_database(path: &Path, stat: &Metadata) -> Result<bool> {
    let [wal, ..] = sqlite::side_files(path);
    if !stat.is_file() || stat.len() == 0 && wal.symlink_metadata().is_err() {
        return Ok(false);
    }
    if sqlite::is_kept(stat) {
        return Ok(true);
    }
    let file = open(path)?;
    let sniffed = sqlite::sniff(&file, path).context("read", path);
    if !matches!(sniffed, Ok(Sniffed::NotDatabase)) {
        sqlite::keep_open(file);
    }
    Ok(sniffed? == Sniffed::Database)
}

/// Whether a file that is no database has these bytes.
pub(super) fn has_bytes(store: &Store, path: &Path, content: &Content) -> Result<bool> {
    is(store, &open(path)?, path, content)
}

/// Whether an open file has these bytes.
pub(crate) fn is(store: &Store, file: &File, path: &Path, content: &Content) -> Result<bool> {
    if file.metadata().context("look at", path)?.len() != content.len {
        return Ok(false);
    }
    for batch in batches(store, content) {
        let same = batch?
            .par_iter()
            .map(|(offset, chunk)| has_chunk(file, path, *offset, chunk))
            .try_reduce(|| true, |a, b| Ok(a && b))?;
        if !same {
            return Ok(false);
        }
    }
    Ok(true)
}

fn has_chunk(file: &File, path: &Path, offset: u64, chunk: &Ref) -> Result<bool> {
    let Some(len) = usize::try_from(chunk.len)
        .ok()
        .filter(|len| *len <= MAX_PLAIN)
    else {
        return Ok(false);
    };
    let mut bytes = vec![0; len];
    match file.read_exact_at(&mut bytes, offset) {
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => Ok(false),
        read => {
            read.context("read", path)?;
            Ok(ChunkId::of(Kind::Data, &bytes) == chunk.id)
        }
    }
}

/// A database as it is now: what is known of it, and whether its committed state has the bytes of `content`.
pub(crate) fn database(
    store: &Store,
    path: &Path,
    content: Option<&Content>,
    options: &CaptureOptions,
) -> Result<(Facts, bool)> {
    let mut expected = content.map(|content| Chunks::of(store, content));
    let first = match expected.as_mut().and_then(Iterator::next).transpose() {
        Ok(first) => first.map(|(_, chunk)| chunk),
        // A database that cannot be compared is to be replaced, and the restore names what is wrong.
        Err(_) => None,
    };
    let mut compare = Compare {
        expected,
        first,
        bytes: 0,
        is_same: content.is_some(),
    };
    let facts = sqlite::capture(path, options, &mut compare).map_err(unless_cancelled)?;
    let is_same = compare.is_same && content.is_some_and(|content| content.len == compare.bytes);
    Ok((facts, is_same))
}

fn unless_cancelled(error: SqliteError) -> SnapshotError {
    match error {
        SqliteError::Stopped => SnapshotError::cancelled(),
        error => error.into(),
    }
}

/// Compares extents with the chunks that they should be.
struct Compare<'a> {
    expected: Option<Chunks<'a>>,
    /// Extent 0 comes last.
    first: Option<Ref>,
    bytes: u64,
    is_same: bool,
}

impl ExtentSink for Compare<'_> {
    fn extent(&mut self, index: u64, bytes: Vec<u8>) -> Result<(), Stopped> {
        self.bytes += bytes.len() as u64;
        if !self.is_same {
            return Ok(());
        }
        let expected = match index {
            0 => self.first.map(|chunk| (0, chunk)),
            _ => self
                .expected
                .as_mut()
                .and_then(|chunks| chunks.next()?.ok()),
        };
        let offset = index * EXTENT_BYTES as u64;
        self.is_same = expected.is_some_and(|(at, chunk)| {
            at == offset
                && chunk.len == bytes.len() as u64
                && ChunkId::of(Kind::Data, &bytes) == chunk.id
        });
        Ok(())
    }
}

/// The `-wal` and `-journal` of a database, and how they look: whatever is committed changes one of them, or the database.
pub(super) fn side_files(path: &Path) -> Result<Vec<(PathBuf, Option<Stamp>)>> {
    let [wal, _, journal] = sqlite::side_files(path);
    let look = |path: PathBuf| Stamp::at(&path).map(|stamp| (path, stamp));
    [wal, journal].into_iter().map(look).collect()
}

/// Reads a database and keeps nothing of it.
pub(super) struct Discard;

impl ExtentSink for Discard {
    fn extent(&mut self, _: u64, _: Vec<u8>) -> Result<(), Stopped> {
        Ok(())
    }
}
