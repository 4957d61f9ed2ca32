//! The main file of a source, read past SQLite, where SQLite itself would take every page from it.

use std::ffi::c_int;
use std::ptr;

use rusqlite::Connection;
use rusqlite::ffi::{self, sqlite3_file, sqlite3_int64};

use super::file::{base, behind, own};
use super::guarded;
use super::shim::METHODS;

/// Whether the locks of this connection, opened by [`super::open_source`], say that everything it can read is in the main file,
/// and that nobody may write there. `is_wal` is what the header of the database says.
pub(in crate::sqlite) fn is_all_in_file(connection: &Connection, is_wal: bool) -> bool {
    // SAFETY: the file is open as long as the connection, which nobody else uses meanwhile: it is not `Sync`.
    main_file(connection).is_some_and(|file| unsafe { own(file).is_all_in_file(is_wal) })
}

/// Fills `into` with the bytes at `offset` of the main file. Returns SQLite's code.
pub(in crate::sqlite) fn read_file(connection: &Connection, into: &mut [u8], offset: u64) -> c_int {
    let (Ok(amount), Ok(offset)) = (c_int::try_from(into.len()), sqlite3_int64::try_from(offset))
    else {
        return ffi::SQLITE_IOERR_READ;
    };
    let Some(file) = main_file(connection) else {
        return ffi::SQLITE_IOERR_READ;
    };
    // SAFETY: as above; `into` has `amount` writable bytes.
    guarded(|| unsafe { behind!(file, xRead, into.as_mut_ptr().cast(), amount, offset) })
}

/// The file of the main database, if it is one of ours.
fn main_file(connection: &Connection) -> Option<*mut sqlite3_file> {
    let mut file: *mut sqlite3_file = ptr::null_mut();
    // SAFETY: the handle lives as long as `connection`; this control writes one pointer, to an open file.
    unsafe {
        let code = ffi::sqlite3_file_control(
            connection.handle(),
            c"main".as_ptr(),
            ffi::SQLITE_FCNTL_FILE_POINTER,
            ptr::from_mut(&mut file).cast(),
        );
        let methods = file.as_ref()?.pMethods;
        (code == ffi::SQLITE_OK && ptr::eq(methods, &raw const METHODS)).then_some(file)
    }
}
