//! What is true of the captured state, in fields of fixed width that can be stored.
//!
//! All of it comes from the capture's own transaction: a second connection might see a later
//! commit, and a manifest that describes bytes it does not have is worse than none. Damage is a
//! fact like any other: a table that cannot be counted does not keep the pages from being saved.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode};
use serde::{Deserialize, Serialize};

use super::capture::{CaptureOptions, Check};
use super::error::codes;
use super::header::Header;
use super::watch::watched;

/// How many findings of a check are kept.
const FINDINGS: usize = 100;

/// What the captured state of a database is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// Bytes per page; 0 in a database without any page.
    pub page_size: u32,
    /// Pages, the one with SQLite's locks included.
    pub pages: u64,
    /// `wal`, or `delete` for all kinds of rollback journal: the file does not tell them apart.
    pub journal_mode: String,
    /// `UTF-8`, `UTF-16le` or `UTF-16be`.
    pub encoding: String,
    /// `PRAGMA user_version`, which belongs to the application.
    pub user_version: i32,
    /// `PRAGMA application_id`.
    pub application_id: i32,
    /// BLAKE3 of the sorted definitions in `sqlite_schema`; `None` if they cannot be read.
    pub schema_hash: Option<[u8; 32]>,
    /// Rows of each table, as far as the budget reached; virtual tables are left out.
    pub row_counts: BTreeMap<String, u64>,
    /// Whether every table is in `row_counts`.
    pub row_counts_complete: bool,
    /// The results of the configured queries, by name.
    pub counts: BTreeMap<String, Count>,
    /// What SQLite's own check said.
    pub check: Checked,
    /// A crashed writer's transaction was rolled back, in the capture and not in the file.
    pub rolled_back: bool,
    /// For how long a writer could have been kept waiting: not at all in WAL mode. It is no property of the state, so it
    /// is not stored with it.
    #[serde(skip)]
    pub lock: Duration,
}

/// The result of a configured query.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Count {
    /// Its first value.
    Is(i64),
    /// It did not give a number, for the reason told.
    Unknown(String),
}

/// The result of SQLite's check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Checked {
    /// No check was asked for, and no damage was noticed on the way.
    NotDone,
    /// The check found nothing.
    Ok,
    /// What was found; the pages were captured as they are.
    Damaged(Vec<String>),
    /// The check could not be run, for the reason told: an index may need a collation that only
    /// the application has.
    Unable(String),
}

/// Reads the facts of a state with `pages` pages; `lock` is filled in at the end.
pub(super) fn read(
    connection: &Connection,
    header: Option<&Header>,
    pages: u64,
    options: &CaptureOptions,
) -> Facts {
    let mut damage = Vec::new();
    let schema_hash = noted(schema_hash(connection), &mut damage);
    let mut facts = Facts {
        page_size: header.map_or(0, Header::page_size),
        pages,
        journal_mode: header.map_or("delete", mode).to_owned(),
        encoding: header.map_or("UTF-8", Header::encoding).to_owned(),
        user_version: header.map_or(0, Header::user_version),
        application_id: header.map_or(0, Header::application_id),
        schema_hash,
        row_counts: BTreeMap::new(),
        row_counts_complete: false,
        counts: counts(connection, options),
        check: Checked::NotDone,
        rolled_back: false,
        lock: Duration::ZERO,
    };
    let counted = row_counts(connection, options, &mut facts.row_counts);
    facts.row_counts_complete = noted(counted, &mut damage).unwrap_or(false);
    facts.check = check(connection, options, damage);
    facts
}

fn mode(header: &Header) -> &'static str {
    if header.is_wal() { "wal" } else { "delete" }
}

/// Keeps what went wrong as damage, if it is damage and not the budget that ran out.
fn noted<T>(result: rusqlite::Result<T>, damage: &mut Vec<String>) -> Option<T> {
    match result {
        Ok(value) => Some(value),
        Err(error) => {
            if is_damage(&error) {
                damage.push(error.to_string());
            }
            None
        }
    }
}

fn is_damage(error: &rusqlite::Error) -> bool {
    matches!(
        codes(error).0,
        ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase
    )
}

/// Without root pages, which `VACUUM` changes, and in an order of its own.
fn schema_hash(connection: &Connection) -> rusqlite::Result<[u8; 32]> {
    let mut statement = connection.prepare(
        "SELECT type, name, tbl_name, coalesce(sql, '') FROM main.sqlite_schema ORDER BY 1, 2, 3",
    )?;
    let mut rows = statement.query([])?;
    let mut hasher = blake3::Hasher::new();
    while let Some(row) = rows.next()? {
        for column in 0..4 {
            let text = row.get_ref(column)?.as_bytes().unwrap_or_default();
            let length = u64::try_from(text.len()).unwrap_or(u64::MAX);
            hasher.update(&length.to_le_bytes()).update(text);
        }
    }
    Ok(*hasher.finalize().as_bytes())
}

/// Counts table after table; tells whether all were reached.
fn row_counts(
    connection: &Connection,
    options: &CaptureOptions,
    into: &mut BTreeMap<String, u64>,
) -> rusqlite::Result<bool> {
    let (budget, began) = (options.row_count_budget, Instant::now());
    if budget.is_zero() {
        return Ok(false);
    }
    watched(connection, budget, &options.stop, || {
        for table in tables(connection)? {
            if began.elapsed() >= budget {
                return Ok(false);
            }
            let quoted = table.replace('"', "\"\"");
            let query = format!("SELECT count(*) FROM main.\"{quoted}\"");
            let rows = connection.query_row(&query, [], |row| row.get::<_, i64>(0));
            match rows {
                Ok(rows) => into.insert(table, u64::try_from(rows).unwrap_or_default()),
                Err(error) if is_damage(&error) => return Err(error),
                Err(_) => return Ok(false),
            };
        }
        Ok(true)
    })
}

fn tables(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut statement = connection.prepare(
        "SELECT name FROM main.sqlite_schema WHERE type = 'table'
         AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND sql NOT LIKE 'create virtual%'
         ORDER BY name",
    )?;
    let names = statement.query_map([], |row| row.get(0))?;
    names.collect()
}

fn counts(connection: &Connection, options: &CaptureOptions) -> BTreeMap<String, Count> {
    let count = |query: &str| match configured(connection, query, options) {
        Ok(value) => Count::Is(value),
        Err(error) => Count::Unknown(error.to_string()),
    };
    let counts = options.counts.iter();
    counts
        .map(|(name, query)| (name.clone(), count(query)))
        .collect()
}

/// Runs a query that somebody wrote into a configuration: one that reads, and only for a while.
///
/// `COMMIT` counts as reading to SQLite and would end the capture's transaction, hence the look
/// at the words; writing and attaching are refused by the connection itself.
fn configured(
    connection: &Connection,
    query: &str,
    options: &CaptureOptions,
) -> Result<i64, rusqlite::Error> {
    let first = query.split_whitespace().next().unwrap_or_default();
    let is_query = ["select", "with", "values"].map(|word| first.eq_ignore_ascii_case(word));
    if !is_query.contains(&true) {
        return Err(rusqlite::Error::InvalidQuery);
    }
    watched(connection, options.count_budget, &options.stop, || {
        let mut statement = connection.prepare(query)?;
        match statement.readonly() {
            true => statement.query_row([], |row| row.get(0)),
            false => Err(rusqlite::Error::InvalidQuery),
        }
    })
}

/// Runs the check that was asked for. Damage that was noticed before counts in any case.
fn check(connection: &Connection, options: &CaptureOptions, damage: Vec<String>) -> Checked {
    let findings = match options.check {
        Check::None => Ok(None),
        Check::Quick => findings(connection, "quick_check", &options.stop).map(Some),
        Check::Full => findings(connection, "integrity_check", &options.stop).map(Some),
    };
    match findings {
        Ok(None) if damage.is_empty() => Checked::NotDone,
        Ok(None) => Checked::Damaged(damage),
        Ok(Some(found)) if found == ["ok"] && damage.is_empty() => Checked::Ok,
        Ok(Some(found)) if found == ["ok"] => Checked::Damaged(damage),
        Ok(Some(found)) => Checked::Damaged(found),
        Err(error) if is_damage(&error) => Checked::Damaged(vec![error.to_string()]),
        Err(_) if !damage.is_empty() => Checked::Damaged(damage),
        Err(error) => Checked::Unable(error.to_string()),
    }
}

fn findings(
    connection: &Connection,
    check: &str,
    stop: &AtomicBool,
) -> rusqlite::Result<Vec<String>> {
    let query = format!("PRAGMA main.{check}({FINDINGS})");
    watched(connection, Duration::MAX, stop, || {
        let mut statement = connection.prepare(&query)?;
        let rows = statement.query_map([], |row| row.get(0))?;
        rows.collect()
    })
}
