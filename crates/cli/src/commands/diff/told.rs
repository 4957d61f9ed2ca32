//! One difference, as a line for people and as an object for programs.

use std::collections::BTreeMap;

use lifeboat_snapshot::diff::{Aspect, DatabaseChange, Look};
use lifeboat_snapshot::path::escape;
use lifeboat_snapshot::{Change, ChangeKind, DiffTotals};
use serde_json::{Map, Value, json};

use crate::ui::{facts, paint, words};

/// Tables that are named in a line; the others are counted.
const TABLES: usize = 6;

/// For programs.
pub(super) fn item(change: &Change) -> Map<String, Value> {
    let mut item = facts::with_path("path", &change.path.to_bytes());
    let aspects: Vec<&str> = change.aspects.iter().map(|aspect| aspect.word()).collect();
    item.extend(facts::object(json!({
        "change": change.kind.word(),
        "aspects": aspects,
        "before": change.before.as_ref().map(look),
        "after": change.after.as_ref().map(look),
        "database": change.database.as_ref().map(database),
    })));
    item
}

fn look(look: &Look) -> Map<String, Value> {
    facts::object(json!({
        "kind": look.kind,
        "bytes": look.bytes,
        "mode": format!("{:04o}", look.meta.mode),
        "uid": look.meta.uid,
        "gid": look.meta.gid,
        "mtime": facts::entry_time(look.meta.mtime),
    }))
}

fn database(change: &DatabaseChange) -> Value {
    let pairs = |map: &BTreeMap<String, (u64, u64)>| -> Map<String, Value> {
        let pair = |(name, (before, after)): (&String, &(u64, u64))| {
            (name.clone(), json!({"before": before, "after": after}))
        };
        map.iter().map(pair).collect()
    };
    let count = |(name, (before, after)): (&String, &(Option<i64>, Option<i64>))| {
        (name.clone(), json!({"before": before, "after": after}))
    };
    let counts: Map<String, Value> = change.counts.iter().map(count).collect();
    json!({
        "tables_added": change.tables_added,
        "tables_removed": change.tables_removed,
        "tables_changed": pairs(&change.tables_changed),
        "tables_complete": change.is_complete,
        "counts": counts,
        "schema_changed": change.schema_changed,
        "changed_bytes": change.changed_bytes,
    })
}

/// For people.
pub(super) fn line(change: &Change) -> String {
    let (mark, style) = match change.kind {
        ChangeKind::Added => ("+", paint::GOOD),
        ChangeKind::Removed => ("-", paint::BAD),
        ChangeKind::Changed => ("M", paint::FAIR),
        ChangeKind::Metadata => (".", paint::DIM),
    };
    let look = change.after.as_ref().or(change.before.as_ref());
    let is_folder = look.is_some_and(|look| look.kind == "folder");
    let path = match (change.path.is_root(), is_folder) {
        (true, _) => "./".to_owned(),
        (false, true) => format!("{}/", change.path),
        (false, false) => change.path.to_string(),
    };
    let path = paint::paint(style, format!("{mark} {path}"));
    match about(change) {
        about if about.is_empty() => path,
        about => format!("{path}  {about}"),
    }
}

/// What more there is to say than that it differs.
fn about(change: &Change) -> String {
    let mut parts = Vec::new();
    if let (Some(before), Some(after)) = (&change.before, &change.after) {
        parts.extend(differing(change, before, after));
    } else if let Some(bytes) = change
        .after
        .as_ref()
        .or(change.before.as_ref())
        .and_then(|look| look.bytes)
    {
        parts.push(words::size(bytes));
    }
    parts.extend(
        change
            .database
            .as_ref()
            .map(inside)
            .filter(|text| !text.is_empty()),
    );
    parts.join("; ")
}

fn differing(change: &Change, before: &Look, after: &Look) -> Vec<String> {
    let part = |aspect: &Aspect| match aspect {
        Aspect::Kind => format!("{} became {}", before.kind, after.kind),
        Aspect::Content => match (before.bytes, after.bytes) {
            (Some(was), Some(is)) if was != is => {
                format!("{} became {}", words::size(was), words::size(is))
            }
            (Some(bytes), _) => words::size(bytes),
            _ => String::new(),
        },
        Aspect::Mode => format!(
            "mode {:04o} became {:04o}",
            before.meta.mode, after.meta.mode
        ),
        Aspect::Owner => format!(
            "owner {}:{} became {}:{}",
            before.meta.uid, before.meta.gid, after.meta.uid, after.meta.gid
        ),
        // That the time differs goes without saying where the content does.
        Aspect::Time if change.kind == ChangeKind::Changed => String::new(),
        Aspect::Time => "time".to_owned(),
        Aspect::Xattrs => "extended attributes".to_owned(),
    };
    let parts = change.aspects.iter().map(part);
    parts.filter(|part| !part.is_empty()).collect()
}

/// What differs inside a database.
fn inside(change: &DatabaseChange) -> String {
    let count = |number: Option<i64>| number.map_or_else(|| "unknown".to_owned(), words::signed);
    let mut parts: Vec<String> = Vec::new();
    for (name, (before, after)) in &change.counts {
        parts.push(format!("{name} {} → {}", count(*before), count(*after)));
    }
    for (table, rows) in &change.tables_added {
        parts.push(format!("+{table} {}", words::count(*rows)));
    }
    for (table, rows) in &change.tables_removed {
        parts.push(format!("-{table} {}", words::count(*rows)));
    }
    for (table, (before, after)) in &change.tables_changed {
        parts.push(format!(
            "{table} {} → {}",
            words::count(*before),
            words::count(*after)
        ));
    }
    let more = parts.len().saturating_sub(TABLES);
    parts.truncate(TABLES);
    if more > 0 {
        parts.push(format!("+{more} more"));
    }
    if change.schema_changed == Some(true) {
        parts.push("schema changed".to_owned());
    }
    if !change.is_complete {
        parts.push("not all tables counted".to_owned());
    }
    escape(parts.join(", ").as_bytes())
}

/// What stands behind all differences, for programs.
pub(super) fn tail(totals: &DiffTotals) -> Map<String, Value> {
    facts::object(json!({
        "added": totals.added,
        "removed": totals.removed,
        "changed": totals.changed,
        "metadata": totals.metadata,
        "unreadable": totals.unreadable,
    }))
}

/// The last line.
pub(super) fn totals(totals: &DiffTotals) -> String {
    let parts = [
        (totals.added, "added"),
        (totals.removed, "removed"),
        (totals.changed, "changed"),
        (totals.metadata, "with other mode, owner or time"),
        (totals.unreadable, "not readable"),
    ];
    let parts: Vec<String> = parts
        .into_iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, word)| format!("{} {word}", words::count(number)))
        .collect();
    match parts.is_empty() {
        true => "Nothing differs".to_owned(),
        false => parts.join(", "),
    }
}
