//! `lifeboat status`: whether the backups are being taken, for a glance or for a monitoring script.
//!
//! The exit code is the answer (0, 20, 21). A source that the config names and no snapshot has is the alarm this exists
//! for, so the config counts as much as the repository; and a snapshot that lacks something is no reason to be calm.

use std::collections::{BTreeMap, HashMap};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::time::Duration;

use chrono::{DateTime, Utc};
use lifeboat_snapshot::growth_per_day;
use lifeboat_snapshot::path::of_bytes;
use lifeboat_snapshot::store::SnapshotId;
use lifeboat_snapshot::{Drill, History, Newest, Repository, Run, RunKind, Snapshot, SourceKey};

use crate::config::Config;
use crate::context::{Context, real_soon, this_host};
use crate::daemon;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::ui::{facts, words};

use next::Next;
pub(super) use state::has_failed;
use state::{State, state};
use told::{document, print};

pub(super) mod next;
pub(crate) mod notice;
mod prometheus;
mod state;
mod textfile;
mod told;

/// Tell how old the last snapshot of each source is
///
/// Exits with 0 where every source has a fresh snapshot with everything, with 20 where the last one is too old or lacks something
/// or the last run failed, with 21 where there is none. Files that changed while they were read are told and do not count. With
/// sources in the config, those are looked at; else every source that the repository knows.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Age from which a snapshot is too old [else warn_after of the config, else 24h, or more where less is planned]
    #[arg(long, value_name = "TIME", value_parser = words::parse_span)]
    max_age: Option<Duration>,
    /// Answer in the text format of Prometheus
    #[arg(long, conflicts_with = "json")]
    prometheus: bool,
    /// Write that text into a file, whole or not at all, for a textfile collector: its name should end in .prom
    #[arg(long, value_name = "FILE", conflicts_with_all = ["json", "prometheus"])]
    textfile: Option<PathBuf>,
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
    let Some(file) = &args.textfile else {
        return answer(args, context);
    };
    let asked = ask(args, context).map(|(answer, ..)| answer);
    let text = match &asked {
        Ok(answer) => prometheus::text(answer),
        // What was true last time must not be told for ever.
        Err(failure) => prometheus::exit(failure.exit()),
    };
    textfile::write(file, &text)?;
    asked.map(|answer| answer.worst.exit())
}

fn answer(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let (answer, repository, config) = ask(args, context)?;
    match (args.prometheus, context.ui.is_json()) {
        (true, _) => context.ui.part(prometheus::text(&answer))?,
        (_, true) => document(&answer, &context.ui)?,
        (_, false) => print(&repository, &answer, &config, &context.ui)?,
    }
    Ok(answer.worst.exit())
}

fn ask(args: &Args, context: &Context) -> Result<(Answer, Repository, Config), Failure> {
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
    let limit = |key: &SourceKey| {
        args.max_age
            .unwrap_or_else(|| config.warn_after(of_bytes(&key.1)))
    };
    let answer = Answer::of(
        &repository,
        &listing.snapshots,
        newest,
        &history,
        &repository.verified_at()?,
        limit,
    );
    let answer = Answer { next, ..answer };
    Ok((answer, repository, config))
}

impl Answer {
    fn of(
        repository: &Repository,
        snapshots: &[Snapshot],
        newest: BTreeMap<SourceKey, Option<Newest>>,
        history: &History,
        looks: &HashMap<SnapshotId, i64>,
        limit: impl Fn(&SourceKey) -> Duration,
    ) -> Self {
        let now = repository.clock().now();
        let row = |(key, newest): (SourceKey, Option<Newest>)| Row {
            state: state(
                newest.as_ref(),
                history.last_failure(&key.0, &key.1),
                limit(&key),
                now,
            ),
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
pub(super) fn wanted(config: &Config) -> Vec<SourceKey> {
    let host = this_host();
    let key = |path: &std::path::PathBuf| {
        let path = real_soon(path).as_os_str().as_bytes().to_vec();
        (host.clone(), path)
    };
    config.source_paths().iter().map(key).collect()
}
