//! `lifeboat import`: backups that other programs made, as snapshots with their own dates.
//!
//! The archives may come from anywhere. What is refused is refused with its reason, and nothing of it is taken in.

use std::path::PathBuf;

use chrono::{Local, NaiveDateTime, Offset, TimeZone};
use lifeboat_snapshot::{BackupReport, Import, ImportReport, Imported, Outcome};
use serde_json::{Map, Value, json};

use crate::context::{Context, absolute, this_host};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::ui::{facts, words};

/// The source of what is imported, where none is named. Nothing is there, so nothing can be restored over.
const SOURCE: &str = "/imported";

/// Take older backups in as snapshots
///
/// Zips and folders called backup_… or safety_backup_…, with a backup_manifest.json, become snapshots with their own dates
/// and counts, the oldest first. Those that are there already are left out. An imported snapshot is never the latest while
/// there is another.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Zips, folders that are a backup, or folders of them
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,
    /// The folder that these are backups of, so that they stand with its snapshots [else /imported]
    #[arg(long = "as", value_name = "PATH")]
    source: Option<PathBuf>,
    /// Word to find the snapshots by; repeat for more
    #[arg(long = "tag", value_name = "T", value_parser = super::tag)]
    tags: Vec<String>,
    /// Only say what would be taken in
    #[arg(long)]
    dry_run: bool,
    /// Threads that work [as many as there are cores]
    #[arg(long, value_name = "N", value_parser = super::threads)]
    threads: Option<usize>,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let config = context.config()?;
    let source = args.source.as_deref().map(absolute);
    let source = source.unwrap_or_else(|| PathBuf::from(SOURCE));
    let repository = context.repository()?;
    let plan = Import {
        paths: args.paths.clone(),
        check: config.settings(&source).check.into(),
        source,
        host: this_host(),
        tags: args.tags.clone(),
        counts: config.count_queries(),
        offset_minutes,
        scratch: None,
        dry_run: args.dry_run,
        threads: args.threads,
    };
    let watch = context.watch();
    let report = repository.import(&plan, &watch);
    drop(watch);
    let report = report?;
    if context.ui.is_json() {
        context.ui.event(&event(&report))?;
    } else {
        context.ui.summary(report.archives.iter().map(line))?;
    }
    let reports = report.archives.iter().filter_map(taken);
    let warnings: Vec<_> = reports.flat_map(|report| report.warnings.clone()).collect();
    Ok(super::exit_of(&warnings))
}

/// Minutes that this machine's clock is ahead of UTC at a date of its own. In the hour that comes twice it is the first; in
/// the one that never comes it is that of the day before.
fn offset_minutes(local: NaiveDateTime) -> i32 {
    let before = local.checked_sub_signed(chrono::TimeDelta::days(1));
    let mut dates = [Some(local), before].into_iter().flatten();
    let offset = dates.find_map(|date| Local.from_local_datetime(&date).earliest());
    offset.map_or(0, |date| date.offset().fix().local_minus_utc() / 60)
}

fn taken(archive: &Imported) -> Option<&BackupReport> {
    match &archive.outcome {
        Outcome::Taken(report) => Some(report),
        Outcome::Known(_) | Outcome::Due => None,
    }
}

fn event(report: &ImportReport) -> Map<String, Value> {
    let of = |wanted: fn(&Outcome) -> bool| -> Vec<Map<String, Value>> {
        let archives = report.archives.iter();
        let archives = archives.filter(|archive| wanted(&archive.outcome));
        archives.map(item).collect()
    };
    let stored = report.archives.iter().filter_map(taken);
    facts::object(json!({
        "event": "summary",
        "imported": of(|outcome| matches!(outcome, Outcome::Taken(_))),
        "known": of(|outcome| matches!(outcome, Outcome::Known(_))),
        "due": of(|outcome| matches!(outcome, Outcome::Due)),
        "stored_bytes": stored.map(|report| report.stored_bytes).sum::<u64>(),
    }))
}

fn item(archive: &Imported) -> Map<String, Value> {
    let mut item = facts::with_local_path("path", &archive.path);
    item.insert("time".to_owned(), json!(time(archive).to_rfc3339()));
    match &archive.outcome {
        Outcome::Taken(report) => {
            let snapshot = report.snapshot.as_ref();
            item.extend(facts::object(json!({
                "snapshot": snapshot.map(|snapshot| snapshot.id.to_string()),
                "files": snapshot.map(|snapshot| snapshot.files),
                "bytes": snapshot.map(|snapshot| snapshot.bytes),
                "new_bytes": report.new_bytes,
                "stored_bytes": report.stored_bytes,
                "warnings": report.warnings.iter().map(facts::warning).collect::<Vec<_>>(),
            })));
        }
        Outcome::Known(id) => item.extend(facts::object(json!({"snapshot": id.to_string()}))),
        Outcome::Due => {}
    }
    item
}

fn time(archive: &Imported) -> chrono::DateTime<Local> {
    let utc = facts::moment(archive.time_ms).unwrap_or_default();
    utc.with_timezone(&Local)
}

fn line(archive: &Imported) -> String {
    let path = facts::shown(&archive.path);
    let when = words::local(time(archive).fixed_offset());
    match &archive.outcome {
        Outcome::Taken(report) => {
            let id = report.snapshot.as_ref().map(|snapshot| snapshot.id.short());
            let (id, stored) = (id.unwrap_or_default(), words::size(report.stored_bytes));
            format!("Imported {path} of {when} as snapshot {id}, {stored} stored")
        }
        Outcome::Known(id) => format!("Known already: {path} is snapshot {}", id.short()),
        Outcome::Due => format!("Would import {path} of {when}"),
    }
}
