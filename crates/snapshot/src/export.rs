//! The portable zip of a snapshot: the archive that needs no lifeboat to be opened.
//!
//! It appears under its name only when it is whole and durable. Layout: the snapshot's tree, and `backup_manifest.json` as
//! the last entry.

use std::io::BufWriter;
use std::path::{Path, PathBuf};

use lifeboat_store::layout::EXPORTS;
use lifeboat_store::{Disk, DurableFile, RealDisk};

use crate::error::{Result, SnapshotError};
use crate::monitor::{Monitor, Task};
use crate::record::Snapshot;
use crate::repository::Repository;
use crate::zip::ZipError;

use archive::Archive;
use positioned::Positioned;

mod archive;
mod listing;
mod positioned;

/// Name of the description in the zip.
pub const MANIFEST_NAME: &str = "backup_manifest.json";

/// Bytes that are gathered before they are written.
const BUFFER: usize = 256 << 10;

/// Names that are tried for one second's zips.
const MAX_SUFFIX: u32 = 10_000;

/// Where a zip goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ZipTarget {
    /// Into the repository, named after the snapshot's time.
    Repository,
    /// Into this folder, named after the snapshot's time.
    Folder(PathBuf),
    /// To this very file, which must not exist.
    File(PathBuf),
}

/// A zip that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ZipReport {
    /// Where it is.
    pub path: PathBuf,
    /// Its length.
    pub bytes: u64,
    /// Bytes that came compressed from an earlier zip.
    pub copied_bytes: u64,
    /// Plain bytes that were compressed for it.
    pub compressed_bytes: u64,
}

impl Repository {
    /// The folder or file that a target means.
    pub fn zip_path(&self, target: &ZipTarget) -> PathBuf {
        match target {
            ZipTarget::Repository => self.place().join(EXPORTS),
            ZipTarget::Folder(path) | ZipTarget::File(path) => path.clone(),
        }
    }

    /// Writes a snapshot as a zip that any unzip opens.
    ///
    /// # Errors
    /// Where the zip cannot be written or the snapshot cannot be read; nothing is left then.
    pub fn export_zip(
        &self,
        snapshot: &Snapshot,
        target: &ZipTarget,
        monitor: &dyn Monitor,
    ) -> Result<ZipReport> {
        loop {
            // Where another process took the name of this second meanwhile, there is a next one.
            if let Some(report) = self.try_export(snapshot, target, monitor)? {
                return Ok(report);
            }
        }
    }

    /// `None` where the name was free at first and then taken, and any other will do.
    fn try_export(
        &self,
        snapshot: &Snapshot,
        target: &ZipTarget,
        monitor: &dyn Monitor,
    ) -> Result<Option<ZipReport>> {
        let (folder, name) = self.zip_place(snapshot, target)?;
        let disk = RealDisk::new(&folder);
        let path = folder.join(&name);
        if path.symlink_metadata().is_ok() {
            return Err(unusable(&path, "it exists already"));
        }
        monitor.begin(Task::Export, Some(snapshot.bytes));
        let tree = self.tree(snapshot)?;
        let file = DurableFile::create(&disk, "", name)?;
        let out = BufWriter::with_capacity(BUFFER, Positioned::new(file));
        let mut archive = Archive::new(self, snapshot, &tree, monitor, &path, out)?;
        self.in_pool(None, || archive.run())?;
        let (out, totals) = archive.finish()?;
        let out = out
            .into_inner()
            .map_err(|error| zip_error(&path, ZipError::Write(error.into_error())))?;
        if !out.into_inner().publish()? {
            return match target {
                ZipTarget::File(_) => Err(unusable(&path, "another process wrote it meanwhile")),
                ZipTarget::Folder(_) | ZipTarget::Repository => Ok(None),
            };
        }
        Ok(Some(ZipReport {
            path,
            bytes: totals.len,
            copied_bytes: 0,
            compressed_bytes: totals.plain_len,
        }))
    }

    /// The folder, made where that is ours to do, and a file name that is free.
    fn zip_place(&self, snapshot: &Snapshot, target: &ZipTarget) -> Result<(PathBuf, String)> {
        let folder = match target {
            ZipTarget::File(path) => return split(path),
            ZipTarget::Folder(path) => path.clone(),
            ZipTarget::Repository => {
                let folder = self.place().join(EXPORTS);
                match RealDisk::new(&folder).create_dir("") {
                    Err(source) if source.kind() != std::io::ErrorKind::AlreadyExists => {
                        let action = "create";
                        let path = folder;
                        return Err(SnapshotError::Io {
                            action,
                            path,
                            source,
                        });
                    }
                    _ => folder,
                }
            }
        };
        if !folder.is_dir() {
            return Err(unusable(&folder, "it is no folder"));
        }
        let time = snapshot.time().format("%Y-%m-%d_%H-%M-%S");
        let name = (1..MAX_SUFFIX)
            .map(|number| match number {
                1 => format!("backup_{time}.zip"),
                _ => format!("backup_{time}_{number}.zip"),
            })
            .find(|name| folder.join(name).symlink_metadata().is_err());
        let full = || unusable(&folder, "it has no free name for this second");
        name.ok_or_else(full).map(|name| (folder.clone(), name))
    }
}

/// The folder and the name of a file.
fn split(path: &Path) -> Result<(PathBuf, String)> {
    let name = path.file_name().and_then(std::ffi::OsStr::to_str);
    let name = name.ok_or_else(|| unusable(path, "it is not the path of a file"))?;
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    };
    if folder.is_dir() {
        Ok((folder, name.to_owned()))
    } else {
        Err(unusable(&folder, "it is no folder"))
    }
}

fn unusable(path: &Path, reason: &str) -> SnapshotError {
    SnapshotError::TargetUnusable {
        path: path.to_owned(),
        reason: reason.to_owned(),
    }
}

fn zip_error(path: &Path, source: ZipError) -> SnapshotError {
    SnapshotError::Zip {
        path: path.to_owned(),
        source,
    }
}
