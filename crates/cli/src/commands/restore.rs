//! `lifeboat restore`: a snapshot, or a part of it, into a folder that is new or empty.
//!
//! The live sources are not touched: whoever restores in a hurry must not be able to make things worse.

use std::path::PathBuf;

use lifeboat_snapshot::{Restore, RestoreReport, Snapshot};
use serde_json::{Value, json};

use crate::args::Pick;
use crate::context::{Context, absolute};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::ui::{facts, words};

/// Restore a snapshot into a new or empty folder
///
/// The contents of a single source go directly into the folder, those of several into one folder each, named as the
/// source. The live data is not touched.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    pick: Pick,
    /// The folder, which must be empty or not exist yet
    #[arg(long, value_name = "DIR")]
    to: PathBuf,
    /// Only what matches, as in .gitignore: notes.txt anywhere, /papers/ at the root, *.db; repeat for more
    #[arg(long = "path", value_name = "GLOB")]
    paths: Vec<String>,
    /// Only say what would be restored
    #[arg(long)]
    dry_run: bool,
    /// Threads that work [as many as there are cores]
    #[arg(long, value_name = "N", value_parser = super::threads)]
    threads: Option<usize>,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let repository = context.repository()?;
    let snapshot = repository.find(&args.pick.name, &args.pick.narrow.filter())?;
    let plan = Restore {
        target: absolute(&args.to),
        paths: args.paths.clone(),
        dry_run: args.dry_run,
        threads: args.threads,
    };
    let watch = context.watch();
    let report = repository.restore(&snapshot, &plan, &watch)?;
    drop(watch);
    if context.ui.is_json() {
        context.ui.event(&summary(&snapshot, &plan, &report))?;
    } else {
        context.ui.summary(lines(&snapshot, &plan, &report))?;
    }
    Ok(super::exit_of(&report.warnings))
}

fn summary(snapshot: &Snapshot, plan: &Restore, report: &RestoreReport) -> Value {
    let mut summary = facts::object(json!({
        "event": "summary",
        "snapshot": snapshot.id.to_string(),
        "dry_run": plan.dry_run,
        "files": report.files,
        "folders": report.folders,
        "links": report.links,
        "bytes": report.bytes,
        "duration_s": report.duration.as_secs_f64(),
        "warnings": report.warnings.iter().map(facts::warning).collect::<Vec<_>>(),
    }));
    summary.extend(facts::with_local_path("target", &plan.target));
    Value::Object(summary)
}

fn lines(snapshot: &Snapshot, plan: &Restore, report: &RestoreReport) -> [String; 1] {
    let id = snapshot.id.short();
    let taken = words::local(snapshot.time());
    let files = words::counted(report.files, "file", "files");
    let size = words::size(report.bytes);
    let target = facts::shown(&plan.target);
    let took = words::took(report.duration);
    [match plan.dry_run {
        true => format!("Would restore {files}, {size}, of snapshot {id} ({taken}) to {target}"),
        false => {
            format!("Restored {files}, {size}, of snapshot {id} ({taken}) to {target} in {took}")
        }
    }]
}
