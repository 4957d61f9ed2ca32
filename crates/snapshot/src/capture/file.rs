//! Reading one file while others may write it.
//!
//! The descriptor is looked at before and after: a file whose size, times or inode differ then was changed meanwhile, and
//! what was read may be neither the old nor the new. One that has only grown, as logs do, is stored as it was when it was
//! looked at. Any other is read again, then stored and flagged (F-24). No file is mapped, so one that shrinks cannot
//! end the process (F-25), and none is opened that is not the regular file which the walk saw (F-26).

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::ops::Range;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::time::SystemTime;

use lifeboat_store::{Kind, Session, chunker};
use rustix::fs::OFlags;

use super::describe;
use super::sparse::{self, Part};
use super::stream::{self, Closed, Kin, Outlet, Piece};
use super::unsized_file;
use super::xattrs::{self, Xattrs};
use crate::content::{Content, ContentWriter, Cut, Near, Ref};
use crate::error::{IoContext, Result};
use crate::monitor::Monitor;
use crate::sqlite::{self, Sniffed};

/// How often a file that changes is read before it is stored as it is.
const TRIES: usize = 3;

/// Files up to this many bytes are read whole; one such buffer a core is in memory.
pub(crate) const SMALL: u64 = chunker::MAX_CUT as u64;

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

/// Opens the file that the walk saw, or says that it is another by now.
pub(crate) fn open(path: &Path, seen: &Metadata) -> io::Result<File> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOATIME;
    let file = match open_with(path, flags) {
        // Only the owner may ask for no access time to be kept.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            open_with(path, OFlags::NOFOLLOW | OFlags::NONBLOCK)?
        }
        result => result?,
    };
    let stat = file.metadata()?;
    if !stat.is_file() || (stat.dev(), stat.ino()) != (seen.dev(), seen.ino()) {
        return Err(io::Error::other("it was replaced while it was looked at"));
    }
    Ok(file)
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
    let [wal, ..] = sqlite::sidecars(path);
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

/// Reads and stores a file, unless it is a database that is to be captured as one: then there is nothing. `near` is what
/// stood there before.
pub(crate) fn store(
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
        // Nothing to read, and perhaps a database that another part of this process is creating.
        return Ok(Some(Stored {
            content: Content::empty(),
            stat: seen.clone(),
            looked: describe::look_again(path, seen),
            xattrs: xattrs::of_path(path),
            read: 0,
            changed: false,
        }));
    }
    let file = open(path, seen).context("open", path)?;
    if is_unsized {
        return unsized_file::store(session, monitor, path, &file, near).map(Some);
    }
    match sqlite::sniff(&file, path) {
        Ok(Sniffed::NotDatabase) => store_as_is(session, monitor, path, &file, near).map(Some),
        Ok(Sniffed::Database) if takes_databases => {
            sqlite::keep_open(file);
            Ok(None)
        }
        // A database that is to be stored as a file, or what may be one: its descriptor is not closed (F-34).
        _ => {
            let stored = store_as_is(session, monitor, path, &file, near);
            sqlite::keep_open(file);
            stored.map(Some)
        }
    }
}

fn store_as_is(
    session: &Session<'_>,
    monitor: &dyn Monitor,
    path: &Path,
    file: &File,
    near: Option<&Content>,
) -> Result<Stored> {
    let (mut tries, mut read) = (0, 0);
    loop {
        let stored = store_once(session, monitor, path, file, near)?;
        tries += 1;
        read += stored.read;
        if !stored.changed || tries >= TRIES {
            return Ok(Stored { read, ..stored });
        }
        if has_grown(file, &stored).context("read", path)? {
            // Read twice with the same result, all of it was there at once.
            let again = store_as_of(session, monitor, path, file, &stored.stat, near)?;
            tries += 1;
            read += again.len;
            if again == stored.content {
                let changed = false;
                return Ok(Stored {
                    read,
                    changed,
                    ..stored
                });
            }
        }
    }
}

/// Whether the file is longer than it was, and what was read of it is as long as it was.
fn has_grown(file: &File, stored: &Stored) -> io::Result<bool> {
    let len = stored.stat.len();
    Ok(stored.content.len == len && file.metadata()?.len() > len)
}

fn store_once(
    session: &Session<'_>,
    monitor: &dyn Monitor,
    path: &Path,
    file: &File,
    near: Option<&Content>,
) -> Result<Stored> {
    let looked = SystemTime::now();
    let stat = file.metadata().context("read", path)?;
    let content = store_as_of(session, monitor, path, file, &stat, near)?;
    let xattrs = xattrs::of_file(file);
    let after = file.metadata().context("read", path)?;
    Ok(Stored {
        changed: !describe::looks_same(&stat, &after) || content.len != after.len(),
        read: content.len,
        content,
        stat,
        looked,
        xattrs,
    })
}

/// Stores as many bytes as the file had when it looked so.
fn store_as_of(
    session: &Session<'_>,
    monitor: &dyn Monitor,
    path: &Path,
    file: &File,
    stat: &Metadata,
    near: Option<&Content>,
) -> Result<Content> {
    match stat.len() <= SMALL {
        true => store_small(session, monitor, file, path, stat.len(), near),
        false => store_large(session, monitor, file, path, stat, near),
    }
}

fn store_small(
    session: &Session<'_>,
    monitor: &dyn Monitor,
    file: &File,
    path: &Path,
    size: u64,
    near: Option<&Content>,
) -> Result<Content> {
    let mut bytes = Vec::with_capacity(size as usize);
    let mut handle = Rewound { file, offset: 0 }.take(size);
    handle.read_to_end(&mut bytes).context("read", path)?;
    store_bytes(session, monitor, &bytes, near)
}

/// Cuts and stores what was read whole.
pub(super) fn store_bytes(
    session: &Session<'_>,
    monitor: &dyn Monitor,
    bytes: &[u8],
    near: Option<&Content>,
) -> Result<Content> {
    let mut before = Near::chunks(session.store(), near);
    let mut writer = ContentWriter::new(session, Cut::ByContent, near);
    let mut rest = bytes;
    let mut offset = 0;
    while let Some((piece, more)) =
        chunker::first_cut(rest, true).and_then(|len| rest.split_at_checked(len))
    {
        let near = before.at(offset);
        let id = session.put(Kind::Data, piece, near.as_ref())?.id;
        let len = piece.len() as u64;
        writer.push(Ref { id, len })?;
        offset += len;
        rest = more;
    }
    monitor.advance(offset);
    writer.finish()
}

fn store_large(
    session: &Session<'_>,
    monitor: &dyn Monitor,
    file: &File,
    path: &Path,
    stat: &Metadata,
    near: Option<&Content>,
) -> Result<Content> {
    let mut before = Near::chunks(session.store(), near);
    let mut writer = ContentWriter::new(session, Cut::ByContent, near);
    for part in sparse::parts(file, stat) {
        let range = match part {
            Part::Data(range) => range,
            Part::Hole(len) => {
                sparse::store_hole(session, monitor, &mut writer, len)?;
                continue;
            }
        };
        let read = stream::store(
            session,
            monitor,
            &AtomicBool::new(false),
            |outlet| cut(file, range, outlet),
            &mut |pieces| {
                let near = pieces.iter().map(|piece| before.at(piece.position));
                Ok(near.map(|near| Kin { near, like: None }).collect())
            },
            &mut |stored| writer.push(stored.chunk),
        )?;
        read.context("read", path)?;
    }
    writer.finish()
}

/// Reads a range that was there, so that a file that grows for ever is not followed (bad input 34), and cuts it.
fn cut(file: &File, range: Range<u64>, outlet: &mut Outlet) -> io::Result<()> {
    const READ: usize = 1 << 20;
    let mut position = range.start;
    let mut source = Rewound {
        file,
        offset: position,
    }
    .take(range.end - position);
    let mut window: Vec<u8> = Vec::with_capacity(2 * READ);
    let mut last = false;
    loop {
        while !last && window.len() < READ {
            last = (&mut source).take(READ as u64).read_to_end(&mut window)? == 0;
        }
        let Some(len) = chunker::first_cut(&window, last) else {
            return Ok(());
        };
        let rest = window.split_off(len);
        let bytes = std::mem::replace(&mut window, rest);
        if let Err(Closed) = outlet.push(Piece { position, bytes }) {
            return Ok(());
        }
        position += len as u64;
    }
}

/// Reads a descriptor from an offset on, whatever its own position is.
struct Rewound<'a> {
    file: &'a File,
    offset: u64,
}

impl Read for Rewound<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let len = self.file.read_at(buf, self.offset)?;
        self.offset += len as u64;
        Ok(len)
    }
}
