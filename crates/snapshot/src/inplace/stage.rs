//! The folder beside a live one in which everything lies ready before anything is changed, and the lock on both.
//!
//! Where it stands is said in [`places`](super::places). The lock is the kernel's, on the live folder itself: it ends with the
//! process, however that ends.

use std::fs;
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, FlockOperation, Mode, OFlags, Timespec, Timestamps};
use rustix::io::Errno;

use super::error::InPlaceError;
use super::files::{open_folder, path_of};
use super::journal::Journal;
use super::vouch::{Found, Vouchers};
use super::{leader, places};
use crate::error::{IoContext, Result, SnapshotError};

/// In a stage that holds what nothing else does: it is laid aside instead of being thrown away.
const KEEP: &str = "keep";

/// What is said of a stage that no note speaks for.
pub(super) const FOREIGN: &str =
    "was not written by a restore of this user; remove the folder if you do not know it";

/// The exclusive right to restore into a live folder.
pub(super) struct Lock {
    _folder: OwnedFd,
}

impl Lock {
    /// Takes it, or says that somebody else has it.
    pub(super) fn take(live: &Path) -> Result<Self> {
        let folder = open_folder(live).context("open", live)?;
        match rustix::fs::flock(&folder, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Self { _folder: folder }),
            Err(Errno::WOULDBLOCK) => Err(InPlaceError::TargetHeld {
                path: live.to_owned(),
            }
            .into()),
            // A file system without locks: the stage's name is then all that keeps two apart.
            Err(Errno::NOSYS | Errno::OPNOTSUPP | Errno::NOLCK | Errno::BADF) => {
                Ok(Self { _folder: folder })
            }
            Err(error) => Err(error).context("lock", live),
        }
    }
}

/// Makes an empty stage, throwing away what a restore without a journal has left there. One that a journal speaks for, its own
/// or another stage's, is refused: it may hold what was in the live folder.
pub(super) fn make(stage: &Path, vouchers: &Vouchers) -> Result<()> {
    match fs::symlink_metadata(stage) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error).context("look at", stage),
        Ok(_) => {
            check_owner(stage)?;
            check_free(stage, vouchers)?;
            discard(stage)?;
        }
    }
    let mut builder = fs::DirBuilder::new();
    let made = keeping_time(stage, || builder.mode(0o700).create(stage));
    made.context("create", stage)
}

/// Refuses a stage that a journal speaks for.
fn check_free(stage: &Path, vouchers: &Vouchers) -> Result<()> {
    let journal = Journal::read(stage, vouchers)?;
    let reason = match (&journal, &leader::of(stage, vouchers)?) {
        (Found::Nothing, Found::Nothing) => return Ok(()),
        (Found::Foreign, _) | (_, Found::Foreign) => FOREIGN,
        _ => "belongs to a restore that must be finished first",
    };
    Err(InPlaceError::JournalUnusable {
        path: stage.to_owned(),
        reason: reason.to_owned(),
    }
    .into())
}

/// Makes or removes a stage without the time of the folder around it telling of it: that folder may be the live one, or
/// that of another source, and is to have the time that it had.
fn keeping_time(stage: &Path, act: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
    let around = stage.parent().unwrap_or(Path::new("/"));
    let before = rustix::fs::stat(around);
    act()?;
    if let Ok(before) = before {
        let keep = Timespec {
            tv_sec: 0,
            tv_nsec: rustix::fs::UTIME_OMIT,
        };
        let times = Timestamps {
            last_access: keep,
            last_modification: Timespec {
                tv_sec: before.st_mtime,
                tv_nsec: before.st_mtime_nsec.cast_signed(),
            },
        };
        // Only its owner may set it; in a folder of somebody else it tells of the restore, and that is all.
        let _ = rustix::fs::utimensat(rustix::fs::CWD, around, &times, AtFlags::empty());
    }
    Ok(())
}

/// A stage that somebody else made could send this process anywhere.
fn check_owner(stage: &Path) -> Result<()> {
    match is_of_this_user(stage)? {
        true => Ok(()),
        false => Err(foreign(stage)),
    }
}

/// Whether it is a folder of this user.
pub(super) fn is_of_this_user(stage: &Path) -> Result<bool> {
    let stat = fs::symlink_metadata(stage).context("look at", stage)?;
    Ok(stat.is_dir() && is_own(stat.uid()))
}

pub(super) fn is_own(uid: u32) -> bool {
    uid == rustix::process::geteuid().as_raw()
}

fn foreign(stage: &Path) -> SnapshotError {
    SnapshotError::TargetUnusable {
        path: stage.to_owned(),
        reason: "it has the name of a folder for restoring and belongs to somebody else".to_owned(),
    }
}

/// Opens a file of a stage that nobody but this user has written.
pub(super) fn open_file(stage: &Path, name: &str) -> Result<Found<fs::File>> {
    let Some(folder) = open_own(stage)? else {
        return Ok(Found::Nothing);
    };
    let path = stage.join(name);
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = match rustix::fs::openat(&folder, name, flags, Mode::empty()) {
        Err(Errno::NOENT) => return Ok(Found::Nothing),
        Err(Errno::LOOP | Errno::NXIO) => return Ok(Found::Foreign),
        file => fs::File::from(file.context("open", &path)?),
    };
    let stat = file.metadata().context("look at", &path)?;
    let is_own = stat.is_file() && is_own(stat.uid()) && stat.nlink() == 1;
    Ok(match is_own && stat.mode() & 0o022 == 0 {
        true => Found::Own(file),
        false => Found::Foreign,
    })
}

/// Opens a stage for what is in it, whatever comes to stand in its place; `None` where there is none.
fn open_own(stage: &Path) -> Result<Option<OwnedFd>> {
    let folder = match super::files::open_stage(stage) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error)
            if matches!(
                Errno::from_io_error(&error),
                Some(Errno::NOTDIR | Errno::LOOP)
            ) =>
        {
            return Err(foreign(stage));
        }
        folder => folder.context("open", stage)?,
    };
    let stat = rustix::fs::fstat(&folder).context("look at", stage)?;
    match is_own(stat.st_uid) {
        true => Ok(Some(folder)),
        false => Err(foreign(stage)),
    }
}

/// Notes durably that a stage must never be thrown away, whatever crash comes, and for whoever looks, why.
pub(super) fn keep(stage: &Path, why: &[u8]) -> io::Result<()> {
    let folder = super::files::open_own_stage(stage)?;
    let flags =
        OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = rustix::fs::openat(&folder, KEEP, flags, Mode::RUSR | Mode::WUSR)?;
    let mut file = fs::File::from(file);
    file.write_all(why)?;
    file.sync_all()?;
    fs::File::from(folder).sync_all()
}

/// Throws a stage away, or lays it aside where it is to be kept: gives its new place then. What
/// cannot be looked at stays.
pub(super) fn discard(stage: &Path) -> Result<Option<PathBuf>> {
    if !places::is_name(stage) {
        return Err(foreign(stage));
    }
    let Some(folder) = open_own(stage)? else {
        return Ok(None);
    };
    match rustix::fs::statat(&folder, KEEP, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(_) => return lay_aside(stage).map(Some),
        Err(Errno::NOENT) => {}
        Err(error) => return Err(error).context("look at", &stage.join(KEEP)),
    }
    // First what is in it, which may take long: the time of the folder around it is held for a moment only.
    empty(&path_of(&folder))?;
    match keeping_time(stage, || fs::remove_dir(stage)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        removed => removed.context("remove", stage).map(|()| None),
    }
}

/// Removes what is in a folder, which is named by its descriptor: nobody can put another in its place.
fn empty(folder: &Path) -> Result<()> {
    for entry in fs::read_dir(folder).context("list", folder)? {
        let entry = entry.context("list", folder)?;
        let path = entry.path();
        match entry.file_type().context("look at", &path)?.is_dir() {
            true => remove(&path)?,
            false => fs::remove_file(&path).context("remove", &path)?,
        }
    }
    Ok(())
}

/// Removes a folder that was restored into. Folders in it that are read-only must be made writable before they go.
pub(crate) fn remove(stage: &Path) -> Result<()> {
    match fs::remove_dir_all(stage) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => unlock_folders(stage),
        result => return result.context("remove", stage),
    }
    fs::remove_dir_all(stage).context("remove", stage)
}

fn unlock_folders(folder: &Path) {
    let mut waiting = vec![folder.to_owned()];
    while let Some(folder) = waiting.pop() {
        // What cannot be done here is an error of the removal that follows.
        let _ = fs::set_permissions(&folder, fs::Permissions::from_mode(0o700));
        let entries = fs::read_dir(&folder).into_iter().flatten().flatten();
        let folders = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
        waiting.extend(folders.map(|entry| entry.path()));
    }
}

/// Lays a stage aside that holds what nothing else does; gives its new place.
fn lay_aside(stage: &Path) -> Result<PathBuf> {
    for number in 1..=1000_u32 {
        let mut name = stage.as_os_str().to_owned();
        name.push(format!("-kept-{number}"));
        let kept = PathBuf::from(name);
        let how = rustix::fs::RenameFlags::NOREPLACE;
        match rustix::fs::renameat_with(rustix::fs::CWD, stage, rustix::fs::CWD, &kept, how) {
            Err(Errno::EXIST | Errno::NOTEMPTY) => {}
            result => return result.context("rename", stage).map(|()| kept),
        }
    }
    Err(io::Error::from(io::ErrorKind::AlreadyExists)).context("rename", stage)
}
