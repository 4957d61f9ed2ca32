//! Where stages stand, and how those are found that a crash has left.
//!
//! A stage is on the live folder's own file system, or renaming could not be atomic: beside the live folder, or inside where
//! that one is a mount point or the folder above cannot be written. Its name is made of the source's path, so that whoever
//! looks at the source finds what a crash has left. Anybody who can make a folder can give it such a name.

use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

use super::files::open_folder;
use crate::error::{IoContext, Result};

/// What the names of all stages begin with. Backups leave such folders out.
pub(crate) const PREFIX: &str = ".lifeboat-restore-";

/// Folders that are looked through for stages; a folder of more is nobody's home.
const MAX_NAMES: usize = 100_000;

/// Where the stage of a source may be: beside its folder, and inside.
pub(super) fn places(source: &Path, folder: &Path) -> Vec<PathBuf> {
    let name = name_for(source);
    let beside = folder.parent().map(|above| above.join(&name));
    let inside = folder.join(&name);
    match source == folder {
        true => beside.into_iter().chain([inside]).collect(),
        false => vec![inside],
    }
}

fn name_for(source: &Path) -> String {
    let hash = blake3::hash(source.as_os_str().as_bytes()).to_hex();
    format!("{PREFIX}{}", hash.get(..16).unwrap_or_default())
}

/// Whether a stage is where a restore would make it of the folder that it is in, or of anything beside it.
pub(super) fn is_of_something(stage: &Path) -> bool {
    let Some((above, name)) = stage.parent().zip(stage.file_name()) else {
        return false;
    };
    let beside = fs::read_dir(above).into_iter().flatten().flatten();
    let mut sources = beside.map(|entry| entry.path()).chain([above.to_owned()]);
    sources.any(|source| name == name_for(&source).as_str())
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
        .is_some_and(|name| is_name_of_stage(name.as_bytes()))
}

/// The same of a part of a path. No backup holds one, so whoever sends one means no good.
pub(crate) fn is_name_of_stage(name: &[u8]) -> bool {
    name.starts_with(PREFIX.as_bytes())
}

fn is_kept(stage: &Path) -> bool {
    let name = stage.file_name().unwrap_or_default().as_bytes();
    name.windows(6).any(|part| part == b"-kept-")
}
