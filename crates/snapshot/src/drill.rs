//! A fire drill: restoring a snapshot for nothing, to know that it can be done and how long it takes.
//!
//! The restore goes into a folder of its own, which is removed whatever happens; that of a drill whose process died is
//! removed by the next one in the same place. What came of the last few is kept in the repository, small and write-once,
//! for `status`. Layout in `docs/format.md`, "Drills".

use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use lifeboat_store::{RepositoryId, SnapshotId, StoreError, envelope, unwrap_object};
use rustix::fs::FlockOperation;
use serde::{Deserialize, Serialize};

use crate::error::{IoContext, Result, SnapshotError};
use crate::inplace::{open_folder, remove};
use crate::monitor::{Monitor, Warning};
use crate::opened::{Open, Opened};
use crate::record::Snapshot;
use crate::repository::Repository;
use crate::restore::{Loss, Restore};

/// Newest version of a drill's record that this program reads and the one it writes.
const VERSION: u16 = 1;

/// Records that are kept.
const KEPT: usize = 8;

/// What the names of scratch folders begin with.
const PREFIX: &str = "lifeboat-drill-";

/// What is remembered of a drill.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drill {
    /// The repository it belongs to.
    pub repository: RepositoryId,
    /// The record's own name.
    pub id: SnapshotId,
    /// The snapshot that was restored.
    pub snapshot: SnapshotId,
    /// Milliseconds since 1970 when it began, by the machine's clock.
    pub time_ms: i64,
    /// Milliseconds from the begin to the last database opened: how long getting back takes (RTO).
    pub took_ms: u64,
    /// Milliseconds from the snapshot to the begin: how much work would be lost (RPO).
    pub age_ms: u64,
    /// Files that were restored.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Databases that were opened.
    pub databases: u64,
    /// Everything was there and as it had been.
    pub good: bool,
}

/// What a drill showed.
#[derive(Debug, Clone)]
pub struct DrillReport {
    /// What is remembered of it.
    pub drill: Drill,
    /// Databases, as they were opened; paths are those in the scratch folder.
    pub databases: Vec<Opened>,
    /// What could not be had from the repository.
    pub lost: Vec<Loss>,
    /// Everything that was in the way.
    pub warnings: Vec<Warning>,
}

impl Repository {
    /// Restores a snapshot into a folder inside `scratch`, opens its databases, removes it all again, and remembers how it
    /// went.
    ///
    /// # Errors
    /// Where the restore as a whole fails, or nothing can be remembered. What was written is removed in any case.
    pub fn drill(
        &self,
        snapshot: &Snapshot,
        scratch: &Path,
        how: &Open,
        threads: Option<usize>,
        monitor: &dyn Monitor,
    ) -> Result<DrillReport> {
        let time_ms = self.clock().now().timestamp_millis();
        let began = Instant::now();
        clear_left_over(scratch);
        let folder = Scratch::make(scratch)?;
        let plan = Restore {
            target: folder.path.join("restored"),
            threads,
            open: Some(how.clone()),
            ..Restore::default()
        };
        let restored = self.restore(snapshot, &plan, monitor)?;
        let databases = restored.databases;
        let took = began.elapsed();
        drop(folder);
        let is_good = |database: &Opened| !database.is_wrong() && !database.was_damaged();
        let drill = Drill {
            repository: self.store().id(),
            id: self.store().new_name()?,
            snapshot: snapshot.id,
            time_ms,
            took_ms: millis(took),
            age_ms: u64::try_from(time_ms - snapshot.time_ms).unwrap_or_default(),
            files: restored.files,
            bytes: restored.bytes,
            databases: databases.len() as u64,
            good: restored.lost.is_empty() && databases.iter().all(is_good),
        };
        self.remember(&drill)?;
        Ok(DrillReport {
            drill,
            databases,
            lost: restored.lost,
            warnings: restored.warnings,
        })
    }

    fn remember(&self, drill: &Drill) -> Result<()> {
        let bytes = envelope::wrap(envelope::Kind::Drill, VERSION, drill);
        let bytes = bytes.map_err(|source| SnapshotError::Unstorable {
            what: "the record of the drill".to_owned(),
            source,
        })?;
        self.store().put_drill(drill.id, &bytes)?;
        // Older ones say nothing that anybody asks; one that cannot be removed does no harm.
        for old in self.drills()?.into_iter().rev().skip(KEPT) {
            let _ = self.store().remove_drill(old.id);
        }
        Ok(())
    }

    /// The drills that are remembered, oldest first. Records that cannot be read are passed over: they are for
    /// information, and the next drill replaces them.
    ///
    /// # Errors
    /// Where they cannot be listed.
    pub fn drills(&self) -> Result<Vec<Drill>> {
        let ids = self.store().drills()?;
        let drills = ids.into_iter().filter_map(|id| self.read_drill(id).ok());
        let mut drills: Vec<Drill> = drills.flatten().collect();
        drills.sort_by_key(|drill| (drill.time_ms, drill.id));
        Ok(drills)
    }

    fn read_drill(&self, id: SnapshotId) -> Result<Option<Drill>> {
        let Some(bytes) = self.store().drill_bytes(id)? else {
            return Ok(None);
        };
        let path = self.store().locate_drill(id);
        let drill: Drill = unwrap_object(path.clone(), envelope::Kind::Drill, VERSION, &bytes)?;
        if drill.id == id && drill.repository == self.store().id() {
            return Ok(Some(drill));
        }
        let what = "it is the record of another drill or repository".to_owned();
        Err(StoreError::Damaged { object: path, what }.into())
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// A folder that is removed when it is dropped, and locked until then.
struct Scratch {
    path: PathBuf,
    _lock: std::os::fd::OwnedFd,
}

impl Scratch {
    fn make(within: &Path) -> Result<Self> {
        for number in 0..1000_u32 {
            let path = within.join(format!("{PREFIX}{}-{number}", std::process::id()));
            let mut builder = std::fs::DirBuilder::new();
            match builder.mode(0o700).create(&path) {
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => continue,
                made => made.context("create", &path)?,
            }
            let lock = open_folder(&path).context("open", &path)?;
            let _ = rustix::fs::flock(&lock, FlockOperation::NonBlockingLockExclusive);
            return Ok(Self { path, _lock: lock });
        }
        Err(SnapshotError::TargetUnusable {
            path: within.to_owned(),
            reason: "it is full of folders of drills".to_owned(),
        })
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What stays is removed by the next drill.
        let _ = remove(&self.path);
    }
}

/// Removes the folders of drills whose process has died: whoever lives holds a lock on theirs.
fn clear_left_over(within: &Path) {
    let entries = std::fs::read_dir(within).into_iter().flatten().flatten();
    for entry in entries {
        let path = entry.path();
        let is_drill = entry.file_name().to_string_lossy().starts_with(PREFIX);
        let is_own = |stat: std::fs::Metadata| {
            use std::os::unix::fs::MetadataExt;
            stat.is_dir() && stat.uid() == rustix::process::geteuid().as_raw()
        };
        if !is_drill || !path.symlink_metadata().is_ok_and(is_own) {
            continue;
        }
        let Ok(folder) = open_folder(&path) else {
            continue;
        };
        if rustix::fs::flock(&folder, FlockOperation::NonBlockingLockExclusive).is_ok() {
            let _ = remove(&path);
        }
    }
}
