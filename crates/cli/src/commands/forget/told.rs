//! What forget says: each verdict with its reason, and what is odd about the clocks.

use lifeboat_snapshot::path::of_bytes;
use lifeboat_snapshot::retention::{ForgetPlan, Group, Reason, Suspicion, Verdict};
use lifeboat_snapshot::{Collected, ForgottenSnapshot, Snapshot, Warning, WarningKind};
use serde_json::{Map, Value, json};

use crate::commands::gc;
use crate::failure::Failure;
use crate::ui::table::{Cell, Table};
use crate::ui::{Ui, facts, paint, words};

/// Warns of groups for which the rules by time are suspended.
pub(in crate::commands) fn warn(plan: &ForgetPlan, ui: &Ui) {
    for group in &plan.groups {
        if let Some(suspicion) = group.suspicion {
            ui.warning(&warning(group, suspicion));
        }
    }
}

fn warning(group: &Group, suspicion: Suspicion) -> Warning {
    let source = group.sources.first().map_or(&b""[..], |source| source);
    let time = |id| {
        let snapshots = group.verdicts.iter().map(|verdict| &verdict.snapshot);
        let found = snapshots.into_iter().find(|snapshot| snapshot.id == id);
        found.map_or_else(String::new, |found| words::local(found.time()))
    };
    let what = match suspicion {
        Suspicion::Future(id) => {
            format!(
                "snapshot {} is dated {}, which is still to come",
                id.short(),
                time(id)
            )
        }
        Suspicion::Backwards(id) => format!(
            "snapshot {} is dated {}, before the one that was taken before it",
            id.short(),
            time(id)
        ),
    };
    Warning {
        path: of_bytes(source).to_owned(),
        kind: WarningKind::Clock,
        message: format!(
            "a clock was or is wrong: {what}; rules by time are suspended, and nothing of it is forgotten"
        ),
    }
}

/// Tells what was done or would be.
pub(super) fn tell(
    plan: &ForgetPlan,
    dry_run: bool,
    freed: Option<Collected>,
    ui: &Ui,
) -> Result<(), Failure> {
    if ui.is_json() {
        let mut summary = summary(plan, dry_run);
        let freed = freed.map(|report| facts::object(gc::summary(&report, false)));
        summary.insert("gc".to_owned(), json!(freed));
        return ui.event(&summary);
    }
    if dry_run || ui.is_verbose() {
        let mut table = Table::new();
        plan.verdicts().for_each(|verdict| table.row(row(verdict)));
        ui.table(&table)?;
    }
    let (goes, all) = (plan.goes().len() as u64, plan.verdicts().count() as u64);
    let stays = all.saturating_sub(goes);
    let goes = words::counted(goes, "snapshot", "snapshots");
    let done = match dry_run {
        true => format!("Would forget {goes}, and keep {}", words::count(stays)),
        false => format!("Forgot {goes}, kept {}", words::count(stays)),
    };
    let freed = freed.map(|report| gc::lines(&report, false));
    ui.summary([done].into_iter().chain(freed.into_iter().flatten()))
}

fn row(verdict: &Verdict) -> [Cell; 5] {
    let snapshot = &verdict.snapshot;
    let style = if verdict.keep {
        paint::GOOD
    } else {
        paint::FAIR
    };
    [
        Cell::new(if verdict.keep { "keep" } else { "forget" }).styled(style),
        Cell::new(snapshot.id.short()).styled(paint::ID),
        Cell::new(words::local(snapshot.time())),
        Cell::new(facts::sources(snapshot).join(", ")),
        Cell::new(reasons(verdict).join(", ")),
    ]
}

fn reasons(verdict: &Verdict) -> Vec<String> {
    verdict.reasons.iter().map(words_of).collect()
}

fn words_of(reason: &Reason) -> String {
    match reason {
        Reason::Last(number) => format!("last {number}"),
        Reason::Period(period, name) => format!("{} {name}", period.word()),
        Reason::Within => "within".to_owned(),
        Reason::Tag(tag) => format!("tag {tag}"),
        Reason::Pinned => "pinned".to_owned(),
        Reason::Clock => "clock".to_owned(),
        Reason::LastWhole => "last complete one".to_owned(),
        Reason::NoRule => "no rule".to_owned(),
        Reason::Unkept => "kept by no rule".to_owned(),
        Reason::Asked => "as asked".to_owned(),
    }
}

fn summary(plan: &ForgetPlan, dry_run: bool) -> Map<String, Value> {
    let of = |keep: bool| -> Vec<Value> {
        let verdicts = plan.verdicts().filter(|verdict| verdict.keep == keep);
        verdicts.map(item).collect()
    };
    let unreadable = plan.unreadable.iter().map(ToString::to_string);
    facts::object(json!({
        "event": "summary",
        "dry_run": dry_run,
        "forgotten": of(false),
        "forgotten_unreadable": unreadable.collect::<Vec<_>>(),
        "kept": of(true),
        "suspended": plan.groups.iter().filter(|group| group.suspicion.is_some()).count(),
    }))
}

fn item(verdict: &Verdict) -> Value {
    let mut item = named(&verdict.snapshot);
    item.insert("reasons".to_owned(), json!(reasons(verdict)));
    Value::Object(item)
}

fn named(snapshot: &Snapshot) -> Map<String, Value> {
    facts::object(json!({
        "id": snapshot.id.to_string(),
        "time": facts::time(snapshot),
        "host": snapshot.host,
        "sources": facts::sources(snapshot),
    }))
}

/// Tells what was brought back.
pub(super) fn tell_back(back: &[ForgottenSnapshot], ui: &Ui) -> Result<(), Failure> {
    if ui.is_json() {
        let items: Vec<_> = back.iter().map(|item| named(&item.snapshot)).collect();
        return ui.event(&json!({"event": "summary", "brought_back": items}));
    }
    let line = |item: &ForgottenSnapshot| {
        let snapshot = &item.snapshot;
        let (id, time) = (snapshot.id.short(), words::local(snapshot.time()));
        format!("Brought back snapshot {id} of {time}")
    };
    ui.summary(back.iter().map(line))
}
