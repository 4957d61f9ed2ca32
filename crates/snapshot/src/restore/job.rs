//! A restore that was looked at and may begin: the room for it, its mark on the target, the writing, and the end that makes
//! all of it durable.

use std::path::Path;

use super::attributes::{Attributes, Thing};
use super::early::{self, Written};
use super::file::Files;
use super::fill::Filler;
use super::partial::partial_name;
use super::parts::Zeros;
use super::root::Root;
use super::run::Run;
use super::survey::{self, Survey};
use super::target::{self, Target};
use super::{Restore, RestoreReport, Selection};
use crate::entry::Meta;
use crate::error::{IoContext, Result, SnapshotError};
use crate::monitor::Monitor;
use crate::opened::{Opened, Restored};
use crate::path::{Name, TreePath};
use crate::record::Snapshot;
use crate::repository::Repository;
use crate::tree::Tree;

/// A restore that was looked at and may begin.
pub(super) struct Job<'a> {
    pub(super) repository: &'a Repository,
    pub(super) snapshot: &'a Snapshot,
    pub(super) plan: &'a Restore,
    pub(super) tree: &'a Tree<'a>,
    pub(super) selection: &'a Selection,
    pub(super) target: Target,
    pub(super) monitor: &'a dyn Monitor,
}

impl Job<'_> {
    pub(super) fn check_space(&self, survey: &Survey) -> Result<()> {
        let is_fresh = self.target.overwrite.is_none();
        let entries = survey.files + survey.folders + survey.links + survey.specials;
        let files = if is_fresh { entries } else { 0 };
        let present = |path: &TreePath| match is_fresh {
            true => 0,
            false => present_bytes(&self.plan.target, path),
        };
        target::check_room(&self.plan.target, files, survey.bytes, |block| {
            let from = (self.tree, self.repository.store());
            survey::needed_bytes(from, self.selection, self.monitor, block, &present)
        })
    }

    pub(super) fn run(&self) -> Result<RestoreReport> {
        let path = &self.plan.target;
        make_target(path)?;
        let root = Root::open(path)?;
        let mark = root.mark(&target::mark(self.snapshot.id, self.target.is_ours))?;
        self.check_names(&root, &mark)?;
        let mut report = self.write(&root)?;
        report.databases = self.settle(&root, &report)?;
        self.complete(&root, &mark, &report)?;
        Ok(report)
    }

    /// Writes everything that is selected. Not all of it is durable then.
    fn write(&self, root: &Root) -> Result<RestoreReport> {
        std::thread::scope(|scope| {
            let (written, early) = early::begin(scope, || root.sync());
            let files = self.files(root, written);
            let mut run = Run::new(self.tree, &files, self.plan, self.root_meta(), self.monitor);
            let ended = run.restore(self.selection);
            let report = run.into_report();
            drop(files);
            ended.and(early.end()).map(|()| report)
        })
    }

    fn files<'a>(&'a self, root: &'a Root, written: Written) -> Files<'a> {
        Files {
            root,
            filler: Filler {
                store: self.repository.store(),
                monitor: self.monitor,
                zeros: Zeros::new(),
                written,
            },
            attributes: Attributes::new(self.plan.setuid),
            overwrite: self.target.overwrite,
            keep_damaged: self.plan.keep_damaged,
        }
    }

    /// Ends it where the file system takes several of the names for one.
    fn check_names(&self, root: &Root, mark: &Name) -> Result<()> {
        if !root.ignores_case()? {
            return Ok(());
        }
        let pairs = survey::colliding(self.tree, self.selection, self.monitor)?;
        if pairs.is_empty() {
            return Ok(());
        }
        root.unmark(mark)?;
        let path = self.plan.target.clone();
        Err(SnapshotError::NamesCollide { path, pairs })
    }

    /// Makes everything durable. While the disk writes, the databases are opened.
    fn settle(&self, root: &Root, report: &RestoreReport) -> Result<Vec<Opened>> {
        let Some(how) = &self.plan.open else {
            root.sync()?;
            return Ok(Vec::new());
        };
        let restored = Restored {
            tree: self.tree,
            selection: self.selection,
            target: &self.plan.target,
            report,
        };
        std::thread::scope(|scope| {
            let thread = std::thread::Builder::new();
            let Ok(synced) = thread.spawn_scoped(scope, || root.sync()) else {
                // No thread is to be had (fault F-74).
                root.sync()?;
                return self.repository.open_restored(&restored, how, self.monitor);
            };
            let opened = self.repository.open_restored(&restored, how, self.monitor);
            match synced.join() {
                Ok(synced) => synced.and(opened),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        })
    }

    /// What the target itself is given, if it was made for this.
    fn root_meta(&self) -> Option<Meta> {
        let meta = self.tree.root_meta().filter(|_| self.target.is_ours);
        meta.cloned()
    }

    /// Takes the mark away, unless something is lost that a mended repository may still give.
    fn complete(&self, root: &Root, mark: &Name, report: &RestoreReport) -> Result<()> {
        if report.lost.is_empty() {
            root.unmark(mark)?;
            // Removing the mark has changed the folder.
            if let Some(meta) = self.root_meta() {
                let folder = std::fs::File::from(root.folder(&TreePath::root())?.fd);
                let missed = Attributes::new(self.plan.setuid).give(&folder, &meta, Thing::Folder);
                if let Err(fault) = missed.unless_fault(&self.plan.target) {
                    // Whoever runs it again finds it incomplete, and goes on with it.
                    root.mark(&target::mark(self.snapshot.id, self.target.is_ours))?;
                    return Err(fault);
                }
            }
            root.sync_top()?;
        }
        root.check()
    }
}

/// Bytes on the disk of a file that is there, whole or begun.
fn present_bytes(target: &Path, path: &TreePath) -> u64 {
    let at = path.below(target);
    let partial = path.split_last().map(|(folder, name)| {
        let folder = folder.below(target);
        folder.join(partial_name(name).as_os_str())
    });
    let bytes = |path: &Path| {
        use std::os::unix::fs::MetadataExt;
        let stat = path.symlink_metadata().ok()?;
        stat.is_file().then(|| stat.blocks() * 512)
    };
    let partial = partial.as_deref().and_then(bytes).unwrap_or_default();
    bytes(&at).unwrap_or_default().max(partial)
}

fn make_target(path: &Path) -> Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .context("create", path)
}
