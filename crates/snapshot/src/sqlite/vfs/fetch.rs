//! Pages of the main file that SQLite works on where they stand, in a span of ours, in place of copying them.
//!
//! SQLite has this for memory maps. Nothing is mapped here, since a map of a file that somebody cuts short kills the process:
//! what is lent was read, under the same locks and rules as [what is served](super::spans). Of a page that is in the WAL,
//! SQLite asks the WAL first; page 1 it never asks for, so the probe misses nothing.
//!
//! SQLite only reads what is lent to a connection that only reads. Where a rollback writes, into an overlay, nothing is lent.

use std::ffi::{c_int, c_void};
use std::ptr;

use rusqlite::ffi::{self, sqlite3_file, sqlite3_int64};

use super::bytes::{is_page, length, read_inside};
use super::file::{Kind, own};
use super::guarded;

/// Gives the address of a page, or null: then it is read.
pub(super) unsafe extern "C" fn fetch(
    file: *mut sqlite3_file,
    offset: sqlite3_int64,
    amount: c_int,
    out: *mut *mut c_void,
) -> c_int {
    // SAFETY: the file is open, and `out` is writable.
    guarded(|| unsafe {
        *out = ptr::null_mut();
        let (own, length) = (own(file), length(amount));
        let offset = u64::try_from(offset).unwrap_or_default();
        let is_main = own.kind == Kind::Main && !own.absent && own.probe.overlay().is_none();
        if is_main && offset > 0 && is_page(length) {
            let is_wal = own.is_wal();
            let read = |span: &mut [u8], begin| read_inside(file, span, begin);
            let page = own.spans.lend(length, offset, is_wal, read);
            *out = page.unwrap_or(ptr::null()).cast_mut().cast();
        }
        ffi::SQLITE_OK
    })
}

/// Takes a page back; null is for all that is not lent.
pub(super) unsafe extern "C" fn unfetch(
    file: *mut sqlite3_file,
    _: sqlite3_int64,
    page: *mut c_void,
) -> c_int {
    // SAFETY: the file is open.
    guarded(|| unsafe {
        let spans = &mut own(file).spans;
        match page.is_null() {
            true => spans.forget(),
            false => spans.take_back(page.cast_const().cast()),
        }
        ffi::SQLITE_OK
    })
}
