//! What a backup would store, told without storing it: nothing is written, and no run of it is seen by anybody.
//!
//! It is the walk of a backup beside the tree of the snapshot before. Of a file that may be new no more is read than tells
//! whether it is a database, and no database is opened through SQLite. What only the reading tells is not foreseen: a file that
//! was touched counts as changed, and a database may be locked or damaged.

use std::path::{Path, PathBuf};

use lifeboat_store::{Clock, Store, SystemClock};

use super::foreseen::{Foreseen, Foresight};
use super::plan::Backup;
use super::room::Room;
use super::roots::{excludes_of, look_at_sources, path_bytes};
use super::settings::Settings;
use super::tally::Tally;
use super::walk::{Found, Walk, find_root};
use super::{is_alike, scout};
use crate::error::{IoContext, Result};
use crate::inplace::unfinished_in;
use crate::manifest::Manifest;
use crate::monitor::{Monitor, Task, Warning};
use crate::nested::check_place;
use crate::path::{Name, TreePath};
use crate::record::Snapshot;
use crate::repository::Repository;
use crate::tree::source_names;

/// What a backup would do, as far as that can be told without reading.
#[derive(Debug, Clone, Default)]
pub struct BackupPreview {
    /// The snapshot that it would be compared with.
    pub parent: Option<Snapshot>,
    /// What there is in each source.
    pub sources: Vec<SourcePreview>,
    /// Databases, in the order of the walk.
    pub databases: Vec<DatabasePreview>,
    /// Databases that were in the snapshot before and are not there any more, where they were.
    pub databases_gone: Vec<PathBuf>,
    /// Entries that would be left out because a pattern or another rule says so; a folder counts as one.
    pub excluded: u64,
    /// Whether the snapshot would certainly hold what its parent holds.
    pub is_unchanged: bool,
    /// Restores in place of the sources that a crash has stopped. A backup finishes them first, and finds other data then.
    pub unfinished: Vec<PathBuf>,
    /// Everything that would be in the way.
    pub warnings: Vec<Warning>,
}

/// What a backup would find in one source.
#[derive(Debug, Clone, Default)]
pub struct SourcePreview {
    /// Where it is.
    pub path: PathBuf,
    /// Files that are not in the snapshot before.
    pub files_new: u64,
    /// Files that do not look as they did before, databases with later commits among them.
    pub files_changed: u64,
    /// Files that look as they did before.
    pub files_unchanged: u64,
    /// Bytes of all of them.
    pub bytes: u64,
    /// Bytes that would be read, at most.
    pub read_bytes: u64,
}

impl SourcePreview {
    /// Files of all three sorts.
    pub const fn files(&self) -> u64 {
        self.files_new + self.files_changed + self.files_unchanged
    }
}

/// A database that a backup would take as one.
#[derive(Debug, Clone)]
pub struct DatabasePreview {
    /// Where it would stand in the snapshot.
    pub path: TreePath,
    /// Its bytes, those of its WAL included.
    pub bytes: u64,
    /// Whether nothing was committed in it since the snapshot before.
    pub unchanged: bool,
}

/// Where a backup would go, and what it would be compared with.
struct Goal<'g> {
    repository: Option<&'g Repository>,
    place: &'g Path,
    plan: &'g Backup,
    before: Option<Manifest>,
    monitor: &'g dyn Monitor,
}

impl Repository {
    /// What [`backup`](Self::backup) would do with this plan. Nothing is written.
    ///
    /// # Errors
    /// Where the backup itself would not begin, or would end without a snapshot.
    pub fn preview_backup(&self, plan: &Backup, monitor: &dyn Monitor) -> Result<BackupPreview> {
        let place = self.place();
        let sources = look_at_sources(&place, plan)?;
        let listing = self.snapshots()?;
        let names: Vec<_> = sources.iter().map(|path| path_bytes(path)).collect();
        let newest_first = listing.snapshots.iter().rev();
        let mut alike = newest_first.filter(|snapshot| is_alike(snapshot, plan, &names));
        let room = self.room(&place);
        let doubt = room.check(plan, &sources, alike.clone(), monitor)?;
        let parent = alike.next();
        let goal = Goal {
            repository: Some(self),
            place: &place,
            plan,
            before: parent.and_then(|parent| self.manifest(parent).ok()),
            monitor,
        };
        Ok(BackupPreview {
            parent: parent.cloned(),
            ..goal.preview(&sources, doubt)?
        })
    }
}

/// The same of a first backup, where the repository at `place` would be created for it.
///
/// # Errors
/// Where the backup itself would not begin, or would end without a snapshot.
pub fn preview_first_backup(
    place: &Path,
    plan: &Backup,
    monitor: &dyn Monitor,
) -> Result<BackupPreview> {
    check_place(place)?;
    let sources = look_at_sources(place, plan)?;
    let doubt = Room::to_be(place).check(plan, &sources, std::iter::empty(), monitor)?;
    let goal = Goal {
        repository: None,
        place,
        plan,
        before: None,
        monitor,
    };
    goal.preview(&sources, doubt)
}

fn look_at_root(path: &Path) -> Result<Found> {
    let stat = std::fs::symlink_metadata(path).of_source(path)?;
    find_root(path, stat)
}

/// The sources, and their databases at their places in the snapshot.
fn placed(
    found: Vec<Foreseen>,
    roots: &[(Name, bool)],
) -> (Vec<SourcePreview>, Vec<DatabasePreview>) {
    let (mut sources, mut databases) = (Vec::new(), Vec::new());
    for (found, name) in found.into_iter().zip(source_names(roots)) {
        let begin = name.map_or_else(TreePath::root, |name| TreePath::root().join(&name));
        let place = |mut database: DatabasePreview| {
            let parts = database.path.parts().iter();
            database.path = parts.fold(begin.clone(), |path, part| path.join(part));
            database
        };
        databases.extend(found.databases.into_iter().map(place));
        sources.push(found.source);
    }
    (sources, databases)
}

impl Goal<'_> {
    fn preview(&self, sources: &[PathBuf], doubt: Option<Warning>) -> Result<BackupPreview> {
        let mut tally = Tally::default();
        let store = self.repository.map(Repository::store);
        tally.warn_of_plan(store.and_then(Store::verify_plan), self.monitor);
        // Nothing is built on what a damaged plan may condemn.
        let store = store.filter(|_| tally.warnings.is_empty());
        if let Some(doubt) = doubt {
            tally.warn(self.monitor, doubt);
        }
        let unfinished = self.unfinished(&mut tally)?;
        self.monitor.begin(Task::Capture, None);
        let (mut roots, mut found) = (Vec::new(), Vec::new());
        for (number, path) in (0..).zip(sources) {
            tally.source = number;
            let root = look_at_root(path)?;
            roots.push((root.name.clone(), root.stat.is_dir()));
            found.push(self.source(root, store, &mut tally)?);
        }
        let had_all = self.before.as_ref().is_some_and(|b| b.flags.is_empty());
        let has_all = tally.warnings.iter().all(|warning| !warning.kind.is_loss());
        let databases_gone = self.gone(sources, &found);
        let (sources, databases) = placed(found, &roots);
        Ok(BackupPreview {
            parent: None,
            sources,
            databases,
            databases_gone,
            excluded: tally.excluded,
            is_unchanged: had_all && has_all && !tally.differs && unfinished.is_empty(),
            unfinished,
            warnings: tally.warnings,
        })
    }

    fn settings<'p>(&'p self, plan: &'p Backup) -> Settings<'p> {
        let clock = self
            .repository
            .map_or(&SystemClock as &dyn Clock, Repository::clock);
        Settings::new(plan, self.before.as_ref(), clock.now())
    }

    fn gone(&self, sources: &[PathBuf], found: &[Foreseen]) -> Vec<PathBuf> {
        let taken = (0..).zip(found).flat_map(|(number, found)| {
            let databases = found.databases.iter();
            databases.map(move |database| (number, &database.path))
        });
        self.settings(self.plan).gone(sources, taken)
    }

    fn source(&self, root: Found, store: Option<&Store>, tally: &mut Tally) -> Result<Foreseen> {
        let path = &root.path.clone();
        let plan = self.plan.of_source(tally.source);
        let settings = self.settings(&plan);
        let excludes = excludes_of(self.place, &plan, path, &root.stat)?;
        let sources = self.before.iter().flat_map(|before| &before.sources);
        let before = sources
            .map(|source| source.root.clone())
            .nth(tally.source as usize);
        let walk = Walk::new(&excludes, root);
        let foresight = Foresight::new(&settings, store, path, before, tally, self.monitor);
        let found = scout::ahead(walk, |steps| foresight.run(steps))?;
        if found.source.files() == 0 && !plan.allow_empty {
            let known = self.repository.map(|of| of.check_emptied(&plan, path));
            known.transpose()?;
        }
        Ok(found)
    }

    /// Folders with a restore that a crash has stopped. One that somebody restores right now is an error.
    fn unfinished(&self, tally: &mut Tally) -> Result<Vec<PathBuf>> {
        let mut all = Vec::new();
        for source in &self.plan.sources {
            let (unfinished, foreign) = unfinished_in(source, self.plan.state.as_deref())?;
            all.extend(unfinished);
            for warning in foreign {
                tally.warn(self.monitor, warning);
            }
        }
        all.sort();
        all.dedup();
        Ok(all)
    }
}
