//! Reading one file while others may write it.
//!
//! The descriptor is looked at before and after: a file whose size, times or inode differ then was changed meanwhile, and
//! what was read may be neither the old nor the new. One that has only grown, as logs do, is stored as it was when it was
//! looked at. Any other is read again, then stored and flagged (F-24). No file is mapped, so one that shrinks cannot
//! end the process (F-25), and none is opened that is not the regular file which the walk saw (F-26).

use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::time::SystemTime;

use lifeboat_store::Session;
use rustix::fs::OFlags;

use super::bytes::Bytes;
use super::describe;
use super::unsized_file;
use super::xattrs::{self, Xattrs};
use crate::content::Content;
use crate::error::{IoContext, Result, SnapshotError};
use crate::monitor::Monitor;
use crate::sqlite::{self, Sniffed};

pub(crate) use super::bytes::SMALL;

/// How often a file that changes is read before it is stored as it is.
const TRIES: usize = 3;

/// What came of reading a file.
pub(crate) struct Stored {
    pub(crate) content: Content,
    /// How it looked while it was read.
    pub(crate) stat: Metadata,
    /// When it was looked at, before it was read: a change of the same moment may be missing.
    pub(crate) looked: SystemTime,
    pub(crate) xattrs: Xattrs,
    /// Bytes that were read for it, all tries together.
    pub(crate) read: u64,
    /// It changed during every try.
    pub(crate) changed: bool,
}

/// Another file stands where the walk saw one.
#[derive(Debug, thiserror::Error)]
#[error("it was replaced while it was looked at")]
struct Replaced;

/// How an open file looks, and since when that is known.
struct Look {
    stat: Metadata,
    at: SystemTime,
}

impl Look {
    fn of(file: &File) -> io::Result<Self> {
        let at = SystemTime::now();
        let stat = file.metadata()?;
        Ok(Self { stat, at })
    }
}

/// Opens the file that the walk saw, or says that it is another by now.
pub(crate) fn open(path: &Path, seen: &Metadata) -> io::Result<File> {
    open_and_look(path, seen).map(|(file, _)| file)
}

fn open_and_look(path: &Path, seen: &Metadata) -> io::Result<(File, Look)> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOATIME;
    let file = match open_with(path, flags) {
        // Only the owner may ask for no access time to be kept.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            open_with(path, OFlags::NOFOLLOW | OFlags::NONBLOCK)?
        }
        result => result?,
    };
    let look = Look::of(&file)?;
    let is = &look.stat;
    if !is.is_file() || (is.dev(), is.ino()) != (seen.dev(), seen.ino()) {
        // Whatever stands there now may be a database that this process has open (F-34).
        if !matches!(sqlite::sniff(&file, path), Ok(Sniffed::NotDatabase)) {
            sqlite::keep_open(file);
        }
        return Err(io::Error::other(Replaced));
    }
    Ok((file, look))
}

fn open_with(path: &Path, flags: OFlags) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .custom_flags(flags.bits().cast_signed())
        .open(path)
}

/// Whether the file is a database. If it is, its descriptor is kept open (F-34).
pub(crate) fn is_database(path: &Path, seen: &Metadata) -> io::Result<bool> {
    if sqlite::is_kept(seen) {
        return Ok(true);
    }
    let [wal, ..] = sqlite::side_files(path);
    if seen.len() == 0 && wal.symlink_metadata().is_err() {
        // Nothing yet; another part of this process may be creating it, and opening it would cost its locks.
        return Ok(false);
    }
    let file = open(path, seen)?;
    let sniffed = sqlite::sniff(&file, path);
    if !matches!(sniffed, Ok(Sniffed::NotDatabase)) {
        sqlite::keep_open(file);
    }
    Ok(matches!(sniffed?, Sniffed::Database))
}

/// The same of what stands there by now: the walk is ahead, and a file may have been saved in the place of the one that it saw.
pub(super) fn is_database_by_now(path: &Path, seen: &Metadata) -> io::Result<bool> {
    let mut newer = None;
    for _ in 1..TRIES {
        match is_database(path, newer.as_ref().unwrap_or(seen)) {
            Err(error) if is_of_replaced(&error) => newer = Some(path.symlink_metadata()?),
            result => return result,
        }
    }
    is_database(path, newer.as_ref().unwrap_or(seen))
}

/// Reads and stores a file, unless it is a database that is to be captured as one: then there is nothing. `near` is what
/// stood there before.
///
/// The walk is ahead, by as long as a large file before this one takes: what was written to an empty file or saved in a
/// file's place since then is what is stored.
pub(crate) fn store(
    session: &Session<'_>,
    monitor: &dyn Monitor,
    path: &Path,
    seen: &Metadata,
    near: Option<&Content>,
    takes_databases: bool,
) -> Result<Option<Stored>> {
    let look = || path.symlink_metadata().ok().filter(Metadata::is_file);
    let mut newer = match seen.len() {
        0 => look(),
        _ => None,
    };
    let mut tries = 1;
    loop {
        let seen = newer.as_ref().unwrap_or(seen);
        match store_seen(session, monitor, path, seen, near, takes_databases) {
            Err(error) if tries < TRIES && is_replaced(&error) => newer = look(),
            Ok(stored) => return Ok(stored.map(|stored| flagged_if_empty(stored, tries > 1))),
            Err(error) => return Err(error),
        }
        tries += 1;
    }
}

/// What took a file's place and is empty is probably about to be written.
fn flagged_if_empty(stored: Stored, is_newer: bool) -> Stored {
    let changed = stored.changed || (is_newer && stored.content.len == 0);
    Stored { changed, ..stored }
}

fn is_replaced(error: &SnapshotError) -> bool {
    matches!(error, SnapshotError::Io { source, .. } if is_of_replaced(source))
}

fn is_of_replaced(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|error| error.is::<Replaced>())
}

/// The same of the file that looked so.
fn store_seen(
    session: &Session<'_>,
    monitor: &dyn Monitor,
    path: &Path,
    seen: &Metadata,
    near: Option<&Content>,
    takes_databases: bool,
) -> Result<Option<Stored>> {
    if takes_databases && sqlite::is_kept(seen) {
        return Ok(None);
    }
    let is_unsized = seen.len() == 0 && unsized_file::is_on_such(path);
    if seen.len() == 0 && !is_unsized {
        return Ok(Some(empty(path, seen)));
    }
    let (file, look) = open_and_look(path, seen).context("open", path)?;
    let bytes = Bytes {
        session,
        monitor,
        path,
        file: &file,
        near,
    };
    if is_unsized {
        return unsized_file::store(&bytes).map(Some);
    }
    // Read once, for what it is and for its bytes.
    let small = bytes.read_small(&look.stat);
    let sniffed = match &small {
        Ok(Some(small)) => Ok(sqlite::sniff_bytes(small, path)),
        _ => sqlite::sniff(&file, path),
    };
    match sniffed {
        Ok(Sniffed::NotDatabase) => as_is(&bytes, look, small?).map(Some),
        Ok(Sniffed::Database) if takes_databases => {
            sqlite::keep_open(file);
            Ok(None)
        }
        // A database that is to be stored as a file, or what may be one: its descriptor is not closed (F-34).
        _ => {
            let stored = small.and_then(|small| as_is(&bytes, look, small));
            sqlite::keep_open(file);
            stored.map(Some)
        }
    }
}

/// Nothing to read, and perhaps a database that another part of this process is creating.
fn empty(path: &Path, seen: &Metadata) -> Stored {
    let looked = describe::look_again(path, seen);
    Stored {
        content: Content::empty(),
        stat: seen.clone(),
        looked,
        xattrs: xattrs::of_path(path),
        read: 0,
        changed: looked == SystemTime::UNIX_EPOCH,
    }
}

/// Stores what was looked at, and read where it is small; again where it changed meanwhile.
fn as_is(bytes: &Bytes<'_, '_>, look: Look, small: Option<Vec<u8>>) -> Result<Stored> {
    let mut stored = once(bytes, look, small)?;
    let (mut tries, mut read) = (1, stored.read);
    while stored.changed && tries < TRIES {
        if has_grown(bytes.file, &stored).context("read", bytes.path)? {
            // Read twice with the same result, all of it was there at once.
            let again = bytes.store(&stored.stat)?;
            tries += 1;
            read += again.len;
            if again == stored.content {
                stored.changed = false;
                break;
            }
        }
        let look = Look::of(bytes.file).context("read", bytes.path)?;
        stored = once(bytes, look, None)?;
        tries += 1;
        read += stored.read;
    }
    Ok(Stored { read, ..stored })
}

/// Whether the file is longer than it was, and what was read of it is as long as it was.
fn has_grown(file: &File, stored: &Stored) -> io::Result<bool> {
    let len = stored.stat.len();
    Ok(stored.content.len == len && file.metadata()?.len() > len)
}

fn once(bytes: &Bytes<'_, '_>, look: Look, small: Option<Vec<u8>>) -> Result<Stored> {
    let content = match small {
        Some(small) => bytes.store_small(&small)?,
        None => bytes.store(&look.stat)?,
    };
    let xattrs = xattrs::of_file(bytes.file);
    let after = bytes.file.metadata().context("read", bytes.path)?;
    Ok(Stored {
        changed: !describe::looks_same(&look.stat, &after) || content.len != after.len(),
        read: content.len,
        content,
        stat: look.stat,
        looked: look.at,
        xattrs,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_was_saved_in_the_place_of_another_is_looked_at() {
        let folder = tempfile::tempdir().unwrap();
        let [path, new] = ["notes", "notes.new"].map(|name| folder.path().join(name));
        std::fs::write(&path, "old").unwrap();
        let seen = path.symlink_metadata().unwrap();
        std::fs::write(&new, "new").unwrap();
        std::fs::rename(&new, &path).unwrap();
        assert!(is_database(&path, &seen).is_err());
        assert!(!is_database_by_now(&path, &seen).unwrap());
    }
}
