//! What is asked of a restore in place, and what it would do: the preview.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use super::compare::Place;
use super::live::Stamp;
use super::target::Target;
use super::was::Role;
use crate::capture::{CountQuery, ExcludeRules};
use crate::entry::Meta;
use crate::monitor::Warning;
use crate::path::TreePath;
use crate::sqlite::Facts;
use crate::tree::Tree;

/// How to restore a snapshot to where it was taken.
#[derive(Debug, Clone)]
pub struct InPlace {
    /// Patterns in gitignore's syntax; only what one of them matches is touched. None means everything.
    pub paths: Vec<String>,
    /// Remove what the snapshot lacks.
    pub delete: bool,
    /// Go on although programs have the files open: they go on with the old ones, and what they write is lost.
    pub force: bool,
    /// Write databases that are there back through SQLite, for programs that have them open: see `docs/restore.md`.
    pub online: bool,
    /// Patterns of what is never removed although the snapshot lacks it.
    pub excludes: Vec<String>,
    /// What else is never removed, since backups leave it out. Files of patterns are those that are there and those of the
    /// snapshot.
    pub rules: ExcludeRules,
    /// Folders that are never touched, besides the repository.
    pub protect: Vec<PathBuf>,
    /// Set the bits and capabilities by which programs run with the rights of their owner, also where they are not set now.
    pub setuid: bool,
    /// SQLite's whole check of what is put in place, as against the quick one.
    pub full_check: bool,
    /// Facts to read from databases, for the preview.
    pub counts: Vec<CountQuery>,
    /// Name of this machine, for the safety snapshot.
    pub host: String,
    /// Offset of local time from UTC, in minutes.
    pub offset_minutes: i32,
    /// For how long to wait for a locked database.
    pub busy_timeout: Duration,
    /// Where it is noted that the restore is this user's, for whoever finishes it after a crash: a folder that nobody else
    /// can write to. The user's own where not given, see [`state_folder`](crate::state_folder).
    pub state: Option<PathBuf>,
    /// Threads that work; as many as there are cores where not given.
    pub threads: Option<usize>,
}

impl Default for InPlace {
    fn default() -> Self {
        Self {
            paths: Vec::new(),
            delete: false,
            force: false,
            online: false,
            excludes: Vec::new(),
            rules: ExcludeRules::default(),
            protect: Vec::new(),
            setuid: false,
            full_check: false,
            counts: Vec::new(),
            host: String::new(),
            offset_minutes: 0,
            busy_timeout: Duration::from_secs(30),
            state: None,
            threads: None,
        }
    }
}

/// What a restore in place would do.
#[derive(Debug, Default)]
pub struct Plan {
    pub(super) targets: Vec<Target>,
    pub(super) differences: Vec<Difference>,
    /// Paths in the snapshot's tree of everything that is laid ready.
    pub(super) staged: BTreeSet<TreePath>,
    /// What is inside folders that are replaced as a whole, to be saved before.
    pub(super) inside: Vec<Inside>,
    /// Differences of which the safety snapshot does not hold everything, so that what they replace is kept.
    pub(super) kept: BTreeSet<Place>,
    /// Folders that are made for what is in them: their attributes are the snapshot's.
    pub(super) new_folders: Vec<(usize, TreePath, Meta)>,
    /// Files, links and folders that are missing.
    pub added: u64,
    /// Those with other bytes.
    pub replaced: u64,
    /// Those with the same bytes and another mode, owner, time or extended attributes.
    pub described: u64,
    /// Those that the snapshot lacks, and that are removed.
    pub deleted: u64,
    /// Those that the snapshot lacks, and that stay.
    pub left_alone: u64,
    /// Files and links that are as in the snapshot.
    pub unchanged: u64,
    /// Bytes that are written.
    pub bytes: u64,
    /// Databases, as they are and as they were.
    pub databases: Vec<PlannedDatabase>,
    /// Everything that was in the way.
    pub warnings: Vec<Warning>,
}

/// A database that the restore concerns.
#[derive(Debug, Clone)]
pub struct PlannedDatabase {
    /// Where it is.
    pub path: PathBuf,
    /// What the snapshot has; `None` where it has none and the live one goes.
    pub then: Option<Facts>,
    /// What is there now.
    pub now: Now,
    /// Both have the same bytes.
    pub is_same: bool,
}

/// A live database.
#[derive(Debug, Clone)]
pub enum Now {
    /// What is in it.
    Facts(Facts),
    /// There is none.
    Missing,
    /// Something is there that is no database.
    NoDatabase,
    /// It cannot be read, for the reason told.
    Unreadable(String),
}

/// One thing that is not as in the snapshot.
#[derive(Debug, Clone)]
pub(super) struct Difference {
    pub(super) place: Place,
    /// Where in the snapshot's tree.
    pub(super) tree: TreePath,
    pub(super) what: What,
    pub(super) bytes: u64,
    pub(super) is_database: bool,
    /// How the live one looks; `None` where there is none.
    pub(super) stamp: Option<Stamp>,
    /// It is a database that is written back through SQLite.
    pub(super) online: bool,
    /// Of a live database, how its side files look.
    pub(super) side_files: Vec<(PathBuf, Option<Stamp>)>,
}

/// Something that goes along with what is replaced.
#[derive(Debug, Clone)]
pub(super) struct Inside {
    /// The difference with which it goes.
    pub(super) top: Place,
    pub(super) place: Place,
    pub(super) stamp: Stamp,
    pub(super) role: Role,
}

#[derive(Debug, Clone)]
pub(super) enum What {
    Put,
    Describe { from: Meta, to: Meta },
    Remove,
    RemoveFolder,
}

impl Difference {
    pub(super) fn at(place: Place, tree: &TreePath) -> Self {
        Self {
            place,
            tree: tree.clone(),
            what: What::Put,
            bytes: 0,
            is_database: false,
            stamp: None,
            online: false,
            side_files: Vec::new(),
        }
    }
}

/// One thing that is changed, for people and programs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Touched {
    /// Where it is.
    pub path: PathBuf,
    /// What happens to it: `add`, `replace`, `describe` or `delete`.
    pub change: &'static str,
    /// Bytes that are written; of a folder that is added, those of the first thing in it.
    pub bytes: u64,
}

impl Plan {
    /// Whether everything is as in the snapshot.
    pub fn is_empty(&self) -> bool {
        self.differences.is_empty()
    }

    /// Where a place is on this machine.
    pub(super) fn path(&self, (number, path): &Place) -> PathBuf {
        let target = self.targets.get(*number);
        target.map(|target| target.at(path)).unwrap_or_default()
    }

    /// The folders and files that are restored to.
    pub fn targets(&self) -> impl Iterator<Item = &PathBuf> {
        self.targets.iter().map(|target| &target.source)
    }

    /// What is changed, a folder that is added as one.
    pub fn touched(&self) -> impl Iterator<Item = Touched> + '_ {
        self.differences.iter().filter_map(|difference| {
            let target = self.targets.get(difference.place.0)?;
            let change = match (&difference.what, difference.stamp) {
                (What::Put, None) => "add",
                (What::Put, Some(_)) => "replace",
                (What::Describe { .. }, _) => "describe",
                (What::Remove | What::RemoveFolder, _) => "delete",
            };
            Some(Touched {
                path: target.at(&difference.place.1),
                change,
                bytes: difference.bytes,
            })
        })
    }

    /// Folders above what was selected that are made for it, with what the snapshot knows of them.
    pub(super) fn describe_new_folders(&mut self, tree: &Tree<'_>) {
        for difference in &self.differences {
            let is_new = matches!(difference.what, What::Put) && difference.stamp.is_none();
            if !is_new || self.staged.contains(&difference.tree) {
                continue;
            }
            let inside = self
                .staged
                .iter()
                .filter(|path| path.parts().starts_with(difference.tree.parts()));
            let mut folders = BTreeSet::new();
            for path in inside {
                let mut above = TreePath::root();
                for part in path.parts() {
                    above = above.join(part);
                    let is_inside = above.parts().len() >= difference.tree.parts().len();
                    if is_inside && above != *path && !self.staged.contains(&above) {
                        folders.insert(above.clone());
                    }
                }
            }
            // One that cannot be read keeps the mode that all new folders have, which is the owner's alone.
            let known = folders.into_iter().filter_map(|path| {
                let meta = tree.entry(&path).ok()?.meta;
                Some((difference.place.0, path, meta))
            });
            self.new_folders.extend(known);
        }
    }
}
