//! The bytes that pass the window of [`super::shim`], and what the probe learns from them.
//!
//! The hazard is page 1: it may lie in the main file, in the WAL, or in the overlay, and the
//! header that is patched into the capture must be the one that this transaction sees. So it is
//! taken from SQLite's own reads.

use std::ffi::{c_int, c_void};
use std::slice;

use rusqlite::ffi::{self, sqlite3_file, sqlite3_int64};

use super::file::{Kind, Own, base, behind, own};
use super::guarded;
use crate::sqlite::header::{FRAME_HEADER_BYTES, MAGIC, WAL_HEADER_BYTES, number};

pub(super) unsafe extern "C" fn read(
    file: *mut sqlite3_file,
    into: *mut c_void,
    amount: c_int,
    offset: sqlite3_int64,
) -> c_int {
    // SAFETY: `into` has `amount` writable bytes.
    guarded(|| unsafe {
        let own = own(file);
        let buf = slice::from_raw_parts_mut(into.cast::<u8>(), length(amount));
        if own.absent {
            buf.fill(0);
            return match buf.is_empty() {
                true => ffi::SQLITE_OK,
                false => ffi::SQLITE_IOERR_SHORT_READ,
            };
        }
        if own.kind == Kind::Main {
            let code = match from_span(file, own, buf, offset) {
                true => ffi::SQLITE_OK,
                false => behind!(file, xRead, into, amount, offset),
            };
            return main_read(file, own, code, buf, offset);
        }
        let code = behind!(file, xRead, into, amount, offset);
        let may_be_page1 = code == ffi::SQLITE_OK && own.kind == Kind::Wal && may_be_page1(buf);
        if may_be_page1 && frame_page(file, offset) == Some(1) {
            own.probe.saw_page1(buf, false);
        }
        code
    })
}

/// Fills `buf` with a page of the main file that was read ahead, or is worth reading with those around it. Whatever is in the
/// way of that is left to a read of its own, whose outcome is that of this page.
///
/// # Safety
/// `file` is open, and not absent.
unsafe fn from_span(
    file: *mut sqlite3_file,
    own: &mut Own,
    buf: &mut [u8],
    offset: sqlite3_int64,
) -> bool {
    let Ok(start) = u64::try_from(offset) else {
        return false;
    };
    let is_wal = own.is_wal();
    // SAFETY: by the contract above.
    let read = |span: &mut [u8], begin| unsafe { read_inside(file, span, begin) };
    is_page(buf.len()) && own.spans.serve(buf, start, is_wal, read)
}

/// Reads the main file from `begin` on, to its end at most. Returns how many bytes; none where that failed.
///
/// # Safety
/// `file` is open, and not absent.
pub(super) unsafe fn read_inside(file: *mut sqlite3_file, into: &mut [u8], begin: u64) -> usize {
    // SAFETY: by the contract above; the part of `into` has `amount` bytes.
    unsafe {
        // A read across the end would not tell how much it got.
        let left = size_behind(file).saturating_sub(begin);
        let left = usize::try_from(left).unwrap_or(usize::MAX).min(into.len());
        let (Ok(amount), Ok(offset)) = (c_int::try_from(left), sqlite3_int64::try_from(begin))
        else {
            return 0;
        };
        let code = behind!(file, xRead, into.as_mut_ptr().cast(), amount, offset);
        if code == ffi::SQLITE_OK { left } else { 0 }
    }
}

/// Ends a read of the main file: lays the overlay over it, and tells the probe.
///
/// # Safety
/// `file` is open.
unsafe fn main_read(
    file: *mut sqlite3_file,
    own: &Own,
    code: c_int,
    buf: &mut [u8],
    offset: sqlite3_int64,
) -> c_int {
    if code != ffi::SQLITE_OK && code != ffi::SQLITE_IOERR_SHORT_READ {
        return code;
    }
    let start = u64::try_from(offset).unwrap_or_default();
    let mut code = code;
    if let Some(overlay) = own.probe.overlay() {
        let end = start.saturating_add(u64::try_from(buf.len()).unwrap_or(u64::MAX));
        // SAFETY: by the contract above.
        code = match (overlay.lay_over(buf, start), unsafe {
            main_size(file, own)
        }) {
            (Err(_), _) => ffi::SQLITE_IOERR_READ,
            (Ok(()), size) if end > size => ffi::SQLITE_IOERR_SHORT_READ,
            (Ok(()), _) => ffi::SQLITE_OK,
        };
    }
    if is_page(buf.len()) {
        let is_short = code == ffi::SQLITE_IOERR_SHORT_READ;
        // SAFETY: by the contract above.
        let torn = is_short && start < unsafe { main_size(file, own) };
        match start {
            0 => own.probe.saw_page1(buf, torn),
            _ if torn => own.probe.saw_torn_page(),
            _ => {}
        }
    }
    code
}

/// Headers and parts of pages are read as well, in other lengths.
pub(super) fn is_page(length: usize) -> bool {
    length >= 512 && length.is_power_of_two()
}

/// Whether these bytes of the WAL can be page 1: without its magic a transaction does not even begin.
fn may_be_page1(bytes: &[u8]) -> bool {
    is_page(bytes.len()) && bytes.starts_with(MAGIC)
}

/// The number of the page whose content is at `offset` of the WAL: it stands in front of it.
///
/// # Safety
/// `file` is open.
unsafe fn frame_page(file: *mut sqlite3_file, offset: sqlite3_int64) -> Option<u32> {
    let mut header = [0_u8; FRAME_HEADER_BYTES];
    let amount = c_int::try_from(FRAME_HEADER_BYTES).ok()?;
    let before = sqlite3_int64::from(amount);
    let first = before + sqlite3_int64::try_from(WAL_HEADER_BYTES).ok()?;
    if offset < first {
        return None;
    }
    let into = header.as_mut_ptr().cast();
    // SAFETY: `header` has `amount` bytes.
    let code = unsafe { behind!(file, xRead, into, amount, offset - before) };
    (code == ffi::SQLITE_OK).then(|| number(&header, 0))
}

pub(super) fn length(amount: c_int) -> usize {
    usize::try_from(amount).unwrap_or_default()
}

/// # Safety
/// `file` is open, and not absent.
unsafe fn size_behind(file: *mut sqlite3_file) -> u64 {
    let mut size = 0;
    // SAFETY: by the contract above.
    let code = unsafe { behind!(file, xFileSize, &raw mut size) };
    match code {
        ffi::SQLITE_OK => u64::try_from(size).unwrap_or_default(),
        _ => 0,
    }
}

/// The size of the main file as SQLite is to see it.
///
/// # Safety
/// `file` is open.
unsafe fn main_size(file: *mut sqlite3_file, own: &Own) -> u64 {
    // SAFETY: by the contract above.
    match (unsafe { size_behind(file) }, own.probe.overlay()) {
        (size, Some(overlay)) => overlay.size(size),
        (0, None) => u64::from(own.probe.needs_first_page()),
        (size, None) => size,
    }
}

pub(super) unsafe extern "C" fn file_size(
    file: *mut sqlite3_file,
    size: *mut sqlite3_int64,
) -> c_int {
    // SAFETY: `size` is writable, and the file is open.
    guarded(|| unsafe {
        let own = own(file);
        let found = match own.kind {
            _ if own.absent => 0,
            Kind::Main => main_size(file, own),
            Kind::Wal | Kind::Journal => size_behind(file),
        };
        *size = sqlite3_int64::try_from(found).unwrap_or(sqlite3_int64::MAX);
        ffi::SQLITE_OK
    })
}

pub(super) unsafe extern "C" fn write(
    file: *mut sqlite3_file,
    from: *const c_void,
    amount: c_int,
    offset: sqlite3_int64,
) -> c_int {
    // SAFETY: `from` has `amount` readable bytes.
    guarded(|| unsafe {
        let own = own(file);
        own.spans.forget();
        match (own.kind, own.probe.overlay()) {
            (Kind::Main, Some(overlay)) => {
                let bytes = slice::from_raw_parts(from.cast::<u8>(), length(amount));
                let offset = u64::try_from(offset).unwrap_or_default();
                match overlay.write(bytes, offset, size_behind(file)) {
                    Ok(()) => ffi::SQLITE_OK,
                    Err(_) => ffi::SQLITE_IOERR_WRITE,
                }
            }
            // SQLite marks the journal as done in one of several ways.
            (Kind::Journal, Some(_)) => ffi::SQLITE_OK,
            _ => ffi::SQLITE_READONLY,
        }
    })
}

pub(super) unsafe extern "C" fn truncate(file: *mut sqlite3_file, size: sqlite3_int64) -> c_int {
    // SAFETY: the file is open.
    guarded(|| unsafe {
        let own = own(file);
        own.spans.forget();
        match (own.kind, own.probe.overlay()) {
            (Kind::Main, Some(overlay)) => {
                overlay.truncate(u64::try_from(size).unwrap_or_default());
                ffi::SQLITE_OK
            }
            (Kind::Journal, Some(_)) => ffi::SQLITE_OK,
            _ => ffi::SQLITE_READONLY,
        }
    })
}
