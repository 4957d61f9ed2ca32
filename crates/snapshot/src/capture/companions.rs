//! Folders whose files belong together: a Chroma store keeps vectors in files beside its database.
//!
//! The database is captured as of one commit, the index files are read one by one. The pair fits if no index file moved
//! from before the database was captured until after: then the files are as they were at that commit. If one moved, the
//! folder is captured again, and flagged when that does not help. The look before is taken ahead of the folder's
//! listing, so that a file which appears meanwhile counts as moved.

use std::ffi::OsStr;
use std::fs::Metadata;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::assemble::{Assembly, Open};
use super::walk::{Walk, find_root};
use crate::entry::Entry;
use crate::error::Result;
use crate::manifest::Flaw;
use crate::monitor::{Warning, WarningKind};
use crate::path::TreePath;

/// The database that makes a folder a Chroma store.
const DATABASE: &str = "chroma.sqlite3";

/// How often a store that moves is captured before it is flagged.
const TRIES: usize = 3;

/// How the files beside the database looked, in the order of their paths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Look(Vec<(PathBuf, [i64; 6])>);

/// Looks at the folder if it is a store.
pub(crate) fn look(folder: &Path) -> Option<Look> {
    let database = folder.join(DATABASE);
    if !database.symlink_metadata().is_ok_and(|stat| stat.is_file()) {
        return None;
    }
    // What cannot be listed is noted by the walk.
    let list = |folder: &Path| std::fs::read_dir(folder).into_iter().flatten().flatten();
    let segments = list(folder).filter(|entry| is_segment(&entry.file_name()));
    let mut files = Vec::new();
    for entry in segments.flat_map(|segment| list(&segment.path())) {
        if let Ok(stat) = entry.metadata() {
            files.push((entry.path(), stamp(&stat)));
        }
    }
    files.sort_unstable();
    Some(Look(files))
}

/// Whether a folder of this name holds index files: Chroma names it by the UUID of its segment. An application may well
/// keep other things beside its store, and those may move.
fn is_segment(name: &OsStr) -> bool {
    let name = name.as_bytes();
    let is_right = |(place, byte): (usize, &u8)| match place {
        8 | 13 | 18 | 23 => *byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    };
    name.len() == 36 && name.iter().enumerate().all(is_right)
}

fn stamp(stat: &Metadata) -> [i64; 6] {
    let (inode, size) = (stat.ino().cast_signed(), stat.size().cast_signed());
    let modified = [stat.mtime(), stat.mtime_nsec()];
    let changed = [stat.ctime(), stat.ctime_nsec()];
    let ([a, b], [c, d]) = (modified, changed);
    [inode, size, a, b, c, d]
}

impl Assembly<'_, '_, '_> {
    /// The folder's entry once its files fit its database, or flagged.
    pub(super) fn settle_companions(
        &mut self,
        mut open: Open<'_, '_>,
        mut entry: Entry,
    ) -> Result<Entry> {
        let Some(tally) = open.tally.take() else {
            return Ok(entry);
        };
        for attempt in 1.. {
            if open.found.companions == look(&open.found.path) {
                break;
            }
            let path = self.tree_path(&open.found.name);
            if attempt == TRIES {
                self.flag_companions(&open, path);
                break;
            }
            let Ok(stat) = open.found.path.symlink_metadata() else {
                break;
            };
            let root = find_root(&open.found.path, stat)?;
            let walk = Walk::new(self.excludes, root);
            open.found.companions.clone_from(walk.companions());
            *self.tally = tally.clone();
            let again = self.within(path, open.before.clone());
            match again.run(walk)? {
                Some(stored) => entry = stored,
                None => break,
            }
        }
        Ok(entry)
    }

    fn flag_companions(&mut self, open: &Open<'_, '_>, path: TreePath) {
        let message =
            "its files kept changing while its database was captured; they may not fit it";
        self.tally.warn(
            self.monitor,
            Warning {
                path: open.found.path.clone(),
                kind: WarningKind::Changed,
                message: message.to_owned(),
            },
        );
        self.tally.flag(path, Flaw::Changed);
    }
}
