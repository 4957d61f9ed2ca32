//! The target as an open folder: everything below it is opened from there and from nowhere else.
//!
//! A folder of the target that somebody replaces by a link while the restore runs must not lead out of it (F-53, bad input
//! 45), so no path is ever handed to the system whole: `openat2` refuses every link and every step above the folder, and
//! where a kernel has no such call, each part is opened for itself, following none.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, ResolveFlags, Stat};
use rustix::io::Errno;

use super::target::MARK;
use crate::error::{IoContext, Result, SnapshotError};
use crate::path::{Name, TreePath};

/// How a folder is opened.
const FOLDER: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

/// The longest path that the system takes whole.
const PATH_MAX: usize = 4096;

/// The folder that is restored into.
pub(super) struct Root {
    folder: OwnedFd,
    path: PathBuf,
}

/// An open folder of the target, with its path for messages.
pub(super) struct Folder {
    pub(super) fd: OwnedFd,
    path: PathBuf,
}

impl Root {
    /// Opens the target, which exists by now. The path to it is the user's and may have links in it.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let folder = File::open(path).context("open", path)?;
        Ok(Self {
            folder: folder.into(),
            path: path.to_owned(),
        })
    }

    /// Where an entry is, for messages.
    pub(super) fn locate(&self, path: &TreePath) -> PathBuf {
        path.below(&self.path)
    }

    /// Opens a folder of the target.
    pub(super) fn folder(&self, path: &TreePath) -> Result<Folder> {
        let located = self.locate(path);
        let fd = self.open_below(path).map_err(|error| match error {
            // A link, a way out, or a file: not the folder that was made here.
            Errno::LOOP | Errno::XDEV | Errno::NOTDIR => SnapshotError::TargetSwapped {
                path: located.clone(),
            },
            error => SnapshotError::Io {
                action: "open",
                path: located.clone(),
                source: error.into(),
            },
        })?;
        Ok(Folder { fd, path: located })
    }

    /// The folder in which an entry stands, and its name there. The root has no such folder.
    pub(super) fn parent(&self, path: &TreePath) -> Result<(Folder, Name)> {
        match path.split_last() {
            Some((parent, name)) => Ok((self.folder(&parent)?, name.clone())),
            None => Err(self.is_no_file()),
        }
    }

    /// The root where a file should be: no tree has that.
    pub(super) fn is_no_file(&self) -> SnapshotError {
        SnapshotError::TargetSwapped {
            path: self.path.clone(),
        }
    }

    fn open_below(&self, path: &TreePath) -> Result<OwnedFd, Errno> {
        if path.is_root() {
            return rustix::fs::openat(&self.folder, c".", FOLDER, Mode::empty());
        }
        let bytes = path.to_bytes();
        if bytes.len() >= PATH_MAX {
            return self.open_step_by_step(path);
        }
        let beneath =
            ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
        match rustix::fs::openat2(&self.folder, bytes, FOLDER, Mode::empty(), beneath) {
            // Not known to the kernel, or forbidden by a sandbox that does not know it; or something was renamed meanwhile.
            Err(Errno::NOSYS | Errno::PERM | Errno::AGAIN) => self.open_step_by_step(path),
            result => result,
        }
    }

    fn open_step_by_step(&self, path: &TreePath) -> Result<OwnedFd, Errno> {
        let mut folder = rustix::fs::openat(&self.folder, c".", FOLDER, Mode::empty())?;
        for part in path.parts() {
            folder = rustix::fs::openat(&folder, part.as_bytes(), FOLDER, Mode::empty())?;
        }
        Ok(folder)
    }

    /// Puts the mark of an incomplete restore at the top, durably; its name.
    pub(super) fn mark(&self, text: &str) -> Result<Name> {
        use std::io::Write;
        let name = Name::new(MARK).map_err(|error| SnapshotError::Io {
            action: "mark",
            path: self.path.clone(),
            source: io::Error::other(error),
        })?;
        let top = self.folder(&TreePath::root())?;
        // The one of an earlier run may say something else; whatever it is, it is not followed.
        top.remove(&name)?;
        let at = top.locate(&name);
        let mut file = top.create(&name).context("create", &at)?;
        file.write_all(text.as_bytes()).context("write", &at)?;
        file.sync_all().context("sync", &at)?;
        self.sync_top()?;
        Ok(name)
    }

    /// Takes the mark away.
    pub(super) fn unmark(&self, mark: &Name) -> Result<()> {
        self.folder(&TreePath::root())?.remove(mark)
    }

    /// Makes the names at the top durable.
    pub(super) fn sync_top(&self) -> Result<()> {
        rustix::fs::fsync(&self.folder).context("sync", &self.path)
    }

    /// Whether the file system finds the mark under its name in capitals.
    pub(super) fn ignores_case(&self) -> Result<bool> {
        let capitals = MARK.to_ascii_uppercase();
        match rustix::fs::statat(&self.folder, capitals, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(_) => Ok(true),
            Err(Errno::NOENT) => Ok(false),
            Err(error) => Err(error).context("look at", &self.path),
        }
    }

    /// Whether the path still leads to the folder that was restored into.
    pub(super) fn check(&self) -> Result<()> {
        let look = |stat: &Stat| (stat.st_dev, stat.st_ino);
        let ours = rustix::fs::fstat(&self.folder).context("look at", &self.path)?;
        match rustix::fs::stat(&self.path) {
            Ok(there) if look(&there) == look(&ours) => Ok(()),
            _ => Err(SnapshotError::TargetSwapped {
                path: self.path.clone(),
            }),
        }
    }

    /// Makes everything below it durable, names and bytes.
    pub(super) fn sync(&self) -> Result<()> {
        rustix::fs::syncfs(&self.folder).context("sync", &self.path)
    }
}

impl Folder {
    /// The folder itself, for messages.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Where an entry of it is, for messages.
    pub(super) fn locate(&self, name: &Name) -> PathBuf {
        self.path.join(name.as_os_str())
    }

    /// How an entry of it looks, itself and not what it points to; `None` where there is none.
    pub(super) fn look(&self, name: &Name) -> Result<Option<Stat>> {
        match rustix::fs::statat(&self.fd, name.as_bytes(), AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(stat)),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(error).context("look at", &self.locate(name)),
        }
    }

    /// Whether an entry of it is a folder.
    pub(super) fn has_folder(&self, name: &Name) -> Result<bool> {
        Ok(self.look(name)?.as_ref().is_some_and(is_folder))
    }

    /// Opens an entry without following a link or waiting for the other end of a pipe.
    pub(super) fn open(&self, name: &Name, flags: OFlags) -> io::Result<File> {
        self.open_as(name, flags, Mode::empty())
    }

    fn open_as(&self, name: &Name, flags: OFlags, mode: Mode) -> io::Result<File> {
        let flags = flags | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        Ok(rustix::fs::openat(&self.fd, name.as_bytes(), flags, mode)?.into())
    }

    /// Creates a file that was not there, for its owner alone.
    pub(super) fn create(&self, name: &Name) -> io::Result<File> {
        self.create_with(name, Mode::RUSR | Mode::WUSR)
    }

    /// Creates a file that was not there, with as much of this mode as the process may give.
    pub(super) fn create_with(&self, name: &Name, mode: Mode) -> io::Result<File> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL;
        self.open_as(name, flags, mode)
    }

    /// Makes a folder, for its owner alone; `false` where something of the name is there.
    pub(super) fn make_folder(&self, name: &Name) -> io::Result<bool> {
        match rustix::fs::mkdirat(&self.fd, name.as_bytes(), Mode::RWXU) {
            Ok(()) => Ok(true),
            Err(Errno::EXIST) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Gives an entry another name in the same folder, in place of what has that name.
    pub(super) fn rename(&self, from: &Name, to: &Name) -> Result<()> {
        let (from, to_bytes) = (from.as_bytes(), to.as_bytes());
        rustix::fs::renameat(&self.fd, from, &self.fd, to_bytes).context("rename", &self.locate(to))
    }

    /// Removes a file, a link or whatever is no folder; what is gone already is no error.
    pub(super) fn remove(&self, name: &Name) -> Result<()> {
        match rustix::fs::unlinkat(&self.fd, name.as_bytes(), AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(error).context("remove", &self.locate(name)),
        }
    }
}

impl AsFd for Folder {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// Whether this is a regular file.
pub(super) fn is_file(stat: &Stat) -> bool {
    FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile
}

/// Whether this is a folder, and no link to one.
pub(super) fn is_folder(stat: &Stat) -> bool {
    FileType::from_raw_mode(stat.st_mode) == FileType::Directory
}
