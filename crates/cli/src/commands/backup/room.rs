//! Room for the next backups: told after each one while there is some left.

use lifeboat_snapshot::{BackupReport, Repository, Warning, WarningKind};

use crate::config::Config;
use crate::context::Context;
use crate::ui::words;

/// Warns of a disk that is nearly full.
pub(super) fn tell(
    repository: &Repository,
    report: &mut BackupReport,
    config: &Config,
    context: &Context,
) {
    let free = repository.store().free_bytes().ok().flatten();
    let Some(free) = free.filter(|free| *free < config.low_space()) else {
        return;
    };
    let path = repository.place();
    let warning = Warning {
        message: format!("only {} are free at {}", words::size(free), path.display()),
        kind: WarningKind::LowSpace,
        path,
    };
    context.ui.warning(&warning);
    report.warnings.push(warning);
}
