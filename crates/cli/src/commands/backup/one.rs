//! One snapshot: of sources that are treated as one, with its zip, what is forgotten after it, and its place in the history.

use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;
use std::time::Duration;

use lifeboat_snapshot::path::real;
use lifeboat_snapshot::{Backup, BackupReport, Repository, RunKind, SnapshotError};

use super::aside::{outcome, tell_uncounted};
use super::summary::Summary;
use super::{Args, prune, room};
use crate::commands::{exit_of, restore};
use crate::config::Config;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::hooks::Hooks;
use crate::place::Place;
use crate::recorded::{Outcome, between};
use crate::signals;
use crate::turns::Turns;

/// What every snapshot of a run is taken by.
pub(super) struct One<'r> {
    pub(super) args: &'r Args,
    pub(super) config: &'r Config,
    pub(super) place: &'r Place,
    pub(super) context: &'r Context,
}

/// A snapshot that was taken, or found not to be due.
pub(super) struct Done {
    pub(super) exit: Exit,
    pub(super) summary: Summary,
}

impl One<'_> {
    /// Backs up sources that go into one snapshot.
    pub(super) fn back_up(&self, group: &[PathBuf]) -> Result<Done, Failure> {
        if self.args.dry_run {
            return self.foresee(group);
        }
        let hooks = Hooks::of(self.config, group, &self.place.path, self.context);
        let turns = hooks.turns(self.config, group, &self.place.path, self.context);
        let result = self.take(group, &hooks, &turns);
        // Where it failed before there was anything to record.
        if let Err(failure) = &result
            && !hooks.are_over()
        {
            let outcome = Outcome::from(failure);
            let ran = hooks.end(&outcome);
            let sources = sources(group);
            let notices = &self.context.notices;
            notices.ended(RunKind::Backup, &sources, &outcome, &ran, Duration::ZERO);
        }
        result
    }

    fn take(
        &self,
        group: &[PathBuf],
        hooks: &Hooks<'_>,
        turns: &Turns<'_>,
    ) -> Result<Done, Failure> {
        let plan = Backup {
            // On the disk that has room for a backup, and never in a folder of temporary files that is memory in disguise.
            scratch: Some(self.place.path.clone()),
            ..self.args.plan(group, self.config)?
        };
        // It may be the hook that mounts the disk.
        if hooks.are_any() && self.place.is_vacant() {
            turns.wait()?;
            hooks.begin_without_repository()?;
        }
        let Opened {
            repository,
            created,
        } = open(self.place, group, !self.args.no_create, self.context)?;
        if let Some(recent) = self.recent(&repository, &plan)? {
            hooks.end(&Outcome::of(Exit::Done));
            return Ok(recent);
        }
        let retention = self.args.retention(group, self.config)?;
        turns.wait()?;
        // Whoever had the turn before may have done it.
        if let Some(recent) = self.recent(&repository, &plan)? {
            hooks.end(&Outcome::of(Exit::Done));
            return Ok(recent);
        }
        let mut report = capture(&repository, &plan, hooks, self.context)?;
        room::tell(&repository, &mut report, self.config, self.context);
        if self.args.paths.is_empty() || self.config.sources.is_empty() {
            tell_uncounted(&mut report, self.config, self.context);
        }
        let ui = &self.context.ui;
        let pruned = retention.and_then(|policy| prune::run(&repository, &mut report, policy, ui));
        let summary = Summary::of(&repository, &report, created).pruned(pruned);
        let exit = exit(&plan, &report);
        Ok(Done { exit, summary })
    }

    /// What there is to say where a backup is not due.
    pub(super) fn recent(
        &self,
        repository: &Repository,
        plan: &Backup,
    ) -> Result<Option<Done>, Failure> {
        let Some(limit) = self.args.if_older_than else {
            return Ok(None);
        };
        let recent = repository.recent(&plan.host, &plan.sources, limit)?;
        Ok(recent.map(|recent| Done {
            exit: Exit::Done,
            summary: Summary::recent(repository, &recent, self.args.dry_run),
        }))
    }
}

/// A repository, and whether this run has created it.
pub(in crate::commands) struct Opened {
    pub(in crate::commands) repository: Repository,
    pub(in crate::commands) created: bool,
}

/// The repository at this place. It is created only for sources that are there, lest a typo leave one behind.
pub(in crate::commands) fn open(
    place: &Place,
    sources: &[PathBuf],
    may_create: bool,
    context: &Context,
) -> Result<Opened, Failure> {
    let not_made = |failure: Failure| {
        match !may_create && place.is_vacant() {
        true => failure.hint(
            "mount its disk, or name another place with --repo; without --no-create a backup makes one there",
        ),
        false => failure,
    }
    };
    if !may_create || !place.is_vacant() {
        let (repository, created) = (place.open().map_err(not_made)?, false);
        return Ok(Opened {
            repository,
            created,
        });
    }
    check_sources(sources)?;
    let (repository, created) = (Repository::open_or_create(&place.path)?, true);
    let ui = &context.ui;
    ui.note(format!("created the repository {}", place.path.display()));
    if let Some(caution) = place.caution() {
        ui.note(caution);
    }
    Ok(Opened {
        repository,
        created,
    })
}

pub(super) fn check_sources(sources: &[PathBuf]) -> Result<(), Failure> {
    for path in sources {
        path.metadata()
            .map_err(|source| SnapshotError::SourceMissing {
                path: path.clone(),
                source,
            })?;
    }
    Ok(())
}

/// The snapshot between its hooks, and its record in the history.
pub(in crate::commands) fn capture(
    repository: &Repository,
    plan: &Backup,
    hooks: &Hooks<'_>,
    context: &Context,
) -> Result<BackupReport, Failure> {
    let work = || {
        let watch = context.watch();
        let report = repository.backup(plan, &watch);
        report.map_err(|error| with_room(error, repository))
    };
    let sources = sources(&plan.sources);
    let kind = (RunKind::Backup, hooks);
    let report = between(context, repository, kind, &sources, work, outcome)?;
    restore::in_place::tell_finished(&report.settled, context);
    Ok(report)
}

/// As the history names them.
fn sources(group: &[PathBuf]) -> Vec<Vec<u8>> {
    let bytes = |path: &PathBuf| real(path).into_os_string().into_vec();
    group.iter().map(bytes).collect()
}

fn exit(plan: &Backup, report: &BackupReport) -> Exit {
    // The snapshot was there when the signal came: it stands, and only its zip does not.
    let is_due = plan.zip.is_some() && !plan.zip_daily;
    let is_cut_short = is_due && report.zip.is_none() && signals::requested();
    match is_cut_short {
        true => signals::exit(),
        false => exit_of(&report.warnings),
    }
}

/// A full disk is better mended when one knows how full it is.
fn with_room(error: SnapshotError, repository: &Repository) -> Failure {
    let is_foreseen = matches!(error, SnapshotError::NoSpace { .. });
    let failure = Failure::from(error);
    if is_foreseen {
        return failure.hint(
            "make room there or name another place with --repo; --no-space-check begins all the same",
        );
    }
    match repository.store().free_bytes() {
        Ok(Some(free)) if failure.exit() == Exit::NoSpace => failure.with_free_bytes(free),
        _ => failure,
    }
}
