//! How the sources stand, for people and for programs.

use std::os::unix::ffi::OsStrExt;
use std::time::Duration;

use chrono::{DateTime, Utc};
use lifeboat_snapshot::path::{escape, of_bytes, real};
use lifeboat_snapshot::{Repository, Run};
use serde_json::{Value, json};

use super::{Answer, Row, State};
use crate::commands::drill;
use crate::config::Config;
use crate::context::this_host;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::suggest;
use crate::ui::table::{Cell, Table};
use crate::ui::{Ui, facts, paint, words};

/// For programs.
pub(super) fn document(answer: &Answer, ui: &Ui) -> Result<(), Failure> {
    let items: Vec<Value> = answer.rows.iter().map(|row| item(row, answer)).collect();
    ui.document(&json!({
        "state": answer.worst.word(),
        "sources": items,
        "free_bytes": answer.free,
        "growth_bytes_per_day": answer.growth,
        "days_until_full": answer.days_left(),
        "drill": answer.drill.as_ref().map(drill::facts),
        "daemon": answer.next.is_attended,
    }))
}

fn item(row: &Row, answer: &Answer) -> Value {
    let (host, path) = &row.key;
    let newest = row.newest.as_ref();
    let snapshot = newest.map(|newest| &newest.snapshot);
    let complete = newest.and_then(|newest| newest.complete.as_ref());
    let age = snapshot.map(|snapshot| {
        answer
            .now
            .signed_duration_since(snapshot.time())
            .as_seconds_f64()
    });
    let mut item = facts::with_path("source", path);
    item.extend(facts::object(json!({
        "host": host,
        "state": row.state.word(),
        "snapshot": snapshot.map(|snapshot| snapshot.id.to_string()),
        "time": snapshot.map(facts::time),
        "age_s": age,
        "complete_snapshot": complete.map(|snapshot| snapshot.id.to_string()),
        "complete_time": complete.map(facts::time),
        "last_error": row.failure.as_ref().map(last_error),
        "verified_at": row.verified.map(facts::utc),
        "next_s": until(row, answer).map(|wait| wait.as_secs()),
    })));
    item.extend(facts::flaws(
        newest.and_then(|newest| newest.flaws.as_ref()),
    ));
    Value::Object(item)
}

/// For people.
pub(super) fn print(
    repository: &Repository,
    answer: &Answer,
    config: &Config,
    ui: &Ui,
) -> Result<(), Failure> {
    if answer.worst == State::Fresh && ui.is_quiet() {
        return Ok(());
    }
    print_sources(answer, config, ui)?;
    if ui.is_quiet() {
        return Ok(());
    }
    if let Some(drill) = &answer.drill {
        ui.line(drill::line(drill, answer.now))?;
    }
    match room(repository, answer) {
        Some(room) => ui.line(paint::paint(paint::DIM, room)),
        None => Ok(()),
    }
}

/// How the sources stand and why; with `--quiet` only those with which something is wrong.
fn print_sources(answer: &Answer, config: &Config, ui: &Ui) -> Result<(), Failure> {
    if answer.rows.is_empty() {
        ui.line("There is no snapshot yet.")?;
    }
    let is_told = |row: &&Row| row.state != State::Fresh || !ui.is_quiet();
    let rows: Vec<&Row> = answer.rows.iter().filter(is_told).collect();
    let mut table = Table::new();
    for row in &rows {
        table.row(cells(row, config, answer));
    }
    ui.table(&table)?;
    if answer.next.is_attended == Some(false) {
        let daemon = suggest::command("daemon");
        let text = format!("No daemon runs, so nothing is backed up by the schedule: {daemon}");
        ui.line(paint::paint(paint::FAIR, text))?;
    }
    for row in rows {
        if let Some(run) = &row.failure {
            let age = words::age(run.began().fixed_offset(), answer.now);
            let (name, error) = (name(&row.key.1, config), last_error(run));
            let text = escape(format!("{name}: the last backup, {age}: {error}").as_bytes());
            ui.line(paint::paint(paint::BAD, text))?;
        }
    }
    Ok(())
}

/// What was wrong with a run.
fn last_error(run: &Run) -> String {
    let error = run.error.clone();
    error.unwrap_or_else(|| Exit::word_of(run.exit).to_owned())
}

/// How much room there is, and for how long.
fn room(repository: &Repository, answer: &Answer) -> Option<String> {
    let (free, place) = (words::size(answer.free?), facts::shown(&repository.place()));
    let mut room = format!("{free} free at {place}");
    if let Some(growth) = answer.growth {
        room.push_str(&format!(", {} a day", words::size(growth)));
    }
    if let Some(days) = answer.days_left() {
        room.push_str(&format!(
            ", full in {}",
            words::counted(days, "day", "days")
        ));
    }
    Some(room)
}

/// How long until a source is backed up, where it is one of this machine and that is planned.
fn until(row: &Row, answer: &Answer) -> Option<Duration> {
    let is_here = row.key.0 == this_host();
    answer.next.until(&row.key.1).filter(|_| is_here)
}

/// The same in words behind others, without a column of its own where nothing is planned.
fn next(row: &Row, answer: &Answer) -> String {
    match until(row, answer) {
        None => String::new(),
        Some(wait) if wait.as_secs() == 0 => "  next is due".to_owned(),
        Some(wait) => format!("  next in {}", words::took(wait)),
    }
}

fn cells(row: &Row, config: &Config, answer: &Answer) -> [Cell; 7] {
    let (host, path) = &row.key;
    let snapshot = row.newest.as_ref().map(|newest| &newest.snapshot);
    let age = snapshot.map_or_else(
        || "never".to_owned(),
        |snapshot| words::age(snapshot.time(), answer.now),
    );
    let time = snapshot.map_or_else(String::new, |snapshot| words::local(snapshot.time()));
    let verified = match row.verified {
        Some(time) => format!("verified {}", words::age(time.fixed_offset(), answer.now)),
        None => "never verified".to_owned(),
    };
    [
        Cell::new(name(path, config)).styled(paint::LABEL),
        Cell::right(age),
        Cell::new(row.state.shown()).styled(row.state.style()),
        Cell::new(verified + &next(row, answer)),
        Cell::new(time),
        Cell::new(host),
        Cell::new(about(row, path, answer.now)),
    ]
}

/// What the config calls the source; else the last part of its path.
fn name(path: &[u8], config: &Config) -> String {
    let path = of_bytes(path);
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
    let mut about = escape(path);
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
