//! `lifeboat status`: whether the backups are being taken, for a glance or for a monitoring script.
//!
//! The exit code is the answer (0, 20, 21). A source that the config names and no snapshot has is the alarm this exists
//! for, so the config counts as much as the repository; and a snapshot that lacks something is no reason to be calm.

use std::collections::HashMap;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::Duration;

use anstyle::Style;
use chrono::{DateTime, Utc};
use lifeboat_snapshot::path::escape;
use lifeboat_snapshot::store::SnapshotId;
use lifeboat_snapshot::{Drill, Newest, Repository, Snapshot, SourceKey};
use serde_json::{Value, json};

use crate::config::Config;
use crate::context::{Context, real};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::ui::table::{Cell, Table};
use crate::ui::{Ui, facts, paint, words};

/// Tell how old the last snapshot of each source is
///
/// Exits with 0 where every source has a fresh and complete snapshot, with 20 where the last one is too old or lacks
/// something, with 21 where there is none. With sources in the config, those are looked at; else every source that the
/// repository knows.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Age from which a snapshot is too old
    #[arg(long, value_name = "TIME", default_value = "24h", value_parser = words::parse_span)]
    max_age: Duration,
}

/// How a source stands; the order is that of concern.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum State {
    Fresh,
    Incomplete,
    Stale,
    Missing,
}

/// A source and how it stands.
struct Row {
    key: SourceKey,
    newest: Option<Newest>,
    state: State,
    /// When everything of its newest verified snapshot was last read.
    verified: Option<DateTime<Utc>>,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let config = context.config()?;
    let repository = context.repository()?;
    let mut listing = repository.snapshots()?;
    for (_, error) in std::mem::take(&mut listing.damaged) {
        context.ui.damage(&error.into());
    }
    let now = Utc::now();
    let newest = repository.newest(&listing, &wanted(&config));
    let looks = repository.verified_at()?;
    let row = |(key, newest): (SourceKey, Option<Newest>)| Row {
        state: state(newest.as_ref(), args.max_age, now),
        verified: verified(&listing.snapshots, &looks, &key),
        key,
        newest,
    };
    let rows: Vec<Row> = newest.into_iter().map(row).collect();
    let worst = rows.iter().map(|row| row.state).max();
    let worst = worst.unwrap_or(State::Missing);
    match context.ui.is_json() {
        true => document(&repository, &rows, worst, now, &context.ui)?,
        false => print(&repository, &rows, &config, now, &context.ui)?,
    }
    Ok(worst.exit())
}

/// When everything of the source's newest verified snapshot was last read.
fn verified(
    snapshots: &[Snapshot],
    looks: &HashMap<SnapshotId, i64>,
    (host, path): &SourceKey,
) -> Option<DateTime<Utc>> {
    let is_of = |snapshot: &&Snapshot| {
        snapshot.host == *host && snapshot.sources.iter().any(|source| **source == **path)
    };
    let mut newest_first = snapshots.iter().rev().filter(is_of);
    let ms = newest_first.find_map(|snapshot| looks.get(&snapshot.id))?;
    facts::moment(*ms)
}

/// The sources of the config on this machine; none where it names none.
fn wanted(config: &Config) -> Vec<SourceKey> {
    let host = gethostname::gethostname().to_string_lossy().into_owned();
    let key = |path: &std::path::PathBuf| {
        let path = real(path).as_os_str().as_bytes().to_vec();
        (host.clone(), path)
    };
    config.source_paths().iter().map(key).collect()
}

/// A snapshot from the future shows a clock that was or is wrong; it counts as fresh, for it is the newest there is.
fn state(newest: Option<&Newest>, limit: Duration, now: DateTime<Utc>) -> State {
    let Some(newest) = newest else {
        return State::Missing;
    };
    let age = now.signed_duration_since(newest.snapshot.time()).to_std();
    match age {
        Ok(age) if age > limit => State::Stale,
        _ if newest.is_complete() => State::Fresh,
        _ => State::Incomplete,
    }
}

impl State {
    /// For programs.
    fn word(self) -> &'static str {
        match self {
            Self::Fresh => "fresh",
            Self::Incomplete => "incomplete",
            Self::Stale => "stale",
            Self::Missing => "none",
        }
    }

    /// For people.
    fn shown(self) -> &'static str {
        match self {
            Self::Fresh => "ok",
            Self::Incomplete => "incomplete",
            Self::Stale => "too old",
            Self::Missing => "none",
        }
    }

    fn exit(self) -> Exit {
        match self {
            Self::Fresh => Exit::Done,
            Self::Incomplete | Self::Stale => Exit::Stale,
            Self::Missing => Exit::NoneYet,
        }
    }

    fn style(self) -> Style {
        match self {
            Self::Fresh => paint::GOOD,
            Self::Incomplete | Self::Stale => paint::FAIR,
            Self::Missing => paint::BAD,
        }
    }
}

fn document(
    repository: &Repository,
    rows: &[Row],
    worst: State,
    now: DateTime<Utc>,
    ui: &Ui,
) -> Result<(), Failure> {
    let items: Vec<Value> = rows.iter().map(|row| item(row, now)).collect();
    ui.document(&json!({
        "state": worst.word(),
        "sources": items,
        "free_bytes": repository.store().free_bytes().ok().flatten(),
        "drill": last_drill(repository).as_ref().map(super::drill::facts),
    }))
}

fn item(row: &Row, now: DateTime<Utc>) -> Value {
    let (host, path) = &row.key;
    let newest = row.newest.as_ref();
    let snapshot = newest.map(|newest| &newest.snapshot);
    let complete = newest.and_then(|newest| newest.complete.as_ref());
    let age = snapshot.map(|snapshot| now.signed_duration_since(snapshot.time()).as_seconds_f64());
    let mut item = facts::with_path("source", path);
    item.extend(facts::object(json!({
        "host": host,
        "state": row.state.word(),
        "snapshot": snapshot.map(|snapshot| snapshot.id.to_string()),
        "time": snapshot.map(facts::time),
        "age_s": age,
        "complete_snapshot": complete.map(|snapshot| snapshot.id.to_string()),
        "complete_time": complete.map(facts::time),
        "verified_at": row.verified.map(facts::utc),
    })));
    item.extend(facts::flaws(
        newest.and_then(|newest| newest.flaws.as_ref()),
    ));
    Value::Object(item)
}

fn print(
    repository: &Repository,
    rows: &[Row],
    config: &Config,
    now: DateTime<Utc>,
    ui: &Ui,
) -> Result<(), Failure> {
    if rows.is_empty() {
        ui.line("There is no snapshot yet.")?;
    }
    let mut table = Table::new();
    for row in rows {
        table.row(cells(row, config, now));
    }
    ui.table(&table)?;
    if let Some(drill) = last_drill(repository) {
        ui.line(super::drill::line(&drill, now))?;
    }
    if let Ok(Some(free)) = repository.store().free_bytes() {
        let (free, place) = (words::size(free), facts::shown(&repository.place()));
        ui.line(paint::paint(paint::DIM, format!("{free} free at {place}")))?;
    }
    Ok(())
}

/// How the last fire drill went.
fn last_drill(repository: &Repository) -> Option<Drill> {
    repository.drills().ok()?.pop()
}

fn cells(row: &Row, config: &Config, now: DateTime<Utc>) -> [Cell; 6] {
    let (host, path) = &row.key;
    let snapshot = row.newest.as_ref().map(|newest| &newest.snapshot);
    let age = snapshot.map_or_else(
        || "never".to_owned(),
        |snapshot| words::age(snapshot.time(), now),
    );
    let time = snapshot.map_or_else(String::new, |snapshot| words::local(snapshot.time()));
    [
        Cell::new(name(path, config)).styled(paint::LABEL),
        Cell::right(age),
        Cell::new(row.state.shown()).styled(row.state.style()),
        Cell::new(time),
        Cell::new(host),
        Cell::new(about(row, path, now)),
    ]
}

/// What the config calls the source; else the last part of its path.
fn name(path: &[u8], config: &Config) -> String {
    let path = Path::new(std::ffi::OsStr::from_bytes(path));
    let mut sources = config.sources.iter();
    match sources.find(|(_, source)| real(&source.path) == path) {
        Some((name, _)) => name.clone(),
        None => path
            .file_name()
            .map_or_else(|| facts::shown(path), |name| escape(name.as_bytes())),
    }
}

/// Where the source is, and what its last snapshot lacks.
fn about(row: &Row, path: &[u8], now: DateTime<Utc>) -> String {
    let verified = match row.verified {
        Some(at) => format!("verified {}", words::age(at.fixed_offset(), now)),
        None => "never verified".to_owned(),
    };
    let mut about = format!("{}; {verified}", escape(path));
    let Some(newest) = row.newest.as_ref().filter(|newest| !newest.is_complete()) else {
        return about;
    };
    let lacking = newest
        .flaws
        .as_ref()
        .map_or_else(|| "its manifest cannot be read".to_owned(), words::flaws);
    let complete = match &newest.complete {
        Some(complete) => format!("complete {}", words::age(complete.time(), now)),
        None => "never complete".to_owned(),
    };
    about.push_str(&format!(": {lacking}; {complete}"));
    about
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_have_their_exits_and_the_worst_one_wins() {
        assert_eq!(State::Fresh.exit().code(), 0);
        assert_eq!(State::Incomplete.exit().code(), 20);
        assert_eq!(State::Stale.exit().code(), 20);
        assert_eq!(state(None, Duration::ZERO, Utc::now()).exit().code(), 21);
        let all = [
            State::Stale,
            State::Missing,
            State::Fresh,
            State::Incomplete,
        ];
        assert_eq!(all.into_iter().max(), Some(State::Missing));
    }
}
