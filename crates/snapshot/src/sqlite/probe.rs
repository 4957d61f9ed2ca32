//! What the shim before a database's files was told to do, and what it saw.
//!
//! The capture patches the header of page 1 and judges at its end whether anybody interfered.
//! Both need to know what SQLite's pager really read in this transaction: asking the file again
//! would tell of a later state.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::header::HEADER_BYTES;
use super::overlay::Overlay;
use super::sniff::{has_wal, sibling};

/// The one record that the main file, the WAL and the journal of a connection share.
pub(super) struct Probe {
    main: PathBuf,
    overlay: Option<Overlay>,
    seen: Mutex<Seen>,
}

/// What was seen so far.
#[derive(Clone, Copy, Default)]
pub(super) struct Seen {
    /// The start of page 1 as the pager read it last, from the main file or from the WAL. The
    /// pager's own copy is of the same read: it reads again whenever it gives that copy up.
    pub(super) page1: Option<[u8; HEADER_BYTES]>,
    /// The main file ended in the middle of page 1, when that was read last.
    pub(super) torn_page1: bool,
    /// The main file ended in the middle of another page.
    pub(super) torn: bool,
    /// The wal-index is ours alone, because there was no `-shm`.
    pub(super) index_in_memory: bool,
}

impl Probe {
    /// For the database at `main`; with an overlay a hot journal is rolled back into that.
    pub(super) fn new(main: &Path, overlay: Option<Overlay>) -> Self {
        Self {
            main: main.to_owned(),
            overlay,
            seen: Mutex::default(),
        }
    }

    pub(super) fn overlay(&self) -> Option<&Overlay> {
        self.overlay.as_ref()
    }

    pub(super) fn seen(&self) -> Seen {
        *self.lock()
    }

    /// Page 1 was read into `page`. On opening that can happen with a wrong page size, and then
    /// again: what counts is the last time.
    pub(super) fn saw_page1(&self, page: &[u8], torn: bool) {
        let mut seen = self.lock();
        seen.page1 = page.first_chunk().copied();
        seen.torn_page1 = torn;
    }

    /// A page of the main file was read that it has only a part of.
    pub(super) fn saw_torn_page(&self) {
        self.lock().torn = true;
    }

    /// Decides, under the SHARED lock, whether the wal-index has to be in memory.
    pub(super) fn choose_index_in_memory(&self) -> bool {
        let in_memory = !self.has_shm();
        self.lock().index_in_memory = in_memory;
        in_memory
    }

    pub(super) fn has_shm(&self) -> bool {
        fs::symlink_metadata(sibling(&self.main, "-shm")).is_ok()
    }

    /// Whether an empty main file has to look like a page, or SQLite would delete its WAL.
    pub(super) fn needs_first_page(&self) -> bool {
        has_wal(&self.main).unwrap_or(false)
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
