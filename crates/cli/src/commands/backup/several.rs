//! Several snapshots in one run: sources of the config that are to be kept or zipped in different ways.
//!
//! One that fails is told and does not keep the others from being backed up. The exit code is that of the first one that
//! failed, else of the first that lacks something.

use std::collections::VecDeque;
use std::path::PathBuf;

use serde_json::{Map, Value, json};

use super::apart;
use super::one::{Done, One};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::signals;
use crate::ui::facts;

/// Numbers of single backups that add up.
const SUMS: [&str; 8] = [
    "files_new",
    "files_changed",
    "files_unchanged",
    "excluded",
    "read_bytes",
    "new_bytes",
    "stored_bytes",
    "duration_s",
];

/// Those of them that nobody knows before it is done.
const STORED: [&str; 3] = ["new_bytes", "stored_bytes", "duration_s"];

/// Backs up each group; one that cannot be for one of its sources, each source by itself.
pub(super) fn run(run: &One<'_>, mut groups: VecDeque<Vec<PathBuf>>) -> Result<Exit, Failure> {
    let ui = &run.context.ui;
    let mut done = Vec::new();
    let mut failed = Vec::new();
    while let Some(group) = groups.pop_front() {
        match run.back_up(&group) {
            Ok(one) => {
                if !ui.is_json() {
                    one.summary.tell_of(&names(run, &group), ui)?;
                }
                done.push((group, one));
            }
            Err(failure) if apart::helps(&failure, &group) && !signals::requested() => {
                groups.extend(apart::each(&group));
            }
            Err(failure) => {
                ui.failure(&failure);
                failed.push(failure.exit());
            }
        }
        if signals::requested() {
            let missing = failed.len() + groups.len();
            return tell(run, missing, &done).map(|()| signals::exit());
        }
    }
    tell(run, failed.len(), &done)?;
    let lacking = done.iter().map(|(_, one)| one.exit);
    let mut exits = failed.into_iter().chain(lacking);
    Ok(exits.find(|exit| *exit != Exit::Done).unwrap_or(Exit::Done))
}

/// How the config calls the sources; the path of one that it does not know.
fn names(run: &One<'_>, group: &[PathBuf]) -> String {
    let name = |path: &PathBuf| match run.config.source(path) {
        Some((name, _)) => name.clone(),
        None => facts::shown(path),
    };
    group.iter().map(name).collect::<Vec<_>>().join(", ")
}

/// The one summary of all, for programs.
fn tell(run: &One<'_>, failed: usize, done: &[(Vec<PathBuf>, Done)]) -> Result<(), Failure> {
    if !run.context.ui.is_json() {
        return Ok(());
    }
    let backups: Vec<Map<String, Value>> = done.iter().map(|(group, one)| of(group, one)).collect();
    let mut summary = Map::new();
    summary.insert("event".to_owned(), json!("summary"));
    summary.insert("dry_run".to_owned(), json!(run.args.dry_run));
    let is_known = |key: &&str| !run.args.dry_run || !STORED.contains(key);
    for key in SUMS.into_iter().filter(is_known) {
        let values = backups.iter().filter_map(|backup| backup.get(key));
        summary.insert(key.to_owned(), sum(values));
    }
    for key in ["databases", "databases_gone", "warnings"] {
        let lists = backups
            .iter()
            .filter_map(|backup| backup.get(key)?.as_array());
        summary.insert(key.to_owned(), lists.flatten().cloned().collect());
    }
    let made = backups.iter().filter_map(|backup| backup.get("snapshot"));
    let made: Vec<&Value> = made.filter(|id| !id.is_null()).collect();
    summary.insert("snapshots".to_owned(), json!(made));
    summary.insert("failed".to_owned(), json!(failed));
    summary.insert("backups".to_owned(), json!(backups));
    run.context.ui.event(&summary)
}

/// One backup, with its sources and without the word that it is the summary.
fn of(group: &[PathBuf], one: &Done) -> Map<String, Value> {
    let mut event = one.summary.event().clone();
    event.remove("event");
    let paths = group.iter().map(|path| facts::shown(path));
    event.insert("sources".to_owned(), paths.collect());
    event
}

fn sum<'v>(values: impl Iterator<Item = &'v Value> + Clone) -> Value {
    match values.clone().map(Value::as_u64).sum::<Option<u64>>() {
        Some(sum) => json!(sum),
        None => json!(values.filter_map(Value::as_f64).sum::<f64>()),
    }
}
