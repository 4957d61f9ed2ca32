//! Which of what has left must not be thrown away, because no snapshot holds it.
//!
//! Programs may write at any moment, also between the last look and the renaming, and for as long as a restore lies
//! stopped. So what has left is looked at again in the stage, a folder with everything in it, and what cannot be looked at
//! is kept.

use std::collections::BTreeMap;
use std::io;

use super::back::MADE;
use super::files::{Files, Look, Spot};
use super::journal::{Change, Step};
use super::steps::{MAX_NAMESAKES, old};
use super::was::{Inner, SideFiles};
use crate::path::TreePath;

/// Whether the safety snapshot lacks something of what this step replaced; `inside` is what it saw in a folder.
pub(super) fn is_kept<F: Files>(number: usize, step: &Step, inside: &[Inner], files: &F) -> bool {
    is_lacking(number, step, inside, files).unwrap_or(true)
}

fn is_lacking<F: Files>(
    number: usize,
    step: &Step,
    inside: &[Inner],
    files: &F,
) -> io::Result<bool> {
    let (was, side_files) = match &step.change {
        Change::Put {
            was, side_files, ..
        } => (*was, side_files),
        Change::Remove {
            was, side_files, ..
        } => (Some(*was), side_files),
        Change::RemoveFolder => return holds_something(number, files),
        Change::Describe { .. } => return Ok(false),
    };
    if let Some((spot, look)) = replaced(number, step, files)? {
        // What looks like that which took its place may be either, where the inode does not tell.
        let is_known = was.is_some_and(|was| !was.keep && was.shape.is(&look))
            && (!looks_new(step, &look) || is_in_place(step, files)?);
        if !is_known || look.is_folder && !is_as_saved(&spot, inside, files)? {
            return Ok(true);
        }
    }
    Ok(has_other_side_files(number, side_files, files)? || has_made(number, files)?)
}

/// Whether something looks like what the step puts in its place.
fn looks_new(step: &Step, look: &Look) -> bool {
    matches!(&step.change, Change::Put { new, .. } if new.is(look))
}

/// Whether what the step puts in its place is there, by its inode.
fn is_in_place<F: Files>(step: &Step, files: &F) -> io::Result<bool> {
    let live = files.look(&Spot::live(step.path.clone()))?;
    let is_new =
        |live: Look| matches!(step.change, Change::Put { inode, .. } if inode == live.inode);
    Ok(live.is_some_and(is_new))
}

fn replaced<F: Files>(number: usize, step: &Step, files: &F) -> io::Result<Option<(Spot, Look)>> {
    let aside = old(number, "");
    let spot = match (files.look(&aside)?, &step.change) {
        (None, Change::Put { staged, .. }) => Spot::stage(staged.clone()),
        _ => aside,
    };
    Ok(files.look(&spot)?.map(|look| (spot, look)))
}

/// Whether a folder holds nothing but what was seen in it. That something is gone by now harms nothing.
fn is_as_saved<F: Files>(folder: &Spot, inside: &[Inner], files: &F) -> io::Result<bool> {
    let inside = inside.iter().map(|inner| (&inner.path, inner));
    let inside: BTreeMap<&TreePath, &Inner> = inside.collect();
    let mut waiting = vec![TreePath::root()];
    while let Some(above) = waiting.pop() {
        for name in files.names(&below(folder, &above))? {
            if above.is_full(&name) {
                return Ok(false);
            }
            let path = above.join(&name);
            let Some(look) = files.look(&below(folder, &path))? else {
                continue;
            };
            if !inside.get(&path).is_some_and(|inner| inner.is(&look)) {
                return Ok(false);
            }
            if look.is_folder {
                waiting.push(path);
            }
        }
    }
    Ok(true)
}

fn below(folder: &Spot, path: &TreePath) -> Spot {
    let parts = path.parts().iter();
    Spot {
        side: folder.side,
        path: parts.fold(folder.path.clone(), |path, part| path.join(part)),
    }
}

/// Whether the `-wal` or the `-journal` that left is another than was seen: it may hold commits.
fn has_other_side_files<F: Files>(
    number: usize,
    side_files: &SideFiles,
    files: &F,
) -> io::Result<bool> {
    for (ending, was) in ["-wal", "-journal"].into_iter().zip(side_files) {
        if let Some(found) = files.look(&old(number, ending))?
            && !was.is_some_and(|was| was.is(&found))
        {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether one of the folders that this step took away for being empty holds something by now.
pub(super) fn holds_something<F: Files>(number: usize, files: &F) -> io::Result<bool> {
    for namesake in 0..MAX_NAMESAKES {
        let spot = old(number, &namesake_of("", namesake));
        match files.look(&spot)? {
            None => return Ok(false),
            Some(found) if !found.is_folder || !files.names(&spot)?.is_empty() => return Ok(true),
            Some(_) => {}
        }
    }
    Ok(true)
}

/// What is behind the number of a step, for the first and for later things of the name.
pub(super) fn namesake_of(ending: &str, namesake: u32) -> String {
    match namesake {
        0 => ending.to_owned(),
        _ => format!("{ending}.{namesake}"),
    }
}

/// Whether the stage holds something that a program made after the journal was written: no snapshot has that. The index
/// of a WAL has no content of its own.
pub(super) fn has_made<F: Files>(number: usize, files: &F) -> io::Result<bool> {
    for ending in ["", "-wal", "-journal"] {
        let made = [format!("{ending}.1"), format!("{MADE}{ending}")];
        for ending in made {
            if files.look(&old(number, &ending))?.is_some() {
                return Ok(true);
            }
        }
    }
    Ok(false)
}
