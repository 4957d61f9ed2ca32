//! What a backup says beside its answer, and what it leaves in the history.

use lifeboat_snapshot::{BackupReport, Warning, WarningKind};

use crate::config::Config;
use crate::context::Context;
use crate::recorded::{Outcome, losses};

/// What the history keeps of a backup.
pub(super) fn outcome(report: &BackupReport) -> Outcome {
    Outcome {
        exit: super::super::exit_of(&report.warnings),
        snapshot: report.snapshot.as_ref().map(|snapshot| snapshot.id),
        bytes: report.stored_bytes,
        error: losses(&report.warnings),
    }
}

/// A mistyped name must not be found out when the number is missed. Where not everything of the config was backed up, its
/// other databases are no mistake.
pub(super) fn tell_uncounted(report: &mut BackupReport, config: &Config, context: &Context) {
    let file = config.file.clone().unwrap_or_default();
    for name in &report.uncounted {
        let message = format!(
            "nothing is counted for [counts.\"{}\"]: no database of this name was captured",
            name.display()
        );
        let warning = Warning {
            path: file.clone(),
            kind: WarningKind::CountFailed,
            message,
        };
        context.ui.warning(&warning);
        report.warnings.push(warning);
    }
}
