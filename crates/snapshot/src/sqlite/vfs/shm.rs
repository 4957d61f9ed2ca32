//! The wal-index (`-shm`) of a database that is being captured.
//!
//! Opening a WAL database creates its `-shm`, even read-only, and on read-only media that
//! fails. But where there is no `-shm`, nobody has the database open in WAL mode, and SQLite can
//! rebuild the index from the WAL: in memory of ours, which nobody else sees.
//!
//! The hazard is a program that opens the database meanwhile: it does not see our read mark
//! either, and may checkpoint over pages that we have not read. It cannot do so unnoticed. The
//! choice is made, and checked at the end, under a SHARED lock on the main file; whoever opens
//! the database in WAL mode creates a `-shm` and removes it only under an EXCLUSIVE lock, which
//! ours prevents. So: no `-shm` at the end means that nobody was there. A connection with
//! `locking_mode=EXCLUSIVE`, which uses no `-shm`, needs that EXCLUSIVE lock as well.

use std::ffi::{c_int, c_void};
use std::ptr;
use std::sync::atomic::{Ordering, fence};

use rusqlite::ffi::{self, sqlite3_file};

use super::file::{base, behind, own};
use super::guarded;

/// A wal-index in memory: regions that stay where they are, because SQLite keeps pointers.
#[derive(Default)]
pub(super) struct Regions(Vec<*mut [u64]>);

impl Regions {
    /// The region, made of zeros if it may be; SQLite asks for them one after the other.
    fn get(&mut self, region: c_int, bytes: c_int, extend: bool) -> *mut c_void {
        let (Ok(region), Ok(bytes)) = (usize::try_from(region), usize::try_from(bytes)) else {
            return ptr::null_mut();
        };
        while extend && self.0.len() <= region {
            // Words of eight bytes, so that the index is aligned as SQLite casts it.
            let words = vec![0; bytes.div_ceil(8)].into_boxed_slice();
            self.0.push(Box::into_raw(words));
        }
        let found = self.0.get(region);
        found.map_or(ptr::null_mut(), |words| words.cast())
    }
}

impl Drop for Regions {
    fn drop(&mut self) {
        for words in self.0.drain(..) {
            // SAFETY: from `Box::into_raw`, and each freed once.
            drop(unsafe { Box::from_raw(words) });
        }
    }
}

pub(super) unsafe extern "C" fn shm_map(
    file: *mut sqlite3_file,
    region: c_int,
    bytes: c_int,
    extend: c_int,
    out: *mut *mut c_void,
) -> c_int {
    // SAFETY: the file is open, and `out` is writable.
    guarded(|| unsafe {
        if let Some(regions) = own(file).heap_index() {
            *out = regions.get(region, bytes, extend != 0);
            return ffi::SQLITE_OK;
        }
        match (*(*base(file)).pMethods).xShmMap {
            Some(map) => map(base(file), region, bytes, extend, out.cast()),
            None => ffi::SQLITE_IOERR_SHMMAP,
        }
    })
}

pub(super) unsafe extern "C" fn shm_lock(
    file: *mut sqlite3_file,
    offset: c_int,
    count: c_int,
    flags: c_int,
) -> c_int {
    // SAFETY: the file is open.
    guarded(|| unsafe {
        let own = own(file);
        let code = match own.heap_index() {
            // There is one connection to this index, so there is nobody to wait for.
            Some(_) => ffi::SQLITE_OK,
            None => behind!(file, xShmLock, offset, count, flags),
        };
        own.spans
            .marked(offset, count, flags, code == ffi::SQLITE_OK);
        code
    })
}

pub(super) unsafe extern "C" fn shm_barrier(file: *mut sqlite3_file) {
    fence(Ordering::SeqCst);
    // SAFETY: the file is open.
    guarded(|| unsafe {
        if own(file).heap_index().is_none()
            && let Some(barrier) = (*(*base(file)).pMethods).xShmBarrier
        {
            barrier(base(file));
        }
        ffi::SQLITE_OK
    });
}

pub(super) unsafe extern "C" fn shm_unmap(file: *mut sqlite3_file, _: c_int) -> c_int {
    // SAFETY: the file is open, and SQLite forgets its pointers into the regions before this.
    guarded(|| unsafe {
        if let Some(regions) = own(file).heap_index() {
            *regions = Regions::default();
            return ffi::SQLITE_OK;
        }
        match (*(*base(file)).pMethods).xShmUnmap {
            // Never with the wish to delete it.
            Some(unmap) => unmap(base(file), 0),
            None => ffi::SQLITE_OK,
        }
    })
}
