//! The snapshot before the command: whole, or there is none.

use std::path::PathBuf;

use lifeboat_snapshot::{Backup, BackupReport, Repository, Snapshot};

use super::Args;
use crate::commands::{backup, exit_of};
use crate::config::Config;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::hooks::Hooks;
use crate::recorded::losses;

/// The tag of these snapshots.
const TAG: &str = "guard";

/// What is to be in it.
pub(super) fn plan(
    args: &Args,
    group: &[PathBuf],
    config: &Config,
    repository: &Repository,
) -> Backup {
    let before = || format!("before {}", super::program(&args.command));
    Backup {
        scratch: Some(repository.place()),
        tags: vec![TAG.to_owned()],
        description: args.description.clone().unwrap_or_else(before),
        busy_timeout: args.busy_timeout,
        threads: args.threads,
        ..backup::configured(group, config)
    }
}

/// Takes it, and pins it until the command has ended: a retention beside it must not forget it.
pub(super) fn snapshot(
    args: &Args,
    plan: &Backup,
    hooks: &Hooks<'_>,
    repository: &Repository,
    context: &Context,
) -> Result<Snapshot, Failure> {
    let report = backup::capture(repository, plan, hooks, context)?;
    let snapshot = whole(&report)?;
    let program = super::program(&args.command);
    repository.pin(snapshot.id, &reason(&program))?;
    let id = snapshot.id.short();
    let ui = &context.ui;
    ui.note(format!("snapshot {id} is the state before {program}"));
    Ok(snapshot)
}

/// Why it is pinned: the sign that a pin is ours to take away.
pub(super) fn reason(program: &str) -> String {
    format!("guard: until {program} has ended")
}

/// A snapshot that lacks something is no way back to it.
fn whole(report: &BackupReport) -> Result<Snapshot, Failure> {
    let exit = exit_of(&report.warnings);
    match &report.snapshot {
        Some(snapshot) if exit == Exit::Done => Ok(snapshot.clone()),
        _ => Err(Failure::new(
            exit,
            "the snapshot is not whole, and the command was not run",
        )
        .because(losses(&report.warnings).unwrap_or_default())
        .hint("mend that, or add --even-without-snapshot to run the command all the same")),
    }
}
