//! Whether a source that is empty was so before: a disk that is not mounted looks like an empty folder.

use std::path::Path;

use super::path_bytes;
use super::plan::Backup;
use crate::error::{Result, SnapshotError};
use crate::record::Snapshot;
use crate::repository::Repository;

impl Repository {
    /// A source that held files and holds none is more likely unmounted than emptied (F-48), whatever it was backed up
    /// together with.
    pub(super) fn check_emptied(&self, plan: &Backup, path: &Path) -> Result<()> {
        let source = path_bytes(path);
        let listing = self.snapshots()?;
        let has_it = |snapshot: &&Snapshot| {
            let is_backup = !snapshot.is_safety() && !snapshot.is_imported();
            is_backup && snapshot.host == plan.host && snapshot.sources.contains(&source)
        };
        let manifests = listing.snapshots.iter().rev().filter(has_it);
        let newest = manifests
            .flat_map(|snapshot| self.manifest(snapshot))
            .next();
        let sources = newest.map_or_else(Vec::new, |newest| newest.sources);
        let before = sources.into_iter().find(|before| before.path == source);
        match before.map_or(0, |before| before.files) {
            0 => Ok(()),
            files_before => Err(SnapshotError::SourceVanished {
                path: path.to_owned(),
                files_before,
            }),
        }
    }
}
