//! Taking back what a journal says, where one of its steps cannot be done.
//!
//! Programs may have come meanwhile: what they made at a live path is put aside under a name of its own and never thrown
//! away, and no WAL that they made ever stands beside the database that returns.

use std::io;

use super::files::{Files, Spot};
use super::journal::{Change, Journal, Step};
use super::kept::{has_made, holds_something};
use super::steps::{Done, each, ignore_missing, is_due, old, put_aside, side_file, stopped, sync};
use crate::sqlite::SIDE_FILES;

/// Behind the number of a step: what a program made at the live path while something new stood there.
pub(super) const MADE: &str = "-made";

/// Takes back what was done, the last first: the live folder is as it was. Gives the steps of which the stage then holds
/// something that is nowhere else: what a program has made meanwhile, and what could not go back.
pub(crate) fn take_back<F: Files>(journal: &Journal, files: &[F]) -> Done<Vec<usize>> {
    let mut moved = false;
    for (number, step, files) in each(journal, files) {
        let result = put_made_side_files_aside(number, step, files);
        moved |= result.map_err(|error| stopped(number, error))?;
    }
    if moved {
        // A WAL that a program made of the new database would be played into the old one.
        sync(files)?;
    }
    let steps: Vec<_> = each(journal, files).collect();
    for (number, step, files) in steps.into_iter().rev() {
        take_step_back(number, step, files).map_err(|error| stopped(number, error))?;
    }
    // Between two steps a database must not stand beside a WAL that is not its own, so these come last.
    sync(files)?;
    for (number, step, files) in each(journal, files) {
        return_side_files(number, step, files).map_err(|error| stopped(number, error))?;
        if let Change::Describe { from, .. } = &step.change {
            let spot = Spot::live(step.path.clone());
            ignore_missing(files.describe(&spot, from)).map_err(|error| stopped(number, error))?;
        }
    }
    sync(files)?;
    let left = each(journal, files);
    let left = left.filter(|(number, step, files)| is_left(*number, step, *files).unwrap_or(true));
    Ok(left.map(|(number, ..)| number).collect())
}

/// Moves the side files of a new database away that is about to leave its place; whether there were any.
fn put_made_side_files_aside<F: Files>(number: usize, step: &Step, files: &F) -> io::Result<bool> {
    let (Change::Put { is_database, .. } | Change::Remove { is_database, .. }) = &step.change
    else {
        return Ok(false);
    };
    let mut moved = false;
    if *is_database && !is_due(number, step, files)? {
        for ending in SIDE_FILES {
            if let Some(from) = side_file(&step.path, ending)
                && files.look(&from)?.is_some()
            {
                put_aside(number, &format!("{MADE}{ending}"), &from, files)?;
                moved = true;
            }
        }
    }
    Ok(moved)
}

fn take_step_back<F: Files>(number: usize, step: &Step, files: &F) -> io::Result<()> {
    let live = Spot::live(step.path.clone());
    match &step.change {
        Change::Put { staged, inode, .. } => {
            if !is_due(number, step, files)? {
                take_put_back(number, &live, &Spot::stage(staged.clone()), *inode, files)?;
            }
            // Where nothing can be exchanged, it was moved aside before.
            return_old(number, &live, files)
        }
        Change::Remove { .. } => return_old(number, &live, files),
        Change::RemoveFolder => match (files.look(&old(number, ""))?, files.look(&live)?) {
            (Some(_), None) => files.rename(&old(number, ""), &live),
            _ => Ok(()),
        },
        Change::Describe { .. } => Ok(()),
    }
}

fn take_put_back<F: Files>(
    number: usize,
    live: &Spot,
    staged: &Spot,
    inode: u64,
    files: &F,
) -> io::Result<()> {
    let was = files.look(staged)?;
    let is_new = match files.look(live)? {
        Some(found) if found.inode == inode => true,
        Some(_) => {
            // A program has put something else there.
            put_aside(number, MADE, live, files)?;
            false
        }
        None => false,
    };
    match (was, is_new) {
        (Some(_), true) => files.exchange(staged, live),
        (Some(_), false) => files.rename(staged, live),
        (None, true) => files.rename(live, staged),
        (None, false) => Ok(()),
    }
}

/// Puts back what was moved aside. What a program has made in its place since is kept.
fn return_old<F: Files>(number: usize, live: &Spot, files: &F) -> io::Result<()> {
    if files.look(&old(number, ""))?.is_none() {
        return Ok(());
    }
    if files.look(live)?.is_some() {
        put_aside(number, MADE, live, files)?;
    }
    files.rename(&old(number, ""), live)
}

fn return_side_files<F: Files>(number: usize, step: &Step, files: &F) -> io::Result<()> {
    for ending in SIDE_FILES {
        let Some(live) = side_file(&step.path, ending) else {
            return Ok(());
        };
        if files.look(&old(number, ending))?.is_some() && files.look(&live)?.is_none() {
            files.rename(&old(number, ending), &live)?;
        }
    }
    Ok(())
}

/// Whether the stage still holds something but what came with it, after all was taken back.
fn is_left<F: Files>(number: usize, step: &Step, files: &F) -> io::Result<bool> {
    if let Change::Put { staged, .. } = &step.change
        && files.look(&Spot::stage(staged.clone()))?.is_some()
        && !is_due(number, step, files)?
    {
        return Ok(true);
    }
    match step.change {
        Change::RemoveFolder => return holds_something(number, files),
        Change::Describe { .. } => return Ok(false),
        Change::Put { .. } | Change::Remove { .. } => {}
    }
    for ending in ["", "-wal", "-journal"] {
        if files.look(&old(number, ending))?.is_some() {
            return Ok(true);
        }
    }
    has_made(number, files)
}
