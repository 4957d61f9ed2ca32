//! What verify answers, in words and in fields.

use lifeboat_snapshot::path::escape;
use lifeboat_snapshot::{Damaged, DatabaseVerified, Verify, VerifyReport};
use serde_json::{Value, json};

use crate::ui::{facts, paint, words};

/// Paths that are named for a damaged object, unless more is asked for.
const PATHS: usize = 10;

fn is_reading(plan: &Verify) -> bool {
    plan.read_data || plan.subset.is_some()
}

fn database(database: &DatabaseVerified) -> Value {
    let mut item = facts::with_path("path", &database.path.to_bytes());
    let snapshots = database.snapshots.iter().map(ToString::to_string);
    item.extend(facts::object(json!({
        "snapshots": snapshots.collect::<Vec<_>>(),
        "check": facts::check_word(&database.check),
        "findings": database.check.findings(),
        "was_damaged": database.was_damaged,
    })));
    Value::Object(item)
}

/// A database that is not whole, in a line.
fn bad_database(database: &DatabaseVerified) -> Option<String> {
    let found = database.check.findings();
    let first = escape(found.first()?.as_bytes());
    let path = escape(&database.path.to_bytes());
    let ids: Vec<String> = database.snapshots.iter().map(|id| id.short()).collect();
    let since = match database.was_damaged {
        true => "; it was damaged when it was captured",
        false => "",
    };
    let word = paint::paint(paint::ERROR, "damaged");
    Some(format!(
        "{word} database {path} in {}: {first}{since}",
        ids.join(", ")
    ))
}

fn databases(report: &VerifyReport) -> String {
    let bad = report.databases.iter().filter_map(bad_database).count();
    let checked = words::counted(report.databases.len() as u64, "database", "databases");
    match bad {
        0 => format!("SQLite checked {checked}: all whole"),
        bad => format!("SQLite checked {checked}: {bad} not whole"),
    }
}

pub(super) fn summary(report: &VerifyReport, plan: &Verify) -> Value {
    let damaged = |damaged: &Damaged| {
        json!({
            "object": damaged.object,
            "what": damaged.what,
            "snapshots": damaged.snapshots.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "paths": damaged.paths,
        })
    };
    json!({
        "event": "summary",
        "read_data": plan.read_data,
        "subset": plan.subset.map(|share| f64::from(share.get()) / 1000.0),
        "snapshots": report.snapshots,
        "checked_chunks": report.checked_chunks,
        "checked_bytes": report.checked_bytes,
        "damaged": report.damaged.iter().map(damaged).collect::<Vec<_>>(),
        "databases": report.databases.iter().map(database).collect::<Vec<_>>(),
        "packs": report.packs,
        "packs_read": report.packs_read,
        "remembered": is_reading(plan) && report.not_remembered.is_none(),
    })
}

pub(super) fn lines(report: &VerifyReport, plan: &Verify, is_long: bool) -> Vec<String> {
    let paths = if is_long { usize::MAX } else { PATHS };
    let mut lines: Vec<String> = report
        .damaged
        .iter()
        .flat_map(|damaged| damage(damaged, paths))
        .collect();
    let snapshots = words::counted(report.snapshots, "snapshot", "snapshots");
    let chunks = words::counted(report.checked_chunks, "chunk", "chunks");
    lines.extend(report.databases.iter().filter_map(bad_database));
    let read = match is_reading(plan) {
        true => format!("{} read and checked", words::size(report.checked_bytes)),
        false => "structure only".to_owned(),
    };
    let result = match report.damaged.len() {
        0 => paint::paint(paint::GOOD, "no damage"),
        many => paint::paint(
            paint::ERROR,
            words::counted(many as u64, "damaged object", "damaged objects"),
        ),
    };
    lines.push(format!("Verified {snapshots}, {chunks}, {read}: {result}"));
    if plan.databases {
        lines.push(databases(report));
    }
    if plan.subset.is_some() {
        let (read, packs) = (words::count(report.packs_read), words::count(report.packs));
        lines.push(format!("{read} of {packs} packs have been read by now"));
    }
    lines
}

fn damage(damaged: &Damaged, paths: usize) -> Vec<String> {
    let object = escape(damaged.object.as_bytes());
    let what = escape(damaged.what.as_bytes());
    let mut lines = vec![format!(
        "{} {object}: {what}",
        paint::paint(paint::ERROR, "damaged")
    )];
    if !damaged.snapshots.is_empty() {
        let ids: Vec<String> = damaged.snapshots.iter().map(|id| id.short()).collect();
        lines.push(format!("  in snapshots {}", ids.join(", ")));
    }
    let named = damaged.paths.iter().take(paths);
    lines.extend(named.map(|path| format!("  {}", escape(path.as_bytes()))));
    if damaged.paths.len() > paths {
        lines.push(format!(
            "  and {} more (--verbose names them)",
            damaged.paths.len() - paths
        ));
    }
    lines
}
