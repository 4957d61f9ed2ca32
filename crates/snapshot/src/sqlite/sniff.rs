//! Is this file a database? Decided by content, because names lie in both directions.
//!
//! The hazard is on both sides: a database stored as a plain file is restored torn, and a plain
//! file treated as a database is refused. Closing a descriptor after looking is a hazard of its
//! own: what turned out to be a database goes to [`super::keep_open`].

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::header::{self, MAGIC, WAL_HEADER_BYTES};
use super::held;

/// What the first bytes of a file, and its neighbours, say it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sniffed {
    /// A SQLite database: to be captured, never to be read as a file.
    Database,
    /// Anything else, an encrypted database included: nobody can capture that without its key.
    NotDatabase,
    /// A file that is still being made into a database, or may be: its first page is not written yet. It must not be closed.
    Unfinished,
}

/// Looks at the content of `file`, already open, and at the `-wal` beside `path`.
///
/// A main file of zero bytes is a database if its WAL has content: everything is in there.
pub fn sniff(file: &File, path: &Path) -> io::Result<Sniffed> {
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Ok(Sniffed::NotDatabase);
    }
    Ok(match metadata.len() {
        0 if has_wal(path)? => Sniffed::Database,
        0 => Sniffed::NotDatabase,
        length => {
            let bytes = first_bytes::<16>(file)?;
            let len = bytes
                .len()
                .min(usize::try_from(length).unwrap_or(usize::MAX));
            sniff_bytes(bytes.get(..len).unwrap_or_default(), path)
        }
    })
}

/// The same of a file of at least one byte that was read from its beginning.
pub(crate) fn sniff_bytes(bytes: &[u8], path: &Path) -> Sniffed {
    let mut first = bytes.iter().take(MAGIC.len());
    if bytes.starts_with(MAGIC) {
        Sniffed::Database
    } else if first.all(|&byte| byte == 0) && is_beside(path) {
        // SQLite writes the first page last.
        Sniffed::Unfinished
    } else {
        Sniffed::NotDatabase
    }
}

fn is_beside(path: &Path) -> bool {
    let mut beside = side_files(path).into_iter();
    beside.any(|path| path.symlink_metadata().is_ok())
}

/// What SQLite appends to a database's name for the files beside it.
pub(crate) const SIDE_FILES: [&str; 3] = ["-wal", "-shm", "-journal"];

/// The files beside a database that belong to it and are never stored by themselves: `-wal`,
/// `-shm`, `-journal`.
#[must_use]
pub fn side_files(path: &Path) -> [PathBuf; 3] {
    SIDE_FILES.map(|suffix| sibling(path, suffix))
}

/// What stands in the place of a `-wal` or a `-journal` and is no regular file, so that SQLite is not let open it.
pub(super) fn strange_side_file(path: &Path) -> Option<PathBuf> {
    let is_strange = |path: &PathBuf| path.symlink_metadata().is_ok_and(|found| !found.is_file());
    let mut opened = ["-wal", "-journal"].into_iter();
    opened.find_map(|suffix| Some(sibling(path, suffix)).filter(is_strange))
}

pub(super) fn sibling(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    PathBuf::from(name)
}

/// Whether the `-wal` beside `path` begins like one. It may be closed: SQLite does not lock it.
pub(super) fn has_wal(path: &Path) -> io::Result<bool> {
    let wal = match held::open(&sibling(path, "-wal")) {
        Ok(wal) => wal,
        // A missing one, a link, a folder: none of these is a WAL.
        Err(_) => return Ok(false),
    };
    let begins = wal.metadata()?.is_file() && {
        let bytes = first_bytes::<WAL_HEADER_BYTES>(&wal)?;
        header::wal_page_size(&bytes).is_some()
    };
    Ok(begins)
}

/// The first `N` bytes, followed by zeros where the file is shorter.
pub(super) fn first_bytes<const N: usize>(file: &File) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    let mut filled = 0;
    while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match file.read_at(rest, u64::try_from(filled).unwrap_or(u64::MAX)) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(bytes)
}
