//! The sources of a backup, as they are found: real paths, that are there, and not the repository's own.

use std::path::{Path, PathBuf};

use serde_bytes::ByteBuf;

use super::plan::Backup;
use crate::error::{IoContext, Result, SnapshotError};
use crate::path::real;
use crate::repository::Repository;

impl Repository {
    /// The sources' real paths. A missing one is an alarm before anything is written, never an empty snapshot (F-48).
    pub(super) fn look_at_sources(&self, plan: &Backup) -> Result<Vec<PathBuf>> {
        if plan.sources.is_empty() {
            return Err(SnapshotError::NoSource);
        }
        plan.check_limits()?;
        let repository = real(&self.place());
        let look = |source: &PathBuf| {
            let path = source.canonicalize().of_source(source)?;
            // What an import has unpacked is in the repository for the moment.
            if path.starts_with(&repository) && plan.past.is_none() {
                return Err(SnapshotError::SourceInRepository {
                    path,
                    repository: repository.clone(),
                });
            }
            if path.is_dir() {
                std::fs::read_dir(&path).context("list", &path)?;
            }
            Ok(path)
        };
        plan.sources.iter().map(look).collect()
    }
}

/// As snapshots keep it.
pub(super) fn path_bytes(path: &Path) -> ByteBuf {
    use std::os::unix::ffi::OsStrExt;
    ByteBuf::from(path.as_os_str().as_bytes())
}
