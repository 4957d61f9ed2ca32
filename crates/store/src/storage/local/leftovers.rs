//! Files that never got their names: those of processes that died are removed, those of processes at work are locked.

use std::io;

use super::super::Storage as _;
use super::{LocalStorage, cell};
use crate::disk::Disk;
use crate::error::{IoContext, Result};
use crate::layout::{CACHE, EXPORTS, Folder, Object, PLAN, PLANS, QUARANTINE, TEMPORARY};

const FOLDERS: [Folder; 8] = [
    Folder::Packs,
    Folder::Parity,
    Folder::Snapshots,
    Folder::Copies,
    Folder::Pins,
    Folder::Drills,
    Folder::Verified,
    Folder::Runs,
];

/// The temporary files of all folders; of names that nobody here would have made, none.
pub(super) fn list(storage: &LocalStorage) -> Result<Vec<String>> {
    let mut found = Vec::new();
    let folders = FOLDERS.iter().map(|folder| folder.path());
    for folder in folders.chain(["", PLANS, CACHE, QUARANTINE, EXPORTS]) {
        let names = match storage.names(folder) {
            // Nothing of a repository is in there: a folder for zips that cannot be listed keeps nobody from anything.
            Err(_) if folder == EXPORTS => Vec::new(),
            names => names?,
        };
        for name in names {
            if name
                .strip_suffix(TEMPORARY)
                .is_some_and(|stem| is_ours(folder, stem))
            {
                found.push(match folder {
                    "" => name,
                    _ => format!("{folder}/{name}"),
                });
            }
        }
    }
    Ok(found)
}

/// Whether this is the name of an object, perhaps with the number of a second attempt.
fn is_ours(folder: &str, stem: &str) -> bool {
    let name = unnumbered(stem);
    if folder == QUARANTINE {
        // A copy of any object, which may have a number of its own.
        let name = unnumbered(name);
        return FOLDERS
            .iter()
            .any(|folder| Object::parse(*folder, name).is_some());
    }
    if let Some(folder) = FOLDERS.into_iter().find(|known| known.path() == folder) {
        return Object::parse(folder, name).is_some();
    }
    match folder {
        PLANS => PLAN.ends_with(name),
        CACHE => [".index", ".zip-table"]
            .iter()
            .any(|ending| name.ends_with(ending)),
        EXPORTS => [stem, name].into_iter().any(is_zip),
        _ => [Object::Config, Object::ConfigCopy]
            .iter()
            .any(|object| object.path() == name),
    }
}

/// Whether a zip was to have this name, behind which stands the beginning of the repository's id.
fn is_zip(stem: &str) -> bool {
    stem.rsplit_once('.').is_some_and(|(name, mark)| {
        let is_mark = mark.len() == 16 && mark.bytes().all(|digit| digit.is_ascii_hexdigit());
        is_mark && name.starts_with("backup_") && name.ends_with(".zip")
    })
}

/// Without a number at the end.
fn unnumbered(name: &str) -> &str {
    let numbered = name.rsplit_once('.');
    let numbered = numbered.filter(|(_, number)| number.parse::<u32>().is_ok());
    numbered.map_or(name, |(name, _)| name)
}

/// Removes one whose lock nobody holds.
pub(super) fn clear(disk: &dyn Disk, path: &str) -> Result<u64> {
    let removed = try_clear(disk, path);
    match path.starts_with(EXPORTS) {
        // Whatever else has such a name there is nobody's concern.
        true => Ok(removed.unwrap_or(0)),
        false => removed,
    }
}

fn try_clear(disk: &dyn Disk, path: &str) -> Result<u64> {
    let locate = || disk.locate(path);
    let lock = if path.starts_with(PLANS) {
        cell::lock(disk)?
    } else {
        match disk.try_lock(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
            result => result.context("lock", locate)?,
        }
    };
    if lock.is_none() {
        return Ok(0);
    }
    let removed = disk.open(path).and_then(|file| file.len());
    let removed = removed.and_then(|len| disk.remove(path).map(|()| len));
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
        result => result.context("remove", locate),
    }
}
