//! Walking a live folder: every entry once, in the order of names, with its `lstat`.
//!
//! The walk keeps one list of names a level and no recursion, so its memory is that of the widest path, and nothing is
//! opened: that is for whoever has decided what an entry is. Between listing and looking, entries come and go; one that
//! is gone is a note, one that cannot be looked at a warning.

use std::fs::Metadata;
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use super::companions::{self, Look};
use super::exclude::Excludes;
use crate::error::{Result, SnapshotError, words};
use crate::monitor::{Warning, WarningKind};
use crate::path::{MAX_DEPTH, Name};

/// One step of the walk.
pub(crate) enum Step {
    /// A folder begins; its entries follow, then its [`Step::Leave`].
    Enter(Found),
    /// A folder ends.
    Leave,
    /// An entry that is no folder.
    Item(Found),
    /// Something could not be looked at, or was left out on purpose.
    Note(Warning),
}

/// An entry as the walk found it.
pub(crate) struct Found {
    /// Its name in its folder.
    pub(crate) name: Name,
    /// Where it is.
    pub(crate) path: PathBuf,
    /// Its `lstat`.
    pub(crate) stat: Metadata,
    /// Whether one of SQLite's side files of this name stands beside it.
    pub(crate) has_sidecar: bool,
    /// Of a folder whose files belong together: how they looked before it was listed.
    pub(crate) companions: Option<Look>,
}

/// A folder being walked.
struct Level {
    path: PathBuf,
    /// Names yet to come, in reverse order.
    names: Vec<Name>,
}

impl Level {
    /// Whether a name is still to come.
    fn has(&self, name: &[u8]) -> bool {
        self.names
            .binary_search_by(|other| name.cmp(other.as_bytes()))
            .is_ok()
    }
}

/// The walk of one source.
pub(crate) struct Walk<'e> {
    excludes: &'e Excludes,
    levels: Vec<Level>,
    pending: Vec<Step>,
}

impl<'e> Walk<'e> {
    /// Begins with the root, which the caller has looked at.
    pub(crate) fn new(excludes: &'e Excludes, root: Found) -> Self {
        let mut walk = Self {
            excludes,
            levels: Vec::new(),
            pending: Vec::new(),
        };
        let step = walk.classify(root);
        walk.pending.push(step);
        walk
    }

    /// How the root's files looked before it was listed, if they belong together.
    pub(crate) fn companions(&self) -> &Option<Look> {
        match self.pending.first() {
            Some(Step::Enter(found)) => &found.companions,
            _ => &None,
        }
    }

    /// A folder is entered by listing it; one that cannot be listed is an empty one with a warning.
    fn classify(&mut self, mut found: Found) -> Step {
        if !found.stat.is_dir() {
            return Step::Item(found);
        }
        found.companions = companions::look(&found.path);
        let names = match list(&found.path) {
            Ok(names) if self.levels.len() < MAX_DEPTH => names,
            Ok(_) => {
                self.note(&found.path, WarningKind::Unreadable, "nested too deeply");
                Vec::new()
            }
            Err(error) => {
                self.note(&found.path, kind_of(&error), &words(&error));
                Vec::new()
            }
        };
        self.levels.push(Level {
            path: found.path.clone(),
            names,
        });
        Step::Enter(found)
    }

    fn note(&mut self, path: &Path, kind: WarningKind, message: &str) {
        self.pending.push(Step::Note(Warning {
            path: path.to_owned(),
            kind,
            message: message.to_owned(),
        }));
    }

    /// Looks at the next name of the innermost folder.
    fn look(&mut self, name: Name) -> Option<Step> {
        let level = self.levels.last()?;
        let path = level.path.join(name.as_os_str());
        let has_sidecar = SIDECARS
            .iter()
            .any(|ending| level.has(&[name.as_bytes(), ending].concat()));
        let stat = match std::fs::symlink_metadata(&path) {
            Ok(stat) => stat,
            Err(error) => {
                self.note(&path, kind_of(&error), &words(&error));
                return None;
            }
        };
        if self.excludes.is_own(&path) {
            let message = "left out: it belongs to the backup itself";
            self.note(&path, WarningKind::Skipped, message);
            return None;
        }
        if self.excludes.by_pattern(&path, stat.is_dir()) {
            return None;
        }
        Some(self.classify(Found {
            name,
            path,
            stat,
            has_sidecar,
            companions: None,
        }))
    }
}

impl Iterator for Walk<'_> {
    type Item = Step;

    fn next(&mut self) -> Option<Step> {
        loop {
            if let Some(step) = self.pending.pop() {
                return Some(step);
            }
            let level = self.levels.last_mut()?;
            let Some(name) = level.names.pop() else {
                self.levels.pop();
                return Some(Step::Leave);
            };
            // A folder is entered before the notes about its listing are given out.
            if let Some(step) = self.look(name) {
                return Some(step);
            }
        }
    }
}

/// The root of a source as the walk would find it.
pub(crate) fn find_root(path: &Path, stat: Metadata) -> Result<Found> {
    let last = path.file_name().map(OsStrExt::as_bytes);
    let name =
        Name::new(last.unwrap_or(b"root")).map_err(|error| SnapshotError::TargetUnusable {
            path: path.to_owned(),
            reason: error.to_string(),
        })?;
    let beside = |path: &std::path::PathBuf| path.symlink_metadata().is_ok();
    Ok(Found {
        name,
        path: path.to_owned(),
        companions: None,
        has_sidecar: stat.is_file() && crate::sqlite::sidecars(path).iter().any(beside),
        stat,
    })
}

fn kind_of(error: &io::Error) -> WarningKind {
    match error.kind() {
        io::ErrorKind::NotFound => WarningKind::Vanished,
        _ => WarningKind::Unreadable,
    }
}

/// The names in a folder, sorted in reverse.
fn list(path: &Path) -> io::Result<Vec<Name>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(path)? {
        // The system gives no name that is not one; a file system that does is not believed.
        let name = Name::new(entry?.file_name().into_vec());
        names.push(name.map_err(io::Error::other)?);
    }
    names.sort_unstable_by(|a, b| b.cmp(a));
    Ok(names)
}

/// What SQLite appends to a database's name for the files beside it.
const SIDECARS: [&[u8]; 3] = [b"-wal", b"-shm", b"-journal"];

/// Whether a name is that of a side file of the database called `main`.
pub(crate) fn is_sidecar_of(name: &Name, main: &Name) -> bool {
    name.as_bytes()
        .strip_prefix(main.as_bytes())
        .is_some_and(|rest| SIDECARS.contains(&rest))
}
