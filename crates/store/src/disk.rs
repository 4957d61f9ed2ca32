//! The seam to the disk: the few file operations that everything durable is built from.
//!
//! [`RealDisk`] is the operating system; the simulated disk of the tests (feature `testing`) records each call and
//! builds the states that a power cut may leave. The contract below is the weakest that file systems keep, so code
//! that is right on it is right on all of them:
//!
//! - Bytes written are durable only after [`NewFile::sync`] of that file returned without error. Until then a crash
//!   may leave any part of them, in any order, with any length.
//! - A name created, renamed or removed is durable only after [`Disk::sync_dir`] of its directory returned without
//!   error. Until then a crash may leave the old names or the new ones, each for itself, before or after the bytes.
//! - After a sync that failed, the file is poison: the system may have dropped the bytes and may answer the next sync
//!   with success. Nobody syncs such a file again (rule R5).
//!
//! Paths are relative to the disk's root, with `/` between folders, and are spelled only by [`crate::layout`]. A folder or
//! file below the root that is a link is an error, [`WrongSort`], and never followed.

use std::io;
use std::ops::Range;
use std::path::PathBuf;

pub use real::RealDisk;

mod real;
#[cfg(feature = "testing")]
pub mod sim;

/// The bytes of a file, mapped or read.
pub trait Map: AsRef<[u8]> + Send + Sync {
    /// Gives up the memory of these bytes until they are read again, which may be at once. A hint.
    fn let_go(&self, _range: Range<usize>) {}

    /// A copy of these bytes, made without their coming into this process's memory where the system can do that. `None` where
    /// there are not so many, or they cannot be read.
    fn copy(&self, range: Range<usize>) -> Option<Vec<u8>> {
        Some(self.as_ref().get(range)?.to_vec())
    }
}

/// A name of the repository that stands for something else than it should: a link, a pipe, a device, a folder.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct WrongSort(pub &'static str);

impl From<WrongSort> for io::Error {
    fn from(wrong: WrongSort) -> Self {
        Self::new(io::ErrorKind::InvalidData, wrong)
    }
}

/// The file operations of one folder tree.
pub trait Disk: Send + Sync {
    /// Creates a file that does not exist and opens it for writing.
    ///
    /// # Errors
    /// `AlreadyExists` where the name is taken.
    fn create_new(&self, path: &str) -> io::Result<Box<dyn NewFile>>;

    /// Opens an existing regular file for reading; anything else (folder, FIFO, link) is an error and never blocks.
    ///
    /// # Errors
    /// `NotFound` where there is none.
    fn open(&self, path: &str) -> io::Result<Box<dyn OpenFile>>;

    /// The bytes of a whole file, as memory that the disk backs where it is one that stays. Only for private, disposable
    /// files: one that somebody truncates while it is mapped ends the process (fault F-25).
    ///
    /// # Errors
    /// As [`Disk::open`].
    fn map(&self, path: &str) -> io::Result<Box<dyn Map>>;

    /// Gives a file a new name in one step, never replacing another file.
    ///
    /// # Errors
    /// `AlreadyExists` where the new name is taken, `NotFound` where the old one is gone: of several that rename one
    /// file, exactly one succeeds.
    fn rename_new(&self, from: &str, to: &str) -> io::Result<()>;

    /// Gives a file a new name that nobody else uses, in one step: of several that move one file, exactly one succeeds,
    /// and a crash leaves one of the names. (Where a file system cannot refuse to replace, [`Disk::rename_new`] needs two
    /// steps, which is too weak for a decision.)
    ///
    /// # Errors
    /// `NotFound` where the old name is gone, `AlreadyExists` where the new one is taken after all.
    fn move_file(&self, from: &str, to: &str) -> io::Result<()> {
        self.rename_new(from, to)
    }

    /// Gives a file a name in one step, from which another file goes if it has it: whoever opens the name finds the one or
    /// the other, and a crash leaves one of them.
    ///
    /// # Errors
    /// `NotFound` where the old name is gone.
    fn replace_file(&self, from: &str, to: &str) -> io::Result<()>;

    /// Removes a file.
    ///
    /// # Errors
    /// `NotFound` where there is none.
    fn remove(&self, path: &str) -> io::Result<()>;

    /// Creates a folder.
    ///
    /// # Errors
    /// `AlreadyExists` where the name is taken.
    fn create_dir(&self, path: &str) -> io::Result<()>;

    /// The entries of a folder, in no order; `""` is the root.
    ///
    /// # Errors
    /// Any failure to read part of it: a listing is whole or an error (fault of peers: a failed listing looked empty).
    fn list(&self, dir: &str) -> io::Result<Vec<Listed>>;

    /// Makes the names of a folder durable.
    ///
    /// # Errors
    /// Where the system cannot promise it.
    fn sync_dir(&self, dir: &str) -> io::Result<()>;

    /// Takes the lock of an existing file if nobody holds it; `None` where another does. The lock goes with the value
    /// or with the process.
    ///
    /// # Errors
    /// `NotFound` where there is no such file.
    fn try_lock(&self, path: &str) -> io::Result<Option<Box<dyn Lock>>>;

    /// Bytes that a write may still take, where the system tells.
    ///
    /// # Errors
    /// Where the system cannot be asked.
    fn free_bytes(&self) -> io::Result<Option<u64>>;

    /// The path as a person would find it, for messages.
    fn locate(&self, path: &str) -> PathBuf;
}

/// A file being written, from its first byte on.
#[expect(
    clippy::len_without_is_empty,
    reason = "nobody asks whether a file is empty"
)]
pub trait NewFile: Send {
    /// Writes all the bytes from the offset on, growing the file where they end past it.
    ///
    /// # Errors
    /// After one, any part of the bytes may have been written, and the file is not to be written again.
    fn write_all_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<()>;

    /// Makes the bytes durable (not the name: see [`Disk::sync_dir`]).
    ///
    /// # Errors
    /// After one, the file is poison (rule R5).
    fn sync(&mut self) -> io::Result<()>;

    /// Length as the disk sees it now.
    ///
    /// # Errors
    /// Where the system cannot be asked.
    fn len(&self) -> io::Result<u64>;

    /// Takes this file's lock; `false` where another holds it. Held until the value is dropped or the process ends.
    ///
    /// # Errors
    /// Where the file system has no locks.
    fn try_lock(&mut self) -> io::Result<bool>;
}

/// A file open for reading.
#[expect(
    clippy::len_without_is_empty,
    reason = "nobody asks whether a file is empty"
)]
pub trait OpenFile: Send + Sync {
    /// Length in bytes.
    ///
    /// # Errors
    /// Where the system cannot be asked.
    fn len(&self) -> io::Result<u64>;

    /// Fills the buffer from the offset on.
    ///
    /// # Errors
    /// `UnexpectedEof` where the file ends before the buffer is full.
    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()>;
}

/// Proof that a lock is held; dropping it lets go.
pub trait Lock: Send + Sync {}

/// One entry of a folder.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Listed {
    /// Last part of the path; names that are no UTF-8 are none of ours and come lossy.
    pub name: String,
    /// Whether it is a folder.
    pub is_dir: bool,
}
