//! The sources of a backup, as they are found: real paths, that are there, and not the repository's own; and what is left out
//! of them.

use std::fs::Metadata;
use std::path::{Path, PathBuf};

use serde_bytes::ByteBuf;

use super::exclude::Excludes;
use super::plan::Backup;
use crate::error::{IoContext, Result, SnapshotError};
use crate::path::real;

/// The sources' real paths, for a backup to the repository at `place`. A missing one is an alarm before anything is written,
/// never an empty snapshot (F-48).
pub(super) fn look_at_sources(place: &Path, plan: &Backup) -> Result<Vec<PathBuf>> {
    if plan.sources.is_empty() {
        return Err(SnapshotError::NoSource);
    }
    plan.check_limits()?;
    let repository = real(place);
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

/// What is left out of a source, the repository at `place` included; `stat` is the source's.
pub(super) fn excludes_of(
    place: &Path,
    plan: &Backup,
    source: &Path,
    stat: &Metadata,
) -> Result<Excludes> {
    let folders = plan.exclude_folders.iter().map(PathBuf::as_path);
    let folders = folders.chain([place]).map(real).collect();
    Ok(Excludes::new(source, &plan.excludes, folders)?.with_rules(plan.rules(), stat))
}

/// As snapshots keep it.
pub(super) fn path_bytes(path: &Path) -> ByteBuf {
    use std::os::unix::ffi::OsStrExt;
    ByteBuf::from(path.as_os_str().as_bytes())
}
