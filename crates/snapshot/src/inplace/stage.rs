//! The folder beside a live one in which everything lies ready before anything is changed, and the lock on both.
//!
//! It is on the live folder's own file system, or renaming could not be atomic: beside the live folder, or inside where
//! that one is a mount point or the folder above cannot be written. Its name is made of the source's path, so that whoever
//! looks at the source finds what a crash has left. The lock is the kernel's, on the live folder itself: it ends with the
//! process, however that ends.

use std::fs;
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, FlockOperation, Mode, OFlags, ResolveFlags, Timespec, Timestamps};
use rustix::io::Errno;

use super::error::InPlaceError;
use super::files::{open_folder, path_of, sync_folder};
use super::leader;
use crate::error::{IoContext, Result, SnapshotError};

/// What the names of all stages begin with. Backups leave such folders out.
pub(crate) const PREFIX: &str = ".lifeboat-restore-";

/// In a stage that holds what nothing else does: it is laid aside instead of being thrown away.
const KEEP: &str = "keep";

/// Folders that are looked through for stages; a folder of more is nobody's home.
const MAX_NAMES: usize = 100_000;

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

/// Where the stage of a source may be: beside its folder, and inside.
pub(super) fn places(source: &Path, folder: &Path) -> Vec<PathBuf> {
    let hash = blake3::hash(source.as_os_str().as_bytes()).to_hex();
    let name = format!("{PREFIX}{}", hash.get(..16).unwrap_or_default());
    let beside = folder.parent().map(|above| above.join(&name));
    let inside = folder.join(&name);
    match source == folder {
        true => beside.into_iter().chain([inside]).collect(),
        false => vec![inside],
    }
}

/// Where the stage of a source is to be: not necessarily there yet.
///
/// # Errors
/// Where it cannot be told whether it can be beside the folder.
pub(super) fn place(source: &Path, folder: &Path) -> Result<PathBuf> {
    let mut places = places(source, folder);
    if places.len() > 1 && !is_one_place(folder).context("look around", folder)? {
        places.remove(0);
    }
    Ok(places.swap_remove(0))
}

/// Whether a stage beside the folder can be made and is on its file system.
fn is_one_place(folder: &Path) -> io::Result<bool> {
    let (Some(above), Some(name)) = (folder.parent(), folder.file_name()) else {
        return Ok(false);
    };
    let above_folder = match open_folder(above) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => return Ok(false),
        opened => opened?,
    };
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let within = ResolveFlags::NO_XDEV | ResolveFlags::BENEATH;
    let is_one = match rustix::fs::openat2(&above_folder, name, flags, Mode::empty(), within) {
        Err(Errno::NOSYS | Errno::PERM) => {
            let device = |path: &Path| path.metadata().map(|stat| stat.dev());
            device(above)? == device(folder)?
        }
        Err(Errno::XDEV | Errno::ACCESS | Errno::LOOP) => false,
        // A fault that passes, as too many open files, says nothing about the place.
        opened => opened.map(|_| true)?,
    };
    let rights = rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK;
    Ok(is_one && rustix::fs::access(above, rights).is_ok())
}

/// Makes an empty stage, throwing away what a restore without a journal has left there. One that another stage's journal
/// speaks for is refused: it may hold what was in the live folder.
pub(super) fn make(stage: &Path) -> Result<()> {
    match fs::symlink_metadata(stage) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error).context("look at", stage),
        Ok(_) => {
            check_owner(stage)?;
            if leader::of(stage)?.is_some() {
                return Err(InPlaceError::JournalUnusable {
                    path: stage.to_owned(),
                    reason: "belongs to a restore that must be finished first".to_owned(),
                }
                .into());
            }
            discard(stage)?;
        }
    }
    let mut builder = fs::DirBuilder::new();
    let made = keeping_time(stage, || builder.mode(0o700).create(stage));
    made.context("create", stage)
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
pub(super) fn check_owner(stage: &Path) -> Result<()> {
    let stat = fs::symlink_metadata(stage).context("look at", stage)?;
    match stat.is_dir() && is_own(stat.uid()) {
        true => Ok(()),
        false => Err(foreign(stage)),
    }
}

fn is_own(uid: u32) -> bool {
    let own = rustix::process::geteuid();
    uid == own.as_raw() || own.is_root() && uid == 0
}

fn foreign(stage: &Path) -> SnapshotError {
    SnapshotError::TargetUnusable {
        path: stage.to_owned(),
        reason: "it has the name of a folder for restoring and belongs to somebody else".to_owned(),
    }
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
    let mut file = fs::File::create(stage.join(KEEP))?;
    file.write_all(why)?;
    file.sync_all()?;
    sync_folder(stage)
}

/// Throws a stage away, or lays it aside where it is to be kept: gives its new place then. What
/// cannot be looked at stays.
pub(super) fn discard(stage: &Path) -> Result<Option<PathBuf>> {
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

/// Every stage that concerns a path: of itself, of a folder above it, or of something right in it.
pub(super) fn find(path: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for above in path.ancestors() {
        found.extend(places(above, above));
    }
    if let Some(folder) = path.parent() {
        found.extend(places(path, folder));
    }
    let entries = fs::read_dir(path).into_iter().flatten().flatten();
    let stages = entries.take(MAX_NAMES).map(|entry| entry.path());
    found.extend(stages.filter(|path| is_name(path)));
    found.sort();
    found.dedup();
    found.retain(|stage| stage.symlink_metadata().is_ok_and(|stat| stat.is_dir()));
    found.retain(|stage| !is_kept(stage));
    found
}

/// Whether a path has the name of a stage, or of one that was laid aside.
pub(crate) fn is_name(path: &Path) -> bool {
    path.file_name()
        .is_some_and(|name| name.as_bytes().starts_with(PREFIX.as_bytes()))
}

fn is_kept(stage: &Path) -> bool {
    let name = stage.file_name().unwrap_or_default().as_bytes();
    name.windows(6).any(|part| part == b"-kept-")
}
