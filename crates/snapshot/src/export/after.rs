//! The zip that a backup leaves: whether one is due, and which ones go when it is there.

use std::path::PathBuf;

use super::{ZipReport, ZipTarget};
use crate::capture::Backup;
use crate::error::SnapshotError;
use crate::monitor::{Monitor, Warning, WarningKind};
use crate::record::Snapshot;
use crate::repository::Repository;
use lifeboat_store::words::in_one_line;

impl Repository {
    /// The zip of a backup, where one is due, and then the removal of old ones. The snapshot stands whatever happens here.
    pub(crate) fn zip_of_backup(
        &self,
        plan: &Backup,
        snapshot: &Snapshot,
        target: &ZipTarget,
        monitor: &dyn Monitor,
    ) -> (Option<ZipReport>, Vec<Warning>) {
        let folder = self.zip_path(target);
        if plan.zip_daily && self.has_zip_of_day(&folder, snapshot) {
            return (None, Vec::new());
        }
        let mut zip = match self.export_zip(snapshot, target, monitor) {
            Ok(zip) => zip,
            Err(error) => return (None, vec![zip_warning(folder, &error)]),
        };
        let mut warnings = Vec::new();
        if let (Some(keep), ZipTarget::Repository | ZipTarget::Folder(_)) = (plan.zip_keep, target)
        {
            (zip.removed, warnings) = self.prune_zips(&folder, snapshot, keep);
        }
        (Some(zip), warnings)
    }
}

fn zip_warning(path: PathBuf, error: &SnapshotError) -> Warning {
    Warning {
        path,
        kind: WarningKind::ZipFailed,
        message: format!(
            "the snapshot is good, but its zip was not written: {}",
            in_one_line(error)
        ),
    }
}
