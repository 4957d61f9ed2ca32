//! From the journal to the end: writing it, doing it, and tidying up behind it.

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use serde_bytes::ByteBuf;

use super::files::{Files, Real, Spot};
use super::finish::{clear, finish};
use super::holders::{self, Wanted};
use super::journal::{Change, Folder, Journal, Step, Was};
use super::locks::DatabaseLocks;
use super::plan::{Difference, What};
use super::work::Work;
use super::{NEW, attributes, safety, steps};
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
            _locks: self.lock_databases()?,
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
            journal.prepare(self.leader())?;
            self.is_begun = true;
            Journal::begin(self.leader())?;
            finish(journal, files, self.leader())?;
            self.tell_late_holders(journal);
            self.tell_untaken(journal);
        }
        // It is done; that something could not be tidied up must not look as if it were not.
        Ok(self.clear(journal).unwrap_or_else(|error| {
            let warning = Warning {
                path: self.leader().to_owned(),
                kind: WarningKind::Skipped,
                message: format!("could not be removed: {error}"),
            };
            self.monitor.warning(&warning);
            self.warnings.push(warning);
            Vec::new()
        }))
    }

    fn live_path(&self, step: &Step) -> PathBuf {
        let target = self.plan.targets.get(step.folder as usize);
        target
            .map(|target| target.at(&step.path))
            .unwrap_or_default()
    }

    fn journal(&self, files: &[Real]) -> Result<Journal> {
        let bytes = |path: &Path| ByteBuf::from(path.as_os_str().as_bytes());
        let places = self.plan.targets.iter().zip(&self.stages);
        let folders = places.map(|(target, stage)| Folder {
            live: bytes(&target.folder),
            stage: bytes(stage),
        });
        let steps = self.plan.differences.iter();
        let steps = steps.filter(|difference| !difference.online);
        let mut steps = steps
            .map(|difference| self.step(difference, files))
            .collect::<Result<Vec<Step>>>()?;
        steps.extend(self.returns());
        Ok(Journal {
            folders: folders.collect(),
            steps,
        })
    }

    /// Folders that go are described as they are: should they have to come back, what left them before has changed their
    /// times.
    fn returns(&self) -> Vec<Step> {
        let differences = self.plan.differences.iter();
        let folders = differences.filter(|one| matches!(one.what, What::RemoveFolder));
        let step = |difference: &Difference| {
            let (number, path) = difference.place.clone();
            let at = self.path(difference)?;
            let meta = attributes::of(&at, &at.symlink_metadata().ok()?);
            Some(Step {
                folder: u32::try_from(number).ok()?,
                path,
                change: Change::Describe {
                    from: meta.clone(),
                    to: meta,
                },
            })
        };
        folders.filter_map(step).collect()
    }

    fn step(&self, difference: &Difference, files: &[Real]) -> Result<Step> {
        let (number, path) = difference.place.clone();
        let was = difference.stamp.map(|stamp| Was {
            bytes: stamp.bytes,
            mtime: (stamp.mtime.secs, i64::from(stamp.mtime.nanos)),
            keep: difference.is_database && self.plan.kept_databases.contains(&difference.place),
        });
        let nothing = Was {
            bytes: 0,
            mtime: (0, 0),
            keep: false,
        };
        let is_database = difference.is_database;
        let change = match &difference.what {
            What::Put => {
                let new = steps::in_stage(&[NEW.as_bytes()]);
                let parts = difference.tree.parts().iter();
                let staged = parts.fold(new, |path, part| path.join(part));
                let spot = Spot::stage(staged.clone());
                let look = files.get(number).map(|files| files.look(&spot));
                let at = self.path(difference).unwrap_or_default();
                let look = look.transpose().context("look at", &at)?.flatten();
                let inode = look.map(|look| look.inode);
                let inode = inode.ok_or_else(|| SnapshotError::RestoredWrong {
                    path: at,
                    reason: "it was not written".to_owned(),
                })?;
                Change::Put {
                    staged,
                    inode,
                    was,
                    is_database,
                }
            }
            What::Remove => Change::Remove {
                was: was.unwrap_or(nothing),
                is_database,
            },
            What::RemoveFolder => Change::RemoveFolder,
            What::Describe { from, to } => Change::Describe {
                from: from.clone(),
                to: to.clone(),
            },
        };
        Ok(Step {
            folder: u32::try_from(number).unwrap_or(u32::MAX),
            path,
            change,
        })
    }

    /// A program that opened something in the last moment goes on with what has no name any more.
    fn tell_late_holders(&mut self, journal: &Journal) {
        let wanted: Vec<Wanted> = journal
            .replaced()
            .filter(|(_, is_database)| *is_database)
            .map(|(path, is_database)| Wanted { path, is_database })
            .collect();
        for holder in holders::find(&wanted) {
            let targets = self.plan.targets.first();
            let warning = Warning {
                path: targets
                    .map(|target| target.source.clone())
                    .unwrap_or_default(),
                kind: WarningKind::StillOpen,
                message: format!(
                    "{holder} has open what was replaced: restart it, or it goes on with the old data"
                ),
            };
            if !self.warnings.contains(&warning) {
                self.monitor.warning(&warning);
                self.warnings.push(warning);
            }
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
                let warning = Warning {
                    path,
                    kind: WarningKind::Attribute,
                    message: "not all of its extended attributes could be set".to_owned(),
                };
                self.monitor.warning(&warning);
                self.warnings.push(warning);
            }
        }
    }

    /// Throws the stages away, but for what nothing else holds.
    fn clear(&mut self, journal: &Journal) -> Result<Vec<PathBuf>> {
        let laid_aside = clear(journal, self.leader())?;
        for folder in &laid_aside {
            let warning = Warning {
                path: folder.clone(),
                kind: WarningKind::Changed,
                message: "holds what was replaced and is not wholly in the safety snapshot"
                    .to_owned(),
            };
            self.monitor.warning(&warning);
            self.warnings.push(warning);
        }
        Ok(laid_aside)
    }
}
