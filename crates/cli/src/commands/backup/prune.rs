//! `--prune`: the rules of the config, applied to the sources that were just backed up.
//!
//! The backup has happened by then. Whatever keeps older snapshots from being forgotten is a warning.

use lifeboat_snapshot::retention::{Forget, ForgetPlan, Policy, Rule, Which};
use lifeboat_snapshot::store::SnapshotId;
use lifeboat_snapshot::{BackupReport, Repository, Result, Warning, WarningKind};

use crate::commands::forget::told;
use crate::failure::Failure;
use crate::ui::Ui;

/// Forgets what the policy does not keep, and gives what that was; `None` where it could not be done.
pub(super) fn run(
    repository: &Repository,
    report: &mut BackupReport,
    policy: Policy,
    ui: &Ui,
) -> Option<Vec<SnapshotId>> {
    match forget(repository, report, policy) {
        Ok((plan, forgotten)) => {
            told::warn(&plan, ui);
            Some(forgotten)
        }
        Err(error) => {
            let warning = Warning {
                path: repository.place(),
                kind: WarningKind::NotPruned,
                message: format!(
                    "older snapshots were not forgotten: {}",
                    Failure::from(error).sentence()
                ),
            };
            ui.warning(&warning);
            report.warnings.push(warning);
            None
        }
    }
}

fn forget(
    repository: &Repository,
    report: &BackupReport,
    policy: Policy,
) -> Result<(ForgetPlan, Vec<SnapshotId>)> {
    let Some(snapshot) = report.snapshot.as_ref().or(report.parent.as_ref()) else {
        return Ok(Default::default());
    };
    let plan = repository.plan_forget(&Forget {
        which: Which::Of(snapshot.host.clone(), snapshot.sources.clone()),
        rule: Rule::Keep(policy),
        force: false,
    })?;
    let forgotten = repository.forget_planned(&plan)?;
    Ok((plan, forgotten))
}

/// To prune without a rule is to ask for nothing, or a typo.
pub(super) fn without_rules() -> Failure {
    Failure::usage("there is no rule to prune by")
        .because("neither the source nor the top of a config has a [retention] with a rule in it")
        .hint("lifeboat help config shows the rules")
}
