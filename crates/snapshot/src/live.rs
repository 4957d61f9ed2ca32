//! Whether the databases of a live folder are well, asked before a program starts to use them; and where the newest good
//! state is of one that is not.
//!
//! The folder is only looked at: databases are read as a backup reads them, so no journal is rolled back in them and no
//! side file appears. A database that the newest snapshot knows and that is gone, or is none any more, is as bad as a
//! damaged one: a program would start with nothing.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::capture::exclude::Excludes;
use crate::capture::walk::{Step, Walk, find_root};
use crate::content::Content;
use crate::entry::Node;
use crate::error::{IoContext, Result, SnapshotError};
use crate::image::StoredDatabase;
use crate::inplace::check_finished;
use crate::inplace::live::{is_database, look};
use crate::manifest::Database;
use crate::monitor::{Monitor, Task, go_on};
use crate::path::{TreePath, of_bytes};
use crate::record::Snapshot;
use crate::repository::Repository;
use crate::sqlite::{
    self, CaptureOptions, Check, Checked, ExtentSink, Facts, SqliteError, Stopped, image_facts,
};

/// How to look at a live folder.
#[derive(Debug, Clone)]
pub struct CheckLive {
    /// SQLite's whole check, as against the quick one.
    pub full: bool,
    /// For how long to wait for a locked database.
    pub busy_timeout: Duration,
    /// A folder for the pages of a hot journal; without one, such a database cannot be checked.
    pub scratch: Option<PathBuf>,
    /// The folder of the notes that restores in place were given ([`InPlace::state`](crate::InPlace)).
    pub state: Option<PathBuf>,
}

/// A database of a live folder.
#[derive(Debug, Clone)]
pub struct Health {
    /// Where it is.
    pub path: PathBuf,
    /// How it is.
    pub state: HealthState,
}

/// How a live database is.
#[derive(Debug, Clone)]
pub enum HealthState {
    /// SQLite's check finds nothing.
    Healthy(Facts),
    /// What the check found.
    Damaged(Vec<String>),
    /// It cannot be read, for the reason told.
    Unreadable(String),
    /// The newest snapshot has it, and nothing is there.
    Missing,
    /// The newest snapshot has it, and what is there is no database.
    NoDatabase,
    /// Another program holds it locked, so nothing is known of it.
    Busy,
}

impl Health {
    /// Whether a program can start with it.
    pub fn is_healthy(&self) -> bool {
        matches!(self.state, HealthState::Healthy(_))
    }
}

/// Checks every database in a folder; `known` are those that should be there, also where the folder is gone.
///
/// # Errors
/// Where the folder cannot be looked at, and where a restore in place of it lies stopped: it is neither old nor new.
pub fn check_live(
    folder: &Path,
    known: &BTreeSet<PathBuf>,
    how: &CheckLive,
    monitor: &dyn Monitor,
) -> Result<Vec<Health>> {
    check_finished(folder, how.state.as_deref(), monitor)?;
    monitor.begin(Task::Verify, None);
    let found = databases_in(folder)?;
    let all: BTreeSet<&PathBuf> = found.iter().chain(known).collect();
    let mut healths = Vec::new();
    for path in all {
        go_on(monitor)?;
        monitor.item(path);
        healths.push(Health {
            state: state(path, found.contains(path), how, monitor)?,
            path: path.clone(),
        });
    }
    Ok(healths)
}

/// Where the folder is gone, there are none.
fn databases_in(folder: &Path) -> Result<BTreeSet<PathBuf>> {
    let mut found = BTreeSet::new();
    let stat = match std::fs::symlink_metadata(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(found),
        stat => stat.context("look at", folder)?,
    };
    let excludes = Excludes::new(folder, &[], Vec::new())?;
    for step in Walk::new(&excludes, find_root(folder, stat)?) {
        if let Step::Item(item) = step
            && is_database(&item.path, &item.stat).unwrap_or(true)
            && item.stat.is_file()
        {
            found.insert(item.path);
        }
    }
    Ok(found)
}

fn state(
    path: &Path,
    is_found: bool,
    how: &CheckLive,
    monitor: &dyn Monitor,
) -> Result<HealthState> {
    if !is_found {
        return Ok(match look(path)? {
            None => HealthState::Missing,
            Some(_) => HealthState::NoDatabase,
        });
    }
    let options = CaptureOptions {
        busy_timeout: how.busy_timeout,
        check: if how.full { Check::Full } else { Check::Quick },
        scratch: how.scratch.clone(),
        ..CaptureOptions::default()
    };
    Ok(
        match sqlite::capture(path, &options, &mut Watched(monitor)) {
            Ok(facts) => judged(facts),
            Err(SqliteError::Stopped) => return Err(SnapshotError::cancelled()),
            Err(SqliteError::Busy { .. }) => HealthState::Busy,
            Err(SqliteError::Damaged { detail, .. }) => HealthState::Damaged(vec![detail]),
            Err(error) => HealthState::Unreadable(error.to_string()),
        },
    )
}

fn judged(facts: Facts) -> HealthState {
    match &facts.check {
        Checked::Damaged(findings) => HealthState::Damaged(findings.clone()),
        // An index may need a collation that only the application has; that is no damage.
        Checked::Ok | Checked::NotDone | Checked::Unable(_) => HealthState::Healthy(facts),
    }
}

/// Every page is read, and none is kept.
struct Watched<'m>(&'m dyn Monitor);

impl ExtentSink for Watched<'_> {
    fn extent(&mut self, _: u64, bytes: Vec<u8>) -> Result<(), Stopped> {
        self.0.advance(bytes.len() as u64);
        match self.0.cancelled() {
            true => Err(Stopped),
            false => Ok(()),
        }
    }
}

/// The newest good state of a database.
#[derive(Debug, Clone)]
pub struct Healthy {
    /// The snapshot that has it.
    pub snapshot: Snapshot,
    /// Where in the snapshot's source.
    pub path: TreePath,
    /// What is in it.
    pub facts: Facts,
}

impl Repository {
    /// The databases that the newest snapshot of each source on this machine has in a folder.
    ///
    /// # Errors
    /// Where the snapshots cannot be listed or the newest cannot be read.
    pub fn known_databases(&self, folder: &Path, host: &str) -> Result<BTreeSet<PathBuf>> {
        let mut known = BTreeSet::new();
        let mut seen: BTreeSet<&[u8]> = BTreeSet::new();
        let listing = self.snapshots()?;
        let snapshots = listing.snapshots.iter().rev();
        for snapshot in snapshots.filter(|snapshot| snapshot.host == host) {
            let is_new = |source: &&serde_bytes::ByteBuf| !seen.contains(source.as_slice());
            let is_of_interest = snapshot.sources.iter().filter(is_new).any(|source| {
                let source = of_bytes(source);
                source.starts_with(folder) || folder.starts_with(source)
            });
            if is_of_interest {
                let manifest = self.manifest(snapshot)?;
                let paths = manifest.databases.iter().filter_map(|database| {
                    let source = manifest.sources.get(database.source as usize)?;
                    let is_new = !seen.contains(source.path.as_slice());
                    is_new.then(|| database.path.below(of_bytes(&source.path)))
                });
                known.extend(paths.filter(|path| path.starts_with(folder)));
            }
            seen.extend(snapshot.sources.iter().map(|source| source.as_slice()));
        }
        Ok(known)
    }

    /// The newest snapshot of this machine in which the database of this path is well, as SQLite's check on the stored
    /// pages finds. `None` where there is none.
    ///
    /// # Errors
    /// Where the snapshots cannot be listed. Those that cannot be read are passed over.
    pub fn newest_healthy(
        &self,
        path: &Path,
        host: &str,
        full: bool,
        monitor: &dyn Monitor,
    ) -> Result<Option<Healthy>> {
        let listing = self.snapshots()?;
        let mut judged: Vec<Content> = Vec::new();
        for snapshot in listing.snapshots.into_iter().rev() {
            go_on(monitor)?;
            if snapshot.host != host
                || !snapshot
                    .sources
                    .iter()
                    .any(|s| path.starts_with(of_bytes(s)))
            {
                continue;
            }
            let Ok(Some((database, content))) = self.stored_database(&snapshot, path) else {
                continue;
            };
            if matches!(database.facts.check, Checked::Damaged(_)) || judged.contains(&content) {
                continue;
            }
            let options = CaptureOptions {
                check: if full { Check::Full } else { Check::Quick },
                ..CaptureOptions::default()
            };
            let image = StoredDatabase::new(self.shared_store(), content.clone());
            if let Ok(facts) = image_facts(Arc::new(image), &options)
                && matches!(facts.check, Checked::Ok | Checked::Unable(_))
            {
                let path = database.path;
                return Ok(Some(Healthy {
                    snapshot,
                    path,
                    facts,
                }));
            }
            judged.push(content);
        }
        Ok(None)
    }

    /// The database that stood at a live path when the snapshot was taken.
    fn stored_database(
        &self,
        snapshot: &Snapshot,
        path: &Path,
    ) -> Result<Option<(Database, Content)>> {
        let tree = self.tree(snapshot)?;
        let manifest = tree.manifest();
        let stands_there = |database: &&Database| {
            let source = manifest.sources.get(database.source as usize);
            source.is_some_and(|source| database.path.below(of_bytes(&source.path)) == path)
        };
        let Some(database) = manifest.databases.iter().find(stands_there) else {
            return Ok(None);
        };
        let entry = tree.entry(&tree.database_path(database))?;
        Ok(match entry.node {
            Node::Database { content, .. } => Some((database.clone(), content)),
            _ => None,
        })
    }
}
