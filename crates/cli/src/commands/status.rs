//! `lifeboat status`: whether the backups are being taken, for a glance or for a monitoring script.
//!
//! The exit code is the answer (0, 20, 21). A source that the config names and no snapshot has is the alarm this exists
//! for, so the config counts as much as the repository; and a snapshot that lacks something is no reason to be calm.

use std::collections::{BTreeMap, HashMap};
use std::os::unix::ffi::OsStrExt;
use std::time::Duration;

use anstyle::Style;
use chrono::{DateTime, Utc};
use lifeboat_snapshot::history::growth_per_day;
use lifeboat_snapshot::store::SnapshotId;
use lifeboat_snapshot::{Drill, History, Newest, Repository, Run, RunKind, Snapshot, SourceKey};

use crate::config::Config;
use crate::context::{Context, real};
use crate::daemon;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::ui::{facts, paint, words};

use next::Next;
use told::{document, print};

mod next;
mod prometheus;
mod told;

/// Tell how old the last snapshot of each source is
///
/// Exits with 0 where every source has a fresh snapshot with everything, with 20 where the last one is too old or lacks
/// something, with 21 where there is none. Files that changed while they were read are told and do not count. With sources in the config, those are looked at; else every source that the
/// repository knows.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Age from which a snapshot is too old
    #[arg(long, value_name = "TIME", default_value = "24h", value_parser = words::parse_span)]
    max_age: Duration,
    /// Answer in the text format of Prometheus, for a scrape or a textfile collector
    #[arg(long, conflicts_with = "json")]
    prometheus: bool,
}

/// How a source stands; the order is that of concern.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum State {
    Fresh,
    Incomplete,
    Stale,
    Missing,
}

/// All that is told.
struct Answer {
    rows: Vec<Row>,
    worst: State,
    /// How many there are.
    snapshots: usize,
    /// Bytes that the repository may still grow by, where that is known.
    free: Option<u64>,
    /// Bytes that it grows by each day.
    growth: Option<u64>,
    /// How the last fire drill went.
    drill: Option<Drill>,
    /// The last run of each kind.
    last_runs: Vec<Run>,
    /// When the next backups are due.
    next: Next,
    now: DateTime<Utc>,
}

/// A source and how it stands.
struct Row {
    key: SourceKey,
    newest: Option<Newest>,
    state: State,
    /// When everything of its newest verified snapshot was last read.
    verified: Option<DateTime<Utc>>,
    /// Why its last backup did not go well, if it did not.
    failure: Option<Run>,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let config = context.config()?;
    let repository = context.repository()?;
    let mut listing = repository.snapshots()?;
    let damaged = std::mem::take(&mut listing.damaged).into_iter();
    for (_, error) in damaged.chain(std::mem::take(&mut listing.mendable)) {
        context.ui.damage(&error.into());
    }
    let mut history = repository.history(usize::MAX)?;
    for error in std::mem::take(&mut history.damaged) {
        context.ui.damage(&error.into());
    }
    let newest = repository.newest(&listing, &wanted(&config));
    let next = Next::of(&config, &listing.snapshots, &history, daemon::moment());
    let answer = Answer::of(
        &repository,
        &listing.snapshots,
        newest,
        &history,
        &repository.verified_at()?,
        args.max_age,
    );
    let answer = Answer { next, ..answer };
    match (args.prometheus, context.ui.is_json()) {
        (true, _) => context.ui.part(prometheus::text(&answer))?,
        (_, true) => document(&answer, &context.ui)?,
        (_, false) => print(&repository, &answer, &config, &context.ui)?,
    }
    Ok(answer.worst.exit())
}

impl Answer {
    fn of(
        repository: &Repository,
        snapshots: &[Snapshot],
        newest: BTreeMap<SourceKey, Option<Newest>>,
        history: &History,
        looks: &HashMap<SnapshotId, i64>,
        max_age: Duration,
    ) -> Self {
        let now = repository.clock().now();
        let row = |(key, newest): (SourceKey, Option<Newest>)| Row {
            state: state(newest.as_ref(), max_age, now),
            failure: history.last_failure(&key.0, &key.1).cloned(),
            verified: verified(snapshots, looks, &key),
            key,
            newest,
        };
        let rows: Vec<Row> = newest.into_iter().map(row).collect();
        let worst = rows.iter().map(|row| row.state).max();
        let last = |kind: RunKind| history.newest(|run| run.kind == kind).cloned();
        Self {
            rows,
            worst: worst.unwrap_or(State::Missing),
            snapshots: snapshots.len(),
            free: repository.store().free_bytes().ok().flatten(),
            growth: growth_per_day(snapshots, now),
            drill: repository.drills().ok().and_then(|mut drills| drills.pop()),
            last_runs: RunKind::ALL.into_iter().filter_map(last).collect(),
            next: Next::default(),
            now,
        }
    }

    /// For how many days there is room.
    fn days_left(&self) -> Option<u64> {
        self.free?.checked_div(self.growth?)
    }
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
        _ if newest.has_everything() => State::Fresh,
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
