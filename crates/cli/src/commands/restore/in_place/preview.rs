//! What a restore in place would do, before it does it: how much comes and goes, and of each database what is in it now and
//! what was then.

use chrono::Utc;
use lifeboat_snapshot::sqlite::{Count, Facts};
use lifeboat_snapshot::{Now, Plan, PlannedDatabase, Snapshot, Touched};
use serde_json::{Map, Value, json};

use crate::failure::Failure;
use crate::ui::table::{Cell, Table};
use crate::ui::{Ui, databases, facts, paint, words};

/// Paths that are named without `--verbose`.
const NAMED: usize = 10;

/// For programs: the counts, every path and every database.
pub(super) fn facts(snapshot: &Snapshot, plan: &Plan) -> Map<String, Value> {
    let touched = plan.touched().map(|touched| {
        let mut object = facts::with_local_path("path", &touched.path);
        object.insert("change".to_owned(), json!(touched.change));
        object
    });
    let targets = plan.targets().map(|target| facts::shown(target));
    facts::object(json!({
        "event": "summary",
        "snapshot": snapshot.id.to_string(),
        "time": facts::time(snapshot),
        "targets": targets.collect::<Vec<_>>(),
        "added": plan.added,
        "replaced": plan.replaced,
        "attributes": plan.described,
        "deleted": plan.deleted,
        "left_alone": plan.left_alone,
        "unchanged": plan.unchanged,
        "bytes": plan.bytes,
        "free_bytes": free_bytes(plan),
        "changes": touched.collect::<Vec<_>>(),
        "databases": plan.databases.iter().map(database).collect::<Vec<_>>(),
        "warnings": plan.warnings.iter().map(facts::warning).collect::<Vec<_>>(),
    }))
}

fn database(change: &PlannedDatabase) -> Map<String, Value> {
    let mut object = facts::with_local_path("path", &change.path);
    let counts = |facts: &Facts| {
        let counts = facts.counts.iter().map(|(name, count)| match count {
            Count::Is(number) => (name.clone(), json!(number)),
            Count::Unknown(_) => (name.clone(), Value::Null),
        });
        json!({"counts": counts.collect::<Map<_, _>>(), "row_counts": facts.row_counts})
    };
    let (state, now) = match &change.now {
        Now::Facts(facts) => ("readable", Some(counts(facts))),
        Now::Missing => ("missing", None),
        Now::NoDatabase => ("no-database", None),
        Now::Unreadable(_) => ("unreadable", None),
    };
    object.extend(facts::object(json!({
        "unchanged": change.is_same,
        "state": state,
        "now": now,
        "then": change.then.as_ref().map(counts),
    })));
    object
}

/// Room on the disk with least of it.
fn free_bytes(plan: &Plan) -> Option<u64> {
    let free = |target: &std::path::PathBuf| {
        let existing = target.ancestors().find(|path| path.exists())?;
        let stat = rustix::fs::statvfs(existing).ok()?;
        Some(stat.f_bavail.saturating_mul(stat.f_frsize))
    };
    plan.targets().filter_map(free).min()
}

/// For people.
pub(super) fn tell(ui: &Ui, snapshot: &Snapshot, plan: &Plan) -> Result<(), Failure> {
    let taken = words::local(snapshot.time());
    let age = words::age(snapshot.time(), Utc::now());
    let targets: Vec<String> = plan.targets().map(|target| facts::shown(target)).collect();
    ui.summary([format!(
        "Snapshot {} of {taken} ({age}) over {}",
        snapshot.id.short(),
        targets.join(", ")
    )])?;
    ui.summary(counts(plan).lines())?;
    let mut touched: Vec<Touched> = plan.touched().collect();
    let all = touched.len();
    if !ui.is_verbose() {
        touched.truncate(NAMED);
    }
    ui.summary(
        touched
            .iter()
            .map(|touched| format!("    {:<9}{}", touched.change, facts::shown(&touched.path))),
    )?;
    if all > touched.len() {
        let more = words::count((all - touched.len()) as u64);
        ui.summary([format!("    and {more} more; -v names them all")])?;
    }
    if !plan.databases.is_empty() {
        ui.summary([paint::paint(paint::LABEL, "Databases")])?;
        ui.summary(plan.databases.iter().flat_map(database_lines))?;
    }
    Ok(())
}

fn counts(plan: &Plan) -> Table {
    let free = free_bytes(plan).map_or_else(String::new, |free| {
        format!(", with {} free", words::size(free))
    });
    let written = format!("of new bytes{free}");
    let mut table = Table::new();
    let mut row = |number: String, what: &str| {
        table.row([Cell::new(""), Cell::right(number), Cell::new(what)]);
    };
    for (number, what) in [
        (plan.added, "to add"),
        (plan.replaced, "to replace"),
        (
            plan.described,
            "to give another mode, owner, time or attributes",
        ),
        (plan.deleted, "to delete"),
        (
            plan.left_alone,
            "not in the snapshot, which stay (--delete removes them)",
        ),
        (plan.unchanged, "as they were, not touched"),
    ] {
        if number > 0 {
            row(words::count(number), what);
        }
    }
    row(words::size(plan.bytes), &written);
    table
}

fn database_lines(change: &PlannedDatabase) -> Vec<String> {
    let path = facts::shown(&change.path);
    if change.is_same {
        return vec![format!("  {path}: unchanged")];
    }
    let now = match &change.now {
        Now::Facts(facts) => databases::contents(facts),
        Now::Missing => "missing".to_owned(),
        Now::NoDatabase => "no database any more".to_owned(),
        Now::Unreadable(reason) => format!(
            "cannot be read: {}",
            lifeboat_snapshot::path::escape(reason.as_bytes())
        ),
    };
    let then = change.then.as_ref();
    let then = then.map_or_else(|| "none".to_owned(), databases::contents);
    vec![
        format!("  {path}"),
        format!("    now   {now}"),
        format!("    then  {then}"),
    ]
}
