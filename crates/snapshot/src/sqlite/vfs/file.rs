//! An open file of [`super::shim`]: ours, and behind it the real one.
//!
//! Both stand in one allocation that SQLite makes, `[ShimFile][unixFile]`: SQLite holds the
//! address of the first, and the functions of the `unix` VFS get that of the second.

use std::ffi::c_int;
use std::sync::Arc;

use rusqlite::ffi::{self, sqlite3_file};

use super::shm::Regions;
use super::spans::Spans;
use crate::sqlite::probe::Probe;

#[repr(C)]
pub(super) struct ShimFile {
    file: sqlite3_file,
    /// From `Box::into_raw`; freed by `close` and nowhere else.
    pub(super) own: *mut Own,
}

/// Which of a database's files.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Main,
    Wal,
    Journal,
}

impl Kind {
    /// The three kinds of files that belong to a database; none else is opened.
    pub(super) fn of(flags: c_int) -> Option<Self> {
        let is = |kind| flags & kind != 0;
        match () {
            () if is(ffi::SQLITE_OPEN_MAIN_DB) => Some(Self::Main),
            () if is(ffi::SQLITE_OPEN_WAL) => Some(Self::Wal),
            () if is(ffi::SQLITE_OPEN_MAIN_JOURNAL) => Some(Self::Journal),
            () => None,
        }
    }
}

/// Which wal-index the main file uses; see [`super::shm`].
enum Index {
    NotChosen,
    InMemory(Regions),
    Shared,
}

/// What we know about an open file.
pub(super) struct Own {
    /// Under which the probe is registered.
    pub(super) number: u64,
    pub(super) probe: Arc<Probe>,
    pub(super) kind: Kind,
    /// One that does not exist, or is to look empty: there is no file behind ours.
    pub(super) absent: bool,
    /// What was read ahead of the main file.
    pub(super) spans: Spans,
    index: Index,
}

impl Own {
    pub(super) fn new(number: u64, probe: Arc<Probe>, kind: Kind, absent: bool) -> Self {
        Self {
            number,
            probe,
            kind,
            absent,
            spans: Spans::default(),
            index: Index::NotChosen,
        }
    }

    /// Whether SQLite has asked for a wal-index.
    pub(super) fn is_wal(&self) -> bool {
        !matches!(self.index, Index::NotChosen)
    }

    /// The wal-index in memory, if that is the one in use.
    pub(super) fn heap_index(&mut self) -> Option<&mut Regions> {
        if matches!(self.index, Index::NotChosen) {
            self.index = match self.probe.choose_index_in_memory() {
                true => Index::InMemory(Regions::default()),
                false => Index::Shared,
            };
        }
        match &mut self.index {
            Index::InMemory(regions) => Some(regions),
            _ => None,
        }
    }
}

/// What we know about `file`.
///
/// # Safety
/// `file` was opened by [`super::shim`] and is not closed yet; SQLite uses it from one thread at a time.
pub(super) unsafe fn own<'a>(file: *mut sqlite3_file) -> &'a mut Own {
    // SAFETY: by the contract above the box is alive and not borrowed.
    unsafe { &mut *(*file.cast::<ShimFile>()).own }
}

/// The file of the `unix` VFS behind ours.
///
/// # Safety
/// `file` has the `szOsFile` bytes of this VFS.
pub(super) unsafe fn base(file: *mut sqlite3_file) -> *mut sqlite3_file {
    // SAFETY: `szOsFile` has room for both, one after the other.
    unsafe { file.cast::<ShimFile>().add(1).cast() }
}

/// Calls a method of the file behind, which exists.
macro_rules! behind {
    ($file:expr, $method:ident $(, $argument:expr)*) => {{
        let file = base($file);
        match (*(*file).pMethods).$method {
            Some(method) => method(file $(, $argument)*),
            None => ffi::SQLITE_IOERR,
        }
    }};
}

pub(super) use behind;
