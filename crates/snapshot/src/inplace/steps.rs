//! Doing what a journal says, from wherever a crash has left it.
//!
//! Every step looks before it acts, so that it can be done again after a crash at any point: what lies in the stage is known
//! by its inode from what it changed places with, and by how it looks where a file system gives out new numbers with each
//! mounting. Two orders matter. The side files of a database leave, durably, before
//! the database is replaced: a stale WAL beside a restored database would be played into it (F-51). And the journal goes
//! only when everything is durable.

use std::io;

use super::files::{Files, Look, Spot};
use super::journal::{Change, Journal, Step};
use super::kept::{is_kept, namesake_of};
use crate::path::{Name, TreePath};
use crate::sqlite::SIDE_FILES;

/// Names that are tried for something that was replaced.
pub(super) const MAX_NAMESAKES: u32 = 1000;

/// Why a restore stopped in its middle, and where.
#[derive(Debug)]
pub(crate) struct Stopped {
    /// Number of the step.
    pub(crate) step: usize,
    pub(crate) error: io::Error,
}

pub(super) type Done<T> = Result<T, Stopped>;

/// The folder in a stage for what was replaced.
pub(super) const OLD: &str = "old";

/// A path in a stage.
pub(super) fn in_stage(parts: &[&[u8]]) -> TreePath {
    let names = parts.iter().filter_map(|part| Name::new(*part).ok());
    names.fold(TreePath::root(), |path, name| path.join(&name))
}

/// Does everything, or goes on with it. Gives what was replaced and must not be thrown away, by step.
pub(crate) fn carry_out<F: Files>(journal: &Journal, files: &[F]) -> Done<Vec<usize>> {
    let mut moved = false;
    for (number, step, files) in each(journal, files) {
        moved |= move_side_files(number, step, files).map_err(|error| stopped(number, error))?;
    }
    if moved {
        // Before any database is replaced: see the head of this file.
        sync(files)?;
    }
    for (number, step, files) in each(journal, files) {
        change(number, step, files).map_err(|error| stopped(number, error))?;
    }
    for (number, step, files) in each(journal, files) {
        if let Change::Describe { to, .. } = &step.change {
            let spot = Spot::live(step.path.clone());
            ignore_missing(files.describe(&spot, to)).map_err(|error| stopped(number, error))?;
        }
    }
    sync(files)?;
    let kept = each(journal, files)
        .filter(|(number, step, files)| is_kept(*number, step, journal.inside(*number), *files));
    Ok(kept.map(|(number, ..)| number).collect())
}

pub(super) fn each<'a, F: Files>(
    journal: &'a Journal,
    files: &'a [F],
) -> impl Iterator<Item = (usize, &'a Step, &'a F)> {
    let steps = journal.steps.iter().enumerate();
    steps.filter_map(|(number, step)| Some((number, step, files.get(step.folder as usize)?)))
}

pub(super) fn stopped(step: usize, error: io::Error) -> Stopped {
    Stopped { step, error }
}

pub(super) fn sync<F: Files>(files: &[F]) -> Done<()> {
    let synced = files.iter().try_for_each(Files::sync);
    synced.map_err(|error| stopped(0, error))
}

pub(super) fn ignore_missing(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if super::files::is_missing(&error) => Ok(()),
        result => result,
    }
}

/// Where what a step replaced is kept.
pub(super) fn old(number: usize, ending: &str) -> Spot {
    let name = format!("{number}{ending}");
    Spot::stage(in_stage(&[OLD.as_bytes(), name.as_bytes()]))
}

/// A side file of what stands at a live path.
pub(super) fn side_file(path: &TreePath, ending: &str) -> Option<Spot> {
    let (name, above) = path.parts().split_last()?;
    let name = Name::new([name.as_bytes(), ending.as_bytes()].concat()).ok()?;
    let above = above
        .iter()
        .fold(TreePath::root(), |path, part| path.join(part));
    Some(Spot::live(above.join(&name)))
}

/// Whether the step has still to be done, as against having been done before a crash.
pub(super) fn is_due<F: Files>(number: usize, step: &Step, files: &F) -> io::Result<bool> {
    match &step.change {
        Change::Put {
            staged,
            inode,
            new,
            was,
            ..
        } => {
            let Some(staged) = files.look(&Spot::stage(staged.clone()))? else {
                return Ok(false);
            };
            let live = files.look(&Spot::live(step.path.clone()))?;
            let is_at = |look: &Look| look.inode == *inode;
            let looks_old = was.is_some_and(|was| was.shape.is(&staged));
            Ok(match (new.is(&staged), looks_old) {
                (true, false) => is_at(&staged) || !live.is_some_and(|live| is_at(&live)),
                (false, true) => false,
                (true, true) | (false, false) => is_at(&staged),
            })
        }
        Change::Remove { .. } => Ok(files.look(&old(number, ""))?.is_none()),
        Change::RemoveFolder | Change::Describe { .. } => Ok(true),
    }
}

/// Moves the side files of a database away that is to be replaced; whether there were any.
///
/// Those of one that was replaced already are left alone: they are of the restored database by then.
fn move_side_files<F: Files>(number: usize, step: &Step, files: &F) -> io::Result<bool> {
    let (Change::Put { is_database, .. } | Change::Remove { is_database, .. }) = &step.change
    else {
        return Ok(false);
    };
    let mut moved = false;
    if *is_database && is_due(number, step, files)? {
        for ending in SIDE_FILES {
            if let Some(from) = side_file(&step.path, ending)
                && files.look(&from)?.is_some()
            {
                put_aside(number, ending, &from, files)?;
                moved = true;
            }
        }
    }
    Ok(moved)
}

/// Moves something to where what was replaced is kept. A program that came between a crash and its repair may have made
/// a second one of the name.
pub(super) fn put_aside<F: Files>(
    number: usize,
    ending: &str,
    from: &Spot,
    files: &F,
) -> io::Result<()> {
    for namesake in 0..MAX_NAMESAKES {
        match files.rename(from, &old(number, &namesake_of(ending, namesake))) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            result => return result,
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

fn change<F: Files>(number: usize, step: &Step, files: &F) -> io::Result<()> {
    let live = Spot::live(step.path.clone());
    match &step.change {
        Change::Put { staged, .. } => {
            match is_due(number, step, files)? {
                true => put(number, &live, &Spot::stage(staged.clone()), files),
                // Gone, or another thing by now: they have changed places.
                false => Ok(()),
            }
        }
        Change::Remove { .. } => {
            if files.look(&old(number, ""))?.is_none() && files.look(&live)?.is_some() {
                files.rename(&live, &old(number, ""))?;
            }
            Ok(())
        }
        Change::RemoveFolder => match files.look(&live)? {
            Some(found) if found.is_folder && files.names(&live)?.is_empty() => {
                put_aside(number, "", &live, files)
            }
            _ => Ok(()),
        },
        Change::Describe { .. } => Ok(()),
    }
}

fn put<F: Files>(number: usize, live: &Spot, staged: &Spot, files: &F) -> io::Result<()> {
    if files.look(live)?.is_none() {
        return files.rename(staged, live);
    }
    match files.exchange(staged, live) {
        Err(error) if error.kind() == io::ErrorKind::Unsupported => {
            put_aside(number, "", live, files)?;
            files.rename(staged, live)
        }
        result => result,
    }
}
