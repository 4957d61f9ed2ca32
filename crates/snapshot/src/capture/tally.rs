//! What a backup has counted so far: for the record, the manifest and the report.

use std::path::PathBuf;
use std::time::Duration;

use crate::entry::{Entry, Node};
use crate::limits::{MAX_FLAGS, MAX_ITEMS};
use crate::manifest::{Database, Flag, Flaw};
use crate::monitor::{Monitor, Warning, WarningKind};
use crate::path::TreePath;

/// A database of a backup, for its report.
#[derive(Debug, Clone)]
pub struct DatabaseReport {
    /// Where in its source, and what was captured.
    pub database: Database,
    /// Bytes of extents that were not in the snapshot before.
    pub changed_bytes: u64,
    /// Longest time that a writer could have been kept waiting.
    pub lock: Duration,
    /// Whether it had not changed and was not read.
    pub unchanged: bool,
}

/// Most parts of paths of all flags together: half of what a manifest may hold. A source with more is as good as
/// unreadable, and its warnings say so.
const MAX_FLAG_PARTS: usize = MAX_ITEMS / 2;

/// Counts of one backup.
#[derive(Debug, Default, Clone)]
pub(crate) struct Tally {
    /// Number of the source being read.
    pub(crate) source: u32,
    pub(crate) files: u64,
    pub(crate) bytes: u64,
    pub(crate) files_new: u64,
    pub(crate) files_changed: u64,
    pub(crate) files_unchanged: u64,
    pub(crate) read_bytes: u64,
    /// Entries that were left out on purpose.
    pub(crate) excluded: u64,
    pub(crate) databases: Vec<DatabaseReport>,
    /// Databases that were in the snapshot before and are not there any more.
    pub(crate) gone: Vec<PathBuf>,
    pub(crate) flags: Vec<Flag>,
    flag_parts: usize,
    /// Tables and the like that are told of the databases.
    database_items: usize,
    pub(crate) warnings: Vec<Warning>,
    /// Whether an entry is new, gone or not the same as in the snapshot before.
    pub(crate) differs: bool,
}

impl Tally {
    /// Notes something that did not stop the backup.
    pub(crate) fn warn(&mut self, monitor: &dyn Monitor, warning: Warning) {
        monitor.warning(&warning);
        self.warnings.push(warning);
    }

    /// Notes that the plan of a collection is damaged: the session then builds on nothing.
    pub(crate) fn warn_of_plan(
        &mut self,
        damage: Option<(PathBuf, String)>,
        monitor: &dyn Monitor,
    ) {
        if let Some((path, what)) = damage {
            let warning = Warning {
                path,
                kind: WarningKind::Skipped,
                message: format!(
                    "the plan of a collection is damaged ({what}): everything is stored anew, and nothing is collected"
                ),
            };
            self.warn(monitor, warning);
        }
    }

    /// Notes an entry that is not what it should be.
    pub(crate) fn flag(&mut self, path: TreePath, flaw: Flaw) {
        let parts = self.flag_parts + path.parts().len();
        if self.flags.len() >= MAX_FLAGS || parts > MAX_FLAG_PARTS {
            return;
        }
        self.flag_parts = parts;
        self.flags.push(Flag {
            source: self.source,
            path,
            flaw,
        });
    }

    /// Notes a database. Of very many, the later ones are described without the rows of their tables.
    pub(crate) fn database(&mut self, mut report: DatabaseReport) {
        let facts = &mut report.database.facts;
        let parts = report.database.path.parts().len();
        if self.database_items + facts.items() + parts > MAX_ITEMS / 2 {
            facts.row_counts.clear();
            facts.row_counts_complete = false;
        }
        self.database_items += facts.items() + parts;
        self.databases.push(report);
    }

    /// Counts a file that was not opened.
    pub(crate) fn unchanged(&mut self, entry: &Entry) {
        self.files_unchanged += 1;
        self.count(&entry.node);
    }

    /// Counts a file that was read; `before` is what stood there.
    pub(crate) fn read(&mut self, entry: &Entry, before: Option<&Entry>, read_bytes: u64) {
        self.read_bytes += read_bytes;
        let content_before = before.and_then(|entry| entry.node.content());
        match content_before {
            None => self.files_new += 1,
            Some(content) if Some(content) == entry.node.content() => self.files_unchanged += 1,
            Some(_) => self.files_changed += 1,
        }
        self.count(&entry.node);
    }

    fn count(&mut self, node: &Node) {
        self.files += 1;
        self.bytes += node.content().map_or(0, |content| content.len);
    }
}
