//! A whole backup: what a crash has left of a restore is put right before, the zip comes after.

use super::plan::{Backup, BackupReport};
use crate::error::Result;
use crate::inplace::finish_before_looking;
use crate::monitor::Monitor;
use crate::repository::Repository;

impl Repository {
    /// Takes a snapshot of the sources and, where asked, writes its zip.
    ///
    /// Inputs that cannot be read are left out, flagged and reported as warnings; they do not fail the backup.
    ///
    /// # Errors
    /// Where no snapshot was made. The repository is then as it was, but for packs that no record leads to.
    pub fn backup(&self, plan: &Backup, monitor: &dyn Monitor) -> Result<BackupReport> {
        let settled = finish_before_looking(&plan.sources, plan.state.as_deref(), monitor)?;
        let mut report = self.backup_as_it_is(plan, monitor)?;
        report.warnings.extend(settled.warnings());
        Ok(BackupReport { settled, ..report })
    }

    /// The same of what a restore in place is at work with, and of what came from elsewhere, where no restore has been.
    pub(crate) fn backup_as_it_is(
        &self,
        plan: &Backup,
        monitor: &dyn Monitor,
    ) -> Result<BackupReport> {
        self.in_pool(plan.threads, || {
            let mut report = self.capture(plan, monitor)?;
            report.uncounted = plan.uncounted(&report.databases);
            if let (Some(snapshot), Some(target)) = (&report.snapshot, &plan.zip) {
                let (zip, warnings) = self.zip_of_backup(plan, snapshot, target, monitor);
                warnings.iter().for_each(|warning| monitor.warning(warning));
                report.warnings.extend(warnings);
                report.zip = zip;
            }
            Ok(report)
        })
    }
}
