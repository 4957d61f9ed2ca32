//! A second read transaction on the state of the first, so that a database can be counted and checked while it is copied.
//!
//! The hazard is a commit between the beginnings of the two: what is told would then be of a state that nobody stores. So there
//! is a second transaction only where it is certain that nothing was committed in between, and where it is not, the first
//! one counts and checks when it has copied.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::capture::{CaptureOptions, Check};
use super::facts::{self, Checked, RowCounts};
use super::source::Source;
use super::wal_index::IndexHeader;

/// The header of the wal-index of the database at `path`, if it is worth a second transaction for what the options ask for;
/// `None` where there is none to rely on.
pub(super) fn index_before(path: &Path, options: &CaptureOptions) -> Option<IndexHeader> {
    (is_worth_it(path, options) && super::is_wal(path).ok()?).then(|| IndexHeader::of(path))?
}

/// What was found out while the database was copied; `None` is left to the first transaction.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Beside {
    /// Rows of all tables.
    pub(super) counted: Option<RowCounts>,
    pub(super) checked: Option<Checked>,
}

/// A second read transaction.
pub(super) struct Twin {
    source: Source,
    /// Of the database.
    pub(super) bytes: u64,
}

impl Twin {
    /// On the state of the database at `path` that `first` sees, if a count or a check is wanted and worth it; `before` was read
    /// before `first` was opened.
    pub(super) fn open(
        path: &Path,
        options: &CaptureOptions,
        first: &Source,
        before: Option<IndexHeader>,
    ) -> Option<Self> {
        if !is_worth_it(path, options) || first.rolled_back() {
            return None;
        }
        let at_once = CaptureOptions {
            busy_timeout: Duration::ZERO,
            scratch: None,
            ..options.clone()
        };
        let source = Source::open(path, &at_once).ok()?;
        let is_same = match (is_wal(first)?, is_wal(&source)?) {
            // The lock of the first keeps everybody from committing.
            (false, false) => true,
            (true, true) => match (first.has_own_index(), source.has_own_index()) {
                // Whoever commits needs a `-shm`, and both look for one when they end.
                (true, true) => true,
                (false, false) => before.is_some() && IndexHeader::of(path) == before,
                _ => false,
            },
            _ => false,
        };
        let header = source.header()?;
        let bytes = u64::from(header.pages()) * u64::from(header.page_size());
        // One that was replaced in between, and put back later, would not be noticed in the end.
        (is_same && !first.has_moved()).then_some(Self { source, bytes })
    }

    /// Counts the rows, runs the check that the options ask for, and ends the transaction. What could not be done is `None`; all
    /// of it where the transaction was disturbed.
    pub(super) fn look(self, options: &CaptureOptions, abandoned: &AtomicBool) -> Beside {
        let connection = self.source.connection();
        let is_stopped = || abandoned.load(Ordering::Relaxed) || options.is_stopped();
        let found = Beside {
            counted: facts::all_row_counts(connection, options, &is_stopped),
            checked: facts::check_beside(connection, self.bytes, options, abandoned),
        };
        match self.source.end() {
            Ok(_) => found,
            Err(_) => Beside::default(),
        }
    }
}

fn is_worth_it(path: &Path, options: &CaptureOptions) -> bool {
    let is_wanted = options.check != Check::None || !options.row_count_budget.is_zero();
    let bytes = path.symlink_metadata().map_or(0, |stat| stat.len());
    is_wanted && facts::is_worth_beside(bytes)
}

fn is_wal(source: &Source) -> Option<bool> {
    source.header().map(|header| header.is_wal())
}
