//! SQLite's own check of the captured state.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rusqlite::Connection;

use super::{Checked, is_damage, shortened};
use crate::sqlite::capture::{CaptureOptions, Check};
use crate::sqlite::watch::{Watched, watched};

/// How many findings of a check are kept.
const FINDINGS: usize = 100;

/// Bytes of a database that a check should get through in a second, wherever it stands.
const PACE: u64 = 4 << 20;

/// Bytes from which on a second connection is worth its while: a smaller database is counted and checked before one is open.
const LEAST_BESIDE: u64 = 16 << 20;

/// Runs the check that was asked for. A writer may be waiting for its end, and a schema can be made such that it has none:
/// it has a budget, and ends when `is_stopped` says so.
pub(in crate::sqlite) fn check(
    connection: &Connection,
    bytes: u64,
    options: &CaptureOptions,
    is_stopped: &(dyn Fn() -> bool + Sync),
) -> Checked {
    let pragma = match options.check {
        Check::None => return Checked::NotDone,
        Check::Quick => "quick_check",
        Check::Full => "integrity_check",
    };
    let budget = options.check_budget + Duration::from_secs(bytes / PACE);
    let Watched { value, ended } = watched(connection, budget, is_stopped, || {
        findings(connection, pragma)
    });
    match (value, ended) {
        (Ok(found), _) if found == ["ok"] => Checked::Ok,
        (Err(error), _) if is_damage(&error) => {
            Checked::Damaged(vec![shortened(error.to_string())])
        }
        // An interrupt is a finding to some checks.
        (_, Some(why)) => Checked::Unable(why.to_string()),
        (Ok(found), None) => Checked::Damaged(found),
        (Err(error), None) => Checked::Unable(shortened(error.to_string())),
    }
}

/// Whether looking at a database of so many bytes is worth a connection of its own.
pub(in crate::sqlite) const fn is_worth_beside(bytes: u64) -> bool {
    bytes >= LEAST_BESIDE
}

/// Runs the check beside another connection to the same state. `None` where it could not be run: that may be for want of what
/// the other takes, and then that one can try. Ends early when `abandoned` is set.
pub(in crate::sqlite) fn check_beside(
    connection: &Connection,
    bytes: u64,
    options: &CaptureOptions,
    abandoned: &AtomicBool,
) -> Option<Checked> {
    let is_stopped = || abandoned.load(Ordering::Relaxed) || options.is_stopped();
    let checked = check(connection, bytes, options, &is_stopped);
    (!matches!(checked, Checked::Unable(_))).then_some(checked)
}

/// The outcome of a check where damage was noticed before it: that counts in any case.
pub(super) fn with_damage(checked: Checked, damage: Vec<String>) -> Checked {
    match checked {
        Checked::Damaged(found) => Checked::Damaged(found),
        other if damage.is_empty() => other,
        _ => Checked::Damaged(damage),
    }
}

fn findings(connection: &Connection, check: &str) -> rusqlite::Result<Vec<String>> {
    let mut statement = connection.prepare(&format!("PRAGMA main.{check}({FINDINGS})"))?;
    let rows = statement.query_map([], |row| row.get(0))?;
    rows.map(|finding| finding.map(shortened)).collect()
}
