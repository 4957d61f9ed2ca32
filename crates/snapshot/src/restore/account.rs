//! The account of a restore: what became of each entry, counted, and named where it is not as it was stored.

use lifeboat_store::words::in_one_line;

use super::file::{Done, Fate};
use super::root::Root;
use super::{Loss, RestoreReport};
use crate::error::{Result, SnapshotError};
use crate::monitor::{Monitor, Warning, WarningKind};
use crate::path::TreePath;

/// Entries without all of their attributes that are named; the rest are counted.
const NAMED: u64 = 20;

/// Errors of the system that concern one entry, as against a target to which nothing more can be written: a name that is
/// too long or not allowed there, rights, something in the way.
const OF_ONE_ENTRY: [i32; 15] = [1, 13, 16, 17, 20, 21, 22, 26, 27, 31, 36, 39, 40, 84, 95];

/// What is told of a restore, while it runs and at its end.
pub(super) struct Account<'a> {
    root: &'a Root,
    monitor: &'a dyn Monitor,
    pub(super) report: RestoreReport,
    /// Entries that lack attributes, and those of which the owner is another.
    lacking: u64,
    of_others: u64,
}

impl<'a> Account<'a> {
    pub(super) fn new(root: &'a Root, monitor: &'a dyn Monitor) -> Self {
        Self {
            root,
            monitor,
            report: RestoreReport::default(),
            lacking: 0,
            of_others: 0,
        }
    }

    /// Takes down what became of an entry; `count` counts it, where it is there now.
    pub(super) fn settle(
        &mut self,
        path: &TreePath,
        done: Done,
        count: impl FnOnce(&mut RestoreReport),
    ) {
        match done.fate {
            Fate::Lost(loss) => return self.lose(loss),
            Fate::Left => self.report.left += 1,
            Fate::Kept => {
                let files = self.report.files;
                count(&mut self.report);
                self.report.kept += self.report.files - files;
            }
            Fate::Written => count(&mut self.report),
        }
        self.of_others += u64::from(done.missed.owner);
        if let Some(line) = done.missed.line() {
            self.lacking += 1;
            if self.lacking <= NAMED {
                self.warn(path, WarningKind::Attribute, line);
            }
        }
    }

    /// An entry that the target does not take is named, and the others are restored.
    pub(super) fn forgive(&mut self, path: &TreePath, error: SnapshotError) -> Result<()> {
        let SnapshotError::Io { source, .. } = &error else {
            return Err(error);
        };
        if !source
            .raw_os_error()
            .is_some_and(|code| OF_ONE_ENTRY.contains(&code))
        {
            return Err(error);
        }
        self.unwritable(path, in_one_line(&error));
        Ok(())
    }

    /// The target does not take this entry.
    pub(super) fn unwritable(&mut self, path: &TreePath, message: String) {
        self.warn(path, WarningKind::Unwritable, message);
    }

    /// Bytes or entries that cannot be had.
    pub(super) fn lose(&mut self, loss: Loss) {
        let warning = Warning {
            path: self.root.locate(&loss.path),
            kind: WarningKind::Lost,
            message: loss.to_string(),
        };
        self.monitor.warning(&warning);
        self.report.lost.push(loss);
    }

    /// At the end: how many more entries lack attributes than were named.
    pub(super) fn tell_of_attributes(&mut self) {
        let root = TreePath::root();
        if self.lacking > NAMED {
            let more = self.lacking - NAMED;
            let message = format!("{more} more entries lack some of their attributes");
            self.warn(&root, WarningKind::Attribute, message);
        }
        if self.of_others > 0 {
            let message = format!(
                "{} entries do not have their recorded owners: only root can give them",
                self.of_others
            );
            self.warn(&root, WarningKind::Attribute, message);
        }
    }

    pub(super) fn warn(&mut self, path: &TreePath, kind: WarningKind, message: String) {
        let warning = Warning {
            path: self.root.locate(path),
            kind,
            message,
        };
        self.monitor.warning(&warning);
        self.report.warnings.push(warning);
    }
}
