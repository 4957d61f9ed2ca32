//! What is asked of a simulated disk: every call by its kind, every change as an entry of a log.

use std::fmt;
use std::io;
use std::sync::Arc;

use super::tree::FileId;

/// The kinds of calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Call {
    /// `Disk::create_new`.
    Create,
    /// `NewFile::write`.
    Write,
    /// `NewFile::sync`.
    Sync,
    /// `Disk::rename_new`, `Disk::move_file` and `Disk::replace_file`.
    Rename,
    /// `Disk::remove`.
    Remove,
    /// `Disk::create_dir`.
    CreateDir,
    /// `Disk::sync_dir`.
    SyncDir,
    /// `Disk::open`.
    Open,
    /// `OpenFile::read_exact_at`.
    Read,
    /// `Disk::map`.
    Map,
    /// `Disk::list`.
    List,
    /// `len` of either kind of file.
    Length,
    /// `try_lock` of a disk or a file.
    Lock,
    /// `Disk::free_bytes`.
    FreeBytes,
}

impl Call {
    /// Whether the call changes the disk or makes a change durable; such calls are in the log.
    pub const fn is_change(self) -> bool {
        matches!(
            self,
            Self::Create
                | Self::Write
                | Self::Sync
                | Self::Rename
                | Self::Remove
                | Self::CreateDir
                | Self::SyncDir
        )
    }
}

/// What a change did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A file was created.
    Create,
    /// Bytes were appended: those that the disk took, which are fewer than given where the write failed half-way.
    Write {
        /// Where in the file they begin.
        offset: u64,
        /// The bytes.
        bytes: Arc<[u8]>,
    },
    /// The bytes of a file were made durable.
    Sync,
    /// A file got the name `to`.
    Rename {
        /// The new name.
        to: Arc<str>,
        /// Whether a crash leaves one of the names and never both.
        one_step: bool,
    },
    /// A file was removed.
    Remove,
    /// A folder was created.
    CreateDir,
    /// The names of a folder were made durable.
    SyncDir,
}

/// One entry of the log: a change that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// What it was.
    pub change: Change,
    /// The path it was done to: for writes and syncs the file's name at that time.
    pub path: Arc<str>,
    /// The file, where it is about one that exists.
    pub file: Option<FileId>,
    /// The error it answered.
    pub error: Option<io::ErrorKind>,
    /// Whether it took effect, which a call that answers with an error may have.
    pub happened: bool,
}

impl Operation {
    /// The kind of call that it was.
    pub const fn call(&self) -> Call {
        match self.change {
            Change::Create => Call::Create,
            Change::Write { .. } => Call::Write,
            Change::Sync => Call::Sync,
            Change::Rename { .. } => Call::Rename,
            Change::Remove => Call::Remove,
            Change::CreateDir => Call::CreateDir,
            Change::SyncDir => Call::SyncDir,
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = &self.path;
        match &self.change {
            Change::Create => write!(f, "create {path}")?,
            Change::Write { offset, bytes } => write!(f, "write {path} {offset}+{}", bytes.len())?,
            Change::Sync => write!(f, "sync {path}")?,
            Change::Rename {
                to,
                one_step: false,
            } => write!(f, "rename {path} -> {to}")?,
            Change::Rename { to, one_step: true } => write!(f, "move {path} -> {to}")?,
            Change::Remove => write!(f, "remove {path}")?,
            Change::CreateDir => write!(f, "create_dir {path}")?,
            Change::SyncDir => write!(f, "sync_dir {path}")?,
        }
        if let Some(error) = self.error {
            write!(f, " ({error})")?;
        }
        Ok(())
    }
}
