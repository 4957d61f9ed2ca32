//! `lifeboat status`: whether the backups are being taken, for a glance or for a monitoring script.
//!
//! The exit code is the answer (0, 20, 21). A source that the config names and no snapshot has is the alarm this exists
//! for, so the config counts as much as the repository.

use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt;
use std::time::Duration;

use anstyle::Style;
use chrono::{DateTime, Utc};
use lifeboat_snapshot::Snapshot;
use lifeboat_snapshot::path::escape;
use serde_json::{Value, json};

use crate::config::Config;
use crate::context::{Context, real};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::ui::table::{Cell, Table};
use crate::ui::{facts, paint, words};

/// Tell how old the last snapshot of each source is
///
/// Exits with 0 where every source has a fresh snapshot, with 20 where one is too old, with 21 where there is none. With
/// sources in the config, those are looked at; else every source that the repository knows.
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
    Stale,
    Missing,
}

/// A source, by machine and path, and its newest snapshot.
type Sources<'s> = BTreeMap<(String, Vec<u8>), Option<&'s Snapshot>>;

pub(crate) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let config = context.config()?;
    let listing = context.repository()?.snapshots()?;
    for (_, error) in listing.damaged {
        context.ui.damage(&error.into());
    }
    let sources = sources(&listing.snapshots, &config);
    let now = Utc::now();
    let state = |snapshot: &Option<&Snapshot>| {
        state(snapshot.map(|s| s.time().to_utc()), args.max_age, now)
    };
    let worst = sources.values().map(state).max().unwrap_or(State::Missing);
    if context.ui.is_json() {
        let items: Vec<Value> = sources
            .iter()
            .map(|(source, newest)| item(source, *newest, state(newest), now))
            .collect();
        context
            .ui
            .document(&json!({"state": worst.word(), "sources": items}))?;
    } else if sources.is_empty() {
        context.ui.line("There is no snapshot yet.")?;
    } else {
        let mut table = Table::new();
        for (source, newest) in &sources {
            table.row(row(source, *newest, state(newest), now));
        }
        context.ui.table(&table)?;
    }
    Ok(worst.exit())
}

/// Those of the config on this machine; where it names none, all that were ever backed up.
fn sources<'s>(snapshots: &'s [Snapshot], config: &Config) -> Sources<'s> {
    let mut sources = Sources::new();
    let host = gethostname::gethostname().to_string_lossy().into_owned();
    for path in config.source_paths() {
        let path = real(&path).as_os_str().as_bytes().to_vec();
        sources.insert((host.clone(), path), None);
    }
    let only_known = !sources.is_empty();
    for snapshot in snapshots {
        for source in &snapshot.sources {
            let key = (snapshot.host.clone(), source.to_vec());
            if !only_known || sources.contains_key(&key) {
                sources.insert(key, Some(snapshot));
            }
        }
    }
    sources
}

/// A snapshot from the future shows a clock that was or is wrong; it counts as fresh, for it is the newest there is.
fn state(time: Option<DateTime<Utc>>, limit: Duration, now: DateTime<Utc>) -> State {
    let Some(time) = time else {
        return State::Missing;
    };
    match now.signed_duration_since(time).to_std() {
        Ok(age) if age > limit => State::Stale,
        _ => State::Fresh,
    }
}

impl State {
    fn word(self) -> &'static str {
        match self {
            Self::Fresh => "fresh",
            Self::Stale => "stale",
            Self::Missing => "none",
        }
    }

    fn exit(self) -> Exit {
        match self {
            Self::Fresh => Exit::Done,
            Self::Stale => Exit::Stale,
            Self::Missing => Exit::NoneYet,
        }
    }

    fn style(self) -> Style {
        match self {
            Self::Fresh => paint::GOOD,
            Self::Stale => paint::FAIR,
            Self::Missing => paint::BAD,
        }
    }
}

fn item(
    (host, path): &(String, Vec<u8>),
    newest: Option<&Snapshot>,
    state: State,
    now: DateTime<Utc>,
) -> Value {
    let mut item = facts::with_path("source", path);
    let age = newest.map(|snapshot| now.signed_duration_since(snapshot.time()).as_seconds_f64());
    item.extend(facts::object(json!({
        "host": host,
        "state": state.word(),
        "snapshot": newest.map(|snapshot| snapshot.id.to_string()),
        "time": newest.map(facts::time),
        "age_s": age,
        "verified_at": Value::Null,
    })));
    Value::Object(item)
}

fn row(
    (host, path): &(String, Vec<u8>),
    newest: Option<&Snapshot>,
    state: State,
    now: DateTime<Utc>,
) -> [Cell; 5] {
    let age = newest.map_or_else(
        || "never".to_owned(),
        |snapshot| words::age(snapshot.time(), now),
    );
    let time = newest.map_or_else(String::new, |snapshot| words::local(snapshot.time()));
    [
        Cell::new(state.word()).styled(state.style()),
        Cell::right(age),
        Cell::new(time),
        Cell::new(host),
        Cell::new(escape(path)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_have_their_exits_and_the_worst_one_wins() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let day = Duration::from_secs(86_400);
        assert_eq!(state(Some(now - day), day, now).exit().code(), 0);
        assert_eq!(state(Some(now - day - day), day, now).exit().code(), 20);
        assert_eq!(state(Some(now + day), day, now).exit().code(), 0);
        assert_eq!(state(None, day, now).exit().code(), 21);
        assert_eq!(
            [State::Stale, State::Missing, State::Fresh]
                .into_iter()
                .max(),
            Some(State::Missing)
        );
    }
}
