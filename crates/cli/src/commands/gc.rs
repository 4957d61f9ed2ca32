//! `lifeboat gc`: frees what no snapshot needs, beside running backups.
//!
//! Where anything that a snapshot needs cannot be read, nothing is deleted: what looks like garbage may be what is left.

use std::time::Duration;

use lifeboat_snapshot::{Collect, Collected, Repository, RunKind};
use serde_json::{Value, json};

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::recorded::{Outcome, recorded};
use crate::ui::words;

/// Free what no snapshot needs
///
/// Safe beside backups, restores and other runs of itself. Backups that began before are waited for; what they may still
/// need is freed by the next run. Anything damaged ends it before anything is deleted.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Only say what would be freed
    #[arg(long)]
    dry_run: bool,
    /// Copy at most so much out of packs of which little is needed, as in 500M or 2G; 0 for nothing
    #[arg(long, value_name = "SIZE", value_parser = words::parse_size)]
    max_repack: Option<u64>,
    /// Keep forgotten snapshots that can still be brought back for so long, as in 7d
    #[arg(long, value_name = "TIME", default_value = "0s", value_parser = words::parse_span)]
    grace: Duration,
    /// How long to wait for backups and restores that are at work
    #[arg(long, value_name = "TIME", default_value = "1m", value_parser = words::parse_span)]
    wait: Duration,
    /// Threads that work [as many as there are cores]
    #[arg(long, value_name = "N", value_parser = super::threads)]
    threads: Option<usize>,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let repository = context.repository()?;
    let plan = Collect {
        dry_run: args.dry_run,
        max_repack: args.max_repack.unwrap_or(u64::MAX),
        grace: args.grace,
        wait: args.wait,
        threads: args.threads,
    };
    let report = collect(&repository, &plan, context)?;
    if context.ui.is_json() {
        context.ui.event(&summary(&report, args.dry_run))?;
    } else {
        context.ui.summary(lines(&report, args.dry_run))?;
    }
    Ok(Exit::Done)
}

/// Collects, with progress.
pub(super) fn collect(
    repository: &Repository,
    plan: &Collect,
    context: &Context,
) -> Result<Collected, Failure> {
    let work = || {
        let report = repository.collect(plan, &context.watch());
        report.map_err(|error| refusal(error.into()))
    };
    let outcome = |report: &Collected| Outcome {
        bytes: report.freed_bytes,
        ..Outcome::of(Exit::Done)
    };
    // Saying what would be done is not doing it.
    match plan.dry_run {
        true => work(),
        false => recorded(context, repository, RunKind::Collect, &[], work, outcome),
    }
}

/// Whatever is wrong with the repository itself, the answer is the same: what looks like garbage beside damage may be the
/// best that is left (bad-54).
fn refusal(failure: Failure) -> Failure {
    let is_ours = matches!(
        failure.exit(),
        Exit::Failed | Exit::Damage | Exit::Untrusted | Exit::Usage
    );
    match is_ours {
        true => failure.instead(Exit::Held, "refusing to delete anything"),
        false => failure,
    }
}

pub(super) fn summary(report: &Collected, dry_run: bool) -> Value {
    json!({
        "event": "summary",
        "dry_run": dry_run,
        "live_bytes": report.live_bytes,
        "freed_bytes": report.freed_bytes,
        "repacked_bytes": report.repacked_bytes,
        "pending_bytes": report.pending_bytes,
        "waiting_for": report.sessions,
        "packs": report.packs,
        "forgotten": report.forgotten,
    })
}

pub(super) fn lines(report: &Collected, dry_run: bool) -> Vec<String> {
    let packs = words::counted(report.packs, "pack", "packs");
    let [freed, live, pending] =
        [report.freed_bytes, report.live_bytes, report.pending_bytes].map(words::size);
    let verb = if dry_run { "Would free" } else { "Freed" };
    let mut lines = vec![format!("{verb} {freed} in {packs}; snapshots need {live}")];
    if report.repacked_bytes > 0 {
        let repacked = words::size(report.repacked_bytes);
        lines.push(format!("Wrote {repacked} of them anew, to free more"));
    }
    if report.sessions > 0 {
        let sessions = report.sessions as u64;
        let many = words::counted(sessions, "backup or restore is", "backups or restores are");
        lines.push(format!(
            "{pending} are left for the next gc: {many} still at work"
        ));
    }
    lines
}
