//! After a crash: finishing what a journal says, and throwing away what no journal speaks for.

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::files::Real;
use super::holders::{self, Wanted};
use super::journal::{Change, Journal};
use super::stage::{self, Lock};
use super::swap::{clear, finish};
use crate::error::{IoContext, Result, SnapshotError};

/// Finishes restores in place that a crash has stopped in one of these folders, above them, or right in them. Gives the
/// folders that are wholly new by that. To be called before anything relies on the folders being one state.
///
/// # Errors
/// Where one is under way in another process, or cannot be finished.
pub fn finish_interrupted(paths: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut finished = Vec::new();
    for path in paths {
        let path = path.canonicalize().unwrap_or_else(|_| path.clone());
        for found in stage::find(&path) {
            let leader = leader(&found)?;
            finished.extend(finish_stage(&leader)?);
            // One whose leader is done was left behind.
            if leader != found && found.symlink_metadata().is_ok() && is_unlocked(&found) {
                stage::discard(&found)?;
            }
        }
    }
    finished.sort();
    finished.dedup();
    Ok(finished)
}

/// The stage whose journal speaks for this one.
fn leader(found: &Path) -> Result<PathBuf> {
    stage::check_owner(found)?;
    let path = found.join(stage::LEADER);
    match std::fs::read(&path) {
        Ok(bytes) => {
            let leader = PathBuf::from(std::ffi::OsStr::from_bytes(&bytes));
            Ok(match stage::is_name(&leader) && leader.is_absolute() {
                true => leader,
                false => found.to_owned(),
            })
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(found.to_owned()),
        Err(error) => Err(error).context("read", &path),
    }
}

fn finish_stage(leader: &Path) -> Result<Vec<PathBuf>> {
    if leader.symlink_metadata().is_err() {
        return Ok(Vec::new());
    }
    stage::check_owner(leader)?;
    let Some(journal) = Journal::read(leader)? else {
        if is_unlocked(leader) {
            stage::discard(leader)?;
        }
        return Ok(Vec::new());
    };
    let places: Vec<(PathBuf, PathBuf)> = journal.places().collect();
    let mut locks = Vec::new();
    let mut folders: Vec<&PathBuf> = places.iter().map(|(live, _)| live).collect();
    folders.sort();
    folders.dedup();
    for live in folders {
        locks.push(Lock::take(live)?);
    }
    // The process that held the locks may have ended the journal just before.
    if Journal::read(leader)?.is_none() {
        return Ok(Vec::new());
    }
    check_holders(&journal, &places)?;
    let files: Vec<Real> = places
        .iter()
        .map(|(live, stage)| {
            stage::check_owner(stage)?;
            Real::open(live, stage).context("open", live)
        })
        .collect::<Result<_>>()?;
    let kept = finish(&journal, &files, leader)?;
    clear(&journal, &kept, leader)?;
    Ok(places.into_iter().map(|(live, _)| live).collect())
}

/// A program that was started between the crash and now would go on with what is about to lose its name.
fn check_holders(journal: &Journal, places: &[(PathBuf, PathBuf)]) -> Result<()> {
    let wanted: Vec<Wanted> = journal
        .steps
        .iter()
        .filter_map(|step| {
            let (live, _) = places.get(step.folder as usize)?;
            let is_database = match step.change {
                Change::Put { is_database, .. } | Change::Remove { is_database, .. } => is_database,
                _ => false,
            };
            is_database.then(|| Wanted {
                path: step.path.below(live),
                is_database,
            })
        })
        .collect();
    let holders = holders::find(&wanted);
    match holders.first() {
        None => Ok(()),
        Some(first) => Err(SnapshotError::InUse {
            path: first.path.clone(),
            holders,
        }),
    }
}

/// Whether nobody is at work with a stage that has no journal: it is then waste. Its live folder is beside or around it,
/// and whoever is at work holds that.
fn is_unlocked(stage: &Path) -> bool {
    let Some(above) = stage.parent() else {
        return false;
    };
    let live = std::fs::read_dir(above).into_iter().flatten().flatten();
    let live = live.map(|entry| entry.path()).filter(|path| path.is_dir());
    let is_place = |folder: &PathBuf| stage::place(folder, folder) == stage;
    let inside = std::iter::once(above.to_owned());
    let mut around = inside.chain(live.filter(is_place));
    around.all(|folder| Lock::take(&folder).is_ok())
}
