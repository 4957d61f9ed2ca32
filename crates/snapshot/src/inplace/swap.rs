//! From the journal to the end: writing it, doing it, and tidying up behind it.

use std::path::PathBuf;

use super::files::{Files, Real, Spot};
use super::finish::{clear, finish};
use super::holders::{self, Wanted};
use super::journal::{Change, Journal, Step};
use super::locks::DatabaseLocks;
use super::work::Work;
use super::{attributes, safety};
use crate::error::{IoContext, Result, SnapshotError};
use crate::monitor::{Warning, WarningKind};

/// What was found good to be done.
pub(super) struct Ready {
    files: Vec<Real>,
    journal: Journal,
    _locks: DatabaseLocks,
}

impl Work<'_> {
    /// Makes sure that nothing is in the way, and that nothing gets there any more.
    pub(super) fn ready(&self) -> Result<Ready> {
        let places = self.plan.targets.iter().zip(&self.stages);
        let files: Vec<Real> = places
            .map(|(target, stage)| {
                Real::open(&target.folder, stage).context("open", &target.folder)
            })
            .collect::<Result<_>>()?;
        let journal = self.journal(&files)?;
        for step in &journal.steps {
            if let Some(files) = files.get(step.folder as usize) {
                let path = self.live_path(step);
                let spot = Spot::live(step.path.clone());
                files.check(&spot).context("change", &path)?;
            }
        }
        let ready = Ready {
            _locks: match self.options.force {
                true => DatabaseLocks::none(),
                false => DatabaseLocks::take(journal.databases())?,
            },
            files,
            journal,
        };
        self.check_again()?;
        Ok(ready)
    }

    /// What is to go is as it was saved, and nobody uses it.
    pub(super) fn check_again(&self) -> Result<()> {
        safety::check_stamps(&self.plan)?;
        self.check_holders()?;
        match self.monitor.cancelled() {
            true => Err(SnapshotError::cancelled()),
            false => Ok(()),
        }
    }

    /// Writes the journal and does what it says. Gives the folders of what must not be thrown away.
    pub(super) fn swap(&mut self, ready: &Ready) -> Result<Vec<PathBuf>> {
        let Ready { files, journal, .. } = ready;
        if !journal.steps.is_empty() {
            // What the journal names must be durable before it, the names of the stages too.
            for (files, stage) in files.iter().zip(&self.stages) {
                files.sync().context("sync", stage)?;
            }
            journal.prepare(self.leader(), &self.vouchers)?;
            self.is_begun = true;
            Journal::begin(self.leader())?;
            finish(journal, files, self.leader(), &self.vouchers)?;
            self.tell_late_holders(journal);
            self.tell_untaken(journal);
        }
        // It is done; that something could not be tidied up must not look as if it were not.
        Ok(self.clear(journal).unwrap_or_else(|error| {
            let path = self.leader().to_owned();
            let message = format!("could not be removed: {error}");
            self.warn(path, WarningKind::Skipped, message);
            Vec::new()
        }))
    }

    fn live_path(&self, step: &Step) -> PathBuf {
        let target = self.plan.targets.get(step.folder as usize);
        target
            .map(|target| target.at(&step.path))
            .unwrap_or_default()
    }

    /// A program that opened something in the last moment goes on with what has no name any more.
    fn tell_late_holders(&mut self, journal: &Journal) {
        let wanted: Vec<Wanted> = journal
            .replaced()
            .into_iter()
            .map(|path| Wanted {
                path,
                is_database: true,
            })
            .collect();
        for holder in holders::find(&wanted) {
            let target = self.plan.targets.first();
            let path = target.map(|target| target.source.clone());
            let message = format!(
                "{holder} has open what was replaced: restart it, or it goes on with the old data"
            );
            self.warn(path.unwrap_or_default(), WarningKind::StillOpen, message);
        }
    }

    /// Not every file system takes every attribute, and that does no other harm.
    fn tell_untaken(&mut self, journal: &Journal) {
        for step in &journal.steps {
            let path = self.live_path(step);
            if let Change::Describe { from, to } = &step.change
                && from != to
                && !attributes::is_taken(&path, to)
            {
                let message = "not all of its extended attributes could be set".to_owned();
                self.warn(path, WarningKind::Attribute, message);
            }
        }
    }

    /// Says so, once: a program may hold several of the files.
    fn warn(&mut self, path: PathBuf, kind: WarningKind, message: String) {
        let warning = Warning {
            path,
            kind,
            message,
        };
        if !self.warnings.contains(&warning) {
            self.monitor.warning(&warning);
            self.warnings.push(warning);
        }
    }

    /// Throws the stages away, but for what nothing else holds.
    fn clear(&mut self, journal: &Journal) -> Result<Vec<PathBuf>> {
        let laid_aside = clear(journal, self.leader(), &self.vouchers)?;
        for folder in &laid_aside {
            let message = "holds what was replaced and is not wholly in the safety snapshot: its file 'keep' says what is what";
            self.warn(folder.clone(), WarningKind::Changed, message.to_owned());
        }
        Ok(laid_aside)
    }
}
