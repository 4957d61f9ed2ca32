//! Walking a live folder: every entry once, in the order of names, with its `lstat`.
//!
//! The walk keeps one list of names a level and no recursion, so its memory is that of the widest path, and nothing is
//! opened: that is for whoever has decided what an entry is. Between listing and looking, entries come and go; one that
//! is gone is a note, one that cannot be looked at a warning.

use std::fs::Metadata;
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use ignore::gitignore::Gitignore;

use super::companions::{self, Look};
use super::exclude::{self, Excludes};
use crate::error::{Result, SnapshotError};
use crate::monitor::{Warning, WarningKind};
use crate::path::{MAX_DEPTH, Name};
use crate::sqlite::{SIDE_FILES, side_files};
use lifeboat_store::words::system_words;

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
    /// So many entries were left out, because somebody asked for it; a folder counts as one.
    Excluded(u64),
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
    pub(crate) has_side_file: bool,
    /// Of a folder whose files belong together: how they looked before it was listed.
    pub(crate) companions: Option<Look>,
}

/// A folder being walked.
struct Level {
    path: PathBuf,
    /// Names yet to come, in reverse order.
    names: Vec<Name>,
    /// What a file in it says about what is left out.
    patterns: Option<Gitignore>,
}

impl Level {
    /// Whether one of SQLite's side files of this name is still to come.
    fn has_side_file_of(&self, name: &Name) -> bool {
        // Names are sorted: only such as begin with this one stand between it and its side files, so mostly the next one tells.
        let next = self.names.last();
        next.is_some_and(|next| next.as_bytes().starts_with(name.as_bytes()))
            && SIDE_FILES
                .iter()
                .any(|ending| has(&self.names, &[name.as_bytes(), ending.as_bytes()].concat()))
    }
}

/// Whether a name is among these, which descend.
fn has(names: &[Name], name: &[u8]) -> bool {
    names
        .binary_search_by(|other| name.cmp(other.as_bytes()))
        .is_ok()
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
        let mut names = self.names_in(&found);
        let heeds = self.excludes.heeds_files();
        let patterns = match heeds && has(&names, exclude::IGNORE) {
            true => self.patterns_in(&found),
            false => None,
        };
        if has(&names, exclude::CACHE_TAG) && self.excludes.is_cache(&found.path) {
            let all = names.len() as u64;
            // What says that it is a cache stays.
            names.retain(|name| name.as_bytes() == exclude::CACHE_TAG);
            self.pending.push(Step::Excluded(all - names.len() as u64));
        }
        self.levels.push(Level {
            path: found.path.clone(),
            names,
            patterns,
        });
        Step::Enter(found)
    }

    /// The names in a folder, in reverse order; none where it cannot or must not be listed.
    fn names_in(&mut self, found: &Found) -> Vec<Name> {
        if self.excludes.is_elsewhere(&found.stat) {
            self.pending.push(Step::Excluded(1));
            return Vec::new();
        }
        match list(&found.path) {
            Ok(names) if self.levels.len() < MAX_DEPTH => return names,
            Ok(_) => self.note(&found.path, WarningKind::Unreadable, "nested too deeply"),
            Err(error) => self.note(&found.path, kind_of(&error), &system_words(&error)),
        }
        Vec::new()
    }

    fn patterns_in(&mut self, found: &Found) -> Option<Gitignore> {
        let (patterns, problem) = exclude::read_patterns(&found.path);
        if let Some(problem) = problem {
            let file = std::ffi::OsStr::from_bytes(exclude::IGNORE);
            self.note(&found.path.join(file), WarningKind::Skipped, &problem);
        }
        patterns
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
        let has_side_file = level.has_side_file_of(&name);
        let stat = match std::fs::symlink_metadata(&path) {
            Ok(stat) => stat,
            Err(error) => {
                self.note(&path, kind_of(&error), &system_words(&error));
                return None;
            }
        };
        if self.excludes.is_own(&path) {
            let message = "left out: it belongs to the backup itself";
            self.note(&path, WarningKind::Skipped, message);
            return None;
        }
        let files = self
            .levels
            .iter()
            .filter_map(|level| level.patterns.as_ref());
        let is_elsewhere = !stat.is_dir() && self.excludes.is_elsewhere(&stat);
        if is_elsewhere || self.excludes.by_patterns(files, &path, stat.is_dir()) {
            return Some(Step::Excluded(1));
        }
        Some(self.classify(Found {
            name,
            path,
            stat,
            has_side_file,
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
        has_side_file: stat.is_file() && side_files(path).iter().any(beside),
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

/// Whether a name is that of a side file of the database called `main`.
pub(crate) fn is_side_file_of(name: &Name, main: &Name) -> bool {
    name.as_bytes()
        .strip_prefix(main.as_bytes())
        .is_some_and(|rest| SIDE_FILES.iter().any(|ending| ending.as_bytes() == rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_side_file_is_told_whatever_stands_between_it_and_its_database() {
        let has = |names: &[&str]| {
            let names = names.iter().rev().map(|name| Name::new(*name).unwrap());
            let level = Level {
                path: PathBuf::new(),
                names: names.collect(),
                patterns: None,
            };
            level.has_side_file_of(&Name::new("a.db").unwrap())
        };
        assert!(has(&["a.db-backup", "a.db-copy", "a.db-wal", "b.db"]));
        assert!(!has(&["a.db-backup", "a.db-walrus", "b.db", "b.db-wal"]));
        assert!(!has(&["a.dc", "a.dc-wal"]) && !has(&[]));
    }
}
