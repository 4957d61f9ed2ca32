//! The portable zip of a snapshot: the archive that needs no lifeboat to be opened.
//!
//! It appears under its name only when it is whole and durable. Layout: the snapshot's tree, and `backup_manifest.json` as
//! the last entry.

use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use lifeboat_store::{Disk, DurableFile, RealDisk, remove_left_over};

use crate::error::{Result, SnapshotError};
use crate::monitor::{Monitor, Task};
use crate::record::Snapshot;
use crate::repository::Repository;
use crate::zip::{ZipError, ZipWriter};

use archive::Archive;
use earlier::Earlier;
use positioned::{Forward, Positioned};

pub use keep::FoundZip;
pub(crate) use place::split;
#[cfg(feature = "testing")]
pub(crate) use table::try_table;

mod after;
mod archive;
mod earlier;
mod keep;
mod listing;
mod mark;
mod output;
mod pack;
mod packed;
mod parts;
mod place;
mod positioned;
mod sums;
mod table;

/// Name of the description in the zip.
pub const MANIFEST_NAME: &str = "backup_manifest.json";

/// Bytes that are gathered before they are written.
const BUFFER: usize = 256 << 10;

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
    /// Older zips that made room for it.
    pub removed: Vec<PathBuf>,
}

impl Repository {
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
        let _hold = self.hold(snapshot)?;
        loop {
            // Where another process took the name of this second meanwhile, there is a next one.
            if let Some(report) = self.try_export(snapshot, target, monitor)? {
                return Ok(report);
            }
        }
    }

    /// Writes a snapshot as a zip to something that cannot seek; `place` is for messages.
    ///
    /// # Errors
    /// Where it cannot be written or the snapshot cannot be read.
    pub fn export_zip_to(
        &self,
        snapshot: &Snapshot,
        out: &mut (dyn Write + Send),
        place: &Path,
        monitor: &dyn Monitor,
    ) -> Result<ZipReport> {
        monitor.begin(Task::Export, Some(snapshot.bytes));
        let tree = self.tree(snapshot)?;
        let earlier = Earlier::of(self, snapshot);
        let out = BufWriter::with_capacity(BUFFER, Forward(out));
        let writer = ZipWriter::streaming(out);
        let mut archive = Archive::new(self, snapshot, &tree, &earlier, monitor, place, writer);
        self.in_pool(None, || archive.run())?;
        let done = archive.finish()?;
        Ok(ZipReport {
            path: place.to_owned(),
            bytes: done.totals.len,
            copied_bytes: done.copied,
            compressed_bytes: done.compressed,
            removed: Vec::new(),
        })
    }

    /// `None` where the name was free at first and then taken, and any other will do.
    fn try_export(
        &self,
        snapshot: &Snapshot,
        target: &ZipTarget,
        monitor: &dyn Monitor,
    ) -> Result<Option<ZipReport>> {
        let (folder, name) = self.zip_place(snapshot, target)?;
        let disk = match target {
            ZipTarget::Repository => RealDisk::inside(&folder),
            ZipTarget::Folder(_) | ZipTarget::File(_) => RealDisk::new(&folder),
        };
        let path = folder.join(&name);
        // A name that was chosen here and is taken by now is found out when the zip is to have it.
        if matches!(target, ZipTarget::File(_)) && path.symlink_metadata().is_ok() {
            return Err(unusable(&path, "it exists already"));
        }
        match (self.write_zip(snapshot, &disk, &name, monitor)?, target) {
            (None, ZipTarget::File(_)) => {
                Err(unusable(&path, "another process wrote it meanwhile"))
            }
            (written, _) => Ok(written),
        }
    }

    /// Writes a snapshot as a zip to the folder for zips of a repository, which is `zips`, itself in `repository`; for tests
    /// on simulated disks. `None` where the name is taken.
    ///
    /// # Errors
    /// As [`export_zip`](Self::export_zip).
    #[cfg(feature = "testing")]
    pub fn export_zip_on(
        &self,
        snapshot: &Snapshot,
        (repository, zips): (&dyn Disk, &dyn Disk),
        name: &str,
        monitor: &dyn Monitor,
    ) -> Result<Option<ZipReport>> {
        let _hold = self.hold(snapshot)?;
        place::make(repository, zips)?;
        self.write_zip(snapshot, zips, name, monitor)
    }

    /// Writes a zip to the top of a disk, durably. `None` where the name is taken.
    fn write_zip(
        &self,
        snapshot: &Snapshot,
        disk: &dyn Disk,
        name: &str,
        monitor: &dyn Monitor,
    ) -> Result<Option<ZipReport>> {
        let path = disk.locate(name);
        monitor.begin(Task::Export, Some(snapshot.bytes));
        let tree = self.tree(snapshot)?;
        let earlier = Earlier::of(self, snapshot);
        let own: String = self.store().id().to_string().chars().take(16).collect();
        remove_left_over(disk, &own);
        let file = DurableFile::create_marked(disk, "", name.to_owned(), &own)?;
        let out = BufWriter::with_capacity(BUFFER, Positioned::new(file));
        let writer = ZipWriter::new(out).map_err(|error| zip_error(&path, error))?;
        let mut archive = Archive::new(self, snapshot, &tree, &earlier, monitor, &path, writer);
        self.in_pool(None, || archive.run())?;
        let done = archive.finish()?;
        let out = done.out.into_inner();
        let out = out.map_err(|error| zip_error(&path, ZipError::Write(error.into_error())))?;
        if !out.into_inner().publish()? {
            return Ok(None);
        }
        earlier::remember(self, snapshot, &path, done.rows);
        Ok(Some(ZipReport {
            path,
            bytes: done.totals.len,
            copied_bytes: done.copied,
            compressed_bytes: done.compressed,
            removed: Vec::new(),
        }))
    }
}

pub(crate) fn unusable(path: &Path, reason: &str) -> SnapshotError {
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
