//! Writing a snapshot into a folder.
//!
//! Nothing outside the folder is touched: names cannot lead out of it, and everything is opened beneath it without following
//! a link (F-53). Each chunk is checked against its id on its way, so what arrives is what was stored. What cannot be had is
//! named, and everything else is restored. Until all of it is there, and durable, the folder carries a mark.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Instant;

use crate::error::{Result, SnapshotError};
use crate::monitor::{Monitor, Task, Warning, WarningKind};
use crate::opened::Open;
use crate::path::TreePath;
use crate::record::Snapshot;
use crate::repository::Repository;
use crate::tree::Tree;

use job::Job;
pub use report::{Loss, RestoreReport};
pub(crate) use select::Selection;
use survey::Survey;
pub use target::MARK;

mod account;
mod attributes;
mod early;
mod file;
mod fill;
mod folders;
mod heritage;
mod job;
mod other;
mod over;
mod partial;
mod parts;
mod report;
mod root;
mod run;
mod select;
mod small;
mod survey;
mod sweep;
pub(crate) mod target;
mod xattrs;

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
