//! After a crash: finishing what a journal says, and throwing away what no journal speaks for.

use std::path::{Path, PathBuf};

use super::error::InPlaceError;
use super::files::{Real, sync_folder};
use super::finish::{clear, finish};
use super::holders::{self, Wanted};
use super::journal::Journal;
use super::leader;
use super::locks::DatabaseLocks;
use super::stage::{self, Lock};
use crate::error::{IoContext, Result};
use crate::monitor::{Monitor, Warning, WarningKind};
use crate::path::real;

/// What was done about restores that a crash has stopped.
#[derive(Debug, Clone, Default)]
pub struct Settled {
    /// The live folders that are wholly new by that.
    pub finished: Vec<PathBuf>,
    /// Folders of what was replaced and is nowhere else.
    pub kept: Vec<PathBuf>,
}

/// Finishes restores in place that a crash has stopped in one of these folders, above them, or right in them. To be called
/// before anything relies on the folders being one state.
///
/// # Errors
/// Where one is under way in another process, or cannot be finished, or where it cannot be told whether there is one to
/// finish: nothing is thrown away then.
pub fn finish_interrupted(paths: &[PathBuf]) -> Result<Settled> {
    let mut settled = Settled::default();
    for path in paths {
        let path = real(path);
        for found in stage::find(&path) {
            // One that went with its leader is no more.
            if is_there(&found)? {
                settle(&found, &mut settled)?;
            }
        }
    }
    settled.finished.sort();
    settled.finished.dedup();
    Ok(settled)
}

/// The same, before these folders are looked at; what is kept is told to the monitor.
pub(crate) fn finish_before_looking(paths: &[PathBuf], monitor: &dyn Monitor) -> Result<Settled> {
    let settled = finish_interrupted(paths)?;
    for kept in &settled.kept {
        monitor.warning(&Warning {
            path: kept.clone(),
            kind: WarningKind::Changed,
            message: "holds what a stopped restore replaced and no snapshot has: its file 'keep' says what is what"
                .to_owned(),
        });
    }
    Ok(settled)
}

fn settle(found: &Path, settled: &mut Settled) -> Result<()> {
    stage::check_owner(found)?;
    let Some(leader) = leader::of(found)? else {
        return finish_stage(found, settled);
    };
    if !leader.is_done(found)? {
        stage::check_owner(&leader.stage)?;
        finish_stage(&leader.stage, settled)?;
    }
    // One whose leader is done was left behind.
    match is_there(found)? {
        true => discard(found, settled),
        false => Ok(()),
    }
}

fn is_there(stage: &Path) -> Result<bool> {
    match stage.symlink_metadata() {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error).context("look at", stage),
    }
}

fn finish_stage(leader: &Path, settled: &mut Settled) -> Result<()> {
    let Some(journal) = Journal::read(leader)? else {
        return discard(leader, settled);
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
    match Journal::read(leader)? {
        None => return Ok(()),
        Some(again) if again == journal => {}
        Some(_) => {
            return Err(InPlaceError::TargetHeld {
                path: leader.to_owned(),
            }
            .into());
        }
    }
    let _locks = DatabaseLocks::take(journal.databases())?;
    check_holders(&journal)?;
    let files: Vec<Real> = places
        .iter()
        .map(|(live, stage)| {
            stage::check_owner(stage)?;
            Real::open(live, stage).context("open", live)
        })
        .collect::<Result<_>>()?;
    finish(&journal, &files, leader)?;
    settled.kept.extend(clear(&journal, leader)?);
    settled
        .finished
        .extend(places.into_iter().map(|(live, _)| live));
    Ok(())
}

/// Throws a stage away that no journal speaks for, unless somebody is at work with it: that one holds the locks, and
/// none can begin while they are held here.
fn discard(stage: &Path, settled: &mut Settled) -> Result<()> {
    let Some(_locks) = locks_around(stage) else {
        return Ok(());
    };
    // Whoever held the locks just before may have written a journal, or thrown the stage away.
    if !is_there(stage)? || Journal::read(stage)?.is_some() {
        return Ok(());
    }
    if let Some(leader) = leader::of(stage)?
        && !leader.is_done(stage)?
    {
        return Ok(());
    }
    // A journal that a failing disk has not let go would come back after a power cut.
    sync_folder(stage).context("sync", stage)?;
    settled.kept.extend(stage::discard(stage)?);
    Ok(())
}

/// A program that was started between the crash and now would go on with what is about to lose its name.
fn check_holders(journal: &Journal) -> Result<()> {
    let wanted = journal.databases().into_iter().map(|path| Wanted {
        path,
        is_database: true,
    });
    let wanted: Vec<Wanted> = wanted.collect();
    holders::check(&wanted)
}

/// The locks of whoever may be at work with a stage: its live folder is beside or around it. `None` where somebody has
/// one, or where that cannot be told.
fn locks_around(stage: &Path) -> Option<Vec<Lock>> {
    let above = stage.parent()?;
    let mut locks = vec![Lock::take(above).ok()?];
    for entry in std::fs::read_dir(above).ok()? {
        let folder = entry.ok()?.path();
        let is_place = stage::places(&folder, &folder).iter().any(|at| at == stage);
        if is_place && folder.is_dir() {
            locks.push(Lock::take(&folder).ok()?);
        }
    }
    Some(locks)
}
