//! Writing a snapshot into a new folder.
//!
//! Nothing outside the folder is touched: names cannot lead out of it, every file is created anew and never through a
//! link, and links are made when no file is left to write (F-53). Each chunk is checked against its id on its way, so what
//! arrives is what was stored, or an error.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::error::Result;
use crate::monitor::{Monitor, Task, Warning};
use crate::record::Snapshot;
use crate::repository::Repository;

use run::Run;
pub(crate) use select::Selection;
use target::{check_space, check_target};

mod run;
mod select;
mod target;
mod write;

/// What to restore, and where to.
#[derive(Debug, Clone, Default)]
pub struct Restore {
    /// A folder that is missing or empty.
    pub target: PathBuf,
    /// Patterns in gitignore's syntax; only what one of them matches is restored. None means everything.
    pub paths: Vec<String>,
    /// Only say what would be written.
    pub dry_run: bool,
    /// Threads that work; as many as there are cores where not given.
    pub threads: Option<usize>,
}

/// What was restored.
#[derive(Debug, Clone, Default)]
pub struct RestoreReport {
    /// Files and databases.
    pub files: u64,
    /// Folders.
    pub folders: u64,
    /// Symbolic links.
    pub links: u64,
    /// Bytes in the files.
    pub bytes: u64,
    /// How long it took.
    pub duration: Duration,
    /// Everything that was in the way.
    pub warnings: Vec<Warning>,
}

impl Repository {
    /// Writes a snapshot, or a part of it, into a folder that is missing or empty.
    ///
    /// # Errors
    /// Where the folder is not empty, nothing matches, or something cannot be read or written. What has been written by
    /// then stays.
    pub fn restore(
        &self,
        snapshot: &Snapshot,
        plan: &Restore,
        monitor: &dyn Monitor,
    ) -> Result<RestoreReport> {
        let began = Instant::now();
        let selection = Selection::new(&plan.paths)?;
        check_target(&plan.target, &self.place())?;
        let tree = self.tree(snapshot)?;
        let mut report = self.in_pool(plan.threads, || {
            let mut run = Run::new(self, &tree, plan, monitor);
            let total = plan.paths.is_empty().then_some(snapshot.bytes);
            if !plan.dry_run {
                check_space(&plan.target, total.unwrap_or(0))?;
            }
            monitor.begin(Task::Restore, total);
            run.restore(&selection)?;
            Ok(run.report)
        })?;
        report.duration = began.elapsed();
        Ok(report)
    }
}
