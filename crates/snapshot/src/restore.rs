//! Writing a snapshot into a folder.
//!
//! Nothing outside the folder is touched: names cannot lead out of it, and everything is opened beneath it without following
//! a link (F-53). Each chunk is checked against its id on its way, so what arrives is what was stored. What cannot be had is
//! named, and everything else is restored. Until all of it is there, and durable, the folder carries a mark.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Instant;

use crate::entry::Meta;
use crate::error::{IoContext, Result, SnapshotError};
use crate::monitor::{Monitor, Task, Warning, WarningKind};
use crate::opened::{Open, Opened, Restored};
use crate::path::{Name, TreePath};
use crate::record::Snapshot;
use crate::repository::Repository;
use crate::tree::Tree;

use attributes::{Attributes, Thing};
use early::Written;
use file::Files;
use fill::Filler;
use parts::Zeros;
pub use report::{Loss, RestoreReport};
use root::Root;
use run::Run;
pub(crate) use select::Selection;
use survey::Survey;
pub use target::MARK;
use target::Target;

mod attributes;
mod early;
mod file;
mod fill;
mod folders;
mod heritage;
mod other;
mod parts;
mod report;
mod root;
mod run;
mod select;
mod small;
mod survey;
mod sweep;
pub(crate) mod target;

/// Flaws of a snapshot that are told at its restore.
const FLAWS: usize = 20;

/// What to restore, where to, and what may be done there.
#[derive(Debug, Clone, Default)]
pub struct Restore {
    /// A folder that is missing or empty, unless `overwrite` says more.
    pub target: PathBuf,
    /// Patterns in gitignore's syntax; only what one of them matches is restored. None means everything.
    pub paths: Vec<String>,
    /// Only these entries, each with everything in it; `None` means all that the patterns admit.
    pub only: Option<BTreeSet<TreePath>>,
    /// Only say what would be written.
    pub dry_run: bool,
    /// Threads that work; as many as there are cores where not given.
    pub threads: Option<usize>,
    /// What becomes of what is in the target.
    pub overwrite: Overwrite,
    /// Delete from the target what the snapshot does not have; without effect on an empty one, with `paths`, and with
    /// [`Overwrite::Never`].
    pub delete: bool,
    /// Make pipes, sockets and devices too; devices need root.
    pub special_files: bool,
    /// Set the bits and capabilities by which programs run with the rights of their owner, where the owner is set too.
    pub setuid: bool,
    /// Keep files of which bytes are lost, with zeros in their place, under their name and `.lifeboat-damaged`.
    pub keep_damaged: bool,
    /// Accept a target inside the live folder that was backed up.
    pub inside_source: bool,
    /// Open every restored database and check it; a finding is told in the report and is no error.
    pub open: Option<Open>,
}

/// What becomes of the entries of a target that is not empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Overwrite {
    /// The target is refused, unless an earlier run of the same restore was interrupted in it, which is then completed.
    #[default]
    Refuse,
    /// They stay, and only what is missing is added.
    Never,
    /// Files whose length and time are those recorded are believed; the others are compared and mended.
    IfChanged,
    /// All files are compared, block by block, and mended where they differ.
    Always,
}

impl Repository {
    /// Writes a snapshot, or a part of it, into a folder.
    ///
    /// What the repository has lost, and what the target does not take, is named in the report; the rest is restored.
    ///
    /// # Errors
    /// Where the target is not acceptable or too small, nothing matches, or the snapshot is none that a backup made: then
    /// nothing was written. Where writing fails as a whole, what has been written by then stays, marked as incomplete.
    pub fn restore(
        &self,
        snapshot: &Snapshot,
        plan: &Restore,
        monitor: &dyn Monitor,
    ) -> Result<RestoreReport> {
        let began = Instant::now();
        let _hold = self.hold(snapshot)?;
        let mut report = self.in_pool(plan.threads, || {
            let selection = Selection::new(&plan.paths)?.narrowed(plan.only.clone());
            let target = target::look_at(plan, snapshot, &self.place())?;
            let tree = self.tree(snapshot)?;
            let survey = Survey::of(&tree, &selection, monitor)?;
            if !survey.is_met && !plan.paths.is_empty() {
                let patterns = plan.paths.join(", ");
                return Err(SnapshotError::NothingMatches { patterns });
            }
            let job = Job {
                repository: self,
                snapshot,
                plan,
                tree: &tree,
                selection: &selection,
                target,
                monitor,
            };
            job.check_space(&survey)?;
            let flaws = flaws(&tree, plan, &selection);
            let mut report = match plan.dry_run {
                true => survey.report(),
                false => {
                    monitor.begin(Task::Restore, Some(survey.bytes));
                    job.run()?
                }
            };
            for flaw in flaws {
                monitor.warning(&flaw);
                report.warnings.push(flaw);
            }
            Ok(report)
        })?;
        report.duration = began.elapsed();
        Ok(report)
    }
}

/// A restore that was looked at and may begin.
struct Job<'a> {
    repository: &'a Repository,
    snapshot: &'a Snapshot,
    plan: &'a Restore,
    tree: &'a Tree<'a>,
    selection: &'a Selection,
    target: Target,
    monitor: &'a dyn Monitor,
}

impl Job<'_> {
    fn check_space(&self, survey: &Survey) -> Result<()> {
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

    fn run(&self) -> Result<RestoreReport> {
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
            let report = run.report;
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

impl Survey {
    fn report(&self) -> RestoreReport {
        RestoreReport {
            files: self.files,
            folders: self.folders,
            links: self.links,
            specials: self.specials,
            bytes: self.bytes,
            ..RestoreReport::default()
        }
    }
}

/// Bytes on the disk of a file that is there, whole or begun.
fn present_bytes(target: &Path, path: &TreePath) -> u64 {
    let at = path.below(target);
    let partial = path.split_last().map(|(folder, name)| {
        let folder = folder.below(target);
        folder.join(file::partial_name(name).as_os_str())
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

/// What the snapshot lacks since it was taken, as far as it is selected.
fn flaws(tree: &Tree<'_>, plan: &Restore, selection: &Selection) -> Vec<Warning> {
    let flags = tree.flags().into_iter();
    let mut flags = flags.filter(|(path, _)| selection.admits_path(path, false));
    let warning = |path: &TreePath, message: String| Warning {
        path: path.below(&plan.target),
        kind: WarningKind::Incomplete,
        message,
    };
    let mut warnings: Vec<Warning> = flags
        .by_ref()
        .take(FLAWS)
        .map(|(path, flaw)| warning(&path, format!("when the snapshot was taken, {flaw}")))
        .collect();
    let more = flags.count();
    if more > 0 {
        let message = format!("{more} more entries were not whole when the snapshot was taken");
        warnings.push(warning(&TreePath::root(), message));
    }
    warnings
}
