//! What a backup says when it is done, to people and to programs.
//!
//! The field names are a contract. A skipped backup says the same fields, with no snapshot in them.

use std::path::PathBuf;
use std::time::Duration;

use chrono::Utc;
use lifeboat_snapshot::path::TreePath;
use lifeboat_snapshot::store::SnapshotId;
use lifeboat_snapshot::{BackupReport, DatabaseReport, Repository, Snapshot, Warning, WarningKind};
use serde_json::{Map, Value, json};

use crate::commands::export;
use crate::failure::Failure;
use crate::ui::table::{Cell, Table};
use crate::ui::{Ui, databases as database_words, facts, paint, words};

/// The answer of one run.
pub(super) struct Summary {
    pub(super) event: Map<String, Value>,
    pub(super) head: String,
    pub(super) details: Vec<String>,
}

impl Summary {
    /// Of a backup that was taken, or found that nothing had changed.
    pub(super) fn of(repository: &Repository, report: &BackupReport, created: bool) -> Self {
        let databases = place_databases(repository, report);
        let mut event = event(report, &databases);
        event.extend(facts::with_local_path("repository", &repository.place()));
        event.insert("repository_created".to_owned(), json!(created));
        let (head, details) = match (&report.snapshot, &report.parent) {
            (None, Some(parent)) => (unchanged(parent), Vec::new()),
            _ => (head(report), details(report, &databases)),
        };
        Self {
            event,
            head,
            details,
        }
    }

    /// Of a backup that was not due.
    pub(super) fn recent(repository: &Repository, recent: &Snapshot, dry_run: bool) -> Self {
        let mut event = facts::object(json!({
            "event": "summary",
            "dry_run": dry_run,
            "snapshot": Value::Null,
            "parent": Value::Null,
            "skipped": "recent",
            "files_new": 0,
            "files_changed": 0,
            "files_unchanged": 0,
            "excluded": 0,
            "read_bytes": 0,
            "new_bytes": 0,
            "stored_bytes": 0,
            "duration_s": 0.0,
            "databases": [],
            "databases_gone": [],
            "zip": Value::Null,
            "warnings": [],
            "repository_created": false,
            "newest": recent.id.to_string(),
            "newest_time": facts::time(recent),
        }));
        event.extend(facts::with_local_path("repository", &repository.place()));
        let (id, age) = (recent.id.short(), words::age(recent.time(), Utc::now()));
        let head = format!("Nothing to do: snapshot {id} was taken {age}");
        Self {
            event,
            head,
            details: Vec::new(),
        }
    }

    /// With the snapshots that were forgotten after it, where that was asked for and could be done.
    pub(super) fn pruned(mut self, pruned: Option<Vec<SnapshotId>>) -> Self {
        let ids = pruned
            .as_ref()
            .map(|ids| ids.iter().map(ToString::to_string).collect::<Vec<_>>());
        self.event.insert("pruned".to_owned(), json!(ids));
        if let Some(count @ 1..) = pruned.map(|ids| ids.len() as u64) {
            let forgotten = words::counted(count, "older snapshot", "older snapshots");
            self.details
                .push(format!("  forgot {forgotten}, as the config says"));
        }
        self
    }

    /// The facts, for programs.
    pub(super) const fn event(&self) -> &Map<String, Value> {
        &self.event
    }

    /// Says it of sources of this name, to people.
    pub(super) fn tell_of(&self, names: &str, ui: &Ui) -> Result<(), Failure> {
        let head = format!("{names}: {}", self.head);
        ui.summary([head].into_iter().chain(self.details.clone()))
    }

    /// Says it.
    pub(super) fn tell(&self, ui: &Ui) -> Result<(), Failure> {
        match ui.is_json() {
            true => ui.event(&self.event),
            false => ui.summary([self.head.clone()].into_iter().chain(self.details.clone())),
        }
    }
}

type Placed<'r> = Vec<(TreePath, &'r DatabaseReport)>;

/// The databases with their places in the snapshot, as ls and cat take them. The snapshot stands by now, so nothing here may
/// fail: where it cannot be looked into, the places are those in the sources.
fn place_databases<'r>(repository: &Repository, report: &'r BackupReport) -> Placed<'r> {
    let snapshot = report.snapshot.as_ref().or(report.parent.as_ref());
    let tree = snapshot.and_then(|snapshot| repository.tree(snapshot).ok());
    let place = |report: &'r DatabaseReport| {
        let database = &report.database;
        let path = tree.as_ref().map(|tree| tree.database_path(database));
        (path.unwrap_or_else(|| database.path.clone()), report)
    };
    report.databases.iter().map(place).collect()
}

fn event(report: &BackupReport, databases: &Placed<'_>) -> Map<String, Value> {
    let database = |(path, report): &(TreePath, &DatabaseReport)| {
        let mut object = facts::database(&path.to_bytes(), &report.database);
        object.insert("changed_bytes".to_owned(), json!(report.changed_bytes));
        object.insert("lock_s".to_owned(), json!(report.lock.as_secs_f64()));
        object.insert("unchanged".to_owned(), json!(report.unchanged));
        object
    };
    let id =
        |snapshot: &Option<Snapshot>| snapshot.as_ref().map(|snapshot| snapshot.id.to_string());
    facts::object(json!({
        "event": "summary",
        "dry_run": false,
        "snapshot": id(&report.snapshot),
        "parent": id(&report.parent),
        "skipped": report.snapshot.is_none().then_some("unchanged"),
        "files": report.snapshot.as_ref().map(|snapshot| snapshot.files),
        "bytes": report.snapshot.as_ref().map(|snapshot| snapshot.bytes),
        "files_new": report.files_new,
        "files_changed": report.files_changed,
        "files_unchanged": report.files_unchanged,
        "excluded": report.excluded,
        "read_bytes": report.read_bytes,
        "new_bytes": report.new_bytes,
        "stored_bytes": report.stored_bytes,
        "duration_s": report.duration.as_secs_f64(),
        "databases": databases.iter().map(database).collect::<Vec<_>>(),
        "databases_gone": shown_each(&report.databases_gone),
        "zip": report.zip.as_ref().map(export::zip),
        "warnings": report.warnings.iter().map(facts::warning).collect::<Vec<_>>(),
    }))
}

fn unchanged(parent: &Snapshot) -> String {
    let (id, age) = (parent.id.short(), words::age(parent.time(), Utc::now()));
    format!("Nothing has changed since snapshot {id}, taken {age}; no snapshot was made")
}

fn head(report: &BackupReport) -> String {
    let Some(snapshot) = &report.snapshot else {
        return "No snapshot was made".to_owned();
    };
    let id = paint::paint(paint::ID, snapshot.id.short());
    let files = words::counted(snapshot.files, "file", "files");
    let size = words::size(snapshot.bytes);
    let took = words::took(report.duration);
    format!("Snapshot {id}: {files}, {size}, taken in {took}")
}

fn details(report: &BackupReport, databases: &Placed<'_>) -> Vec<String> {
    let mut table = Table::new();
    let mut row = |label: &str, text: String| {
        table.row([
            Cell::new(format!("  {label:9}")).styled(paint::DIM),
            Cell::new(text),
        ]);
    };
    let counts = [
        report.files_new,
        report.files_changed,
        report.files_unchanged,
    ];
    row("files", files(counts));
    if report.excluded > 0 {
        row("left out", left_out(report.excluded));
    }
    let [read, new, stored] =
        [report.read_bytes, report.new_bytes, report.stored_bytes].map(words::size);
    row("data", format!("{read} read, {new} new, {stored} stored"));
    let is_zip = |warning: &&Warning| warning.kind == WarningKind::ZipFailed;
    if let Some(zip) = &report.zip {
        row(
            "zip",
            format!("{} {}", facts::shown(&zip.path), words::size(zip.bytes)),
        );
    } else if report.warnings.iter().any(|warning| is_zip(&warning)) {
        row("zip", "not written (see the warnings)".to_owned());
    }
    let losses = report
        .warnings
        .iter()
        .filter(|warning| warning.kind.is_loss());
    let lost = losses.filter(|warning| !is_zip(warning)).count();
    if lost > 0 {
        row("lacking", lacking(lost));
    }
    let lines = table.lines().chain(database_lines(databases));
    lines.chain(gone_line(&report.databases_gone)).collect()
}

/// A database that is missed may have been deleted on purpose, but nobody should learn of it on the bad day.
pub(super) fn gone_line(gone: &[PathBuf]) -> Option<String> {
    const MOST: usize = 5;
    let shown = shown_each(gone.get(..MOST).unwrap_or(gone));
    let more = match gone.len().saturating_sub(MOST) {
        0 => String::new(),
        more => format!(" and {} more", words::count(more as u64)),
    };
    let text = format!("  gone since the last snapshot: {}{more}", shown.join(", "));
    (!gone.is_empty()).then(|| paint::paint(paint::FAIR, text))
}

pub(super) fn shown_each(paths: &[PathBuf]) -> Vec<String> {
    paths.iter().map(|path| facts::shown(path)).collect()
}

/// How many files are new, changed and unchanged.
pub(super) fn files(counts: [u64; 3]) -> String {
    let [new, changed, unchanged] = counts.map(words::count);
    format!("{new} new, {changed} changed, {unchanged} unchanged")
}

pub(super) fn left_out(entries: u64) -> String {
    words::counted(entries, "entry", "entries")
}

pub(super) fn lacking(items: usize) -> String {
    let items = words::counted(items as u64, "item", "items");
    format!("{items} (see the warnings)")
}

fn database_lines(databases: &Placed<'_>) -> Vec<String> {
    let mut table = Table::new();
    for (index, (path, report)) in databases.iter().enumerate() {
        let facts = &report.database.facts;
        let changed = match report.unchanged {
            true => "unchanged".to_owned(),
            false => format!("{} changed", words::size(report.changed_bytes)),
        };
        table.row([
            Cell::new(if index == 0 { "  databases" } else { "" }).styled(paint::DIM),
            Cell::new(path.to_string()),
            Cell::right(words::size(report.database.facts.bytes())),
            Cell::right(changed),
            database_words::check(&report.database),
            Cell::new(database_words::contents(facts) + &held(report.lock)),
        ]);
    }
    table.lines().collect()
}

/// Writers that had to wait for longer than anybody notices are worth a word; in WAL mode none do.
fn held(lock: Duration) -> String {
    match lock.as_millis() {
        0..100 => String::new(),
        _ => format!("; writers held up for {}", words::took(lock)),
    }
}
