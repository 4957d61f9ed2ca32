//! `lifeboat drill`: a restore for nothing, so that the one that matters holds no surprise.
//!
//! It tells how long getting everything back takes and how old the data would be, and `status` remembers both.

use std::path::PathBuf;
use std::time::Duration;

use chrono::{DateTime, Utc};
use lifeboat_snapshot::{Drill, DrillReport, Filter, Open, RunKind};
use serde_json::{Map, Value, json};

use super::restore::Which;
use crate::context::{Context, absolute};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::recorded::{Outcome, losses, recorded};
use crate::suggest;
use crate::ui::{facts as shown, opened, words};

/// Restore a snapshot into a scratch folder, check it, and time it
///
/// Everything is restored, every database is opened and compared with the time of the backup, and all of it is removed
/// again. Tells how long it took (RTO) and how old the data was (RPO); lifeboat status shows the last drill.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The snapshot: an id, its first digits, or latest
    #[arg(value_name = "SNAP", default_value = "latest")]
    name: String,
    /// Where there is room for everything for a while [else /var/tmp, else the folder for temporary files]
    #[arg(long, value_name = "DIR")]
    scratch: Option<PathBuf>,
    /// Which of SQLite's checks to run
    #[arg(long, value_name = "WHICH", default_value = "quick")]
    check: Which,
    /// Threads that work [as many as there are cores]
    #[arg(long, value_name = "N", value_parser = super::threads)]
    threads: Option<usize>,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let repository = context.repository()?;
    let snapshot = repository.find(&args.name, &Filter::default())?;
    let how = Open {
        full: args.check == Which::Full,
        counts: context.config()?.count_queries(),
    };
    let scratch = args.scratch.as_deref().map_or_else(scratch, absolute);
    let work = || {
        let watch = context.watch();
        Ok(repository.drill(&snapshot, &scratch, &how, args.threads, &watch)?)
    };
    let outcome = |report: &DrillReport| Outcome {
        exit: super::exit_of_restore(&report.lost, &report.databases, &report.warnings),
        snapshot: Some(snapshot.id),
        bytes: snapshot.bytes,
        error: losses(&report.warnings),
    };
    let report = recorded(context, &repository, RunKind::Drill, &[], work, outcome)?;
    let exit = outcome(&report).exit;
    if context.ui.is_json() {
        context.ui.event(&summary(&report))?;
    } else {
        context.ui.verdict(exit, lines(&report))?;
    }
    Ok(exit)
}

/// On the disk, and never in a folder of temporary files that is memory in disguise, where that can be had.
fn scratch() -> PathBuf {
    let large = PathBuf::from("/var/tmp");
    match large.is_dir() {
        true => large,
        false => std::env::temp_dir(),
    }
}

/// What is remembered of a drill, for programs.
pub(crate) fn facts(drill: &Drill) -> Map<String, Value> {
    let time = shown::moment(drill.time_ms).unwrap_or_default();
    shown::object(json!({
        "time": shown::utc(time),
        "snapshot": drill.snapshot.to_string(),
        "good": drill.good,
        "rto_s": Duration::from_millis(drill.took_ms).as_secs_f64(),
        "rpo_s": Duration::from_millis(drill.age_ms).as_secs_f64(),
        "files": drill.files,
        "bytes": drill.bytes,
    }))
}

/// The same in one line, for people.
pub(crate) fn line(drill: &Drill, now: DateTime<Utc>) -> String {
    let time = shown::moment(drill.time_ms).unwrap_or_default();
    let ago = words::age(time.fixed_offset(), now);
    let took = words::took(Duration::from_millis(drill.took_ms));
    let size = words::size(drill.bytes);
    match drill.good {
        true => format!("Last drill {ago}: all of {size} was back in {took}"),
        false => {
            let drill = suggest::command("drill");
            format!("Last drill {ago}: NOT everything came back; see {drill}")
        }
    }
}

fn summary(report: &DrillReport) -> Value {
    let mut summary = facts(&report.drill);
    let lost = report.lost.iter().map(|loss| {
        let mut object = shown::with_path("path", &loss.path.to_bytes());
        object.insert("reason".to_owned(), json!(loss.reason));
        object
    });
    summary.extend(shown::object(json!({
        "event": "summary",
        "databases": report.databases.iter().map(opened::facts).collect::<Vec<_>>(),
        "lost": lost.collect::<Vec<_>>(),
        "warnings": report.warnings.iter().map(shown::warning).collect::<Vec<_>>(),
    })));
    Value::Object(summary)
}

fn lines(report: &DrillReport) -> Vec<String> {
    let drill = &report.drill;
    let took = words::took(Duration::from_millis(drill.took_ms));
    let age = words::span(drill.age_ms / 1000);
    let files = words::counted(drill.files, "file", "files");
    let size = words::size(drill.bytes);
    let id = drill.snapshot.short();
    let mut lines = vec![
        format!("Drill of snapshot {id}: {files}, {size}, restored and checked in {took}"),
        format!("  time to get back   {took} (RTO)"),
        format!("  age of the data    {age} (RPO)"),
    ];
    lines.extend(opened::lines(&report.databases));
    lines.extend(
        report
            .lost
            .iter()
            .map(|loss| format!("  LOST     {}: {loss}", loss.path)),
    );
    lines
}
