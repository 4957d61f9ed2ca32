//! After a crash: finishing what a journal says, and throwing away what no journal speaks for.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::error::InPlaceError;
use super::files::{Real, sync_folder};
use super::finish::{clear, finish};
use super::holders::{self, Wanted};
use super::journal::Journal;
use super::leader;
use super::locks::DatabaseLocks;
use super::places;
use super::stage::{self, Lock};
use super::vouch::{Found, Vouchers};
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
    /// Folders with the name of one for restoring that no restore of this user has made, as far as is known: nothing that
    /// they say was done, and they are as they were.
    pub refused: Vec<PathBuf>,
}

impl Settled {
    /// What is to be told of folders that were left alone.
    pub fn warnings(&self) -> Vec<Warning> {
        self.refused.iter().map(|path| foreign(path)).collect()
    }
}

/// Finishes restores in place that a crash has stopped in one of these folders, above them, or right in them. To be called
/// before anything relies on the folders being one state. `state` is the folder that the restore was given
/// ([`InPlace::state`](crate::InPlace)).
///
/// # Errors
/// Where one is under way in another process, or cannot be finished, or where it cannot be told whether there is one to
/// finish: nothing is thrown away then.
pub fn finish_interrupted(paths: &[PathBuf], state: Option<&Path>) -> Result<Settled> {
    let vouchers = Vouchers::new(state);
    let mut settled = Settled::default();
    for path in paths {
        let path = real(path);
        for found in places::find(&path) {
            // One that went with its leader is no more.
            if is_there(&found)? {
                settle(&found, &vouchers, &mut settled)?;
            }
        }
    }
    for list in [&mut settled.finished, &mut settled.refused] {
        list.sort();
        list.dedup();
    }
    Ok(settled)
}

/// The same, before these folders are looked at; what is kept or left alone is told to the monitor.
pub(crate) fn finish_before_looking(
    paths: &[PathBuf],
    state: Option<&Path>,
    monitor: &dyn Monitor,
) -> Result<Settled> {
    let settled = finish_interrupted(paths, state)?;
    for kept in &settled.kept {
        monitor.warning(&Warning {
            path: kept.clone(),
            kind: WarningKind::Changed,
            message: "holds what a stopped restore replaced and no snapshot has: its file 'keep' says what is what"
                .to_owned(),
        });
    }
    for warning in settled.warnings() {
        monitor.warning(&warning);
    }
    Ok(settled)
}

/// Refuses a folder with a restore that lies stopped, and changes nothing.
pub(crate) fn check_finished(
    path: &Path,
    state: Option<&Path>,
    monitor: &dyn Monitor,
) -> Result<()> {
    let (unfinished, foreign) = unfinished_in(path, state)?;
    foreign.iter().for_each(|warning| monitor.warning(warning));
    match unfinished {
        Some(path) => Err(InPlaceError::Unfinished { path }.into()),
        None => Ok(()),
    }
}

/// The live folder of a restore that lies stopped in this folder, and what is to be told of folders that no restore of this
/// user has made. Nothing is changed.
///
/// # Errors
/// Where one is under way in another process, or where it cannot be told.
pub(crate) fn unfinished_in(
    path: &Path,
    state: Option<&Path>,
) -> Result<(Option<PathBuf>, Vec<Warning>)> {
    let vouchers = Vouchers::new(state);
    let mut warnings = Vec::new();
    for found in places::find(&real(path)) {
        match journal_of(&found, &vouchers)? {
            Found::Nothing => {}
            Found::Foreign => warnings.push(foreign(&found)),
            Found::Own((leader, journal)) => {
                for (live, _) in journal.places() {
                    Lock::take(&live)?;
                }
                let live = journal.places().next().map(|(live, _)| live);
                return Ok((Some(live.unwrap_or(leader)), warnings));
            }
        }
    }
    Ok((None, warnings))
}

fn foreign(stage: &Path) -> Warning {
    Warning {
        path: stage.to_owned(),
        kind: WarningKind::Skipped,
        message: stage::FOREIGN.to_owned(),
    }
}

/// The journal that speaks for a stage, and the stage that it is in.
fn journal_of(found: &Path, vouchers: &Vouchers) -> Result<Found<(PathBuf, Journal)>> {
    if !stage::is_of_this_user(found)? {
        return Ok(Found::Foreign);
    }
    let leader = match leader::of(found, vouchers)? {
        Found::Foreign => return Ok(Found::Foreign),
        Found::Nothing => found.to_owned(),
        Found::Own(leader) if leader.is_done(found)? => return Ok(Found::Nothing),
        Found::Own(leader) => leader.stage,
    };
    if !stage::is_of_this_user(&leader)? {
        return Ok(Found::Foreign);
    }
    Ok(match Journal::read(&leader, vouchers)? {
        Found::Nothing => Found::Nothing,
        Found::Own(journal) if journal.places().any(|(_, stage)| stage == found) => {
            Found::Own((leader, journal))
        }
        Found::Own(_) | Found::Foreign => Found::Foreign,
    })
}

fn settle(found: &Path, vouchers: &Vouchers, settled: &mut Settled) -> Result<()> {
    match journal_of(found, vouchers)? {
        Found::Foreign => {
            settled.refused.push(found.to_owned());
            return Ok(());
        }
        Found::Own((leader, journal)) => finish_stage(&leader, &journal, vouchers, settled)?,
        Found::Nothing => {}
    }
    // One whose leader is done was left behind.
    match is_there(found)? {
        true => discard(found, vouchers, settled),
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

fn finish_stage(
    leader: &Path,
    journal: &Journal,
    vouchers: &Vouchers,
    settled: &mut Settled,
) -> Result<()> {
    let places: Vec<(PathBuf, PathBuf)> = journal.places().collect();
    let mut locks = Vec::new();
    let folders: BTreeSet<&PathBuf> = places.iter().map(|(live, _)| live).collect();
    for live in folders {
        locks.push(Lock::take(live)?);
    }
    // The process that held the locks may have ended the journal just before.
    match Journal::read(leader, vouchers)? {
        Found::Nothing => return Ok(()),
        Found::Own(again) if again == *journal => {}
        _ => {
            return Err(InPlaceError::TargetHeld {
                path: leader.to_owned(),
            }
            .into());
        }
    }
    let _locks = DatabaseLocks::take(journal.databases())?;
    check_holders(journal)?;
    let files = places.iter();
    let files = files.map(|(live, stage)| Real::open(live, stage).context("open", live));
    let files: Vec<Real> = files.collect::<Result<_>>()?;
    finish(journal, &files, leader, vouchers)?;
    settled.kept.extend(clear(journal, leader, vouchers)?);
    settled
        .finished
        .extend(places.into_iter().map(|(live, _)| live));
    Ok(())
}

/// Throws a stage away that no journal speaks for, unless somebody is at work with it: that one holds the locks, and
/// none can begin while they are held here. One that is no place of a restore into what is around it stays.
fn discard(stage: &Path, vouchers: &Vouchers, settled: &mut Settled) -> Result<()> {
    if !places::is_of_something(stage) {
        settled.refused.push(stage.to_owned());
        return Ok(());
    }
    let Some(_locks) = locks_around(stage) else {
        return Ok(());
    };
    // Whoever held the locks just before may have written a journal, or thrown the stage away.
    if !is_there(stage)? || Journal::is_in(stage)? {
        return Ok(());
    }
    match leader::of(stage, vouchers)? {
        Found::Nothing => {}
        Found::Own(leader) if leader.is_done(stage)? => {}
        _ => return Ok(()),
    }
    // A journal that a failing disk has not let go would come back after a power cut.
    sync_folder(stage).context("sync", stage)?;
    settled.kept.extend(stage::discard(stage)?);
    vouchers.forget(stage);
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
        let is_place = places::places(&folder, &folder)
            .iter()
            .any(|at| at == stage);
        if is_place && folder.is_dir() {
            locks.push(Lock::take(&folder).ok()?);
        }
    }
    Some(locks)
}
