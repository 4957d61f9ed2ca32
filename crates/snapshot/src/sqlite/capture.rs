//! One committed state of a live database, as a stream of extents.
//!
//! SQLite's online backup copies page by page inside one read transaction: a backup that is
//! stepped without one starts over with every commit of another program and, measured, never
//! ends. In WAL mode writers do not notice; with a rollback journal they wait for the time of
//! the read, which the facts tell.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use rusqlite::backup::{Backup, StepResult};

use super::error::SqliteError;
use super::extents::{Extent, Extents};
use super::facts::{self, Facts};
use super::header::Header;
use super::source::{self, Source};
use super::twin::{self, Beside, Twin};

/// Bytes that are copied between two looks at whether to stop: also what waits in memory.
const STEP_BYTES: u32 = 1 << 20;

/// How to capture.
#[derive(Debug, Clone)]
pub struct CaptureOptions {
    /// For how long to wait for another program's lock.
    pub busy_timeout: Duration,
    /// Which check to run, inside the transaction.
    pub check: Check,
    /// Queries to run, as name and `SELECT`.
    pub counts: Vec<(String, String)>,
    /// How long each of `counts` may take.
    pub count_budget: Duration,
    /// How long reading the definitions of all tables may take; where they take longer, nothing is counted or checked.
    pub schema_budget: Duration,
    /// How long a check may take, and more where the database is large: a second for each 4 MiB.
    pub check_budget: Duration,
    /// How long counting the rows of all tables may take; none are counted if it is zero.
    pub row_count_budget: Duration,
    /// A folder for the pages of a hot journal; without one such a database is an error.
    pub scratch: Option<PathBuf>,
    /// Set by anybody to end the capture, also while a check is running.
    pub stop: Arc<AtomicBool>,
}

impl Default for CaptureOptions {
    fn default() -> Self {
        Self {
            busy_timeout: Duration::from_secs(30),
            check: Check::None,
            counts: Vec::new(),
            count_budget: Duration::from_secs(10),
            schema_budget: Duration::from_secs(30),
            check_budget: Duration::from_secs(60),
            row_count_budget: Duration::from_millis(100),
            scratch: None,
            stop: Arc::default(),
        }
    }
}

impl CaptureOptions {
    /// Whether somebody wants the capture to end.
    pub(super) fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

/// SQLite's own checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Check {
    /// None.
    #[default]
    None,
    /// `PRAGMA quick_check`: structure, not whether indexes match their tables.
    Quick,
    /// `PRAGMA integrity_check`.
    Full,
}

/// The consumer of extents gave up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stopped;

impl From<Stopped> for SqliteError {
    fn from(_: Stopped) -> Self {
        Self::Stopped
    }
}

/// Takes the extents of one capture.
///
/// Each comes exactly once: 1 to n in ascending order, then 0, whose page SQLite writes last.
/// All but the last in the file have [`super::EXTENT_BYTES`]. If the capture ends with an error,
/// what was taken before is worth nothing.
pub trait ExtentSink {
    /// Takes the extent with number `index`.
    fn extent(&mut self, index: u64, bytes: Vec<u8>) -> Result<(), Stopped>;

    /// Memory of an extent that was taken before and is done with, whatever is in it.
    fn spare(&mut self) -> Vec<u8> {
        Vec::new()
    }
}

/// Captures the database at `path`: its extents into `sink`, and what is known about them.
///
/// The last component of `path` is not followed if it is a link.
pub fn capture(
    path: &Path,
    options: &CaptureOptions,
    sink: &mut dyn ExtentSink,
) -> Result<Facts, SqliteError> {
    let before = twin::index_before(path, options);
    let source = Source::open(path, options)?;
    let Some(header) = source.header().copied() else {
        let facts = facts::read(source.connection(), None, 0, options);
        source.end()?;
        return Ok(facts);
    };
    let second = Twin::open(path, options, &source, before);
    let abandoned = AtomicBool::new(false);
    let (mut facts, rest) = thread::scope(|scope| {
        let abandoned = &abandoned;
        let look = second.and_then(|second| {
            let look = move || second.look(options, abandoned);
            thread::Builder::new().spawn_scoped(scope, look).ok()
        });
        let beside = || look.and_then(|look| look.join().ok()).unwrap_or_default();
        let taken = copy_and_describe(&source, &header, options, sink, beside);
        // Of what was not taken nobody wants to know.
        abandoned.store(true, Ordering::Relaxed);
        taken
    })?;
    facts.rolled_back = source.rolled_back();
    check_stop(options)?;
    // The lock is given up before the last extents are consumed, which may take a while.
    facts.lock = source.end()?;
    deliver(rest, sink)?;
    Ok(facts)
}

/// All but the last extents to the sink; those, and the facts.
fn copy_and_describe(
    source: &Source,
    header: &Header,
    options: &CaptureOptions,
    sink: &mut dyn ExtentSink,
    beside: impl FnOnce() -> Beside,
) -> Result<(Facts, Vec<Extent>), SqliteError> {
    let extents = Arc::new(Extents::default());
    let pages = copy(source, header, &extents, options, sink)?;
    let bytes = pages * u64::from(header.page_size());
    let rest = extents.finish(header, bytes);
    let rest = rest.ok_or_else(|| source.damaged("page 1 is not the one that was read first"))?;
    let Beside { counted, checked } = beside();
    let (connection, header) = (source.connection(), Some(header));
    let facts = facts::read_beside(connection, header, pages, options, counted, || checked);
    Ok((facts, rest))
}

/// Copies all pages, and delivers all extents but the last ones. Returns the number of pages.
fn copy(
    source: &Source,
    header: &Header,
    extents: &Arc<Extents>,
    options: &CaptureOptions,
    sink: &mut dyn ExtentSink,
) -> Result<u64, SqliteError> {
    let fail = |error| source.fail("copy", error);
    let mut target = source::open_sink(Arc::clone(extents)).map_err(fail)?;
    source.lend_pages(true).map_err(fail)?;
    let backup = Backup::new(source.connection(), &mut target).map_err(fail)?;
    let pages = i32::try_from(STEP_BYTES / header.page_size()).unwrap_or(1);
    loop {
        check_stop(options)?;
        let step = backup.step(pages).map_err(fail)?;
        let ready = extents.take();
        ready.iter().for_each(|_| extents.give(sink.spare()));
        deliver(ready, sink)?;
        match step {
            StepResult::Done => break,
            StepResult::More => {}
            // Inside a transaction there is nothing left to wait for.
            _ => return Err(source.busy()),
        }
    }
    source.lend_pages(false).map_err(fail)?;
    Ok(u64::try_from(backup.progress().pagecount).unwrap_or_default())
}

fn check_stop(options: &CaptureOptions) -> Result<(), SqliteError> {
    match options.is_stopped() {
        true => Err(SqliteError::Stopped),
        false => Ok(()),
    }
}

fn deliver(extents: Vec<Extent>, sink: &mut dyn ExtentSink) -> Result<(), SqliteError> {
    for (index, bytes) in extents {
        sink.extent(index, bytes)?;
    }
    Ok(())
}
