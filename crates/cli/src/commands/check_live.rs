//! `lifeboat check-live`: whether a program can start with the databases of a folder; for the start of the program itself.
//!
//! It needs no repository to say what is wrong, and one to say which snapshot helps. A restore that a crash has stopped is
//! told and not finished: what this looks at may be anybody's.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use lifeboat_snapshot::{CheckLive, Health, HealthState, Healthy, Repository, check_live};
use serde_json::{Value, json};

use crate::context::{Context, followed, this_host};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::state;
use crate::suggest;
use crate::ui::words::quoted;
use crate::ui::{databases, facts, words};

/// Check the databases of a live folder, and name the snapshot that helps
///
/// Every database in the folder is read and checked by SQLite; nothing in it is changed. Exits with 7 where one is damaged,
/// missing or none any more, and tells the newest snapshot in which it is healthy and the command that brings it back. Where
/// the whole folder is gone, so are all databases that the newest snapshots have in it.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The folder that a program is about to use
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// SQLite's whole check, which also looks at indexes
    #[arg(long)]
    full: bool,
    /// How long to wait for a database that another program has locked
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = words::parse_span)]
    busy_timeout: Duration,
}

/// A database, and what helps where it is not well.
struct Row {
    health: Health,
    healthy: Option<Healthy>,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let folder = followed(&args.folder);
    let repository = repository(context)?;
    let host = this_host();
    let watch = context.watch();
    let known = match &repository {
        Some(repository) => repository.known_databases(&folder, &host)?,
        None => BTreeSet::new(),
    };
    let how = CheckLive {
        full: args.full,
        busy_timeout: args.busy_timeout,
        scratch: Some(std::env::temp_dir()),
        state: state::folder(),
    };
    if known.is_empty() && is_gone(&folder) {
        return Err(gone(&folder));
    }
    let mut rows = Vec::new();
    for health in check_live(&folder, &known, &how, &watch)? {
        let needs_help = !health.is_healthy() && !matches!(health.state, HealthState::Busy);
        let healthy = match &repository {
            Some(repository) if needs_help => {
                repository.newest_healthy(&health.path, &host, args.full, &watch)?
            }
            _ => None,
        };
        rows.push(Row { health, healthy });
    }
    drop(watch);
    if context.ui.is_json() {
        let items: Vec<Value> = rows.iter().map(item).collect();
        let healthy = rows.iter().all(|row| row.health.is_healthy());
        context
            .ui
            .document(&json!({"healthy": healthy, "databases": items}))?;
    } else {
        print(&rows, &folder, context)?;
    }
    Ok(exit(&rows))
}

fn print(rows: &[Row], folder: &Path, context: &Context) -> Result<(), Failure> {
    let is_told = |row: &&Row| !row.health.is_healthy() || !context.ui.is_quiet();
    let told = rows.iter().filter(is_told).flat_map(lines);
    context.ui.verdict(exit(rows), told)?;
    match rows.is_empty() {
        true => {
            let folder = facts::shown(folder);
            let none = format!("There is no database in {folder}.");
            context.ui.summary([none])
        }
        false => Ok(()),
    }
}

fn is_gone(folder: &Path) -> bool {
    let look = folder.symlink_metadata();
    look.is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound)
}

/// The folder that a program is about to use is gone, and nobody knows what was in it.
fn gone(folder: &Path) -> Failure {
    let shown = folder.display();
    Failure::new(Exit::SourceBad, format!("{shown} does not exist"))
        .path(folder)
        .because("no snapshot of this machine has a database there")
        .hint(format!(
            "{} shows the snapshots; where they are elsewhere, name their place with --repo",
            suggest::command("list")
        ))
}

/// The repository, if there is one: without it a program must be able to start as well.
fn repository(context: &Context) -> Result<Option<Repository>, Failure> {
    let place = context.place()?;
    match place.is_vacant() {
        true => Ok(None),
        false => place.open().map(Some),
    }
}

fn exit(rows: &[Row]) -> Exit {
    let is_busy = |row: &Row| matches!(row.health.state, HealthState::Busy);
    let bad = |row: &Row| !row.health.is_healthy() && !is_busy(row);
    if rows.iter().any(bad) {
        return Exit::SourceBad;
    }
    match rows.iter().any(is_busy) {
        true => Exit::SourceBusy,
        false => Exit::Done,
    }
}

/// The word for programs, and what is the matter.
fn words_of(state: &HealthState) -> (&'static str, String) {
    match state {
        HealthState::Healthy(_) => ("healthy", String::new()),
        HealthState::Damaged(findings) => {
            ("damaged", findings.first().cloned().unwrap_or_default())
        }
        HealthState::Unreadable(reason) => ("unreadable", reason.clone()),
        HealthState::Missing => ("missing", "the newest snapshot has it".to_owned()),
        HealthState::NoDatabase => ("no-database", "it is no database any more".to_owned()),
        HealthState::Busy => ("busy", "another program has it locked".to_owned()),
    }
}

fn item(row: &Row) -> Value {
    let (state, reason) = words_of(&row.health.state);
    let mut item = facts::with_local_path("path", &row.health.path);
    let findings = match &row.health.state {
        HealthState::Damaged(findings) => findings.clone(),
        _ => Vec::new(),
    };
    let healthy = row.healthy.as_ref();
    item.extend(facts::object(json!({
        "state": state,
        "reason": (!reason.is_empty()).then_some(reason),
        "findings": findings,
        "healthy_in": healthy.map(|healthy| healthy.snapshot.id.to_string()),
        "healthy_time": healthy.map(|healthy| facts::time(&healthy.snapshot)),
        "command": healthy.map(command),
    })));
    Value::Object(item)
}

/// What brings a database back.
fn command(healthy: &Healthy) -> String {
    let pattern = Path::new("/").join(healthy.path.below(Path::new("")));
    let id = healthy.snapshot.id.short();
    match healthy.path.is_root() {
        true => suggest::command(format!("restore {id} --in-place")),
        false => suggest::command(format!(
            "restore {id} --in-place --path {}",
            quoted(&pattern)
        )),
    }
}

fn lines(row: &Row) -> Vec<String> {
    let path = facts::shown(&row.health.path);
    let (state, reason) = words_of(&row.health.state);
    let reason = lifeboat_snapshot::path::escape(reason.as_bytes());
    let mut lines = vec![match &row.health.state {
        HealthState::Healthy(facts) => {
            format!("healthy  {path}: {}", databases::contents(facts))
        }
        _ => format!("{}  {path}: {reason}", state.to_uppercase()),
    }];
    if row.health.is_healthy() || matches!(row.health.state, HealthState::Busy) {
        return lines;
    }
    match &row.healthy {
        Some(healthy) => {
            let taken = words::local(healthy.snapshot.time());
            let contents = databases::contents(&healthy.facts);
            let id = healthy.snapshot.id.short();
            lines.push(format!("  healthy in snapshot {id} of {taken}: {contents}"));
            lines.push(format!("  {}", command(healthy)));
        }
        None => lines.push("  no snapshot has it healthy".to_owned()),
    }
    lines
}
