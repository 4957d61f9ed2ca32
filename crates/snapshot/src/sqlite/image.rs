//! A read-only connection over bytes that are not in a file: the pages of a snapshot.
//!
//! The hazard is that SQLite believes what it is told: the image is declared immutable, so it
//! must be complete and must not change while a connection is open. Nothing beside the image is
//! looked at: no WAL, no journal, no other database.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::capture::{CaptureOptions, Check};
use super::error::SqliteError;
use super::facts::{self, Checked, Facts};
use super::header::{HEADER_BYTES, Header};
use super::source;
use super::vfs::{self, Object};

/// The bytes of a database, readable at any place.
pub trait Image: Send + Sync {
    /// The size in bytes.
    fn len(&self) -> u64;
    /// Whether there are no bytes, which is a valid, empty database.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// Fills `buf` with the bytes at `offset`, which lie inside the image.
    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()>;
}

/// Opens `image` as a database.
pub fn open_image(image: Arc<dyn Image>) -> Result<Connection, SqliteError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
    vfs::open_object(Arc::new(Pages(image)), flags)
        .and_then(|connection| source::confine(&connection).map(|()| connection))
        .map_err(|error| {
            SqliteError::from_sqlite(Path::new("image"), "open", Duration::ZERO, error)
        })
}

/// What is known of an image, with the check that the options ask for.
pub(crate) fn image_facts(
    image: Arc<dyn Image>,
    options: &CaptureOptions,
) -> Result<Facts, SqliteError> {
    facts_of(image, Path::new("image"), options, || None)
}

/// What is known of a database in a file that nobody uses; side files are not looked at. A large one is checked by a second
/// connection while the first counts: neither sees anything but the file, so both see the same state.
pub(crate) fn file_facts(
    file: &Arc<File>,
    path: &Path,
    options: &CaptureOptions,
) -> Result<Facts, SqliteError> {
    let len = file
        .metadata()
        .map_err(|error| SqliteError::io(path, error))?
        .len();
    let image: Arc<dyn Image> = Arc::new(FileImage {
        file: Arc::clone(file),
        len,
    });
    let is_worth_it = options.check != Check::None && facts::is_worth_beside(len);
    let second = is_worth_it
        .then(|| open_image(Arc::clone(&image)).ok())
        .flatten();
    let abandoned = AtomicBool::new(false);
    thread::scope(|scope| {
        let abandoned = &abandoned;
        let check = second.and_then(|second| {
            let check = move || facts::check_beside(&second, len, options, abandoned);
            // Where no thread is to be had the first one checks (fault F-74).
            thread::Builder::new().spawn_scoped(scope, check).ok()
        });
        let facts = facts_of(image, path, options, || check?.join().ok()?);
        // Of what cannot be described nobody wants to know the rest.
        abandoned.store(true, Ordering::Relaxed);
        facts
    })
}

/// A file as an image.
struct FileImage {
    file: Arc<File>,
    len: u64,
}

impl Image for FileImage {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        FileExt::read_exact_at(&*self.file, buf, offset)
    }
}

fn facts_of(
    image: Arc<dyn Image>,
    path: &Path,
    options: &CaptureOptions,
    checked: impl FnOnce() -> Option<Checked>,
) -> Result<Facts, SqliteError> {
    let mut first = [0; HEADER_BYTES];
    let len = image.len();
    let fail = |error| SqliteError::io(path, error);
    let header = match len >= HEADER_BYTES as u64 {
        true => {
            image.read_exact_at(&mut first, 0).map_err(fail)?;
            Header::parse(first)
        }
        false => None,
    };
    let pages = header.map_or(0, |header| len / u64::from(header.page_size()));
    let connection = open_image(image)?;
    let header = header.as_ref();
    Ok(facts::read_beside(
        &connection,
        header,
        pages,
        options,
        None,
        checked,
    ))
}

struct Pages(Arc<dyn Image>);

impl Object for Pages {
    fn len(&self) -> u64 {
        self.0.len()
    }

    fn read(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        self.0.read_exact_at(buf, offset)
    }

    fn write(&self, _: &[u8], _: u64) -> io::Result<()> {
        Err(io::ErrorKind::ReadOnlyFilesystem.into())
    }
}
