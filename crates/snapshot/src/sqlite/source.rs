//! A connection to a live database, inside the one read transaction of a capture.
//!
//! All that is known of a captured state is asked of this connection, between `BEGIN` and the
//! end. The hazard is a transaction that does not begin where it says so:
//! `BEGIN` takes no lock, the first read does. So that is made at once, and it is one that
//! needs no schema, since a damaged schema must not keep the pages from being saved.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use rusqlite::config::DbConfig;
use rusqlite::limits::Limit;
use rusqlite::{Connection, OpenFlags};

use super::capture::CaptureOptions;
use super::error::SqliteError;
use super::extents::Extents;
use super::header::{Header, MAGIC};
use super::overlay::Overlay;
use super::probe::Probe;
use super::sniff::{first_bytes, strange_side_file};
use super::{held, vfs};

/// How long SQLite waits for a lock before it is asked whether to go on.
const SLICE: Duration = Duration::from_millis(250);

/// A database with a read transaction open on it.
pub(super) struct Source {
    path: PathBuf,
    connection: Connection,
    probe: Arc<Probe>,
    /// `None` for a database without any page.
    header: Option<Header>,
    busy_timeout: Duration,
    began: Instant,
}

impl Source {
    /// Opens the database at `path` and takes hold of its present state. A hot journal is
    /// rolled back into a file in the scratch folder; without one, it is an error.
    pub(super) fn open(path: &Path, options: &CaptureOptions) -> Result<Self, SqliteError> {
        let path = absolute(path)?;
        check_magic(&path)?;
        match (Self::wait(&path, options, None), &options.scratch) {
            (Err(SqliteError::HotJournal { .. }), Some(scratch)) => {
                Self::wait(&path, options, Some(scratch))
            }
            (result, _) => result,
        }
    }

    /// Tries until the busy timeout is over. SQLite's own waiting cannot be stopped, so it is
    /// done a little at a time.
    fn wait(
        path: &Path,
        options: &CaptureOptions,
        scratch: Option<&Path>,
    ) -> Result<Self, SqliteError> {
        let began = Instant::now();
        loop {
            let left = options.busy_timeout.saturating_sub(began.elapsed());
            let overlay = scratch.map(Overlay::create).transpose();
            let overlay = overlay.map_err(|error| SqliteError::io(path, error))?;
            match Self::begin(path, left.min(SLICE), options.busy_timeout, overlay) {
                Err(SqliteError::Busy { .. }) if options.stop.load(Ordering::Relaxed) => {
                    return Err(SqliteError::Stopped);
                }
                Err(SqliteError::Busy { .. }) if left > SLICE => {}
                result => return result,
            }
        }
    }

    fn begin(
        path: &Path,
        slice: Duration,
        busy_timeout: Duration,
        overlay: Option<Overlay>,
    ) -> Result<Self, SqliteError> {
        let fail = |error| failed_to_open(path, busy_timeout, error);
        let rolls_back = overlay.is_some();
        let probe = Arc::new(Probe::new(path, overlay));
        let connection = vfs::open_source(path, Arc::clone(&probe)).map_err(fail)?;
        let begun = connection
            .busy_timeout(slice)
            .and_then(|()| confine(&connection))
            .and_then(|()| limit(&connection))
            .and_then(|()| connection.execute_batch("BEGIN; PRAGMA main.user_version"));
        begun.map_err(|error| match fail(error) {
            // Whatever stops a rollback, the journal is what has to be dealt with.
            SqliteError::Sqlite { source, path, .. } if rolls_back => {
                let source = Some(source);
                SqliteError::HotJournal { path, source }
            }
            other => other,
        })?;
        let header = header(path, &probe)?;
        Ok(Self {
            path: path.to_owned(),
            connection,
            probe,
            header,
            busy_timeout,
            began: Instant::now(),
        })
    }

    pub(super) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// The header of page 1 as this transaction sees it; `None` if there are no pages.
    pub(super) fn header(&self) -> Option<&Header> {
        self.header.as_ref()
    }

    /// Whether SQLite works on pages where the window before the file has them, in place of a copy in its cache. That spares
    /// a copy of each page that is looked at once; one that is looked at again is taken for one that was never seen.
    pub(super) fn lend_pages(&self, lend: bool) -> rusqlite::Result<()> {
        // Any size but 0 says yes: there is no map.
        let pragma = if lend {
            "PRAGMA mmap_size = 1"
        } else {
            "PRAGMA mmap_size = 0"
        };
        self.connection.execute_batch(pragma)
    }

    pub(super) fn fail(&self, doing: &'static str, error: rusqlite::Error) -> SqliteError {
        SqliteError::from_sqlite(&self.path, doing, self.busy_timeout, error)
    }

    pub(super) fn busy(&self) -> SqliteError {
        SqliteError::Busy {
            path: self.path.clone(),
            waited: self.busy_timeout,
            source: None,
        }
    }

    /// Whether a hot journal was rolled back, into the overlay.
    pub(super) fn rolled_back(&self) -> bool {
        self.probe.overlay().is_some_and(Overlay::is_used)
    }

    /// Whether the wal-index is this transaction's alone, because there was no `-shm`.
    pub(super) fn has_own_index(&self) -> bool {
        self.probe.seen().index_in_memory
    }

    /// Whether the path leads to another file by now.
    pub(super) fn has_moved(&self) -> bool {
        vfs::has_moved(&self.connection)
    }

    pub(super) fn damaged(&self, detail: &str) -> SqliteError {
        SqliteError::damaged(&self.path, detail)
    }

    /// Ends the transaction, if what it read was one state of one file. Returns for how long it
    /// could have kept a writer waiting.
    pub(super) fn end(self) -> Result<Duration, SqliteError> {
        let path = self.path.clone();
        if self.has_moved() {
            return Err(SqliteError::Replaced { path });
        }
        let seen = self.probe.seen();
        if seen.index_in_memory && self.probe.has_shm() {
            let source = None;
            return Err(SqliteError::Disturbed { path, source });
        }
        if seen.torn || seen.torn_page1 {
            return Err(self.damaged("the file ends in the middle of a page"));
        }
        // Some errors end a transaction by themselves, and what was read since is of another.
        if self.connection.is_autocommit() {
            return Err(self.damaged("reading it failed in the middle of a transaction"));
        }
        // Closing ends the transaction. `COMMIT` would repeat what is known of damaged pages.
        drop(self.connection);
        Ok(match self.header {
            Some(header) if !header.is_wal() => self.began.elapsed(),
            _ => Duration::ZERO,
        })
    }
}

/// Nothing is written, attached, mapped, or run that the schema of a foreign database smuggles in.
pub(super) fn confine(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 0)?;
    connection
        .execute_batch("PRAGMA query_only = ON; PRAGMA temp_store = MEMORY; PRAGMA mmap_size = 0")
}

/// What a database may cost that is only looked at. Its definitions run in its check: constraints, indexes on
/// expressions, columns that are generated.
fn limit(connection: &Connection) -> rusqlite::Result<()> {
    let limits = [
        (Limit::SQLITE_LIMIT_LENGTH, 128 << 20),
        (Limit::SQLITE_LIMIT_SQL_LENGTH, 4 << 20),
        (Limit::SQLITE_LIMIT_VDBE_OP, 1 << 20),
        (Limit::SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 4096),
        (Limit::SQLITE_LIMIT_WORKER_THREADS, 0),
    ];
    for (what, most) in limits {
        connection.set_limit(what, most)?;
    }
    // A misspelt column of a configured count is an error and not a text.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DML, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DDL, false)?;
    Ok(())
}

/// The destination of a backup.
pub(super) fn open_sink(sink: Arc<Extents>) -> rusqlite::Result<Connection> {
    let access = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
    let connection = vfs::open_object(sink, access)?;
    // Without a journal, and with few pages in the cache, pages are written once and in order.
    connection.execute_batch(
        "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;
         PRAGMA locking_mode = EXCLUSIVE; PRAGMA cache_size = 16",
    )?;
    Ok(connection)
}

/// SQLite's error names the database only, where it is a file beside it that has to be dealt with.
fn failed_to_open(path: &Path, waited: Duration, error: rusqlite::Error) -> SqliteError {
    let error = SqliteError::from_sqlite(path, "open", waited, error);
    let is_of_a_file = matches!(
        error,
        SqliteError::Sqlite { .. } | SqliteError::HotJournal { .. }
    );
    match strange_side_file(path).filter(|_| is_of_a_file) {
        Some(beside) => SqliteError::io(
            &beside,
            io::Error::new(
                io::ErrorKind::InvalidInput,
                "it belongs to a database and is no regular file",
            ),
        ),
        None => error,
    }
}

/// The folder is resolved once; a link in the place of the database itself is not followed.
fn absolute(path: &Path) -> Result<PathBuf, SqliteError> {
    let name = path.file_name().unwrap_or_default();
    let folder = match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    let folder = fs::canonicalize(folder).map_err(|error| SqliteError::io(path, error))?;
    Ok(folder.join(name))
}

fn check_magic(path: &Path) -> Result<(), SqliteError> {
    let begins = held::descriptor(path)
        .and_then(|file| Ok((first_bytes::<16>(&file)?, file.metadata()?.len())))
        .map_err(|error| SqliteError::io(path, error))?;
    match begins {
        (_, 0) => Ok(()),
        (bytes, 16..) if bytes == *MAGIC => Ok(()),
        (bytes, _) => Err(SqliteError::NotADatabase {
            path: path.to_owned(),
            begins: bytes.escape_ascii().to_string(),
        }),
    }
}

fn header(path: &Path, probe: &Probe) -> Result<Option<Header>, SqliteError> {
    match probe.seen().page1 {
        // An empty database: SQLite asks for page 1 and gets zeros.
        None => Ok(None),
        Some(bytes) if bytes.iter().all(|&byte| byte == 0) => Ok(None),
        Some(bytes) => match Header::parse(bytes) {
            Some(header) => Ok(Some(header)),
            None => Err(SqliteError::damaged(path, "page 1 has no valid header")),
        },
    }
}
