//! The folders of a journal, and whether a restore in place would use them: whatever else it says, it reaches no others.

use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use super::journal::{Folder, Journal};
use super::places;
use crate::capture::walk::is_side_file_of;
use crate::path::{Name, TreePath, of_bytes};

impl Journal {
    /// The live folders and stages, as paths.
    pub(super) fn places(&self) -> impl Iterator<Item = (PathBuf, PathBuf)> + '_ {
        let folders = self.folders.iter();
        folders.map(|folder| {
            let [live, stage] = [&folder.live, &folder.stage].map(|bytes| of_bytes(bytes));
            (live.to_owned(), stage.to_owned())
        })
    }

    /// Whether each stage is where a restore of its source makes it, this one is the first of them, and of a single file
    /// nothing beside it is changed.
    pub(super) fn check_places(&self, leader: &Path) -> Result<(), String> {
        let is_first = self
            .places()
            .next()
            .is_some_and(|(_, first)| first == leader);
        let fits = |(folder, number): (&Folder, u32)| {
            let [source, live, stage] =
                [&folder.source, &folder.live, &folder.stage].map(|bytes| of_bytes(bytes));
            let is_in_place = places::places(source, live).iter().any(|at| at == stage);
            let mut steps = self.steps.iter().filter(|step| step.folder == number);
            is_in_place
                && is_plain(source)
                && (source == live
                    || source.parent() == Some(live)
                        && steps.all(|step| is_of_file(&step.path, source)))
        };
        match is_first && self.folders.iter().zip(0..).all(fits) {
            true => Ok(()),
            false => Err("names folders that no restore of its sources would use".to_owned()),
        }
    }
}

/// Whether a step is of the single file that was captured; where that is a database, its side files are its own.
fn is_of_file(path: &TreePath, source: &Path) -> bool {
    let name = source
        .file_name()
        .and_then(|name| Name::new(name.as_bytes()).ok());
    match (path.parts().first(), name) {
        (Some(first), Some(name)) => *first == name || is_side_file_of(first, &name),
        _ => false,
    }
}

/// Whether a path is whole and written in the one way that a resolved one is.
fn is_plain(path: &Path) -> bool {
    let plain: PathBuf = path.components().collect();
    let is_down = |part| !matches!(part, Component::ParentDir);
    path.is_absolute() && plain.as_os_str() == path.as_os_str() && path.components().all(is_down)
}
