//! The few file operations by which a restore changes a live folder, and the real ones.
//!
//! Every path is walked part by part from a folder that was opened once, and no part may be a link or lead onto another
//! file system: whoever can write into the live folder cannot send a restore elsewhere by putting a link in its way (F-53).
//! The trait is there so that tests can stop the work behind any operation and lose those that were not synced.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Mode, OFlags, RenameFlags, ResolveFlags};
use rustix::io::Errno;

use super::attributes;
use super::stage::is_own;
use crate::entry::Meta;
use crate::path::{Name, TreePath};

/// Which of the two folders a path is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Side {
    /// What is restored over.
    Live,
    /// What lies ready, and what was replaced.
    Stage,
}

/// A path in one of the two folders.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Spot {
    pub(crate) side: Side,
    pub(crate) path: TreePath,
}

impl Spot {
    pub(crate) fn live(path: TreePath) -> Self {
        let side = Side::Live;
        Self { side, path }
    }

    pub(crate) fn stage(path: TreePath) -> Self {
        let side = Side::Stage;
        Self { side, path }
    }
}

/// What stands at a spot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Look {
    /// Number of the file in its file system.
    pub(crate) inode: u64,
    pub(crate) is_folder: bool,
    /// Length and time of the last change, which a renaming leaves alone.
    pub(crate) bytes: u64,
    pub(crate) mtime: (i64, i64),
}

/// File operations on a live folder and its stage. Each is one step for whoever looks; none is durable before `sync`.
pub(crate) trait Files {
    /// What stands there, links not followed; `None` for nothing.
    fn look(&self, at: &Spot) -> io::Result<Option<Look>>;

    /// Lets two things change places. [`io::ErrorKind::Unsupported`] where the file system cannot.
    fn exchange(&self, one: &Spot, other: &Spot) -> io::Result<()>;

    /// Moves a thing to where nothing is.
    fn rename(&self, from: &Spot, to: &Spot) -> io::Result<()>;

    /// The names of all that is in a folder.
    fn names(&self, folder: &Spot) -> io::Result<Vec<Name>>;

    /// Gives it what the file system keeps beside the bytes.
    fn describe(&self, at: &Spot, meta: &Meta) -> io::Result<()>;

    /// Makes everything durable.
    fn sync(&self) -> io::Result<()>;
}

/// The real files.
pub(crate) struct Real {
    live: OwnedFd,
    stage: OwnedFd,
}

/// Opens a folder to walk from.
pub(crate) fn open_folder(path: &Path) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    Ok(rustix::fs::open(path, flags, Mode::empty())?)
}

/// The same of a stage, in whose place nothing else may stand.
pub(super) fn open_stage(path: &Path) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    Ok(rustix::fs::open(path, flags, Mode::empty())?)
}

/// The same, where it is this user's: nobody can put another in its place between the look and the work.
pub(super) fn open_own_stage(path: &Path) -> io::Result<OwnedFd> {
    let folder = open_stage(path)?;
    match is_own(rustix::fs::fstat(&folder)?.st_uid) {
        true => Ok(folder),
        false => Err(io::ErrorKind::PermissionDenied.into()),
    }
}

/// Makes a file for this user alone, over what an earlier run may have left of it.
pub(super) fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    options
        .custom_flags(OFlags::NOFOLLOW.bits().cast_signed())
        .open(path)
}

/// Writes a file durably, as a whole or not at all.
pub(super) fn write_whole(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let temporary = folder.join(format!("{name}.partial"));
    let mut file = create(&temporary)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&temporary, folder.join(name))?;
    sync_folder(folder)
}

impl Real {
    /// For a live folder and its stage, both of which are there, the stage being this user's.
    pub(crate) fn open(live: &Path, stage: &Path) -> io::Result<Self> {
        Ok(Self {
            live: open_folder(live)?,
            stage: open_own_stage(stage)?,
        })
    }

    fn root(&self, side: Side) -> BorrowedFd<'_> {
        match side {
            Side::Live => self.live.as_fd(),
            Side::Stage => self.stage.as_fd(),
        }
    }

    /// The folder that the spot is in, and its name there. The root itself is `.` in itself.
    fn find(&self, at: &Spot) -> io::Result<(OwnedFd, PathBuf)> {
        let mut folder = self.root(at.side).try_clone_to_owned()?;
        let Some((name, above)) = at.path.parts().split_last() else {
            return Ok((folder, PathBuf::from(".")));
        };
        for part in above {
            folder = enter(&folder, part)?;
        }
        Ok((folder, PathBuf::from(name.as_os_str())))
    }

    fn move_to(&self, from: &Spot, to: &Spot, how: RenameFlags) -> io::Result<()> {
        let (from, to) = (self.find(from)?, self.find(to)?);
        let moved = rustix::fs::renameat_with(&from.0, &from.1, &to.0, &to.1, how);
        moved.map_err(|error| match error {
            Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP => io::ErrorKind::Unsupported.into(),
            error => error.into(),
        })
    }

    /// Whether the folder of this spot can be changed and is on the stage's file system: asked before anything is.
    pub(crate) fn check(&self, at: &Spot) -> io::Result<()> {
        let (folder, _) = self.find(at)?;
        let own = path_of(&folder);
        Ok(rustix::fs::access(
            own,
            rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK,
        )?)
    }
}

/// Opens a folder in a folder, and nothing else that has this name.
fn enter(folder: &OwnedFd, part: &Name) -> io::Result<OwnedFd> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let within = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_XDEV;
    match rustix::fs::openat2(folder, part.as_os_str(), flags, Mode::empty(), within) {
        // Systems before 5.6, and filters that do not know the call: one part at a time is as safe against links.
        Err(Errno::NOSYS | Errno::PERM) => Ok(rustix::fs::openat(
            folder,
            part.as_os_str(),
            flags,
            Mode::empty(),
        )?),
        result => Ok(result?),
    }
}

impl Files for Real {
    fn look(&self, at: &Spot) -> io::Result<Option<Look>> {
        let (folder, name) = match self.find(at) {
            Err(error) if is_missing(&error) => return Ok(None),
            found => found?,
        };
        let stat = match rustix::fs::statat(&folder, &name, AtFlags::SYMLINK_NOFOLLOW) {
            Err(Errno::NOENT) => return Ok(None),
            stat => stat?,
        };
        Ok(Some(Look {
            inode: stat.st_ino,
            is_folder: rustix::fs::FileType::from_raw_mode(stat.st_mode).is_dir(),
            bytes: stat.st_size.cast_unsigned(),
            mtime: (stat.st_mtime, stat.st_mtime_nsec.cast_signed()),
        }))
    }

    fn exchange(&self, one: &Spot, other: &Spot) -> io::Result<()> {
        self.move_to(one, other, RenameFlags::EXCHANGE)
    }

    fn rename(&self, from: &Spot, to: &Spot) -> io::Result<()> {
        match self.move_to(from, to, RenameFlags::NOREPLACE) {
            Err(error) if error.kind() == io::ErrorKind::Unsupported => {}
            result => return result,
        }
        match self.look(to)? {
            Some(_) => Err(io::ErrorKind::AlreadyExists.into()),
            None => self.move_to(from, to, RenameFlags::empty()),
        }
    }

    fn names(&self, folder: &Spot) -> io::Result<Vec<Name>> {
        let (above, name) = self.find(folder)?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let folder = rustix::fs::openat(&above, &name, flags, Mode::empty())?;
        let mut names = Vec::new();
        for entry in rustix::fs::Dir::read_from(&folder)? {
            let entry = entry?;
            let name = entry.file_name().to_bytes();
            if !matches!(name, b"." | b"..") {
                names.push(Name::new(name).map_err(io::Error::other)?);
            }
        }
        Ok(names)
    }

    fn describe(&self, at: &Spot, meta: &Meta) -> io::Result<()> {
        let (folder, name) = self.find(at)?;
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        // Closing a descriptor of a path alone drops no locks, as closing one of the file would (F-34).
        let file = rustix::fs::openat(&folder, &name, flags, Mode::empty())?;
        attributes::set(&file, meta)
    }

    fn sync(&self) -> io::Result<()> {
        for side in [Side::Live, Side::Stage] {
            rustix::fs::syncfs(self.root(side))?;
        }
        Ok(())
    }
}

/// Whether there is nothing at a path, or something else than a folder above it.
pub(crate) fn is_missing(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

/// Makes a folder's names durable.
pub(crate) fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// The path of the open file behind a descriptor, for calls that take no descriptor.
pub(super) fn path_of(file: &OwnedFd) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()))
}
