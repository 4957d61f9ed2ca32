//! `lifeboat restore`: a snapshot, or a part of it, into a folder.
//!
//! The live sources are not touched: whoever restores in a hurry must not be able to make things worse. What the repository
//! has lost does not keep the rest from being restored; it is named, and the run exits with 4.

use std::path::PathBuf;

use lifeboat_snapshot::{Loss, Overwrite, Restore, RestoreReport, Snapshot};
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
    /// The folder, which must be empty or not exist yet, unless --overwrite is given
    #[arg(long, value_name = "DIR")]
    to: PathBuf,
    /// Only what matches, as in .gitignore: notes.txt anywhere, /papers/ at the root, *.db; repeat for more
    #[arg(long = "path", value_name = "GLOB")]
    paths: Vec<String>,
    /// Accept a folder with something in it: what to do with files that are there
    #[arg(long, value_name = "WHEN")]
    overwrite: Option<When>,
    /// Delete from the folder what the snapshot does not have
    #[arg(long, requires = "overwrite", conflicts_with = "paths")]
    delete: bool,
    /// Make pipes, sockets and devices too
    #[arg(long)]
    special_files: bool,
    /// Set setuid and setgid bits and capabilities of programs
    #[arg(long)]
    setuid: bool,
    /// Keep files of which bytes are lost, under their name and .lifeboat-damaged
    #[arg(long)]
    keep_damaged: bool,
    /// Accept a folder inside the live data
    #[arg(long)]
    inside_source: bool,
    /// Only say what would be restored
    #[arg(long)]
    dry_run: bool,
    /// Threads that work [as many as there are cores]
    #[arg(long, value_name = "N", value_parser = super::threads)]
    threads: Option<usize>,
}

/// Which files that are there are written over.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum When {
    /// None; only what is missing is added
    Never,
    /// Those of another length or time
    IfChanged,
    /// All that differ in any byte
    Always,
}

impl From<When> for Overwrite {
    fn from(when: When) -> Self {
        match when {
            When::Never => Self::Never,
            When::IfChanged => Self::IfChanged,
            When::Always => Self::Always,
        }
    }
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let repository = context.repository()?;
    let snapshot = repository.find(&args.pick.name, &args.pick.narrow.filter())?;
    let plan = Restore {
        target: absolute(&args.to),
        paths: args.paths.clone(),
        dry_run: args.dry_run,
        threads: args.threads,
        overwrite: args.overwrite.map_or(Overwrite::Refuse, Overwrite::from),
        delete: args.delete,
        special_files: args.special_files,
        setuid: args.setuid,
        keep_damaged: args.keep_damaged,
        inside_source: args.inside_source,
        only: None,
    };
    let watch = context.watch();
    let report = repository.restore(&snapshot, &plan, &watch)?;
    drop(watch);
    if context.ui.is_json() {
        context.ui.event(&summary(&snapshot, &plan, &report))?;
    } else {
        context.ui.summary(lines(&snapshot, &plan, &report))?;
    }
    Ok(match report.lost.is_empty() {
        true => super::exit_of(&report.warnings),
        false => Exit::Damage,
    })
}

fn summary(snapshot: &Snapshot, plan: &Restore, report: &RestoreReport) -> Value {
    let mut summary = facts::object(json!({
        "event": "summary",
        "snapshot": snapshot.id.to_string(),
        "dry_run": plan.dry_run,
        "files": report.files,
        "folders": report.folders,
        "links": report.links,
        "special_files": report.specials,
        "bytes": report.bytes,
        "kept": report.kept,
        "left": report.left,
        "deleted": report.deleted,
        "lost": report.lost.iter().map(lost).collect::<Vec<_>>(),
        "duration_s": report.duration.as_secs_f64(),
        "warnings": report.warnings.iter().map(facts::warning).collect::<Vec<_>>(),
    }));
    summary.extend(facts::with_local_path("target", &plan.target));
    Value::Object(summary)
}

/// What is lost, byte for byte.
fn lost(loss: &Loss) -> Value {
    let ranges = loss.ranges.iter();
    let mut lost = facts::object(json!({
        "lost_bytes": loss.bytes(),
        "ranges": ranges.map(|range| [range.start, range.end]).collect::<Vec<_>>(),
        "reason": loss.reason,
    }));
    lost.extend(facts::with_path("path", &loss.path.to_bytes()));
    Value::Object(lost)
}

fn lines(snapshot: &Snapshot, plan: &Restore, report: &RestoreReport) -> Vec<String> {
    let id = snapshot.id.short();
    let taken = words::local(snapshot.time());
    let files = words::counted(report.files, "file", "files");
    let size = words::size(report.bytes);
    let target = facts::shown(&plan.target);
    let took = words::took(report.duration);
    let done = match plan.dry_run {
        true => format!("Would restore {files}, {size}, of snapshot {id} ({taken}) to {target}"),
        false => {
            format!("Restored {files}, {size}, of snapshot {id} ({taken}) to {target} in {took}")
        }
    };
    let asides = [
        (report.kept, "were right already"),
        (report.left, "stay as they were"),
        (report.deleted, "deleted"),
        (
            report.lost.len() as u64,
            "lost or not whole (see the warnings)",
        ),
    ];
    let asides = asides.into_iter().filter(|(count, _)| *count > 0);
    [done]
        .into_iter()
        .chain(asides.map(|(count, what)| format!("  {} {what}", words::count(count))))
        .collect()
}
