//! Runs as the repository keeps them: each run that does something is recorded with its end, so that `history` and `status`
//! can tell of it.
//!
//! A record that cannot be written costs nothing but itself: a run on a read-only medium is no worse for having none.

use lifeboat_snapshot::store::SnapshotId;
use lifeboat_snapshot::{NewRun, Repository, RunKind, Warning};

use crate::context::{Context, this_host};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::hooks::Hooks;
use crate::notify::{self, Seen};

/// What is told of a run that came to its end.
pub(crate) struct Outcome {
    pub(crate) exit: Exit,
    /// The snapshot that it made or was about.
    pub(crate) snapshot: Option<SnapshotId>,
    /// Bytes that it stored, read or wrote.
    pub(crate) bytes: u64,
    /// What was wrong.
    pub(crate) error: Option<String>,
}

impl Outcome {
    /// Of a run of which there is no more to tell.
    pub(crate) const fn of(exit: Exit) -> Self {
        Self {
            exit,
            snapshot: None,
            bytes: 0,
            error: None,
        }
    }
}

impl From<&Failure> for Outcome {
    fn from(failure: &Failure) -> Self {
        Self {
            error: Some(failure.sentence()),
            ..Self::of(failure.exit())
        }
    }
}

/// Does the work, records how it ended, and gives its result.
pub(crate) fn recorded<T>(
    context: &Context,
    repository: &Repository,
    kind: RunKind,
    sources: &[Vec<u8>],
    work: impl FnOnce() -> Result<T, Failure>,
    outcome: impl FnOnce(&T) -> Outcome,
) -> Result<T, Failure> {
    let none = Hooks::none();
    between(context, repository, (kind, &none), sources, work, outcome)
}

/// The same, between hooks.
pub(crate) fn between<T>(
    context: &Context,
    repository: &Repository,
    (kind, hooks): (RunKind, &Hooks<'_>),
    sources: &[Vec<u8>],
    work: impl FnOnce() -> Result<T, Failure>,
    outcome: impl FnOnce(&T) -> Outcome,
) -> Result<T, Failure> {
    let began = repository.clock().now();
    if kind == RunKind::Backup {
        notify::backup_begins(context);
    }
    let result = hooks.begin().and_then(|()| work());
    let outcome = result.as_ref().map_or_else(Outcome::from, outcome);
    let hooks = hooks.end(&outcome);
    let took = repository
        .clock()
        .now()
        .signed_duration_since(began)
        .to_std();
    context
        .notices
        .ended(kind, sources, &outcome, &hooks, took.unwrap_or_default());
    if let Ok(Some(free)) = repository.store().free_bytes() {
        context.notices.saw(Seen::Space { free });
    }
    let run = NewRun {
        kind,
        began,
        host: this_host(),
        sources: sources.to_vec(),
        snapshot: outcome.snapshot,
        exit: outcome.exit.code(),
        bytes: outcome.bytes,
        error: outcome.error,
        hooks,
    };
    if let Err(error) = repository.record_run(run) {
        let why = Failure::from(error).sentence();
        context
            .ui
            .detail(format!("this run is not in the history: {why}"));
    }
    result
}

/// The first loss among warnings, and how many more there are.
pub(crate) fn losses(warnings: &[Warning]) -> Option<String> {
    let losses: Vec<&Warning> = warnings
        .iter()
        .filter(|warning| warning.kind.is_loss())
        .collect();
    let (first, more) = losses.split_first()?;
    let mut text = first.sentence();
    if !more.is_empty() {
        text.push_str(&format!(" (and {} more)", more.len()));
    }
    Some(text)
}
