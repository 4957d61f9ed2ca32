//! What SQLite writes while it rolls back a hot journal: kept beside the database, not in it.
//!
//! After a crash the pages in the file are those of a transaction that never was; the journal
//! holds the right ones. Reading without rolling back would store a state that nobody
//! committed, and rolling back in the file is not for a backup to do. So SQLite's own recovery
//! runs over the file as it is, and its writes land here, in an unlinked scratch file at the
//! offsets that they have in the database.
//!
//! It is sound because the shim holds a SHARED lock from before the journal is looked at until
//! the transaction's end: another program that wants to recover needs an EXCLUSIVE one. With the
//! lock goes the overlay.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The largest page, which is the longest write.
const LONGEST: u64 = 65536;

/// Writes over a file that stays as it is.
pub(super) struct Overlay {
    scratch: File,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Offset and length of each page written. SQLite writes whole pages, aligned.
    written: BTreeMap<u64, u64>,
    /// The size that the file would have, once it would differ.
    size: Option<u64>,
}

impl Overlay {
    /// Makes an empty overlay with its scratch file in `folder`, unlinked at once.
    pub(super) fn create(folder: &Path) -> io::Result<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        loop {
            let number = NEXT.fetch_add(1, Ordering::Relaxed);
            let name = format!("rollback-{}-{number}.partial", std::process::id());
            let path = folder.join(name);
            let mut options = OpenOptions::new();
            match options.read(true).write(true).create_new(true).open(&path) {
                // Left by a process that died between making and unlinking it.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                scratch => {
                    let scratch = scratch?;
                    fs::remove_file(&path)?;
                    let state = Mutex::default();
                    return Ok(Self { scratch, state });
                }
            }
        }
    }

    pub(super) fn size(&self, on_disk: u64) -> u64 {
        self.state().size.unwrap_or(on_disk)
    }

    /// Whether anything was rolled back at all.
    pub(super) fn is_used(&self) -> bool {
        self.state().size.is_some()
    }

    pub(super) fn truncate(&self, size: u64) {
        let mut state = self.state();
        state.size = Some(size);
        state.written.split_off(&size);
    }

    pub(super) fn write(&self, bytes: &[u8], offset: u64, on_disk: u64) -> io::Result<()> {
        self.scratch.write_all_at(bytes, offset)?;
        let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        let mut state = self.state();
        state.written.insert(offset, length);
        state.size = Some(state.size.unwrap_or(on_disk).max(offset + length));
        Ok(())
    }

    /// Lays what was written over `buf`, as it was read from the file at `offset`.
    pub(super) fn lay_over(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        let end = offset.saturating_add(u64::try_from(buf.len()).unwrap_or(u64::MAX));
        let state = self.state();
        let near = offset.saturating_sub(LONGEST)..end;
        for (&start, &length) in state.written.range(near) {
            let (from, to) = (start.max(offset), (start + length).min(end));
            let place = |at: u64| usize::try_from(at.saturating_sub(offset)).unwrap_or(usize::MAX);
            if let Some(part) = buf.get_mut(place(from)..place(to)) {
                self.scratch.read_exact_at(part, from)?;
            }
        }
        let size = state.size.unwrap_or(u64::MAX).saturating_sub(offset);
        if let Some(behind) = buf.get_mut(usize::try_from(size).unwrap_or(usize::MAX)..) {
            behind.fill(0);
        }
        Ok(())
    }

    /// Forgets all: the lock is given up, and what was rolled back may be history now. The next
    /// transaction begins by rolling back again, if there is still a journal.
    pub(super) fn clear(&self) {
        *self.state() = State::default();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
