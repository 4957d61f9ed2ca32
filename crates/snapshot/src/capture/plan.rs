//! What a caller says about a backup, and what the backup says back.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use lifeboat_store::Share;

use super::exclude::ExcludeRules;
use super::own::SourceRules;
use super::past::Past;
use super::tally::DatabaseReport;
use crate::error::{Result, SnapshotError};
use crate::export::{ZipReport, ZipTarget};
use crate::inplace::Settled;
use crate::limits::{MAX_COUNTS, MAX_SOURCES, MAX_TAGS};
use crate::monitor::Warning;
use crate::path::TreePath;
use crate::record::Snapshot;

/// Most bytes of the paths of all sources: there must be room for them in the record.
const MAX_SOURCE_BYTES: usize = 3 << 20;

/// What to back up, and how.
#[derive(Debug, Clone)]
pub struct Backup {
    /// Folders and files, each with everything in it.
    pub sources: Vec<PathBuf>,
    /// What to leave out, in gitignore's syntax, relative to each source. Files called `.lifeboatignore` in the sources
    /// count less.
    pub excludes: Vec<String>,
    /// Heed files called `.lifeboatignore` in the sources.
    pub ignore_files: bool,
    /// Folders to leave out wherever they are: where zips go, for one.
    pub exclude_folders: Vec<PathBuf>,
    /// Leave out what is in folders that are marked as caches (`CACHEDIR.TAG`).
    pub exclude_caches: bool,
    /// Leave out files of more bytes than this; databases are never too large.
    pub exclude_larger_than: Option<u64>,
    /// Leave out what is on another file system than its source: other disks and the like are empty folders.
    pub one_file_system: bool,
    /// Databases to store as plain files: their paths, or their last parts.
    pub no_database: Vec<PathBuf>,
    /// What holds for single sources instead of what is said here, by their place in `sources`.
    pub own: BTreeMap<usize, SourceRules>,
    /// Words to find the snapshot by.
    pub tags: Vec<String>,
    /// Words for people.
    pub description: String,
    /// Name of this machine.
    pub host: String,
    /// Offset of local time from UTC, in minutes.
    pub offset_minutes: i32,
    /// Facts to read from databases.
    pub counts: Vec<CountQuery>,
    /// When to run SQLite's own check.
    pub check: CheckPolicy,
    /// For how long to wait for a locked database.
    pub busy_timeout: Duration,
    /// A folder for what must not lie in memory: the pages that a hot journal brings back. Without one, a database with a
    /// hot journal is stored as the file it is, and flagged.
    pub scratch: Option<PathBuf>,
    /// Threads that work; as many as there are cores where not given.
    pub threads: Option<usize>,
    /// zstd level.
    pub level: i32,
    /// How much parity is written, by which damaged packs are mended.
    pub parity: Share,
    /// Look whether there is likely to be room, before anything is stored. Later backups are told by what the ones before took;
    /// a first one by walking its sources once more.
    pub check_room: bool,
    /// Accept a source that is empty now and was not before.
    pub allow_empty: bool,
    /// Make no snapshot that would equal the one before.
    pub skip_if_unchanged: bool,
    /// Where to write the zip; none is written where not given.
    pub zip: Option<ZipTarget>,
    /// Write it only where the place has none of the same sources from the same day.
    pub zip_daily: bool,
    /// Where and when the data was, if that is not here and now. There is one source then.
    pub past: Option<Past>,
    /// How many zips of the same sources to leave at the place, the new one included; all where not given.
    pub zip_keep: Option<usize>,
    /// The folder of the notes that restores in place were given ([`InPlace::state`](crate::InPlace)).
    pub state: Option<PathBuf>,
}

impl Backup {
    /// What it leaves out by rules that are no patterns of the caller.
    pub(super) const fn rules(&self) -> ExcludeRules {
        ExcludeRules {
            ignore_files: self.ignore_files,
            caches: self.exclude_caches,
            larger_than: self.exclude_larger_than,
            one_file_system: self.one_file_system,
        }
    }

    /// Whether what it asks for can be recorded: better told now than at the end of a long backup.
    pub(super) fn check_limits(&self) -> Result<()> {
        let paths = self.sources.iter();
        let bytes = paths.map(|source| source.as_os_str().len() + 4).sum();
        let counts = [
            ("sources", self.sources.len(), MAX_SOURCES),
            ("bytes in the paths of the sources", bytes, MAX_SOURCE_BYTES),
            ("tags", self.tags.len(), MAX_TAGS),
            ("configured counts", self.all_counts().count(), MAX_COUNTS),
        ];
        for (what, count, limit) in counts {
            if count > limit {
                return Err(SnapshotError::TooMany { what, count, limit });
            }
        }
        Ok(())
    }
}

impl Default for Backup {
    fn default() -> Self {
        Self {
            sources: Vec::new(),
            excludes: Vec::new(),
            ignore_files: true,
            exclude_folders: Vec::new(),
            exclude_caches: false,
            exclude_larger_than: None,
            one_file_system: false,
            no_database: Vec::new(),
            own: BTreeMap::new(),
            tags: Vec::new(),
            description: String::new(),
            host: String::new(),
            offset_minutes: 0,
            counts: Vec::new(),
            check: CheckPolicy::Auto,
            busy_timeout: Duration::from_secs(30),
            scratch: None,
            threads: None,
            level: 3,
            parity: Share::default(),
            check_room: false,
            allow_empty: false,
            skip_if_unchanged: false,
            zip: None,
            zip_daily: false,
            past: None,
            zip_keep: None,
            state: None,
        }
    }
}

/// A fact to read from a database at each backup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CountQuery {
    /// The database: its path in the source, or the last parts of it.
    pub database: PathBuf,
    /// What the fact is called.
    pub name: String,
    /// A `SELECT` that gives one number.
    pub query: String,
}

impl CountQuery {
    /// The names and queries of those that are about the database at this path.
    pub(crate) fn of(queries: &[Self], path: &TreePath) -> Vec<(String, String)> {
        let path = path.below(Path::new(""));
        let about = queries
            .iter()
            .filter(|query| path.ends_with(&query.database));
        about
            .map(|query| (query.name.clone(), query.query.clone()))
            .collect()
    }
}

impl Backup {
    /// Databases that facts were to be read from and that none of those captured is: a name was mistyped, perhaps.
    pub(super) fn uncounted(&self, databases: &[DatabaseReport]) -> Vec<PathBuf> {
        let is_captured = |name: &PathBuf| {
            let mut paths = databases
                .iter()
                .map(|report| report.database.path.below(Path::new("")));
            paths.any(|path| path.ends_with(name))
        };
        let names: BTreeSet<&PathBuf> = self.all_counts().map(|query| &query.database).collect();
        names
            .into_iter()
            .filter(|name| !is_captured(name))
            .cloned()
            .collect()
    }
}

/// When to run SQLite's check on a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CheckPolicy {
    /// The quick one at first sight, after a change of the schema, and once a day.
    #[default]
    Auto,
    /// Never.
    None,
    /// `quick_check` at each capture.
    Quick,
    /// `integrity_check` at each capture.
    Full,
}

/// What a backup did.
#[derive(Debug, Clone)]
pub struct BackupReport {
    /// The snapshot; `None` where it would have equalled the one before and was skipped.
    pub snapshot: Option<Snapshot>,
    /// The snapshot that it was compared with.
    pub parent: Option<Snapshot>,
    /// Files that were not in the snapshot before.
    pub files_new: u64,
    /// Files with other content than before.
    pub files_changed: u64,
    /// Files with the same content as before.
    pub files_unchanged: u64,
    /// Entries that were left out because a pattern or another rule says so; a folder counts as one.
    pub excluded: u64,
    /// Bytes that were read from files and databases.
    pub read_bytes: u64,
    /// Plain bytes that the repository had not seen before.
    pub new_bytes: u64,
    /// Bytes that the repository grew by.
    pub stored_bytes: u64,
    /// How long it took, without the zip.
    pub duration: Duration,
    /// Databases, in the order of the walk.
    pub databases: Vec<DatabaseReport>,
    /// Where databases were that the snapshot before has, and that are not there any more.
    pub databases_gone: Vec<PathBuf>,
    /// The zip, where one was written.
    pub zip: Option<ZipReport>,
    /// Databases of the plan's counts of which none was captured.
    pub uncounted: Vec<PathBuf>,
    /// Restores in place of the sources that a crash had stopped, and that were finished before anything was read.
    pub settled: Settled,
    /// Everything that was in the way.
    pub warnings: Vec<Warning>,
}
