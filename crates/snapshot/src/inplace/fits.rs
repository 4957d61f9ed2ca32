//! The folders of a journal, and whether a restore in place would use them: whatever else it says, it reaches no others.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use serde_bytes::ByteBuf;

use super::journal::{Folder, Journal};
use super::places;
use crate::path::{Name, TreePath};

/// What may follow the name of a single file that is restored: it is a database then.
const SIDE_FILES: [&[u8]; 4] = [b"", b"-wal", b"-shm", b"-journal"];

impl Journal {
    /// The live folders and stages, as paths.
    pub(super) fn places(&self) -> impl Iterator<Item = (PathBuf, PathBuf)> + '_ {
        let folders = self.folders.iter();
        folders.map(|folder| (path_of(&folder.live), path_of(&folder.stage)))
    }

    /// Whether each stage is where a restore of its source makes it, this one is the first of them, and of a single file
    /// nothing beside it is changed.
    pub(super) fn check_places(&self, leader: &Path) -> Result<(), String> {
        let is_first = self
            .places()
            .next()
            .is_some_and(|(_, first)| first == leader);
        let fits = |(folder, number): (&Folder, u32)| {
            let (source, live) = (path_of(&folder.source), path_of(&folder.live));
            let is_in_place = places::places(&source, &live).contains(&path_of(&folder.stage));
            let mut steps = self.steps.iter().filter(|step| step.folder == number);
            is_in_place
                && is_plain(&source)
                && (source == live
                    || source.parent() == Some(&live)
                        && steps.all(|step| is_of_file(&step.path, &source)))
        };
        match is_first && self.folders.iter().zip(0..).all(fits) {
            true => Ok(()),
            false => Err("names folders that no restore of its sources would use".to_owned()),
        }
    }
}

fn path_of(bytes: &ByteBuf) -> PathBuf {
    PathBuf::from(OsStr::from_bytes(bytes))
}

fn is_of_file(path: &TreePath, source: &Path) -> bool {
    let first = path.parts().first().map(Name::as_bytes);
    let name = source.file_name().unwrap_or_default().as_encoded_bytes();
    let rest = first.and_then(|first| first.strip_prefix(name));
    rest.is_some_and(|rest| SIDE_FILES.contains(&rest))
}

/// Whether a path is whole and written in the one way that a resolved one is.
fn is_plain(path: &Path) -> bool {
    let plain: PathBuf = path.components().collect();
    let is_down = |part| !matches!(part, Component::ParentDir);
    path.is_absolute() && plain.as_os_str() == path.as_os_str() && path.components().all(is_down)
}
