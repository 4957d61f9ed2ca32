//! Taking in what was backed up before, by other programs: zips and folders become snapshots with their own dates.
//!
//! The archives come from anywhere, so nothing is written before each of them was found good, and an archive is taken in
//! whole or not at all. They are taken in the order of their dates, each compared with the one before, so that ten copies
//! of a growing database cost little more than one.
//!
//! The hazard is the order of snapshots. It is that of their numbers and never of a clock, and what is imported today has
//! the highest number and the oldest data. So an imported snapshot carries a tag that only an import gives
//! ([`Snapshot::is_imported`]) and stands before all others, among its like by its date: `latest` never means one while
//! there is another.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use chrono::NaiveDateTime;
use lifeboat_store::{SnapshotId, StoreError};

use crate::capture::{Backup, BackupReport, CheckPolicy, CountQuery, Past};
use crate::error::{Result, SnapshotError};
use crate::monitor::{Monitor, Task, go_on};
use crate::reach::Reach;
use crate::record::{IMPORTED, Snapshot};
use crate::repository::Repository;
use archive::{Archive, Unpacked};
use described::Described;
use scratch::Scratch;

mod archive;
mod described;
mod find;
mod scratch;
mod unpack;

pub(crate) use scratch::remove_left_over;

/// What to take in, and as what.
#[derive(Debug, Clone)]
pub struct Import {
    /// Zips, folders that are a backup, and folders of such zips and folders.
    pub paths: Vec<PathBuf>,
    /// The path that the snapshots are to have as their source.
    pub source: PathBuf,
    /// The machine that they are to be of.
    pub host: String,
    /// Words to find them by, besides the one that every import gives.
    pub tags: Vec<String>,
    /// Facts to read from databases. Where there are none of that name, an archive's own numbers are believed.
    pub counts: Vec<CountQuery>,
    /// When to run SQLite's own check.
    pub check: CheckPolicy,
    /// Offset from UTC, in minutes, of the clock by which an archive tells its date.
    pub offset_minutes: fn(NaiveDateTime) -> i32,
    /// Folder in which zips are unpacked, each to a private one; the repository where not given.
    pub scratch: Option<PathBuf>,
    /// Only look.
    pub dry_run: bool,
    /// Threads that work; as many as there are cores where not given.
    pub threads: Option<usize>,
}

/// What an import did.
#[derive(Debug, Default)]
pub struct ImportReport {
    /// One for each archive, in the order of their dates.
    pub archives: Vec<Imported>,
}

/// What became of one archive.
#[derive(Debug)]
pub struct Imported {
    /// The archive.
    pub path: PathBuf,
    /// Its date, in milliseconds since 1970.
    pub time_ms: i64,
    /// What was done with it.
    pub outcome: Outcome,
}

/// What was done with an archive.
#[derive(Debug)]
pub enum Outcome {
    /// It became this snapshot.
    Taken(Box<BackupReport>),
    /// It is this snapshot already.
    Known(SnapshotId),
    /// It would be taken in.
    Due,
}

/// An archive that was found good as far as can be told without unpacking it.
struct Candidate {
    archive: Archive,
    described: Described,
    time_ms: i64,
    tag: String,
}

impl Repository {
    /// Takes in older backups as snapshots.
    ///
    /// # Errors
    /// [`SnapshotError::ArchiveRefused`] where one is not acceptable. If that shows before it is unpacked, nothing was
    /// taken in; else those of older dates were, and are recognised the next time.
    pub fn import(&self, plan: &Import, monitor: &dyn Monitor) -> Result<ImportReport> {
        if !plan.dry_run {
            remove_left_over(&self.scratch(plan));
        }
        let mut candidates = Vec::new();
        for path in find::archives(&plan.paths)? {
            candidates.push(look(&path, plan.offset_minutes)?);
        }
        candidates
            .sort_by(|a, b| (a.time_ms, a.archive.path()).cmp(&(b.time_ms, b.archive.path())));
        let mut known = self.known_archives()?;
        let mut report = ImportReport::default();
        for candidate in candidates {
            go_on(monitor)?;
            let outcome = self.take_in(&candidate, plan, &known, monitor)?;
            if let Outcome::Taken(report) = &outcome
                && let Some(snapshot) = &report.snapshot
            {
                known.insert(candidate.tag.clone(), snapshot.id);
            }
            report.archives.push(Imported {
                path: candidate.archive.path().to_owned(),
                time_ms: candidate.time_ms,
                outcome,
            });
        }
        Ok(report)
    }

    fn take_in(
        &self,
        candidate: &Candidate,
        plan: &Import,
        known: &HashMap<String, SnapshotId>,
        monitor: &dyn Monitor,
    ) -> Result<Outcome> {
        let own = candidate.described.snapshot_of(self.store().id());
        for id in known.get(&candidate.tag).copied().into_iter().chain(own) {
            if self.is_whole(id)? {
                return Ok(Outcome::Known(id));
            }
        }
        if plan.dry_run {
            return Ok(Outcome::Due);
        }
        let archive = &candidate.archive;
        monitor.begin(Task::Import, Some(archive.plain_bytes()));
        let scratch = Scratch::new(&self.scratch(plan))?;
        let unpacked =
            archive.unpack(&candidate.described, plan.offset_minutes, &scratch, monitor)?;
        let backup = self.plan_of(candidate, plan, unpacked);
        let report = self.backup_as_it_is(&backup, monitor)?;
        Ok(Outcome::Taken(Box::new(report)))
    }

    /// Whether the snapshot is there with every chunk: of one that lacks something, the archive may be the last copy.
    fn is_whole(&self, id: SnapshotId) -> Result<bool> {
        let listing = self.snapshots()?;
        let Some(snapshot) = listing.snapshots.iter().find(|one| one.id == id) else {
            return Ok(false);
        };
        Reach::new(self).has_all(snapshot)
    }

    fn scratch(&self, plan: &Import) -> PathBuf {
        plan.scratch.clone().unwrap_or_else(|| self.place())
    }

    fn plan_of(&self, candidate: &Candidate, plan: &Import, unpacked: Unpacked) -> Backup {
        let path = candidate.archive.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let version = candidate.described.app_version.as_ref();
        let version = version.map_or_else(String::new, |version| format!(", version {version}"));
        let database = candidate.archive.main_database();
        let counts = candidate
            .described
            .counts(database.as_deref(), &plan.counts);
        let mut tags = plan.tags.clone();
        tags.push(candidate.tag.clone());
        Backup {
            sources: vec![unpacked.folder],
            excludes: candidate.archive.excludes(),
            tags,
            description: format!("imported from {name}{version}"),
            host: plan.host.clone(),
            offset_minutes: candidate.described.offset_minutes(plan.offset_minutes),
            counts,
            check: plan.check,
            scratch: Some(self.scratch(plan)),
            threads: plan.threads,
            allow_empty: true,
            past: Some(Past {
                source: plan.source.clone(),
                time_ms: candidate.time_ms,
                unpacked: unpacked.files,
            }),
            ..Backup::default()
        }
    }

    /// The snapshots that archives have become, by the tags that name the archives.
    fn known_archives(&self) -> Result<HashMap<String, SnapshotId>> {
        let mut known = HashMap::new();
        for snapshot in self.snapshots()?.snapshots {
            let id = snapshot.id;
            let tags = snapshot
                .tags
                .into_iter()
                .filter(|tag| tag.starts_with(IMPORTED));
            known.extend(tags.map(|tag| (tag, id)));
        }
        Ok(known)
    }
}

fn look(path: &Path, offset: fn(NaiveDateTime) -> i32) -> Result<Candidate> {
    let archive = Archive::open(path)?;
    let described = archive.described()?;
    archive.check_against(&described)?;
    let fingerprint = archive.fingerprint()?;
    let name: String = fingerprint.to_hex().chars().take(16).collect();
    Ok(Candidate {
        time_ms: described.time_ms(offset),
        archive,
        described,
        tag: format!("{IMPORTED}{name}"),
    })
}

/// The refusal of an archive.
fn refused(path: &Path, reason: impl Into<String>) -> SnapshotError {
    SnapshotError::ArchiveRefused {
        path: path.to_owned(),
        reason: reason.into(),
    }
}

/// A snapshot of the past has no more to do with the files that it was read from.
impl Snapshot {
    /// Whether it was taken in from an older backup, and its date is not that of its number.
    pub fn is_imported(&self) -> bool {
        self.tags.iter().any(|tag| tag.starts_with(IMPORTED))
    }
}

/// The error of an archive that a newer program of its kind has described.
fn newer(path: &Path, found: u16) -> SnapshotError {
    SnapshotError::Store(StoreError::NewerFormat {
        object: path.to_owned(),
        found,
        supported: 1,
    })
}
