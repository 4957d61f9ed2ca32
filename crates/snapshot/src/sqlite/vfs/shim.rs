//! SQLite's own files behind a window: all reads pass, no change does.
//!
//! A read-only connection is not harmless by itself. It creates `-wal` and `-shm`, deletes a
//! WAL beside an empty main file, and may checkpoint on closing. Here each file is opened
//! read-only whatever SQLite asked for, what does not exist is not created, and deletions are
//! only pretended; locks up to SHARED are real. On the way the [`Probe`] learns what was read.
//!
//! Opening a pipe waits until somebody opens its other end, which may be never, and cannot be stopped. So a name that is
//! no regular file is not opened. A name that becomes a pipe between the look and the opening still is: to open without
//! waiting would take another `open` for every connection of the process, whose files may be leased to a file server.
//!
//! The methods of the files are in `bytes`, `fetch`, `locks` and `shm`.

use std::ffi::{CStr, OsStr, c_char, c_int};
use std::fs;
use std::mem;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr;
use std::sync::{Arc, OnceLock};

use rusqlite::ffi::{self, sqlite3_file, sqlite3_io_methods, sqlite3_vfs};
use rusqlite::{Connection, OpenFlags};

use super::file::{Kind, Own, ShimFile, base, behind};
use super::{Registry, bytes, fetch, guarded, locks, register, registered, shm, unix};
use crate::sqlite::probe::Probe;

const NAME: &CStr = c"lifeboat-source";
static PROBES: Registry<Probe> = Registry::new();
static METHODS: sqlite3_io_methods = sqlite3_io_methods {
    iVersion: 3,
    xClose: Some(close),
    xRead: Some(bytes::read),
    xWrite: Some(bytes::write),
    xTruncate: Some(bytes::truncate),
    xSync: Some(locks::sync),
    xFileSize: Some(bytes::file_size),
    xLock: Some(locks::lock),
    xUnlock: Some(locks::unlock),
    xCheckReservedLock: Some(locks::check_reserved_lock),
    xFileControl: Some(locks::file_control),
    xSectorSize: Some(locks::sector_size),
    xDeviceCharacteristics: Some(locks::device_characteristics),
    xShmMap: Some(shm::shm_map),
    xShmLock: Some(shm::shm_lock),
    xShmBarrier: Some(shm::shm_barrier),
    xShmUnmap: Some(shm::shm_unmap),
    xFetch: Some(fetch::fetch),
    xUnfetch: Some(fetch::unfetch),
};

/// Opens the database at `path`, which is absolute, so that nothing can change it.
pub(in crate::sqlite) fn open_source(
    path: &Path,
    probe: Arc<Probe>,
) -> rusqlite::Result<Connection> {
    static REGISTERED: OnceLock<c_int> = OnceLock::new();
    registered(*REGISTERED.get_or_init(|| {
        // SAFETY: null or valid for ever.
        let behind = unsafe { unix().as_ref() }.map_or(0, |unix| unix.szOsFile);
        register(NAME, |vfs| {
            let ours = c_int::try_from(mem::size_of::<ShimFile>()).unwrap_or(c_int::MAX);
            vfs.szOsFile = ours.saturating_add(behind);
            vfs.xOpen = Some(open);
            vfs.xDelete = Some(delete);
        })
    }))?;
    // A rollback into the overlay is a write to SQLite; it never is one to the file.
    let access = match probe.overlay() {
        Some(_) => OpenFlags::SQLITE_OPEN_READ_WRITE,
        None => OpenFlags::SQLITE_OPEN_READ_ONLY,
    };
    let flags = access
        | OpenFlags::SQLITE_OPEN_URI
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let number = PROBES.insert(probe);
    let uri = format!("file:{}?probe={number}", escaped(path));
    let connection = Connection::open_with_flags_and_vfs(uri, flags, NAME);
    if connection.is_err() {
        PROBES.remove(number);
    }
    connection
}

/// A path as part of a URI; any byte may occur in it.
fn escaped(path: &Path) -> String {
    let bytes = path.as_os_str().as_bytes().iter();
    bytes.fold(String::new(), |mut uri, &byte| {
        match byte {
            b'/' | b'.' | b'-' | b'_' => uri.push(char::from(byte)),
            _ if byte.is_ascii_alphanumeric() => uri.push(char::from(byte)),
            _ => uri.push_str(&format!("%{byte:02X}")),
        }
        uri
    })
}

unsafe extern "C" fn open(
    _: *mut sqlite3_vfs,
    name: *const c_char,
    file: *mut sqlite3_file,
    flags: c_int,
    out_flags: *mut c_int,
) -> c_int {
    // SAFETY: SQLite hands over `szOsFile` writable bytes, and a name with URI parameters for
    // the three kinds of files that are let through.
    guarded(|| unsafe {
        (*file).pMethods = ptr::null();
        if flags & ffi::SQLITE_OPEN_SUPER_JOURNAL != 0 {
            return open_empty(file);
        }
        let Some(kind) = Kind::of(flags) else {
            return ffi::SQLITE_CANTOPEN;
        };
        let number = ffi::sqlite3_uri_int64(name, c"probe".as_ptr(), 0);
        let number = u64::try_from(number).unwrap_or_default();
        let Some(probe) = PROBES.find(number) else {
            return ffi::SQLITE_CANTOPEN;
        };
        if is_strange(name) {
            return ffi::SQLITE_CANTOPEN;
        }
        let code = open_behind(name, file, kind, flags);
        let absent = code != ffi::SQLITE_OK && kind == Kind::Wal && !exists(name);
        if code != ffi::SQLITE_OK && !absent {
            return code;
        }
        if let Some(out) = out_flags.as_mut() {
            *out = match probe.overlay().is_some() && kind != Kind::Wal {
                true => flags,
                false => read_only(flags),
            };
        }
        begin(file, Own::new(number, probe, kind, absent));
        ffi::SQLITE_OK
    })
}

/// # Safety
/// `file` has the `szOsFile` bytes of this VFS, and is not open.
unsafe fn begin(file: *mut sqlite3_file, own: Own) {
    // SAFETY: by the contract above.
    unsafe {
        (*file.cast::<ShimFile>()).own = Box::into_raw(Box::new(own));
        (*file).pMethods = &raw const METHODS;
    }
}

/// Opens the journal of a transaction in several databases, as an empty one. After a rollback SQLite looks into it for who else
/// needs it, and removes it where nobody does, which is pretended anyway. Its name stands in a journal that anybody may have
/// written, and may be that of any file.
///
/// # Safety
/// As for [`begin`].
unsafe fn open_empty(file: *mut sqlite3_file) -> c_int {
    let probe = Arc::new(Probe::new(Path::new(""), None));
    // SAFETY: by the contract above.
    unsafe { begin(file, Own::new(0, probe, Kind::Journal, true)) };
    ffi::SQLITE_OK
}

fn read_only(flags: c_int) -> c_int {
    let kept = flags & !(ffi::SQLITE_OPEN_READWRITE | ffi::SQLITE_OPEN_CREATE);
    kept | ffi::SQLITE_OPEN_READONLY
}

/// Opens the real file, read-only and without creating it.
///
/// # Safety
/// As for [`open`].
unsafe fn open_behind(
    name: *const c_char,
    file: *mut sqlite3_file,
    kind: Kind,
    flags: c_int,
) -> c_int {
    // As root, SQLite gives a WAL or a journal that it opens to the owner of the database. That
    // changes the file; under another name for its kind it does not.
    let flags = match kind {
        Kind::Main => read_only(flags),
        Kind::Wal | Kind::Journal => ffi::SQLITE_OPEN_READONLY | ffi::SQLITE_OPEN_SUPER_JOURNAL,
    };
    // SAFETY: `unix` is valid for ever, and `base` has the bytes that it asks for.
    unsafe {
        let Some(open) = unix().as_ref().and_then(|unix| unix.xOpen) else {
            return ffi::SQLITE_CANTOPEN;
        };
        let mut granted = 0;
        let file = base(file);
        let code = open(unix(), name, file, flags, &raw mut granted);
        if code != ffi::SQLITE_OK && !(*file).pMethods.is_null() {
            // SQLite would do this for its own file, and does not know of the one behind.
            if let Some(close) = (*(*file).pMethods).xClose {
                close(file);
            }
        }
        code
    }
}

/// Whether something is there that is no regular file.
///
/// # Safety
/// `name` is null or a C string.
unsafe fn is_strange(name: *const c_char) -> bool {
    if name.is_null() {
        return false;
    }
    // SAFETY: by the contract above, and it stays while SQLite opens the file.
    let name = unsafe { CStr::from_ptr(name) };
    let found = fs::symlink_metadata(OsStr::from_bytes(name.to_bytes()));
    found.is_ok_and(|found| !found.is_file())
}

/// # Safety
/// `name` is a C string.
unsafe fn exists(name: *const c_char) -> bool {
    let mut found = 1;
    // SAFETY: by the contract above; `unix` is valid for ever.
    unsafe {
        if let Some(access) = unix().as_ref().and_then(|unix| unix.xAccess) {
            access(unix(), name, ffi::SQLITE_ACCESS_EXISTS, &raw mut found);
        }
    }
    found != 0
}

unsafe extern "C" fn close(file: *mut sqlite3_file) -> c_int {
    // SAFETY: SQLite closes an open file once.
    guarded(|| unsafe {
        let own = Box::from_raw((*file.cast::<ShimFile>()).own);
        (*file).pMethods = ptr::null();
        if own.kind == Kind::Main {
            PROBES.remove(own.number);
        }
        match own.absent {
            true => ffi::SQLITE_OK,
            false => behind!(file, xClose),
        }
    })
}

/// Pretends: the callers want the file out of their sight, and we want it to stay.
unsafe extern "C" fn delete(_: *mut sqlite3_vfs, _: *const c_char, _: c_int) -> c_int {
    ffi::SQLITE_OK
}
