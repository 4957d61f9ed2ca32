//! The operating system's disk: the only place that creates, renames, removes and syncs the files of a repository.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, OFlags, RenameFlags};

use super::{Disk, Listed, Lock, Map, NewFile, OpenFile, WrongSort};

/// A folder tree of the operating system.
#[derive(Debug, Clone)]
pub struct RealDisk {
    root: PathBuf,
    /// Whether the root itself must not be a link.
    is_inside: bool,
}

impl RealDisk {
    /// The tree under `root`, which need not exist until something is created in it.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self {
            root: root.into(),
            is_inside: false,
        }
    }

    /// The tree of a folder inside a repository: one that is a link would lead writers out of it.
    pub fn inside(root: impl Into<PathBuf>) -> Self {
        Self {
            root: root.into(),
            is_inside: true,
        }
    }

    fn path(&self, path: &str) -> PathBuf {
        if path.is_empty() {
            self.root.clone()
        } else {
            self.root.join(path)
        }
    }

    /// The path, if no folder above it is a link. Whoever made the repository may have put one there.
    fn checked(&self, path: &str) -> io::Result<PathBuf> {
        if self.is_inside {
            refuse_link(&self.root)?;
        }
        if let Some((folder, _)) = path.split_once('/') {
            refuse_link(&self.root.join(folder))?;
        }
        Ok(self.path(path))
    }

    /// The same of a path that is a folder itself.
    fn checked_folder(&self, path: &str) -> io::Result<PathBuf> {
        let folder = self.checked(path)?;
        if !path.is_empty() {
            refuse_link(&folder)?;
        }
        Ok(folder)
    }

    /// Opens without following a link and without waiting for the other end of a FIFO; refuses what is no
    /// regular file, and does not open it: to some devices that is a command.
    fn open_regular(&self, path: &str) -> io::Result<File> {
        let path = self.checked(path)?;
        let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
        if !path.symlink_metadata()?.is_file() {
            return Err(WrongSort("it is no regular file").into());
        }
        let file = OpenOptions::new()
            .read(true)
            .custom_flags(flags.bits().cast_signed())
            .open(path)?;
        match file.metadata()?.is_file() {
            true => Ok(file),
            false => Err(WrongSort("it is no regular file").into()),
        }
    }
}

/// A folder that is missing is no link; whoever needs it will say so.
fn refuse_link(folder: &Path) -> io::Result<()> {
    match folder.symlink_metadata() {
        Ok(stat) if stat.is_symlink() => {
            Err(WrongSort("it is a link where a folder should be").into())
        }
        _ => Ok(()),
    }
}

impl Disk for RealDisk {
    fn create_new(&self, path: &str) -> io::Result<Box<dyn NewFile>> {
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(self.checked(path)?)?;
        Ok(Box::new(RealFile(file)))
    }

    fn open(&self, path: &str) -> io::Result<Box<dyn OpenFile>> {
        Ok(Box::new(RealFile(self.open_regular(path)?)))
    }

    fn map(&self, path: &str) -> io::Result<Box<dyn Map>> {
        crate::map::bytes_of(self.open_regular(path)?)
    }

    fn rename_new(&self, from: &str, to: &str) -> io::Result<()> {
        rename_new(&self.checked(from)?, &self.checked(to)?)
    }

    fn move_file(&self, from: &str, to: &str) -> io::Result<()> {
        move_file(&self.checked(from)?, &self.checked(to)?)
    }

    fn replace_file(&self, from: &str, to: &str) -> io::Result<()> {
        std::fs::rename(self.path(from), self.path(to))
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        std::fs::remove_file(self.checked(path)?)
    }

    fn create_dir(&self, path: &str) -> io::Result<()> {
        if path.is_empty() {
            return create_root(&self.root);
        }
        std::fs::DirBuilder::new()
            .mode(0o700)
            .create(self.checked(path)?)
    }

    fn list(&self, dir: &str) -> io::Result<Vec<Listed>> {
        std::fs::read_dir(self.checked_folder(dir)?)?
            .map(|entry| {
                let entry = entry?;
                Ok(Listed {
                    name: entry.file_name().to_string_lossy().into_owned(),
                    is_dir: entry.file_type()?.is_dir(),
                })
            })
            .collect()
    }

    fn sync_dir(&self, dir: &str) -> io::Result<()> {
        File::open(self.checked_folder(dir)?)?.sync_all()
    }

    fn try_lock(&self, path: &str) -> io::Result<Option<Box<dyn Lock>>> {
        let mut file = RealFile(self.open_regular(path)?);
        Ok(if NewFile::try_lock(&mut file)? {
            Some(Box::new(file))
        } else {
            None
        })
    }

    fn free_bytes(&self) -> io::Result<Option<u64>> {
        let stat = rustix::fs::statvfs(&self.root)?;
        Ok(Some(stat.f_bavail.saturating_mul(stat.f_frsize)))
    }

    fn locate(&self, path: &str) -> PathBuf {
        self.path(path)
    }
}

/// `renameat2(RENAME_NOREPLACE)`; where the file system has no such thing, a link that fails when the name is
/// taken.
fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    match rustix::fs::renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) => {
            rustix::fs::linkat(CWD, from, CWD, to, AtFlags::empty())?;
            std::fs::remove_file(from)
        }
        result => Ok(result?),
    }
}

/// The same in one step everywhere: where the file system cannot refuse to replace, a look tells whether the name is
/// taken. The name is unique unless random numbers repeat, so the look is a belt and the step is what decides.
fn move_file(from: &Path, to: &Path) -> io::Result<()> {
    match rustix::fs::renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) => {
            if to.symlink_metadata().is_ok() {
                return Err(io::ErrorKind::AlreadyExists.into());
            }
            std::fs::rename(from, to)
        }
        result => Ok(result?),
    }
}

/// Creates the root and every folder above it that is missing, each durable: their names stand in folders that nobody can
/// name through this disk.
fn create_root(root: &Path) -> io::Result<()> {
    let parent = match root.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    if !parent.is_dir() {
        match create_root(parent) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
    }
    std::fs::DirBuilder::new().mode(0o700).create(root)?;
    File::open(parent)?.sync_all()
}

struct RealFile(File);

/// After so many bytes of a file the system is asked to begin writing them, so that little is left for the sync.
const EAGER: u64 = 4 << 20;

/// Asks for it where a write filled up another [`EAGER`] bytes. What goes wrong then is told by the sync.
#[cfg(target_os = "linux")]
fn begin_writing(file: &File, offset: u64, len: u64) {
    let begin = offset / EAGER * EAGER;
    let whole = (offset + len) / EAGER * EAGER;
    if let Some(len) = std::num::NonZeroU64::new(whole.saturating_sub(begin)) {
        // Linux writes what it is told that nobody needs, and forgets only what is on the disk already.
        let _ = rustix::fs::fadvise(file, begin, Some(len), rustix::fs::Advice::DontNeed);
    }
}

#[cfg(not(target_os = "linux"))]
fn begin_writing(_: &File, _: u64, _: u64) {}

impl NewFile for RealFile {
    fn write_all_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<()> {
        FileExt::write_all_at(&self.0, bytes, offset)?;
        begin_writing(&self.0, offset, bytes.len() as u64);
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        self.0.sync_all()
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn try_lock(&mut self) -> io::Result<bool> {
        match self.0.try_lock() {
            Ok(()) => Ok(true),
            Err(std::fs::TryLockError::WouldBlock) => Ok(false),
            Err(std::fs::TryLockError::Error(error)) => Err(error),
        }
    }
}

impl OpenFile for RealFile {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        self.0.read_exact_at(buf, offset)
    }
}

impl Lock for RealFile {}
