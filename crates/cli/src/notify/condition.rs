//! What something seen says: of each matter that it concerns, whether all is well with it, and the message if it is not.

use std::time::Duration;

use lifeboat_snapshot::RunKind;

use super::event::{RunSeen, Seen, Topic};
use crate::exit::Exit;
use crate::ui::words;

/// A matter and how it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Condition {
    /// Names the matter: two sights of the same have the same key.
    pub(crate) key: String,
    /// `None` where all is well.
    pub(crate) trouble: Option<Trouble>,
    /// Whether it is worth a message that all is well again.
    pub(crate) is_recovery: bool,
}

/// What is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Trouble {
    pub(crate) topic: Topic,
    /// Tells one trouble from another in the same matter.
    pub(crate) mark: String,
    pub(crate) title: String,
}

/// From when on something is trouble.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// As somebody wants it; else it depends on the source.
    pub(crate) stale_after: Option<Duration>,
    pub(crate) low_space: u64,
}

/// All that something seen says.
pub(crate) fn conditions(seen: &Seen, limits: Limits) -> Vec<Condition> {
    match seen {
        Seen::Run(run) => of_run(run),
        Seen::Age {
            source,
            age,
            warn_after,
        } => {
            let limit = limits.stale_after.unwrap_or_else(|| usual(*warn_after));
            vec![blind(false), of_age(source, *age, limit)]
        }
        Seen::Blind { .. } => vec![blind(true)],
        Seen::Config { why } => vec![of_config(why.is_some())],
        Seen::Space { free } => of_space(*free, limits.low_space).into_iter().collect(),
    }
}

/// How a run is called by its kind and sources.
pub(crate) fn matter(kind: RunKind, sources: &[String]) -> String {
    let mut matter = kind.word().to_owned();
    for source in sources {
        matter.push(' ');
        matter.push_str(source);
    }
    matter
}

fn of_run(run: &RunSeen) -> Vec<Condition> {
    let mut all = Vec::new();
    // Whoever presses Ctrl+C knows.
    if run.exit == Exit::Interrupted {
        return all;
    }
    let has_damage = matches!(run.exit, Exit::Damage);
    let is_whole = run.kind == RunKind::Repair && is_good(run.exit)
        || run.is_thorough && run.exit == Exit::Done;
    if has_damage || is_whole {
        let title = || format!("the repository is damaged ({} found it)", run.kind.word());
        let damage = has_damage.then(|| Trouble::new(Topic::Damage, "damage", title()));
        all.push(Condition::new("damage".to_owned(), damage, true));
    }
    if is_watched(run.kind) && !has_damage {
        let failure = (!is_good(run.exit)).then(|| {
            let title = failure_title(run);
            Trouble::new(Topic::Failure, run.exit.word(), title)
        });
        let key = matter(run.kind, &run.sources);
        all.push(Condition::new(key, failure, true));
    }
    if let Some(failed) = &run.hooks {
        let title = || format!("hooks failed: {}", failed.join("; "));
        let failure = (!failed.is_empty()).then(|| Trouble::new(Topic::Failure, "hooks", title()));
        let key = format!("hooks {}", matter(run.kind, &run.sources));
        all.push(Condition::new(key, failure, true));
    }
    if run.kind == RunKind::Backup && run.exit == Exit::Done {
        let fresh = run.sources.iter().map(|source| stale_key(source));
        all.extend(fresh.map(|key| Condition::new(key, None, true)));
    }
    all
}

const fn is_good(exit: Exit) -> bool {
    matches!(exit, Exit::Done | Exit::Repaired)
}

/// Of runs that somebody started and looks at, nobody else is told.
const fn is_watched(kind: RunKind) -> bool {
    matches!(
        kind,
        RunKind::Backup
            | RunKind::Forget
            | RunKind::Verify
            | RunKind::Collect
            | RunKind::Drill
            | RunKind::Repair
    )
}

fn failure_title(run: &RunSeen) -> String {
    let of = match run.sources.is_empty() {
        true => String::new(),
        false => format!(" of {}", run.sources.join(", ")),
    };
    let what = run.kind.word();
    match run.exit {
        Exit::Partial | Exit::SourceBusy if run.snapshot.is_some() => {
            format!("the {what}{of} is not complete")
        }
        _ => format!("the {what}{of} failed"),
    }
}

fn stale_key(source: &str) -> String {
    format!("stale {source}")
}

/// Half as much again as `status` warns at: a daily backup may be late by half a day.
fn usual(warn_after: Duration) -> Duration {
    warn_after.saturating_add(warn_after / 2)
}

fn of_age(source: &str, age: Option<Duration>, limit: Duration) -> Condition {
    let old = |age: Duration| {
        let age = words::span(age.as_secs());
        format!("the newest snapshot of {source} is {age} old")
    };
    let title = match age {
        Some(age) if age <= limit => None,
        Some(age) => Some(old(age)),
        None => Some(format!("there is no snapshot of {source}")),
    };
    let trouble = title.map(|title| Trouble::new(Topic::Stale, "stale", title));
    // The backup that mended it says so.
    Condition::new(stale_key(source), trouble, false)
}

/// Whether nothing can be told of the repository.
fn blind(is_blind: bool) -> Condition {
    let title = || "the repository cannot be read".to_owned();
    let trouble = is_blind.then(|| Trouble::new(Topic::Failure, "blind", title()));
    Condition::new("repository".to_owned(), trouble, true)
}

/// Whether the daemon goes on by a config that is not what the file says.
fn of_config(is_bad: bool) -> Condition {
    let title = || "the config cannot be used, and the one before is left in force".to_owned();
    let trouble = is_bad.then(|| Trouble::new(Topic::Failure, "config", title()));
    Condition::new("config".to_owned(), trouble, true)
}

/// Between enough and too little there is a stretch that says nothing, lest each byte be news.
fn of_space(free: u64, limit: u64) -> Option<Condition> {
    let enough = limit.saturating_add(limit / 10);
    let is_low = free < limit;
    let title = || {
        let (free, limit) = (words::size(free), words::size(limit));
        format!("{free} are free for the repository, less than {limit}")
    };
    let trouble = is_low.then(|| Trouble::new(Topic::LowSpace, "low", title()));
    (is_low || free >= enough).then(|| Condition::new("space".to_owned(), trouble, false))
}

impl Condition {
    const fn new(key: String, trouble: Option<Trouble>, is_recovery: bool) -> Self {
        Self {
            key,
            trouble,
            is_recovery,
        }
    }
}

impl Trouble {
    fn new(topic: Topic, mark: &str, title: String) -> Self {
        Self {
            topic,
            mark: mark.to_owned(),
            title,
        }
    }
}
