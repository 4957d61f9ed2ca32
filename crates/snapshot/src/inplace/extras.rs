//! What the live folder has and the snapshot lacks.
//!
//! Only what was asked for is removed, and never the repository, a stage, what is left out of backups, or what cannot be
//! brought back: pipes, sockets, devices. A database's side files are no things of their own.

use std::ffi::OsString;
use std::fs::Metadata;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use ignore::gitignore::Gitignore;

use super::compare::{Comparison, Known, Place};
use super::live::{self, Stamp};
use super::plan::{Difference, Now, PlannedDatabase, What};
use crate::capture::exclude::Excludes;
use crate::error::{IoContext, Result, SnapshotError};
use crate::path::{MAX_DEPTH, Name, TreePath, of_bytes, real};
use crate::sqlite::SIDE_FILES;

pub(super) use cover::cover;

mod cover;
mod spared;

/// A live folder that is being looked through.
struct Level {
    place: Place,
    /// Names yet to come.
    names: Vec<OsString>,
    /// The snapshot has no such folder.
    is_extra: bool,
    /// Something else is put in its place, and everything in it goes.
    goes: bool,
    /// Something in it stays.
    is_needed: bool,
    /// What the file of patterns says that is there.
    live: Option<Gitignore>,
    /// What the snapshot's one says.
    then: Option<Gitignore>,
}

/// Finds what the snapshot lacks in all targets.
pub(super) fn find(comparison: &mut Comparison<'_>) -> Result<()> {
    for number in 0..comparison.plan.targets.len() {
        let target = comparison.target(number)?;
        if target.is_file() {
            continue;
        }
        let mut own = comparison.options.protect.clone();
        own.push(comparison.repository.place());
        let own = own.iter().map(|path| real(path));
        let excludes = Excludes::new(&target.folder, &comparison.options.excludes, own.collect())?;
        if let Some(stat) = live::look(&target.folder)?.filter(Metadata::is_dir) {
            let excludes = excludes.with_rules(comparison.options.rules, &stat);
            if !excludes.is_cache(&target.folder) {
                look_through(comparison, &excludes, (number, TreePath::root()))?;
            }
        }
    }
    Ok(())
}

fn look_through(comparison: &mut Comparison<'_>, excludes: &Excludes, root: Place) -> Result<()> {
    let mut levels = Vec::new();
    let path = comparison.target(root.0)?.at(&root.1);
    levels.push(enter(root, &path, false)?.spared(comparison, &path));
    while let Some(level) = levels.last_mut() {
        if comparison.monitor.cancelled() {
            return Err(SnapshotError::cancelled());
        }
        let Some(name) = level.names.pop() else {
            leave(comparison, &mut levels)?;
            continue;
        };
        let (is_extra, goes) = (level.is_extra, level.goes);
        let Ok(part) = Name::new(name.as_bytes()) else {
            continue;
        };
        let place = (level.place.0, level.place.1.join(&part));
        let path = comparison.target(place.0)?.at(&place.1);
        let Some(stat) = live::look(&path)? else {
            continue;
        };
        let known = comparison.known.get(&place).copied();
        let known = known.filter(|_| !is_extra);
        if spared::is_spared(excludes, &levels, &path, &stat) {
            spared::keep(&mut levels, &path)?;
            continue;
        }
        if stat.is_dir() && levels.len() < MAX_DEPTH {
            let goes = goes || !matches!(known, None | Some(Known::Folder));
            if !goes || is_extra || is_replaced(comparison, &place) {
                let level = enter(place, &path, goes || known.is_none())?;
                levels.push(Level { goes, ..level }.spared(comparison, &path));
            }
            continue;
        }
        if known.is_some() || belongs_to_database(comparison, &place, &path)? {
            continue;
        }
        if excludes.is_large(&stat) && !live::is_database(&path, &stat)? {
            spared::keep(&mut levels, &path)?;
        } else if !goes {
            extra(comparison, &mut levels, place, &path, &stat)?;
        }
    }
    Ok(())
}

/// Whether the folder there makes room for something else.
fn is_replaced(comparison: &Comparison<'_>, place: &Place) -> bool {
    let mut differences = comparison.plan.differences.iter();
    differences.any(|found| found.place == *place)
}

fn enter(place: Place, path: &Path, is_extra: bool) -> Result<Level> {
    let entries = std::fs::read_dir(path).context("list", path)?;
    let names: std::io::Result<Vec<OsString>> = entries
        .map(|entry| entry.map(|entry| entry.file_name()))
        .collect();
    let mut names = names.context("list", path)?;
    names.sort_by(|a, b| b.cmp(a));
    Ok(Level {
        place,
        names,
        is_extra,
        goes: false,
        is_needed: false,
        live: None,
        then: None,
    })
}

/// Everything above something that stays, stays.
fn need(levels: &mut [Level]) {
    for level in levels {
        level.is_needed = true;
    }
}

fn leave(comparison: &mut Comparison<'_>, levels: &mut Vec<Level>) -> Result<()> {
    let Some(level) = levels.pop() else {
        return Ok(());
    };
    if !level.is_extra || level.goes {
        return Ok(());
    }
    let target = comparison.target(level.place.0)?;
    let tree = target.tree_of(&level.place.1);
    let is_wanted = comparison.selection.admits_path(&tree, true);
    if level.is_needed || !is_wanted || !comparison.options.delete {
        need(levels);
        return Ok(());
    }
    comparison.plan.deleted += 1;
    comparison.plan.differences.push(Difference {
        what: What::RemoveFolder,
        stamp: Stamp::at(&target.at(&level.place.1))?,
        ..Difference::at(level.place, &tree)
    });
    Ok(())
}

/// Whether it is a side file of a database that is there, or comes back.
fn belongs_to_database(
    comparison: &Comparison<'_>,
    (number, path): &Place,
    at: &Path,
) -> Result<bool> {
    let name = at.as_os_str().as_bytes();
    for ending in SIDE_FILES {
        let Some(main) = name.strip_suffix(ending.as_bytes()) else {
            continue;
        };
        let main = of_bytes(main);
        let own = path.parts().split_last().map(|(_, above)| above);
        let name = main
            .file_name()
            .and_then(|name| Name::new(name.as_bytes()).ok());
        if let (Some(above), Some(name)) = (own, name) {
            let above = above
                .iter()
                .fold(TreePath::root(), |path, part| path.join(part));
            let place = (*number, above.join(&name));
            if comparison.known.get(&place) == Some(&Known::Database) {
                return Ok(true);
            }
        }
        if let Some(stat) = live::look(main)?
            && live::is_database(main, &stat)?
        {
            return Ok(true);
        }
    }
    Ok(false)
}

fn extra(
    comparison: &mut Comparison<'_>,
    levels: &mut [Level],
    place: Place,
    path: &Path,
    stat: &Metadata,
) -> Result<()> {
    let tree = comparison.target(place.0)?.tree_of(&place.1);
    if !comparison.selection.admits_path(&tree, stat.is_dir()) {
        need(levels);
        return Ok(());
    }
    let is_plain = stat.is_file() || stat.is_symlink();
    if !comparison.options.delete || !is_plain {
        comparison.plan.left_alone += 1;
        need(levels);
        return Ok(());
    }
    let is_database = live::is_database(path, stat)?;
    if is_database {
        let options = comparison.capture_options(&tree);
        let now = match live::database(comparison.repository.store(), path, None, &options) {
            Ok((facts, _)) => Now::Facts(facts),
            Err(error) if error.is_cancelled() => return Err(error),
            Err(error) => Now::Unreadable(error.to_string()),
        };
        comparison.plan.databases.push(PlannedDatabase {
            path: path.to_owned(),
            then: None,
            now,
            is_same: false,
        });
    }
    comparison.plan.deleted += 1;
    comparison.plan.differences.push(Difference {
        what: What::Remove,
        is_database,
        stamp: Some(Stamp::of(stat)),
        side_files: match is_database {
            true => live::side_files(path)?,
            false => Vec::new(),
        },
        ..Difference::at(place, &tree)
    });
    Ok(())
}
