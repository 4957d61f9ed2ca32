//! A snapshot compared with the live files, walked side by side in the order of names.
//!
//! The walk, the leaving out and the belief in what looks unchanged are those of a backup, so that an answer "nothing
//! differs" means what a backup would find. What cannot be read is a warning and no difference: nobody knows.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::facts::of_source;
use super::{DiffTotals, TakeChange};
use crate::capture::CountQuery;
use crate::entry::Entry;
use crate::error::{IoContext, Result, SnapshotError};
use crate::monitor::Monitor;
use crate::path::{TreePath, of_bytes};
use crate::record::Snapshot;
use crate::repository::Repository;
use crate::sqlite::Facts;
use crate::tree::Tree;

use beside::Beside;

mod beside;
mod gone;
mod judge;

/// Which live files to compare a snapshot with, and how to read them.
#[derive(Debug, Clone)]
pub struct Live {
    /// A folder or file: a source of the snapshot, something inside one, or else what a restore of the whole snapshot made.
    /// Where not given, each source is compared with the place that it was captured from.
    pub path: Option<PathBuf>,
    /// What to leave out on both sides, in gitignore's syntax, relative to each source.
    pub excludes: Vec<String>,
    /// Folders to leave out wherever they are.
    pub exclude_folders: Vec<PathBuf>,
    /// Facts to read from databases, as in [`Backup::counts`](crate::Backup): those that the snapshot was taken with let a
    /// database that has not changed be known without reading it.
    pub counts: Vec<CountQuery>,
    /// For how long to wait for a locked database.
    pub busy_timeout: Duration,
    /// A folder for the pages that a hot journal brings back. Without one, such a database cannot be compared.
    pub scratch: Option<PathBuf>,
}

impl Default for Live {
    fn default() -> Self {
        Self {
            path: None,
            excludes: Vec::new(),
            exclude_folders: Vec::new(),
            counts: Vec::new(),
            busy_timeout: Duration::from_secs(30),
            scratch: None,
        }
    }
}

/// A stored entry and the place it is compared with.
struct Root {
    /// Where the tree has it.
    tree: TreePath,
    entry: Entry,
    live: PathBuf,
}

impl Repository {
    /// Tells what is different in the live files as against a snapshot, in the order of paths. Nothing is written, not even
    /// beside a database.
    ///
    /// # Errors
    /// Where there is no live file or folder to compare with, or the snapshot's manifest cannot be read. What cannot be read of
    /// the snapshot below that is given to `take`; of the live files, to `monitor`.
    pub fn diff_live(
        &self,
        before: &Snapshot,
        live: &Live,
        monitor: &dyn Monitor,
        take: &mut TakeChange<'_>,
    ) -> Result<DiffTotals> {
        let tree = self.tree(before)?;
        let mut beside = Beside {
            store: self.store(),
            facts: facts_of(&tree),
            live,
            monitor,
            take,
            totals: DiffTotals::default(),
            levels: Vec::new(),
        };
        for root in roots(&tree, live.path.as_deref())? {
            if beside.source(self.place(), root)?.is_break() {
                break;
            }
        }
        Ok(beside.totals)
    }
}

fn facts_of<'t>(tree: &'t Tree<'_>) -> HashMap<TreePath, &'t Facts> {
    let sources = tree.sources().into_iter().enumerate();
    sources
        .flat_map(|(number, (place, _))| of_source(tree.manifest(), Some(number), place))
        .collect()
}

/// What is compared with what.
fn roots(tree: &Tree<'_>, path: Option<&Path>) -> Result<Vec<Root>> {
    use std::os::unix::ffi::OsStrExt;
    let source_path = |bytes: &[u8]| of_bytes(bytes).to_owned();
    let places = tree.sources().into_iter().map(|(place, _)| place);
    let sources = places.zip(&tree.manifest().sources);
    let mut roots: Vec<Root> = sources
        .map(|(tree, source)| Root {
            tree,
            entry: source.root.clone(),
            live: source_path(&source.path),
        })
        .collect();
    let Some(path) = path else {
        return Ok(roots);
    };
    let path = path.canonicalize().of_source(path)?;
    // The innermost of sources that contain each other.
    roots.sort_by_key(|root| std::cmp::Reverse(root.live.components().count()));
    for root in &roots {
        if let Ok(below) = path.strip_prefix(&root.live) {
            return inside(tree, root, below.as_os_str().as_bytes(), path.clone());
        }
    }
    for root in &mut roots {
        root.live = root.tree.below(&path);
    }
    Ok(roots)
}

/// A part of a source.
fn inside(tree: &Tree<'_>, root: &Root, below: &[u8], live: PathBuf) -> Result<Vec<Root>> {
    let unknown = |_| SnapshotError::PathUnknown {
        path: live.display().to_string(),
        snapshot: tree.snapshot(),
    };
    let below = TreePath::parse(below).map_err(unknown)?;
    if below.is_root() {
        return Ok(vec![Root {
            tree: root.tree.clone(),
            entry: root.entry.clone(),
            live,
        }]);
    }
    let parts = below.parts().iter();
    let place = parts.fold(root.tree.clone(), |path, part| path.join(part));
    let entry = tree.entry(&place)?;
    Ok(vec![Root {
        tree: place,
        entry,
        live,
    }])
}
