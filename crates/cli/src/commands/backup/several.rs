//! Several snapshots in one run: sources of the config that are to be kept or zipped in different ways.
//!
//! One that fails is told and does not keep the others from being backed up; the exit code is that of the first one that
//! did not go well.

use std::path::PathBuf;

use lifeboat_snapshot::path::escape;
use serde_json::{Map, Value, json};
use std::os::unix::ffi::OsStrExt;

use super::one::{Done, One};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::signals;

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

/// Backs up each group.
pub(super) fn run(run: &One<'_>, groups: &[Vec<PathBuf>]) -> Result<Exit, Failure> {
    let ui = &run.context.ui;
    let mut exit = Exit::Done;
    let mut done = Vec::new();
    for group in groups {
        let ended = match run.back_up(group) {
            Ok(one) => {
                if !ui.is_json() {
                    one.summary.tell_of(&names(run, group), ui)?;
                }
                let exit = one.exit;
                done.push((group, one));
                exit
            }
            Err(failure) => {
                ui.failure(&failure);
                failure.exit()
            }
        };
        if exit == Exit::Done {
            exit = ended;
        }
        if signals::requested() {
            return tell(run, groups, &done).map(|()| signals::exit());
        }
    }
    tell(run, groups, &done).map(|()| exit)
}

/// How the config calls the sources; the path of one that it does not know.
fn names(run: &One<'_>, group: &[PathBuf]) -> String {
    let name = |path: &PathBuf| match run.config.source(path) {
        Some((name, _)) => name.clone(),
        None => escape(path.as_os_str().as_bytes()),
    };
    group.iter().map(name).collect::<Vec<_>>().join(", ")
}

/// The one summary of all, for programs.
fn tell(
    run: &One<'_>,
    groups: &[Vec<PathBuf>],
    done: &[(&Vec<PathBuf>, Done)],
) -> Result<(), Failure> {
    if !run.context.ui.is_json() {
        return Ok(());
    }
    let backups: Vec<Map<String, Value>> = done.iter().map(|(group, one)| of(group, one)).collect();
    let mut summary = Map::new();
    summary.insert("event".to_owned(), json!("summary"));
    for key in SUMS {
        let values = backups.iter().filter_map(|backup| backup.get(key));
        summary.insert(key.to_owned(), sum(values));
    }
    for key in ["databases", "warnings"] {
        let lists = backups
            .iter()
            .filter_map(|backup| backup.get(key)?.as_array());
        summary.insert(key.to_owned(), lists.flatten().cloned().collect());
    }
    let made = backups.iter().filter_map(|backup| backup.get("snapshot"));
    let made: Vec<&Value> = made.filter(|id| !id.is_null()).collect();
    summary.insert("snapshots".to_owned(), json!(made));
    summary.insert("failed".to_owned(), json!(groups.len() - done.len()));
    summary.insert("backups".to_owned(), json!(backups));
    run.context.ui.event(&summary)
}

/// One backup, with its sources and without the word that it is the summary.
fn of(group: &[PathBuf], one: &Done) -> Map<String, Value> {
    let mut event = one.summary.event().clone();
    event.remove("event");
    let paths = group.iter().map(|path| escape(path.as_os_str().as_bytes()));
    event.insert("sources".to_owned(), paths.collect());
    event
}

fn sum<'v>(values: impl Iterator<Item = &'v Value> + Clone) -> Value {
    match values.clone().map(Value::as_u64).sum::<Option<u64>>() {
        Some(sum) => json!(sum),
        None => json!(values.filter_map(Value::as_f64).sum::<f64>()),
    }
}
