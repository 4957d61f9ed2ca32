//! The snapshot that is taken before anything is replaced, and the proof that everything which will be is in it (R7).

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};

use super::compare::Place;
use super::error::InPlaceError;
use super::live::{self, Stamp};
use super::plan::{InPlace, Plan, What};
use super::was::Role;
use crate::capture::{Backup, CheckPolicy};
use crate::entry::{Entry, Node};
use crate::error::{Result, SnapshotError};
use crate::monitor::Monitor;
use crate::recent::COARSE_TICK;
use crate::record::Snapshot;
use crate::repository::Repository;

/// The tag of snapshots that were taken before a restore in place.
pub const SAFETY_TAG: &str = "before-restore";

impl Snapshot {
    /// Whether it was taken before a restore in place, of what that wrote over.
    pub fn is_safety(&self) -> bool {
        self.tags.iter().any(|tag| tag == SAFETY_TAG)
    }
}

/// How long to wait before a stamp is looked at again.
const PAUSE: Duration = Duration::from_millis(5);

/// The safety snapshot of a plan; what it could not save whole, by place. `None` where there is nothing to save.
pub(super) fn save(
    repository: &Repository,
    plan: &mut Plan,
    options: &InPlace,
    before: &Snapshot,
    monitor: &dyn Monitor,
) -> Result<Option<Snapshot>> {
    wait_for_stamps(plan, monitor)?;
    let sources = sources(plan)?;
    if sources.is_empty() {
        return nothing_to_save(plan);
    }
    let backup = Backup {
        sources,
        exclude_folders: options.protect.clone(),
        // What backups leave out may be replaced as well, and undo removes what the safety snapshot lacks.
        ignore_files: false,
        tags: vec![SAFETY_TAG.to_owned()],
        description: format!("before the restore of {}", before.id.short()),
        host: options.host.clone(),
        offset_minutes: options.offset_minutes,
        counts: options.counts.clone(),
        check: CheckPolicy::None,
        busy_timeout: options.busy_timeout,
        scratch: Some(repository.place()),
        threads: options.threads,
        allow_empty: true,
        ..Backup::default()
    };
    let report = repository.backup_as_it_is(&backup, monitor)?;
    let Some(safety) = report.snapshot else {
        return nothing_to_save(plan);
    };
    repository.pin(safety.id, &backup.description)?;
    check(repository, &safety, plan)?;
    Ok(Some(safety))
}

/// The sources that are there. A link to nothing is, and can be saved as no source.
fn sources(plan: &Plan) -> Result<Vec<PathBuf>> {
    let mut sources = Vec::new();
    for target in &plan.targets {
        let path = &target.source;
        match live::look(path)? {
            None => {}
            Some(stat) if stat.is_symlink() && path.canonicalize().is_err() => {
                return Err(InPlaceError::NotSaved {
                    path: path.clone(),
                    reason: "it is a link that leads nowhere".to_owned(),
                }
                .into());
            }
            Some(_) => sources.push(path.clone()),
        }
    }
    Ok(sources)
}

/// No snapshot was taken: fine where nothing goes.
fn nothing_to_save(plan: &Plan) -> Result<Option<Snapshot>> {
    match saved(plan).next() {
        None => Ok(None),
        Some((place, _)) => Err(InPlaceError::NotSaved {
            path: plan.path(place),
            reason: "no safety snapshot could be taken".to_owned(),
        }
        .into()),
    }
}

/// A change in the same tick of the clock as the one before would leave no trace.
fn wait_for_stamps(plan: &Plan, monitor: &dyn Monitor) -> Result<()> {
    let began = Instant::now();
    let side_files = side_files(plan).filter_map(|(_, stamp)| stamp.as_ref());
    for stamp in still(plan).map(|(_, stamp)| stamp).chain(side_files) {
        while !is_settled(stamp, SystemTime::now(), began.elapsed()) {
            if monitor.cancelled() {
                return Err(SnapshotError::cancelled());
            }
            std::thread::sleep(PAUSE);
        }
    }
    check_stamps(plan)
}

/// Whether every later change leaves another stamp: by the clock that stamps files, or since that has gone on while it was
/// waited. The clock may have been wrong, but it does not stand still.
fn is_settled(stamp: &Stamp, now: SystemTime, waited: Duration) -> bool {
    !stamp.is_fresh(now) || waited >= COARSE_TICK
}

/// Everything that is replaced or removed.
fn saved(plan: &Plan) -> impl Iterator<Item = (&Place, &Stamp)> {
    let differences = plan.differences.iter().filter_map(|difference| {
        let goes = matches!(difference.what, What::Put | What::Remove);
        let stamp = difference.stamp.as_ref().filter(|_| goes)?;
        Some((&difference.place, stamp))
    });
    let inside = plan.inside.iter();
    let inside = inside.filter(|inside| matches!(inside.role, Role::Plain | Role::Database));
    differences.chain(inside.map(|inside| (&inside.place, &inside.stamp)))
}

/// The same without databases that are written back through SQLite: they may change at any time, and are locked for that.
fn still(plan: &Plan) -> impl Iterator<Item = (&Place, &Stamp)> {
    let is_online = |place: &Place| {
        let mut online = plan.differences.iter().filter(|found| found.online);
        online.any(|found| found.place == *place)
    };
    let side_files = plan.inside.iter();
    let side_files = side_files.filter(|inside| inside.role == Role::SideFile);
    saved(plan)
        .filter(move |(place, _)| !is_online(place))
        .chain(side_files.map(|inside| (&inside.place, &inside.stamp)))
}

fn check_stamp(plan: &Plan, place: &Place, stamp: &Stamp) -> Result<()> {
    let Some(target) = plan.targets.get(place.0) else {
        return Ok(());
    };
    let path = target.at(&place.1);
    match Stamp::at(&path)? {
        Some(now) if now == *stamp => Ok(()),
        _ => Err(InPlaceError::ChangedMeanwhile { path }.into()),
    }
}

/// Nothing has changed since the plan was made: looked at once more, as late as can be.
pub(super) fn check_stamps(plan: &Plan) -> Result<()> {
    still(plan).try_for_each(|(place, stamp)| check_stamp(plan, place, stamp))?;
    for (path, stamp) in side_files(plan) {
        if Stamp::at(path)? != *stamp {
            return Err(InPlaceError::ChangedMeanwhile { path: path.clone() }.into());
        }
    }
    Ok(())
}

/// The side files of what goes, and how they looked.
fn side_files(plan: &Plan) -> impl Iterator<Item = &(PathBuf, Option<Stamp>)> {
    let still = plan.differences.iter().filter(|found| !found.online);
    still.flat_map(|found| &found.side_files)
}

/// Everything that will go is in the safety snapshot, as it looked when the plan was made.
fn check(repository: &Repository, safety: &Snapshot, plan: &mut Plan) -> Result<()> {
    let tree = repository.tree(safety)?;
    let places = super::target::targets(&tree)?;
    let mut needed: BTreeMap<Place, Stamp> = saved(plan)
        .map(|(place, stamp)| (place.clone(), *stamp))
        .collect();
    let mut saved_as_files = BTreeSet::new();
    for found in tree.walk() {
        let (path, entry) = found?;
        let place = places.iter().find_map(|saved| {
            let live = saved.live_of(&path)?;
            let same = |target: &super::target::Target| target.source == saved.source;
            Some((plan.targets.iter().position(same)?, live))
        });
        let Some(place) = place else { continue };
        if let Some(stamp) = needed.remove(&place) {
            if !is_saved(&entry, &stamp) {
                needed.insert(place, stamp);
                break;
            }
            if let Node::File { .. } = entry.node {
                saved_as_files.insert(place);
            }
        }
    }
    if let Some((place, _)) = needed.pop_first() {
        return Err(InPlaceError::NotSaved {
            path: plan.path(&place),
            reason: "the safety snapshot does not hold it as it is".to_owned(),
        }
        .into());
    }
    note_kept(plan, &saved_as_files)
}

/// A database too damaged to be read as one is saved as a file, and its side files are not: it is kept. One that would be
/// written back instead of being replaced cannot be kept.
fn note_kept(plan: &mut Plan, saved_as_files: &BTreeSet<Place>) -> Result<()> {
    let is_file = |place: &Place| saved_as_files.contains(place);
    for difference in &plan.differences {
        if difference.online && is_file(&difference.place) {
            return Err(InPlaceError::NotSaved {
                path: plan.path(&difference.place),
                reason: "it cannot be read as a database, and --online would write over what is in its WAL"
                    .to_owned(),
            }.into());
        }
    }
    let databases = plan.differences.iter().filter(|found| found.is_database);
    let databases = databases.map(|found| (&found.place, &found.place));
    let inside = plan.inside.iter();
    let inside = inside.filter(|inside| inside.role == Role::Database);
    let inside = inside.map(|inside| (&inside.place, &inside.top));
    let kept = databases.chain(inside);
    let kept = kept.filter(|(place, _)| is_file(place));
    plan.kept = kept.map(|(_, top)| top.clone()).collect();
    Ok(())
}

fn is_saved(entry: &Entry, stamp: &Stamp) -> bool {
    match &entry.node {
        Node::File { content, seen, .. } => {
            content.len == stamp.bytes
                && entry.meta.mtime == stamp.mtime
                && seen.is_none_or(|seen| stamp.is(&seen))
        }
        // Its bytes are those of a committed state; that nothing was committed since is seen by its stamps.
        Node::Database { .. } | Node::Symlink { .. } | Node::Folder { .. } => true,
        Node::Special { .. } => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::Time;

    #[test]
    fn a_stamp_of_whole_seconds_is_waited_for_until_no_later_change_can_leave_it() {
        let stamp = |nanos| Stamp {
            inode: 1,
            device: 1,
            links: 1,
            bytes: 1,
            mtime: Time { secs: 0, nanos: 0 },
            ctime: Time { secs: 10, nanos },
            is_folder: false,
        };
        let at = |millis| SystemTime::UNIX_EPOCH + Duration::from_millis(millis);
        let waited = Duration::from_millis(500);
        assert!(is_settled(&stamp(1), at(10_500), waited));
        assert!(!is_settled(&stamp(0), at(10_500), waited));
        assert!(is_settled(&stamp(0), at(13_500), waited));
        // A clock that was set back is not waited for until it is there again.
        assert!(!is_settled(&stamp(1), at(9_000), waited));
        assert!(is_settled(&stamp(1), at(9_000), COARSE_TICK));
    }
}
