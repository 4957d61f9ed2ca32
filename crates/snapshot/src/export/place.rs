//! Where a zip goes, and under which name.

use std::path::{Path, PathBuf};

use lifeboat_store::layout::EXPORTS;
use lifeboat_store::{Disk, RealDisk};

use super::{ZipTarget, unusable};
use crate::error::{IoContext, Result, SnapshotError};
use crate::record::Snapshot;
use crate::repository::Repository;

/// Names that are tried for one second's zips.
const MAX_SUFFIX: u32 = 10_000;

/// What the names of zips begin with.
pub(super) const BEGIN: &str = "backup_";

/// What they end in.
pub(super) const END: &str = ".zip";

impl Repository {
    /// The folder or file that a target means.
    pub fn zip_path(&self, target: &ZipTarget) -> PathBuf {
        match target {
            ZipTarget::Repository => self.place().join(EXPORTS),
            ZipTarget::Folder(path) | ZipTarget::File(path) => path.clone(),
        }
    }

    /// The folder, made where that is ours to do, and a file name that is free.
    pub(super) fn zip_place(
        &self,
        snapshot: &Snapshot,
        target: &ZipTarget,
    ) -> Result<(PathBuf, String)> {
        if let ZipTarget::File(path) = target {
            return split(path);
        }
        let folder = self.zip_path(target);
        if *target == ZipTarget::Repository {
            if folder.is_symlink() {
                return Err(unusable(&folder, "it is a link where a folder should be"));
            }
            make(&RealDisk::new(self.place()), &RealDisk::inside(&folder))?;
        }
        if !folder.is_dir() {
            return Err(no_folder(&folder));
        }
        let time = snapshot.time().format("%Y-%m-%d_%H-%M-%S");
        let name = (1..MAX_SUFFIX)
            .map(|number| match number {
                1 => format!("{BEGIN}{time}{END}"),
                _ => format!("{BEGIN}{time}_{number}{END}"),
            })
            .find(|name| folder.join(name).symlink_metadata().is_err());
        let full = || unusable(&folder, "it has no free name for this second");
        name.ok_or_else(full).map(|name| (folder.clone(), name))
    }
}

/// Makes the folder for zips in a repository. It is durable then, also where a process that died has made it.
pub(super) fn make(repository: &dyn Disk, zips: &dyn Disk) -> Result<()> {
    match zips.create_dir("") {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
        created => created.context("create", &zips.locate(""))?,
    }
    repository
        .sync_dir("")
        .context("sync", &repository.locate(""))
}

/// The folder and the name of a file.
pub(crate) fn split(path: &Path) -> Result<(PathBuf, String)> {
    let name = path.file_name().and_then(std::ffi::OsStr::to_str);
    let name = name.ok_or_else(|| unusable(path, "it is not the path of a file"))?;
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    };
    if folder.is_dir() {
        Ok((folder, name.to_owned()))
    } else {
        Err(no_folder(&folder))
    }
}

fn no_folder(path: &Path) -> SnapshotError {
    match path.symlink_metadata() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            unusable(path, "it does not exist")
        }
        _ => unusable(path, "it is no folder"),
    }
}
