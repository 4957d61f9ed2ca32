//! Descriptors of databases, kept open for the life of the process (F-34).
//!
//! POSIX locks belong to a process and an inode, not to a descriptor: when a process closes
//! *any* descriptor of a file, *all* its locks on that file are gone. SQLite takes care of its
//! own descriptors, but not of those of a folder walker. One `open` + `close` of a database
//! next to a connection of the same process, ours or the embedding application's, and another
//! process may write into the middle of a transaction.
//!
//! Nobody can know which connections the rest of the process has open, so there is no moment
//! at which closing is right: a descriptor handed in here is never closed while its file has a
//! name. The number stays that of the databases, since whoever walks asks [`is_kept`] with the
//! result of `lstat` before opening a file, and what reads a database's header uses the kept
//! descriptor. Files that were unlinked are let go, or their disk space would never be freed:
//! no new process can meet us there.
//!
//! Two by-products are relied on: an inode that is held cannot be given to another file, and a
//! `-wal` or a `-journal` needs no keeping, because SQLite locks only the main file and `-shm`.

use std::collections::BTreeMap;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::fs::OFlags;
use rustix::process::{Flock, FlockType, fcntl_getlk};

use super::header::MAGIC;
use super::sniff::first_bytes;

/// Device and inode number.
type Inode = (u64, u64);
type Kept = BTreeMap<Inode, Vec<Arc<File>>>;

static KEPT: Mutex<Kept> = Mutex::new(BTreeMap::new());

/// Takes a descriptor of a database into keeping, so that no lock is dropped by closing it.
pub fn keep_open(file: File) {
    // Without a known inode it is kept all the same, under one that no file has.
    let inode = file.metadata().map_or((0, 0), |metadata| inode(&metadata));
    keep(&mut registry(), inode, Arc::new(file));
}

/// Takes a shared descriptor into keeping: whoever shares it may let go of it without closing it.
pub(crate) fn keep_shared(file: Arc<File>) {
    let inode = file.metadata().map_or((0, 0), |metadata| inode(&metadata));
    keep(&mut registry(), inode, file);
}

/// Whether the file with this metadata is known to be a database, by a descriptor that is kept:
/// then it need not, and must not, be opened again to find that out.
#[must_use]
pub fn is_kept(metadata: &Metadata) -> bool {
    let kept = find(&registry(), metadata);
    // It may have been overwritten by something else in the same place.
    kept.is_some_and(|file| metadata.len() == 0 || begins_like_one(&file))
}

fn begins_like_one(file: &File) -> bool {
    first_bytes::<16>(file).is_ok_and(|bytes| bytes == *MAGIC)
}

/// The kept descriptor of the database at `path`, opened now if there is none.
pub(crate) fn descriptor(path: &Path) -> io::Result<Arc<File>> {
    let mut registry = registry();
    let metadata = fs::symlink_metadata(path)?;
    if !metadata.is_file() {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "not a regular file",
        ));
    }
    if let Some(file) = find(&registry, &metadata) {
        return Ok(file);
    }
    let file = Arc::new(open(path)?);
    keep(&mut registry, inode(&file.metadata()?), Arc::clone(&file));
    Ok(file)
}

/// Whether another process has the database at `path` open in WAL mode, by whatever name: for as long as it has, it holds a
/// lock in the range of SHARED, which SQLite's format fixes.
pub(crate) fn is_open_elsewhere(path: &Path) -> io::Result<bool> {
    const SHARED: (u64, u64) = (0x4000_0002, 510);
    let (start, length) = SHARED;
    let wanted = Flock {
        start,
        length,
        ..Flock::from(FlockType::WriteLock)
    };
    Ok(fcntl_getlk(descriptor(path)?, &wanted)?.is_some())
}

/// Opens without following a link and without waiting for the other end of a pipe.
pub(super) fn open(path: &Path) -> io::Result<File> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let flags = i32::try_from(flags.bits()).unwrap_or_default();
    OpenOptions::new().read(true).custom_flags(flags).open(path)
}

/// How many descriptors of a file, by device and inode, are kept.
pub(crate) fn kept_open(inode: Inode) -> usize {
    registry().get(&inode).map_or(0, Vec::len)
}

fn find(kept: &Kept, metadata: &Metadata) -> Option<Arc<File>> {
    kept.get(&inode(metadata))?.first().map(Arc::clone)
}

fn keep(kept: &mut Kept, inode: Inode, file: Arc<File>) {
    let linked = |file: &Arc<File>| file.metadata().map_or(true, |found| found.nlink() > 0);
    kept.retain(|_, files| files.iter().any(linked));
    kept.entry(inode).or_default().push(file);
}

fn inode(metadata: &Metadata) -> Inode {
    (metadata.dev(), metadata.ino())
}

fn registry() -> MutexGuard<'static, Kept> {
    KEPT.lock().unwrap_or_else(PoisonError::into_inner)
}
