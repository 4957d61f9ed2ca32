//! How the databases of a live folder are kept, and which programs have them open: what a look from outside can tell.
//!
//! Nothing is opened through SQLite and nothing is locked. Descriptors of databases stay open afterwards, as everywhere
//! (F-34).

use std::path::{Path, PathBuf};

use crate::capture::exclude::Excludes;
use crate::capture::walk::{Step, Walk, find_root};
use crate::error::{IoContext, Result, SnapshotError};
use crate::inplace::live::is_database;
use crate::inplace::{Holder, Wanted, holders};
use crate::monitor::Progress;
use crate::sqlite;

/// A database of a live folder.
#[derive(Debug, Clone)]
pub struct LiveDatabase {
    /// Where it is.
    pub path: PathBuf,
    /// Whether it is in WAL mode; else it has a rollback journal.
    pub is_wal: bool,
    /// Bytes of the main file.
    pub bytes: u64,
    /// Bytes of the `-wal`; 0 where there is none.
    pub wal_bytes: u64,
    /// Programs that have it open, as far as this user may see them.
    pub holders: Vec<Holder>,
}

/// The databases of a source, with what these patterns leave out left out. What cannot be looked at is passed over.
///
/// # Errors
/// Where the source cannot be looked at at all, or the watcher asked to stop.
pub fn live_databases(
    source: &Path,
    excludes: &[String],
    progress: &dyn Progress,
) -> Result<Vec<LiveDatabase>> {
    let stat = std::fs::symlink_metadata(source).context("look at", source)?;
    let excludes = Excludes::new(source, excludes, Vec::new())?;
    let mut found = Vec::new();
    for step in Walk::new(&excludes, find_root(source, stat)?) {
        if progress.cancelled() {
            return Err(SnapshotError::cancelled());
        }
        if let Step::Item(item) = step
            && item.stat.is_file()
            && is_database(&item.path, &item.stat).unwrap_or(false)
        {
            found.extend(look(item.path));
        }
    }
    let wanted: Vec<Wanted> = found
        .iter()
        .map(|database| Wanted {
            path: database.path.clone(),
            is_database: true,
        })
        .collect();
    let mut all = holders::find(&wanted);
    for database in &mut found {
        let (own, others) = all
            .into_iter()
            .partition(|holder| holder.path == database.path);
        (database.holders, all) = (own, others);
    }
    Ok(found)
}

fn look(path: PathBuf) -> Option<LiveDatabase> {
    let [wal, ..] = sqlite::side_files(&path);
    let len = |path: &Path| path.symlink_metadata().map_or(0, |stat| stat.len());
    Some(LiveDatabase {
        is_wal: sqlite::is_wal(&path).ok()?,
        bytes: len(&path),
        wal_bytes: len(&wal),
        holders: Vec::new(),
        path,
    })
}
