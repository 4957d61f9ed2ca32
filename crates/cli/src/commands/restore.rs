//! `lifeboat restore`: a snapshot, or a part of it, into a folder, or back to where it was taken.
//!
//! To a folder, the live sources are not touched: whoever restores in a hurry must not be able to make things worse. In
//! place, everything is saved before; see [`in_place`]. Either ends with opening every restored database. What the
//! repository has lost does not keep the rest from being restored to a folder; it is named, and the run exits with 4.

use std::path::{Path, PathBuf};

use lifeboat_snapshot::{
    Loss, MARK, Open, Overwrite, Restore, RestoreReport, RunKind, Snapshot, SnapshotError,
};
use serde_json::{Value, json};

use crate::args::Pick;
use crate::context::{Context, absolute};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::recorded::{Outcome, losses, recorded};
use crate::ui::{facts, opened, words};

pub(super) mod in_place;

/// Restore a snapshot into a new or empty folder, or to where it was taken
///
/// With --to, the contents of a single source go directly into the folder, those of several into one folder each, named
/// as the source; the live data is not touched. With --in-place, what is there is saved in a snapshot before, and lifeboat
/// undo brings it back. Either way every restored database is opened and checked.
#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("where").required(true).args(["to", "in_place"])))]
pub(crate) struct Args {
    #[command(flatten)]
    pick: Pick,
    /// The folder, which must be empty or not exist yet, unless --overwrite is given
    #[arg(long, value_name = "DIR")]
    to: Option<PathBuf>,
    /// To where each source was when the snapshot was taken
    #[arg(long)]
    in_place: bool,
    /// Only what matches, as in .gitignore: notes.txt anywhere, /papers/ at the root, *.db; repeat for more
    #[arg(long = "path", value_name = "GLOB")]
    paths: Vec<String>,
    /// Accept a folder with something in it: what to do with files that are there
    #[arg(long, value_name = "WHEN", requires = "to")]
    overwrite: Option<When>,
    /// Delete what the snapshot does not have: with --in-place, or with --overwrite
    #[arg(long)]
    delete: bool,
    #[command(flatten)]
    over: in_place::Over,
    /// Make pipes, sockets and devices too
    #[arg(long, requires = "to")]
    special_files: bool,
    /// Set setuid and setgid bits and capabilities of programs
    #[arg(long)]
    setuid: bool,
    /// Keep files of which bytes are lost, under their name and .lifeboat-damaged
    #[arg(long, requires = "to")]
    keep_damaged: bool,
    /// Accept a folder inside the live data
    #[arg(long, requires = "to")]
    inside_source: bool,
    /// Which of SQLite's checks to run on restored databases
    #[arg(long, value_name = "WHICH", default_value = "quick")]
    check: Which,
    /// Only say what would be restored
    #[arg(long)]
    dry_run: bool,
    /// Threads that work [as many as there are cores]
    #[arg(long, value_name = "N", value_parser = super::threads)]
    threads: Option<usize>,
}

/// SQLite's checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Which {
    /// Structure
    Quick,
    /// Structure, and whether indexes match their tables
    Full,
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
    let snapshot = args.pick.find(&repository)?;
    let Some(to) = &args.to else {
        return in_place::run(&args.wish(), context, &repository, &snapshot);
    };
    let mut plan = args.plan(to)?;
    // Of what was kept, a database need not be what it was.
    plan.open = (plan.overwrite != Overwrite::Never).then_some(Open {
        full: args.check == Which::Full,
        counts: context.config()?.count_queries(),
    });
    let work = || {
        let restored = repository.restore(&snapshot, &plan, &context.watch());
        restored.map_err(|error| failure(error, &plan.target))
    };
    let outcome = |report: &RestoreReport| Outcome {
        exit: super::exit_of_restore(&report.lost, &report.databases, &report.warnings),
        snapshot: Some(snapshot.id),
        bytes: report.bytes,
        error: losses(&report.warnings),
    };
    // Saying what would be done is not doing it.
    let report = match plan.dry_run {
        true => work()?,
        false => recorded(context, &repository, RunKind::Restore, &[], work, outcome)?,
    };
    if context.ui.is_json() {
        let summary = summary(&snapshot, &plan, &report);
        context.ui.event(&summary)?;
    } else {
        context.ui.summary(lines(&snapshot, &plan, &report))?;
        context.ui.summary(opened::lines(&report.databases))?;
    }
    Ok(super::exit_of_restore(
        &report.lost,
        &report.databases,
        &report.warnings,
    ))
}

/// A folder that was begun stays, and can be completed.
fn failure(error: SnapshotError, target: &Path) -> Failure {
    let is_begun = error.is_cancelled() && target.join(MARK).exists();
    let failure = Failure::from(error);
    match is_begun {
        true => failure
            .hint("the same command, typed again, goes on where this one ended")
            .path(target),
        false => failure,
    }
}

impl Args {
    fn wish(&self) -> in_place::Wish<'_> {
        in_place::Wish {
            over: &self.over,
            paths: &self.paths,
            delete: self.delete,
            is_undo: false,
            setuid: self.setuid,
            dry_run: self.dry_run,
            full_check: self.check == Which::Full,
            threads: self.threads,
        }
    }

    fn plan(&self, to: &Path) -> Result<Restore, Failure> {
        if self.delete && (self.overwrite.is_none() || !self.paths.is_empty()) {
            return Err(Failure::usage("--delete makes no sense here")
                .because("with --to it needs --overwrite, and cannot go with --path")
                .hint("see lifeboat restore --help"));
        }
        Ok(Restore {
            target: absolute(to),
            paths: self.paths.clone(),
            dry_run: self.dry_run,
            threads: self.threads,
            overwrite: self.overwrite.map_or(Overwrite::Refuse, Overwrite::from),
            delete: self.delete,
            special_files: self.special_files,
            setuid: self.setuid,
            keep_damaged: self.keep_damaged,
            inside_source: self.inside_source,
            only: None,
            open: None,
        })
    }
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
        "databases": report.databases.iter().map(opened::facts).collect::<Vec<_>>(),
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
