//! SQLite's own check of the captured state.

use std::time::Duration;

use rusqlite::Connection;

use super::{Checked, is_damage, shortened};
use crate::sqlite::capture::{CaptureOptions, Check};
use crate::sqlite::watch::{Watched, watched};

/// How many findings of a check are kept.
const FINDINGS: usize = 100;

/// Bytes of a database that a check should get through in a second, wherever it stands.
const PACE: u64 = 4 << 20;

/// Runs the check that was asked for. Damage that was noticed before counts in any case.
pub(super) fn check(
    connection: &Connection,
    bytes: u64,
    options: &CaptureOptions,
    damage: Vec<String>,
) -> Checked {
    let pragma = match options.check {
        Check::None if damage.is_empty() => return Checked::NotDone,
        Check::None => return Checked::Damaged(damage),
        Check::Quick => "quick_check",
        Check::Full => "integrity_check",
    };
    let Watched { value, ended } = findings(connection, pragma, bytes, options);
    match value {
        Ok(found) if found == ["ok"] && damage.is_empty() => Checked::Ok,
        Ok(found) if found == ["ok"] => Checked::Damaged(damage),
        // An interrupt is a finding to some checks.
        Ok(_) | Err(_) if ended.is_some() && damage.is_empty() => {
            Checked::Unable(ended.map_or_else(String::new, |why| why.to_string()))
        }
        Ok(found) if ended.is_none() => Checked::Damaged(found),
        Err(error) if is_damage(&error) => Checked::Damaged(vec![shortened(error.to_string())]),
        Ok(_) | Err(_) if !damage.is_empty() => Checked::Damaged(damage),
        Err(error) => Checked::Unable(shortened(error.to_string())),
        Ok(_) => Checked::NotDone,
    }
}

fn findings(
    connection: &Connection,
    check: &str,
    bytes: u64,
    options: &CaptureOptions,
) -> Watched<rusqlite::Result<Vec<String>>> {
    let query = format!("PRAGMA main.{check}({FINDINGS})");
    // A writer may be waiting for its end, and a schema can be made such that it has none.
    let budget = options.check_budget + Duration::from_secs(bytes / PACE);
    watched(connection, budget, &options.stop, || {
        let mut statement = connection.prepare(&query)?;
        let rows = statement.query_map([], |row| row.get(0))?;
        rows.map(|finding| finding.map(shortened)).collect()
    })
}
