//! What repair answers, in words and in fields.

use std::ops::Range;

use lifeboat_snapshot::path::escape;
use lifeboat_snapshot::store::Way;
use lifeboat_snapshot::{Lost, LostKind, PackFound, RepairReport, Retaken};
use serde_json::{Value, json};

use crate::failure::DELETE_PLAN;
use crate::ui::{facts, paint, words};

/// Losses, and ranges of each, that are named unless more is asked for.
const NAMED: usize = 20;

/// The fields.
pub(super) fn summary(report: &RepairReport) -> Value {
    json!({
        "event": "summary",
        "applied": report.applied,
        "checked_bytes": report.checked_bytes,
        "damaged": damaged(report),
        "retaken": report.retaken.iter().map(retaken).collect::<Vec<_>>(),
        "lost": report.lost.iter().map(lost).collect::<Vec<_>>(),
        "lost_unnamed": report.unnamed,
        "quarantined": report.done.quarantined,
        "records_written": report.done.records,
        "parity_written": report.done.parity_made,
        "parity_bytes": report.done.parity_bytes,
        "packs_without_parity": report.without_parity.0,
    })
}

fn damaged(report: &RepairReport) -> Vec<Value> {
    let packs = report.packs.iter().map(|pack| {
        let mut item = facts::with_local_path("object", &pack.object);
        item.extend(facts::object(json!({
            "what": pack.what,
            "mended_by": way_word(pack),
            "chunks": pack.chunks,
            "lost_chunks": pack.lost_chunks,
        })));
        Value::Object(item)
    });
    let others = report.others.iter().map(|(object, what)| {
        let mut item = facts::with_local_path("object", object);
        item.extend(facts::object(
            json!({"what": what, "mended_by": "writing it anew"}),
        ));
        Value::Object(item)
    });
    let records = report.records.iter().map(
        |(id, what)| json!({"object": format!("snapshot {id}"), "what": what, "mended_by": null}),
    );
    let plan = report.plan.iter().map(|(object, what)| {
        let mut item = facts::with_local_path("object", object);
        item.extend(facts::object(json!({"what": what, "mended_by": null})));
        Value::Object(item)
    });
    packs.chain(others).chain(records).chain(plan).collect()
}

fn way_word(pack: &PackFound) -> Option<&'static str> {
    match pack.way {
        Way::Parity { .. } => Some("parity"),
        Way::Byte => Some("trial"),
        Way::Remains if pack.chunks > 0 => Some("remains"),
        Way::Remains => None,
    }
}

fn retaken(retaken: &Retaken) -> Value {
    let mut item = facts::with_local_path("path", &retaken.path);
    item.extend(facts::object(
        json!({"chunks": retaken.chunks, "bytes": retaken.bytes}),
    ));
    Value::Object(item)
}

fn lost(lost: &Lost) -> Value {
    let mut item = facts::with_local_path("path", &lost.path);
    let snapshots = lost.snapshots.iter().map(ToString::to_string);
    // The encoding of a folder has places too, but they are no places in anything that people know.
    let has_ranges = matches!(lost.kind, LostKind::File | LostKind::Database);
    let ranges = lost.ranges.iter().filter(|_| has_ranges);
    item.extend(facts::object(json!({
        "kind": lost.kind.word(),
        "snapshots": snapshots.collect::<Vec<_>>(),
        "ranges": ranges.map(|range| [range.start, range.end]).collect::<Vec<_>>(),
    })));
    Value::Object(item)
}

/// The words.
pub(super) fn lines(report: &RepairReport, add_parity: bool, is_long: bool) -> Vec<String> {
    let most = if is_long { usize::MAX } else { NAMED };
    let mut lines: Vec<String> = Vec::new();
    for pack in &report.packs {
        lines.push(told("damaged", &facts::shown(&pack.object), &pack.what));
        lines.push(format!("  {}", way(pack)));
    }
    for (object, what) in &report.others {
        lines.push(told("damaged", &facts::shown(object), what));
        lines.push("  written anew".to_owned());
    }
    for (_, what) in &report.records {
        lines.push(told("damaged", "snapshot record", &escape(what.as_bytes())));
        lines.push("  nothing gives it back; it stays where it is".to_owned());
    }
    if let Some((object, what)) = &report.plan {
        lines.push(told("damaged", &facts::shown(object), what));
        lines.push(format!("  it stays; {DELETE_PLAN}"));
    }
    for retaken in &report.retaken {
        let bytes = words::size(retaken.bytes);
        lines.push(format!(
            "taken again from {}: {bytes}",
            facts::shown(&retaken.path)
        ));
    }
    for lost in report.lost.iter().take(most) {
        lines.push(told(
            "lost",
            &name(lost),
            &ranges(&lost.ranges, lost.kind, most),
        ));
        let ids: Vec<String> = lost.snapshots.iter().map(|id| id.short()).collect();
        lines.push(format!("  in snapshots {}", ids.join(", ")));
    }
    let hidden = report.lost.len().saturating_sub(most) as u64 + report.unnamed;
    if hidden > 0 {
        lines.push(format!("and {hidden} more losses (--verbose names them)"));
    }
    lines.extend(result(report, add_parity));
    lines
}

fn told(word: &str, object: &str, what: &str) -> String {
    format!("{} {object}: {what}", paint::paint(paint::ERROR, word))
}

fn name(lost: &Lost) -> String {
    match lost.kind {
        LostKind::Manifest => "the description of a whole snapshot".to_owned(),
        _ => facts::shown(&lost.path),
    }
}

fn way(pack: &PackFound) -> String {
    let rest = match pack.lost_chunks {
        0 => String::new(),
        lost => format!(", {} lost", words::counted(lost, "chunk", "chunks")),
    };
    match pack.way {
        _ if !pack.is_known => "what is in it is not known, and it stays where it is".to_owned(),
        _ if !pack.is_spent => "it cannot be read just now, and stays where it is".to_owned(),
        Way::Parity { shards } => format!(
            "mended by its parity: {}",
            words::counted(shards, "block", "blocks")
        ),
        Way::Byte => "mended: one byte was wrong, and its hash tells which".to_owned(),
        Way::Remains => {
            let chunks = words::counted(pack.chunks, "chunk", "chunks");
            format!("no parity that mends it: {chunks} saved{rest}")
        }
    }
}

fn ranges(ranges: &[Range<u64>], kind: LostKind, most: usize) -> String {
    match kind {
        LostKind::Manifest => return "nothing of it can be restored".to_owned(),
        LostKind::Folder => return "entries of the folder".to_owned(),
        LostKind::File | LostKind::Database => {}
    }
    let named = ranges.iter().take(most);
    let mut named: Vec<String> = named
        .map(|range| format!("{} to {}", range.start, range.end.saturating_sub(1)))
        .collect();
    if ranges.len() > most {
        named.push(format!("and {} more", ranges.len() - most));
    }
    format!("bytes {}", named.join(", "))
}

fn result(report: &RepairReport, add_parity: bool) -> Vec<String> {
    let mut lines = Vec::new();
    let (packs, bytes) = report.without_parity;
    if packs > 0 && !report.applied {
        let packs = words::counted(packs, "pack has", "packs have");
        let then = if add_parity {
            ""
        } else {
            "; --add-parity writes it"
        };
        lines.push(format!("{packs} no parity ({}){then}", words::size(bytes)));
    }
    if report.done.parity_made > 0 {
        let made = words::counted(report.done.parity_made, "pack", "packs");
        let bytes = words::size(report.done.parity_bytes);
        lines.push(format!("Wrote parity for {made}: {bytes}"));
    }
    let read = words::size(report.checked_bytes);
    lines.push(match (report.is_clean(), report.applied, report.stays()) {
        (true, ..) => format!("{read} read: nothing is damaged"),
        (_, false, _) => format!("{read} read; this is the plan, --apply carries it out"),
        (_, true, false) => paint::paint(paint::GOOD, "Everything is mended").clone(),
        (_, true, true) => {
            "Mended what could be mended; what is named as lost stays lost".to_owned()
        }
    });
    lines
}
