//! Writing a snapshot's database back into a live one that other programs have open.
//!
//! SQLite does it: the online backup, with the stored pages as its source and the live file as its destination, is one
//! transaction of the live database. Whoever has it open sees the old state until it ends and the restored one from the
//! next transaction on, in WAL mode and with a rollback journal, and a crash leaves one of the two. No copy of the database is
//! written anywhere else.
//!
//! A commit of another program between the safety snapshot and this transaction would be in neither. So the live database
//! gets a mark before it is saved, and once its lock is held the mark must be the same.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use lifeboat_store::Store;
use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, ErrorCode, OpenFlags};

use crate::content::Content;
use crate::error::{IoContext, Result, SnapshotError};
use crate::image::StoredDatabase;
use crate::inplace::InPlaceError;
use crate::monitor::{Monitor, go_on};
use crate::recent::COARSE_TICK;
use crate::sqlite::{self, CommitMark, SqliteError};

/// Pages that are copied between two looks at whether to stop.
const STEP: i32 = 256;

/// How long to wait before the lock of another program is tried again.
const PAUSE: Duration = Duration::from_millis(20);

/// How long SQLite itself waits: it cannot be stopped meanwhile.
const SLICE: Duration = Duration::from_millis(250);

/// For how long a mark is waited for that no later commit can share.
const PATIENCE: Duration = Duration::from_secs(10);

/// What tells that nothing was committed in between.
pub(crate) struct Mark([u8; 32]);

impl Mark {
    /// The mark of a live database before it is saved: one that no later commit can leave as it is.
    pub(crate) fn before_saving(path: &Path, monitor: &dyn Monitor) -> Result<Self> {
        let began = Instant::now();
        let (mut since, mut last) = (began, None);
        loop {
            let mark = look(path)?;
            if mark.is_certain && mark.is_seen {
                return Ok(Self(mark.bytes));
            }
            if !mark.is_seen || last.is_some_and(|last| last != mark.bytes) {
                since = Instant::now();
            }
            last = Some(mark.bytes);
            // The clock that stamps files may go wrong, but it has gone on.
            if since.elapsed() >= COARSE_TICK {
                return Ok(Self(mark.bytes));
            }
            go_on(monitor)?;
            if began.elapsed() >= PATIENCE {
                let path = path.to_owned();
                return Err(InPlaceError::ChangedMeanwhile { path }.into());
            }
            std::thread::sleep(PAUSE);
        }
    }

    /// Nothing was committed since the mark was taken.
    pub(crate) fn check(&self, path: &Path) -> Result<()> {
        let mark = look(path)?;
        match mark.is_seen && mark.bytes == self.0 {
            true => Ok(()),
            false => Err(InPlaceError::ChangedMeanwhile {
                path: path.to_owned(),
            }
            .into()),
        }
    }
}

fn look(path: &Path) -> Result<CommitMark> {
    sqlite::commit_mark(path, SystemTime::now()).context("read", path)
}

/// A database to write back.
pub(crate) struct WriteBack<'a> {
    /// Where it is live.
    pub(crate) path: &'a Path,
    /// Its stored bytes.
    pub(crate) content: Content,
    /// The mark that it had before it was saved.
    pub(crate) mark: &'a Mark,
    /// For how long to wait for the locks of other programs.
    pub(crate) busy_timeout: Duration,
}

/// Why a database was not written; it is as it was.
pub(crate) enum NotWritten {
    /// Other programs hold locks on it.
    Locked(PathBuf),
    /// Anything else.
    Failed(SnapshotError),
}

impl From<SnapshotError> for NotWritten {
    fn from(error: SnapshotError) -> Self {
        Self::Failed(error)
    }
}

type Done<T> = std::result::Result<T, NotWritten>;

/// Writes databases back, durably, one after the other; `written` is told of each. The first is written only when all are
/// locked, and nothing was committed to any of them.
///
/// No lock is held while another one is waited for, but for a moment: programs may use several of them together.
pub(crate) fn write_back(
    all: &[WriteBack<'_>],
    store: &Arc<Store>,
    monitor: &dyn Monitor,
    written: &mut dyn FnMut(usize),
) -> Done<()> {
    let ends: Done<Vec<_>> = all.iter().map(|one| one.ends(store)).collect();
    let (mut ends, began, mut any) = (ends?, Instant::now(), false);
    let patience = all.iter().map(|one| one.busy_timeout).max();
    loop {
        let done = try_all(all, &mut ends, monitor, &mut |number| {
            any = true;
            written(number);
        });
        let is_over = any || began.elapsed() >= patience.unwrap_or_default();
        match done {
            Err(NotWritten::Locked(_)) if monitor.cancelled() => {
                return Err(SnapshotError::cancelled().into());
            }
            Err(NotWritten::Locked(_)) if !is_over => std::thread::sleep(PAUSE),
            done => return done,
        }
    }
}

fn try_all(
    all: &[WriteBack<'_>],
    ends: &mut [Ends],
    monitor: &dyn Monitor,
    written: &mut dyn FnMut(usize),
) -> Done<()> {
    let mut locked = Vec::new();
    for (one, ends) in all.iter().zip(ends) {
        locked.push(one.lock(ends)?);
    }
    for one in all {
        one.mark.check(one.path)?;
    }
    for (number, (one, backup)) in all.iter().zip(locked).enumerate() {
        one.write(&backup, monitor)?;
        drop(backup);
        written(number);
    }
    Ok(())
}

/// Where the pages come from and where they go to.
struct Ends {
    source: Connection,
    target: Connection,
}

impl WriteBack<'_> {
    fn ends(&self, store: &Arc<Store>) -> Done<Ends> {
        let image = StoredDatabase::new(Arc::clone(store), self.content.clone());
        let source = sqlite::open_image(Arc::new(image)).map_err(SnapshotError::from)?;
        let target = self.open()?;
        Ok(Ends { source, target })
    }

    /// Takes the lock that the whole copy needs; it is held for as long as the backup is.
    fn lock<'a>(&self, ends: &'a mut Ends) -> Done<Backup<'a, 'a>> {
        let backup = Backup::new(&ends.source, &mut ends.target);
        let backup = backup.map_err(|error| self.fail(error))?;
        match backup.step(0) {
            Ok(StepResult::Busy | StepResult::Locked) => Err(self.locked()),
            Ok(_) => Ok(backup),
            Err(error) => Err(self.fail(error)),
        }
    }

    /// Copies everything. Nothing should be in the way any more, but a wait without an end would block every writer.
    fn write(&self, backup: &Backup<'_, '_>, monitor: &dyn Monitor) -> Done<()> {
        while !self.step(backup, monitor)? {
            if monitor.cancelled() {
                return Err(SnapshotError::cancelled().into());
            }
        }
        Ok(())
    }

    fn open(&self) -> Done<Connection> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX
            | OpenFlags::SQLITE_OPEN_NOFOLLOW;
        let target = Connection::open_with_flags_and_vfs(self.path, flags, "unix");
        let target = target.map_err(|error| self.fail(error))?;
        let prepared = target
            .busy_timeout(self.busy_timeout.min(SLICE))
            .and_then(|()| target.execute_batch("PRAGMA synchronous = FULL"));
        prepared.map_err(|error| self.fail(error))?;
        Ok(target)
    }

    /// Copies some pages; whether those were the last.
    fn step(&self, backup: &Backup<'_, '_>, monitor: &dyn Monitor) -> Done<bool> {
        let began = Instant::now();
        loop {
            match backup.step(STEP) {
                Ok(StepResult::Done) => return Ok(true),
                Ok(StepResult::More) => return Ok(false),
                Err(error) if !is_busy(&error) => return Err(self.fail(error)),
                _ if monitor.cancelled() => return Err(SnapshotError::cancelled().into()),
                _ if began.elapsed() >= self.busy_timeout => return Err(self.locked()),
                _ => std::thread::sleep(PAUSE),
            }
        }
    }

    fn locked(&self) -> NotWritten {
        NotWritten::Locked(self.path.to_owned())
    }

    fn fail(&self, error: rusqlite::Error) -> NotWritten {
        if is_busy(&error) {
            return self.locked();
        }
        let error = SqliteError::Sqlite {
            path: self.path.to_owned(),
            doing: "write back",
            source: error,
        };
        NotWritten::Failed(error.into())
    }
}

fn is_busy(error: &rusqlite::Error) -> bool {
    let busy = [ErrorCode::DatabaseBusy, ErrorCode::DatabaseLocked];
    error
        .sqlite_error_code()
        .is_some_and(|code| busy.contains(&code))
}
