//! Locks of the main file, and the controls that have nothing to do.
//!
//! SHARED is real: it is what keeps other programs from changing the file in rollback mode, from
//! rolling back a journal that we are rolling back ourselves, and from removing a `-shm`. More
//! than SHARED is never taken; in front of an overlay it is pretended.

use std::ffi::{c_int, c_void};

use rusqlite::ffi::{self, sqlite3_file};

use super::file::{base, behind, own};
use super::guarded;

pub(super) unsafe extern "C" fn sync(_: *mut sqlite3_file, _: c_int) -> c_int {
    ffi::SQLITE_OK
}

pub(super) unsafe extern "C" fn lock(file: *mut sqlite3_file, level: c_int) -> c_int {
    // SAFETY: the file is open.
    guarded(|| unsafe {
        let own = own(file);
        own.spans.forget();
        match own.probe.overlay() {
            _ if level <= ffi::SQLITE_LOCK_SHARED => {
                let code = behind!(file, xLock, level);
                if code == ffi::SQLITE_OK {
                    own.spans.locked(level);
                }
                code
            }
            // The rollback works on the overlay, where nobody else is.
            Some(_) => ffi::SQLITE_OK,
            None => ffi::SQLITE_BUSY,
        }
    })
}

pub(super) unsafe extern "C" fn unlock(file: *mut sqlite3_file, level: c_int) -> c_int {
    // SAFETY: the file is open.
    guarded(|| unsafe {
        let own = own(file);
        own.spans.unlocked(level);
        if let (ffi::SQLITE_LOCK_NONE, Some(overlay)) = (level, own.probe.overlay()) {
            overlay.clear();
        }
        // The lock behind was never more than SHARED.
        behind!(file, xUnlock, level.min(ffi::SQLITE_LOCK_SHARED))
    })
}

pub(super) unsafe extern "C" fn check_reserved_lock(
    file: *mut sqlite3_file,
    out: *mut c_int,
) -> c_int {
    // SAFETY: the file is open, and `out` is writable.
    guarded(|| unsafe { behind!(file, xCheckReservedLock, out) })
}

pub(super) unsafe extern "C" fn file_control(
    file: *mut sqlite3_file,
    what: c_int,
    arg: *mut c_void,
) -> c_int {
    // SAFETY: the file is open, and `arg` is what `what` asks for.
    guarded(|| unsafe {
        own(file).spans.forget();
        // Some of the others, such as SIZE_HINT, change the file.
        match what {
            ffi::SQLITE_FCNTL_HAS_MOVED => behind!(file, xFileControl, what, arg),
            _ => ffi::SQLITE_NOTFOUND,
        }
    })
}

pub(super) unsafe extern "C" fn sector_size(_: *mut sqlite3_file) -> c_int {
    0
}

pub(super) unsafe extern "C" fn device_characteristics(_: *mut sqlite3_file) -> c_int {
    0
}
