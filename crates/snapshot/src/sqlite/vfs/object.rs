//! A Rust value as the one file of a database: no journal, no WAL, no locks.
//!
//! The destination of a capture and the image of a snapshot are both opened through this. The
//! hazard is a file name that reaches the file system: names are numbers here, paths are not
//! resolved, and every other file that SQLite asks for does not exist.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::io;
use std::mem;
use std::ptr;
use std::slice;
use std::sync::{Arc, OnceLock};

use rusqlite::ffi::{self, sqlite3_file, sqlite3_int64, sqlite3_io_methods, sqlite3_vfs};
use rusqlite::{Connection, OpenFlags};

use super::{Registry, guarded, register, registered};

/// What SQLite may do with a file that is a value.
pub(in crate::sqlite) trait Object: Send + Sync {
    /// The size in bytes.
    fn len(&self) -> u64;
    /// Fills `buf`, which lies inside the file.
    fn read(&self, buf: &mut [u8], offset: u64) -> io::Result<()>;
    /// Writes `bytes`, inside or behind the file.
    fn write(&self, bytes: &[u8], offset: u64) -> io::Result<()>;
}

const NAME: &CStr = c"lifeboat-object";
static OBJECTS: Registry<dyn Object> = Registry::new();
static METHODS: sqlite3_io_methods = sqlite3_io_methods {
    iVersion: 1,
    xClose: Some(close),
    xRead: Some(read),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(flags),
    xFileSize: Some(file_size),
    xLock: Some(flags),
    xUnlock: Some(flags),
    xCheckReservedLock: Some(zero),
    xFileControl: Some(file_control),
    xSectorSize: Some(none),
    xDeviceCharacteristics: Some(none),
    xShmMap: None,
    xShmLock: None,
    xShmBarrier: None,
    xShmUnmap: None,
    xFetch: None,
    xUnfetch: None,
};

#[repr(C)]
struct ObjectFile {
    file: sqlite3_file,
    /// From `Box::into_raw`; freed by `close` and nowhere else.
    object: *mut Arc<dyn Object>,
}

/// Opens `object` as a database. It is let go when the connection is closed.
pub(in crate::sqlite) fn open_object(
    object: Arc<dyn Object>,
    access: OpenFlags,
) -> rusqlite::Result<Connection> {
    static REGISTERED: OnceLock<c_int> = OnceLock::new();
    registered(*REGISTERED.get_or_init(|| {
        register(NAME, |vfs| {
            vfs.szOsFile = c_int::try_from(mem::size_of::<ObjectFile>()).unwrap_or(c_int::MAX);
            vfs.xOpen = Some(open);
            vfs.xDelete = Some(delete);
            vfs.xAccess = Some(access_file);
            vfs.xFullPathname = Some(full_pathname);
        })
    }))?;
    let flags = access | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    // Only what is opened read-only is immutable; the parameter would make the other so, too.
    let query = match access.contains(OpenFlags::SQLITE_OPEN_READ_ONLY) {
        true => "?immutable=1",
        false => "",
    };
    let number = OBJECTS.insert(object);
    let uri = format!("file:{number}{query}");
    let connection = Connection::open_with_flags_and_vfs(uri, flags, NAME);
    OBJECTS.remove(number);
    connection
}

unsafe extern "C" fn open(
    _: *mut sqlite3_vfs,
    name: *const c_char,
    file: *mut sqlite3_file,
    flags: c_int,
    out_flags: *mut c_int,
) -> c_int {
    // SAFETY: SQLite hands over `szOsFile` writable bytes, and a C string or null.
    guarded(|| unsafe {
        (*file).pMethods = ptr::null();
        if name.is_null() || flags & ffi::SQLITE_OPEN_MAIN_DB == 0 {
            return ffi::SQLITE_CANTOPEN;
        }
        let number = CStr::from_ptr(name).to_str().ok();
        let number = number.and_then(|number| number.parse().ok());
        let Some(object) = number.and_then(|number| OBJECTS.find(number)) else {
            return ffi::SQLITE_CANTOPEN;
        };
        (*file.cast::<ObjectFile>()).object = Box::into_raw(Box::new(object));
        (*file).pMethods = &raw const METHODS;
        if let Some(out) = out_flags.as_mut() {
            *out = flags;
        }
        ffi::SQLITE_OK
    })
}

/// The object behind an open file.
///
/// # Safety
/// `file` was opened by [`open`] and is not closed yet.
unsafe fn object<'a>(file: *mut sqlite3_file) -> &'a dyn Object {
    // SAFETY: by the contract above the box is alive.
    unsafe { &**(*file.cast::<ObjectFile>()).object }
}

unsafe extern "C" fn close(file: *mut sqlite3_file) -> c_int {
    // SAFETY: SQLite closes an open file once.
    guarded(|| unsafe {
        (*file).pMethods = ptr::null();
        drop(Box::from_raw((*file.cast::<ObjectFile>()).object));
        ffi::SQLITE_OK
    })
}

unsafe extern "C" fn read(
    file: *mut sqlite3_file,
    into: *mut c_void,
    amount: c_int,
    offset: sqlite3_int64,
) -> c_int {
    // SAFETY: `into` has `amount` writable bytes.
    guarded(|| unsafe {
        let (Ok(amount), Ok(offset)) = (usize::try_from(amount), u64::try_from(offset)) else {
            return ffi::SQLITE_IOERR_READ;
        };
        let buf = slice::from_raw_parts_mut(into.cast::<u8>(), amount);
        let object = object(file);
        let left = object.len().saturating_sub(offset);
        let inside = usize::try_from(left).unwrap_or(amount).min(amount);
        let (inside, outside) = buf.split_at_mut(inside);
        outside.fill(0);
        match inside.is_empty() || object.read(inside, offset).is_ok() {
            false => ffi::SQLITE_IOERR_READ,
            true if outside.is_empty() => ffi::SQLITE_OK,
            true => ffi::SQLITE_IOERR_SHORT_READ,
        }
    })
}

unsafe extern "C" fn write(
    file: *mut sqlite3_file,
    from: *const c_void,
    amount: c_int,
    offset: sqlite3_int64,
) -> c_int {
    // SAFETY: `from` has `amount` readable bytes.
    guarded(|| unsafe {
        let (Ok(amount), Ok(offset)) = (usize::try_from(amount), u64::try_from(offset)) else {
            return ffi::SQLITE_IOERR_WRITE;
        };
        let bytes = slice::from_raw_parts(from.cast::<u8>(), amount);
        match object(file).write(bytes, offset) {
            Ok(()) => ffi::SQLITE_OK,
            Err(_) => ffi::SQLITE_IOERR_WRITE,
        }
    })
}

unsafe extern "C" fn file_size(file: *mut sqlite3_file, size: *mut sqlite3_int64) -> c_int {
    // SAFETY: `size` is writable.
    guarded(|| unsafe {
        *size = sqlite3_int64::try_from(object(file).len()).unwrap_or(sqlite3_int64::MAX);
        ffi::SQLITE_OK
    })
}

/// A capture ends at its last page, so there is never anything to cut off.
unsafe extern "C" fn truncate(_: *mut sqlite3_file, _: sqlite3_int64) -> c_int {
    ffi::SQLITE_OK
}

unsafe extern "C" fn flags(_: *mut sqlite3_file, _: c_int) -> c_int {
    ffi::SQLITE_OK
}

unsafe extern "C" fn none(_: *mut sqlite3_file) -> c_int {
    0
}

unsafe extern "C" fn zero(_: *mut sqlite3_file, out: *mut c_int) -> c_int {
    // SAFETY: `out` is writable.
    unsafe { *out = 0 };
    ffi::SQLITE_OK
}

unsafe extern "C" fn file_control(_: *mut sqlite3_file, _: c_int, _: *mut c_void) -> c_int {
    ffi::SQLITE_NOTFOUND
}

unsafe extern "C" fn delete(_: *mut sqlite3_vfs, _: *const c_char, _: c_int) -> c_int {
    ffi::SQLITE_OK
}

/// No other file exists.
unsafe extern "C" fn access_file(
    _: *mut sqlite3_vfs,
    _: *const c_char,
    _: c_int,
    out: *mut c_int,
) -> c_int {
    // SAFETY: `out` is writable.
    unsafe { *out = 0 };
    ffi::SQLITE_OK
}

unsafe extern "C" fn full_pathname(
    _: *mut sqlite3_vfs,
    name: *const c_char,
    room: c_int,
    out: *mut c_char,
) -> c_int {
    // SAFETY: `name` is a C string, and `out` has `room` bytes.
    guarded(|| unsafe {
        let name = CStr::from_ptr(name).to_bytes_with_nul();
        if usize::try_from(room).unwrap_or_default() < name.len() {
            return ffi::SQLITE_CANTOPEN;
        }
        ptr::copy_nonoverlapping(name.as_ptr().cast(), out, name.len());
        ffi::SQLITE_OK
    })
}
