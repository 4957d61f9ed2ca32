//! A restore in place up to the point of no return: folders, locks, the safety snapshot, and what is to come, laid ready.

use std::collections::BTreeSet;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::error::InPlaceError;
use super::holders::{self, Wanted};
use super::journal::Journal;
use super::places;
use super::plan::{Difference, InPlace, Plan, What};
use super::stage::{self, Lock};
use super::target::Target;
use super::vouch::Vouchers;
use super::was::Role;
use super::{NEW, attributes, files, leader, live, safety, steps};
use crate::error::{IoContext, Result, SnapshotError};
use crate::monitor::{Monitor, Warning};
use crate::opened::{Open, Opened};
use crate::path::TreePath;
use crate::record::Snapshot;
use crate::repository::Repository;
use crate::restore::{Restore, target};
use crate::sqlite::Checked;

/// A restore in place at work.
pub(super) struct Work<'a> {
    pub(super) repository: &'a Repository,
    pub(super) snapshot: &'a Snapshot,
    pub(super) options: &'a InPlace,
    pub(super) monitor: &'a dyn Monitor,
    pub(super) vouchers: Vouchers,
    pub(super) plan: Plan,
    /// The stage of each target.
    pub(super) stages: Vec<PathBuf>,
    pub(super) opened: Vec<Opened>,
    pub(super) warnings: Vec<Warning>,
    /// There may be a journal, or have been one.
    pub(super) is_begun: bool,
}

impl Work<'_> {
    pub(super) fn run(&mut self) -> Result<(Option<Snapshot>, Vec<PathBuf>)> {
        let is_new = self.make_folders()?;
        let locks = self.lock();
        let done = match &locks {
            Ok(_) => Some(self.under_lock(is_new)),
            Err(_) => None,
        };
        let is_done = done.as_ref().is_some_and(Result::is_ok);
        if !is_done && !self.is_begun && matches!(Journal::is_in(self.leader()), Ok(false)) {
            // Nothing was changed, and what lies ready is of no use. From the journal on the stages hold live data.
            let stages = self.stages.iter();
            stages.for_each(|stage| drop(stage::discard(stage)));
            self.stages
                .iter()
                .for_each(|stage| self.vouchers.forget(stage));
        }
        let _locks = locks?;
        done.unwrap_or_else(|| Err(SnapshotError::cancelled()))
    }

    fn under_lock(&mut self, is_new: bool) -> Result<(Option<Snapshot>, Vec<PathBuf>)> {
        if is_new {
            let again = self
                .repository
                .plan_in_place(self.snapshot, self.options, self.monitor)?;
            self.plan = again;
        }
        let online = self.choose_online()?;
        self.check_holders()?;
        for stage in &self.stages {
            target::check_room(stage, 0, self.plan.bytes, |_| Ok(self.plan.bytes))?;
        }
        let (repository, options) = (self.repository, self.options);
        let safety = safety::save(
            repository,
            &mut self.plan,
            options,
            self.snapshot,
            self.monitor,
        )?;
        self.stage()?;
        let kept = self.change(online, safety.as_ref())?;
        Ok((safety, kept))
    }

    /// Makes the folders that are gone altogether; whether there were any.
    fn make_folders(&self) -> Result<bool> {
        let mut is_new = false;
        for target in &self.plan.targets {
            if live::look(&target.folder)?.is_none() {
                std::fs::create_dir_all(&target.folder).context("create", &target.folder)?;
                is_new = true;
            }
        }
        Ok(is_new)
    }

    fn lock(&mut self) -> Result<Vec<Lock>> {
        let folders: BTreeSet<&PathBuf> = self
            .plan
            .targets
            .iter()
            .map(|target| &target.folder)
            .collect();
        let locks = folders.into_iter().map(|folder| Lock::take(folder));
        let locks: Vec<Lock> = locks.collect::<Result<_>>()?;
        for target in &self.plan.targets {
            let stage = places::place(&target.source, &target.folder)?;
            stage::make(&stage, &self.vouchers)?;
            self.stages.push(stage);
        }
        let leader = self.leader().to_owned();
        let led: BTreeSet<&PathBuf> = self.stages.iter().collect();
        for stage in led.into_iter().filter(|stage| **stage != leader) {
            leader::note(stage, &leader, &self.vouchers)?;
        }
        Ok(locks)
    }

    /// The stage with the journal.
    pub(super) fn leader(&self) -> &Path {
        self.stages.first().map_or(Path::new(""), PathBuf::as_path)
    }

    /// Programs that have open what is to go.
    pub(super) fn check_holders(&self) -> Result<()> {
        if self.options.force {
            return Ok(());
        }
        let goes = |difference: &&Difference| {
            let goes = matches!(difference.what, What::Put | What::Remove);
            difference.stamp.is_some() && goes && !difference.online
        };
        let wanted = self.plan.differences.iter().filter(goes);
        let mut wanted: Vec<Wanted> = wanted
            .filter_map(|difference| {
                Some(Wanted {
                    path: self.path(difference)?,
                    is_database: difference.is_database,
                })
            })
            .collect();
        // Side files are looked for with their database.
        let inside = self.plan.inside.iter();
        let inside = inside.filter(|inside| matches!(inside.role, Role::Plain | Role::Database));
        wanted.extend(inside.map(|inside| Wanted {
            path: self.plan.path(&inside.place),
            is_database: inside.role == Role::Database,
        }));
        holders::check(&wanted)
    }

    pub(super) fn path(&self, difference: &Difference) -> Option<PathBuf> {
        let target = self.plan.targets.get(difference.place.0)?;
        Some(target.at(&difference.place.1))
    }

    /// Writes everything that is to come beside the live folders, durably, and opens its databases.
    fn stage(&mut self) -> Result<()> {
        let targets: Vec<Target> = self.plan.targets.clone();
        for (number, (target, stage)) in targets.iter().zip(self.stages.clone()).enumerate() {
            let is_of = |path: &&TreePath| target.live_of(path).is_some();
            let only: BTreeSet<TreePath> = self.plan.staged.iter().filter(is_of).cloned().collect();
            let old = stage.join(steps::OLD);
            std::fs::create_dir(&old).context("create", &old)?;
            if only.is_empty() {
                continue;
            }
            let new = stage.join(NEW);
            let plan = Restore {
                target: new.clone(),
                paths: self.options.paths.clone(),
                only: Some(only),
                threads: self.options.threads,
                setuid: self.options.setuid,
                inside_source: true,
                open: Some(Open {
                    full: self.options.full_check,
                    counts: self.options.counts.clone(),
                }),
                ..Restore::default()
            };
            let report = self
                .repository
                .restore(self.snapshot, &plan, self.monitor)?;
            if let Some(loss) = report.lost.first() {
                return Err(InPlaceError::RestoredWrong {
                    path: loss.path.below(&target.folder),
                    reason: loss.to_string(),
                }
                .into());
            }
            self.warnings.extend(report.warnings.iter().cloned());
            self.describe_folders(number, &new)?;
            self.take_databases(&new, report.databases)?;
        }
        Ok(())
    }

    fn describe_folders(&self, number: usize, new: &Path) -> Result<()> {
        for (_, path, meta) in self
            .plan
            .new_folders
            .iter()
            .filter(|new| new.0 == number)
            .rev()
        {
            let at = path.below(new);
            let folder = files::open_folder(&at).context("open", &at)?;
            attributes::set(&folder, meta).context("describe", &at)?;
        }
        Ok(())
    }

    /// Refuses databases that are not as they should be, and remembers the others under their live paths.
    fn take_databases(&mut self, new: &Path, opened: Vec<Opened>) -> Result<()> {
        for database in &opened {
            let reason = match (&database.check, database.differences.first()) {
                (_, Some(difference)) => difference.clone(),
                (Checked::Damaged(findings), None) if !self.options.force => format!(
                    "it was damaged when it was backed up: {}",
                    findings.first().map_or("", String::as_str)
                ),
                _ => continue,
            };
            return Err(InPlaceError::RestoredWrong {
                path: database.path.clone(),
                reason,
            }
            .into());
        }
        let in_place = opened.into_iter().map(|database| {
            let path = database.path.strip_prefix(new).unwrap_or(&database.path);
            let tree = TreePath::parse(path.as_os_str().as_bytes()).unwrap_or_default();
            let mut targets = self.plan.targets.iter();
            let live = targets.find_map(|target| Some(target.at(&target.live_of(&tree)?)));
            Opened {
                path: live.unwrap_or(database.path),
                ..database
            }
        });
        self.opened.extend(in_place);
        Ok(())
    }
}
