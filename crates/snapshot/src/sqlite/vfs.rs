//! The C side of SQLite: the only unsafe code of this crate.
//!
//! SQLite reaches files through tables of C functions. Two such tables are ours: `object` serves
//! a Rust value as a file, and `shim` stands before the real files of a database and lets
//! nothing through that would change them. What they do with the bytes is decided by safe code.
//!
//! Three rules keep this sound. Each callback runs in [`guarded`], since a panic must not cross
//! a C frame. Values are handed over by number through a [`Registry`], never by an address in a
//! name. And both tables begin as a copy of SQLite's own `unix` one, whose functions for time,
//! randomness and sleeping do not look at the table that they are called with.

#![expect(unsafe_code, reason = "a VFS of SQLite is a table of C functions")]

mod bytes;
mod fetch;
mod file;
mod locks;
mod object;
mod shim;
mod shm;
mod spans;

use std::collections::BTreeMap;
use std::ffi::{CStr, c_int};
use std::panic::{self, AssertUnwindSafe};
use std::ptr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection, ffi};

pub(super) use object::{Object, open_object};
pub(super) use shim::open_source;

/// Runs the body of a callback. A panic becomes an I/O error of SQLite.
fn guarded(body: impl FnOnce() -> c_int) -> c_int {
    panic::catch_unwind(AssertUnwindSafe(body)).unwrap_or(ffi::SQLITE_IOERR)
}

/// Values that a file yet to be opened will ask for by number.
struct Registry<T: ?Sized> {
    waiting: Mutex<(u64, BTreeMap<u64, Arc<T>>)>,
}

impl<T: ?Sized> Registry<T> {
    const fn new() -> Self {
        let waiting = Mutex::new((0, BTreeMap::new()));
        Self { waiting }
    }

    /// Keeps `value` under a new number.
    fn insert(&self, value: Arc<T>) -> u64 {
        let mut waiting = self.lock();
        waiting.0 += 1;
        let number = waiting.0;
        waiting.1.insert(number, value);
        number
    }

    fn remove(&self, number: u64) {
        self.lock().1.remove(&number);
    }

    fn find(&self, number: u64) -> Option<Arc<T>> {
        self.lock().1.get(&number).map(Arc::clone)
    }

    fn lock(&self) -> MutexGuard<'_, (u64, BTreeMap<u64, Arc<T>>)> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// SQLite's VFS for POSIX systems, never the default one, which an application may have changed.
fn unix() -> *mut ffi::sqlite3_vfs {
    // SAFETY: the name is a C string; the result is null or lives as long as the process.
    unsafe { ffi::sqlite3_vfs_find(c"unix".as_ptr()) }
}

/// Registers a VFS that is like `unix` but for what `change` does. It is never unregistered.
fn register(name: &'static CStr, change: impl FnOnce(&mut ffi::sqlite3_vfs)) -> c_int {
    let base = unix();
    // SAFETY: `sqlite3_initialize` was done by `sqlite3_vfs_find`; the pointer is null or valid.
    let Some(mut vfs) = (unsafe { base.as_ref() }).copied() else {
        return ffi::SQLITE_ERROR;
    };
    vfs.zName = name.as_ptr();
    vfs.pNext = ptr::null_mut();
    vfs.pAppData = base.cast();
    change(&mut vfs);
    // SAFETY: the table is leaked, so it outlives every connection.
    unsafe { ffi::sqlite3_vfs_register(Box::leak(Box::new(vfs)), 0) }
}

fn registered(code: c_int) -> rusqlite::Result<()> {
    match code {
        ffi::SQLITE_OK => Ok(()),
        code => Err(rusqlite::Error::SqliteFailure(ffi::Error::new(code), None)),
    }
}

/// Bytes that SQLite holds in this process.
pub(super) fn memory_used() -> u64 {
    // SAFETY: this reads a counter, under SQLite's own lock.
    let used = unsafe { ffi::sqlite3_memory_used() };
    u64::try_from(used).unwrap_or(0)
}

/// Pages that the connection's own cache did not have when they were asked for.
#[cfg(test)]
pub(super) fn cache_misses(connection: &Connection) -> u64 {
    let (mut now, mut most) = (0, 0);
    // SAFETY: the handle lives as long as `connection`; two ints are written.
    let code = unsafe {
        let what = ffi::SQLITE_DBSTATUS_CACHE_MISS;
        ffi::sqlite3_db_status(connection.handle(), what, &raw mut now, &raw mut most, 0)
    };
    assert_eq!(code, ffi::SQLITE_OK);
    u64::try_from(now).unwrap_or_default()
}

/// Whether the path of the main database names another file than the open one by now.
pub(super) fn has_moved(connection: &Connection) -> bool {
    let mut moved: c_int = 0;
    // SAFETY: the handle lives as long as `connection`; this control writes one int.
    let code = unsafe {
        ffi::sqlite3_file_control(
            connection.handle(),
            c"main".as_ptr(),
            ffi::SQLITE_FCNTL_HAS_MOVED,
            ptr::from_mut(&mut moved).cast(),
        )
    };
    code != ffi::SQLITE_OK || moved != 0
}
