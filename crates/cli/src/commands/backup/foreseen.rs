//! `--dry-run`: what a backup would store, and what it could not read. Nothing is written: no repository is created, no hook
//! runs, nobody is told, and the history has no line of it.

use std::path::PathBuf;

use chrono::Utc;
use lifeboat_snapshot::{
    Backup, BackupPreview, DatabasePreview, Repository, SourcePreview, preview_first_backup,
};
use serde_json::{Map, Value, json};

use super::one::{Done, One, check_sources};
use super::summary::{Summary, files, gone_line, lacking, left_out, shown_each};
use crate::commands::exit_of;
use crate::failure::Failure;
use crate::ui::table::{Cell, Table};
use crate::ui::{facts, paint, words};

impl One<'_> {
    /// Says what a backup of these sources would do.
    pub(super) fn foresee(&self, group: &[PathBuf]) -> Result<Done, Failure> {
        let plan = self.args.plan(group, self.config)?;
        self.args.retention(group, self.config)?;
        let is_created = !self.args.no_create && self.place.is_vacant();
        let preview = match is_created {
            true => self.foresee_first(&plan)?,
            false => {
                let repository = self.place.open()?;
                if let Some(recent) = self.recent(&repository, &plan)? {
                    return Ok(recent);
                }
                self.foresee_in(&repository, &plan)?
            }
        };
        for path in &preview.unfinished {
            self.context.ui.note(format!(
                "a restore into {} was stopped in its middle: a backup finishes it first, and what that changes is not foreseen",
                facts::shown(path)
            ));
        }
        Ok(Done {
            exit: exit_of(&preview.warnings),
            summary: self.told(&preview, is_created, plan.skip_if_unchanged),
        })
    }

    fn foresee_first(&self, plan: &Backup) -> Result<BackupPreview, Failure> {
        check_sources(&plan.sources)?;
        let preview = preview_first_backup(&self.place.path, plan, &self.context.watch())?;
        let place = facts::shown(&self.place.path);
        self.context
            .ui
            .note(format!("the repository {place} would be created"));
        Ok(preview)
    }

    fn foresee_in(&self, repository: &Repository, plan: &Backup) -> Result<BackupPreview, Failure> {
        Ok(repository.preview_backup(plan, &self.context.watch())?)
    }

    fn told(&self, preview: &BackupPreview, is_created: bool, skips: bool) -> Summary {
        let is_skipped = skips && preview.is_unchanged;
        let mut event = event(preview);
        event.extend(facts::with_local_path("repository", &self.place.path));
        event.insert("repository_created".to_owned(), json!(false));
        event.insert("repository_to_be_created".to_owned(), json!(is_created));
        event.insert(
            "skipped".to_owned(),
            json!(is_skipped.then_some("unchanged")),
        );
        let (head, details) = match &preview.parent {
            Some(parent) if is_skipped => {
                let (id, age) = (parent.id.short(), words::age(parent.time(), Utc::now()));
                let head = format!(
                    "Nothing has changed since snapshot {id}, taken {age}; no snapshot would be made"
                );
                (head, Vec::new())
            }
            _ => (head(preview), details(preview)),
        };
        Summary {
            event,
            head,
            details,
        }
    }
}

fn sum(preview: &BackupPreview, of: fn(&SourcePreview) -> u64) -> u64 {
    preview.sources.iter().map(of).sum()
}

/// Files that are new, changed and unchanged.
fn counts(preview: &BackupPreview) -> [u64; 3] {
    let of: [fn(&SourcePreview) -> u64; 3] = [
        |source| source.files_new,
        |source| source.files_changed,
        |source| source.files_unchanged,
    ];
    of.map(|of| sum(preview, of))
}

fn event(preview: &BackupPreview) -> Map<String, Value> {
    let [new, changed, unchanged] = counts(preview);
    let parent = preview.parent.as_ref();
    facts::object(json!({
        "event": "summary",
        "dry_run": true,
        "snapshot": Value::Null,
        "parent": parent.map(|parent| parent.id.to_string()),
        "files": new + changed + unchanged,
        "bytes": sum(preview, |source| source.bytes),
        "files_new": new,
        "files_changed": changed,
        "files_unchanged": unchanged,
        "excluded": preview.excluded,
        "read_bytes": sum(preview, |source| source.read_bytes),
        "by_source": preview.sources.iter().map(source).collect::<Vec<_>>(),
        "databases": preview.databases.iter().map(database).collect::<Vec<_>>(),
        "databases_gone": shown_each(&preview.databases_gone),
        "zip": Value::Null,
        "warnings": preview.warnings.iter().map(facts::warning).collect::<Vec<_>>(),
    }))
}

fn source(source: &SourcePreview) -> Value {
    let mut object = facts::with_local_path("path", &source.path);
    object.extend(facts::object(json!({
        "files_new": source.files_new,
        "files_changed": source.files_changed,
        "files_unchanged": source.files_unchanged,
        "bytes": source.bytes,
        "read_bytes": source.read_bytes,
    })));
    Value::Object(object)
}

fn database(database: &DatabasePreview) -> Value {
    let mut object = facts::with_path("path", &database.path.to_bytes());
    object.insert("bytes".to_owned(), json!(database.bytes));
    object.insert("unchanged".to_owned(), json!(database.unchanged));
    Value::Object(object)
}

fn head(preview: &BackupPreview) -> String {
    let files = words::counted(sum(preview, SourcePreview::files), "file", "files");
    let size = words::size(sum(preview, |source| source.bytes));
    format!("Would take a snapshot of {files}, {size}")
}

fn details(preview: &BackupPreview) -> Vec<String> {
    let mut table = Table::new();
    let mut row = |label: &str, text: String| {
        table.row([
            Cell::new(format!("  {label:9}")).styled(paint::DIM),
            Cell::new(text),
        ]);
    };
    row("files", files(counts(preview)));
    if preview.sources.len() > 1 {
        for source in &preview.sources {
            let counts = [
                source.files_new,
                source.files_changed,
                source.files_unchanged,
            ];
            row(
                "",
                format!("{}: {}", facts::shown(&source.path), files(counts)),
            );
        }
    }
    if preview.excluded > 0 {
        row("left out", left_out(preview.excluded));
    }
    let read = words::size(sum(preview, |source| source.read_bytes));
    row("data", format!("at most {read} to be read"));
    let losses = preview
        .warnings
        .iter()
        .filter(|warning| warning.kind.is_loss());
    let lost = losses.count();
    if lost > 0 {
        row("lacking", lacking(lost));
    }
    let lines = table.lines().chain(database_lines(preview));
    lines.chain(gone_line(&preview.databases_gone)).collect()
}

fn database_lines(preview: &BackupPreview) -> Vec<String> {
    let mut table = Table::new();
    for (index, database) in preview.databases.iter().enumerate() {
        let commits = match database.unchanged {
            true => "unchanged",
            false => "new or changed",
        };
        table.row([
            Cell::new(if index == 0 { "  databases" } else { "" }).styled(paint::DIM),
            Cell::new(database.path.to_string()),
            Cell::right(words::size(database.bytes)),
            Cell::new(commits),
        ]);
    }
    table.lines().collect()
}
