//! What is true of the captured state, in fields of fixed width that can be stored.
//!
//! All of it comes from the capture's own transaction: a second connection might see a later
//! commit, and a manifest that describes bytes it does not have is worse than none. Damage is a
//! fact like any other: a table that cannot be counted does not keep the pages from being saved.

use std::collections::BTreeMap;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode};
use serde::{Deserialize, Serialize};

use super::capture::CaptureOptions;
use super::error::codes;
use super::header::Header;
use super::watch::watched;
use crate::limits::{self, MAX_COUNTS, MAX_FINDINGS, MAX_TABLES};

mod check;
mod counts;

pub(super) use check::{check, check_beside, is_worth_beside};
pub(super) use counts::{RowCounts, all_row_counts};

/// Most bytes of a name or a message that is kept: databases may have any.
const MAX_TEXT: usize = 1024;

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
    #[serde(deserialize_with = "limits::map::<MAX_TABLES, _, _>")]
    pub row_counts: BTreeMap<String, u64>,
    /// Whether every table is in `row_counts`.
    pub row_counts_complete: bool,
    /// The results of the configured queries, by name.
    #[serde(deserialize_with = "limits::map::<MAX_COUNTS, _, _>")]
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

impl Facts {
    /// What the header alone tells.
    fn of(header: Option<&Header>, pages: u64) -> Self {
        Self {
            page_size: header.map_or(0, Header::page_size),
            pages,
            journal_mode: header.map_or("delete", mode).to_owned(),
            encoding: header.map_or("UTF-8", Header::encoding).to_owned(),
            user_version: header.map_or(0, Header::user_version),
            application_id: header.map_or(0, Header::application_id),
            schema_hash: None,
            row_counts: BTreeMap::new(),
            row_counts_complete: false,
            counts: BTreeMap::new(),
            check: Checked::NotDone,
            rolled_back: false,
            lock: Duration::ZERO,
        }
    }

    /// Bytes of the database.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        u64::from(self.page_size).saturating_mul(self.pages)
    }

    /// Tables, counts and findings that are told.
    pub(crate) fn items(&self) -> usize {
        let findings = match &self.check {
            Checked::Damaged(findings) => findings.len(),
            Checked::NotDone | Checked::Ok | Checked::Unable(_) => 0,
        };
        self.row_counts.len() + self.counts.len() + findings
    }
}

/// The result of a configured query.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Count {
    /// Its first value.
    Is(i64),
    /// It did not give a number, for the reason told.
    Unknown(String),
}

/// Runs the check that the options ask for over a stored database of so many bytes.
pub(crate) fn check_image(
    connection: &Connection,
    bytes: u64,
    options: &CaptureOptions,
) -> Checked {
    check(connection, bytes, options, &|| options.is_stopped())
}

/// The result of SQLite's check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Checked {
    /// No check was asked for, and no damage was noticed on the way.
    NotDone,
    /// The check found nothing.
    Ok,
    /// What was found; the pages were captured as they are.
    Damaged(#[serde(deserialize_with = "limits::list::<MAX_FINDINGS, _, _>")] Vec<String>),
    /// The check could not be run, for the reason told: an index may need a collation that only
    /// the application has.
    Unable(String),
}

impl Checked {
    /// What was found, or why nothing could be: in words, the worst first.
    #[must_use]
    pub fn findings(&self) -> &[String] {
        match self {
            Self::Damaged(findings) => findings,
            Self::Unable(reason) => std::slice::from_ref(reason),
            Self::Ok | Self::NotDone => &[],
        }
    }
}

/// Reads the facts of a state with `pages` pages; `lock` is filled in at the end.
pub(super) fn read(
    connection: &Connection,
    header: Option<&Header>,
    pages: u64,
    options: &CaptureOptions,
) -> Facts {
    read_beside(connection, header, pages, options, None, || None)
}

/// The same where rows may have been counted and a check run elsewhere: `counted` has the rows of all tables, `checked` waits
/// for the outcome of the check; what is `None` is done here.
pub(super) fn read_beside(
    connection: &Connection,
    header: Option<&Header>,
    pages: u64,
    options: &CaptureOptions,
    counted: Option<RowCounts>,
    checked: impl FnOnce() -> Option<Checked>,
) -> Facts {
    let mut damage = Vec::new();
    // The first statement makes SQLite read all definitions, of which there may be any number.
    let schema = watched(
        connection,
        options.schema_budget,
        &|| options.is_stopped(),
        || schema_hash(connection),
    );
    let mut facts = Facts::of(header, pages);
    facts.schema_hash = noted(schema.value, &mut damage);
    if let (None, Some(why)) = (facts.schema_hash, schema.ended) {
        // Every further statement would begin with the same reading.
        let unknown =
            |(name, _): &(String, String)| (name.clone(), Count::Unknown(why.to_string()));
        facts.counts = options.counts.iter().map(unknown).collect();
        facts.check = Checked::Unable(why.to_string());
        return facts;
    }
    facts.counts = counts::counts(connection, options);
    let is_stopped = || options.is_stopped();
    let all = match counted {
        Some(counted) => {
            facts.row_counts = counted;
            Ok(true)
        }
        None => counts::row_counts(connection, options, &is_stopped, &mut facts.row_counts),
    };
    facts.row_counts_complete = noted(all, &mut damage).unwrap_or(false);
    let checked =
        checked().unwrap_or_else(|| check(connection, facts.bytes(), options, &is_stopped));
    facts.check = check::with_damage(checked, damage);
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
                damage.push(shortened(error.to_string()));
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

/// A text that others made, at a length that can be stored and shown.
fn shortened(mut text: String) -> String {
    if text.len() > MAX_TEXT {
        let end = text.floor_char_boundary(MAX_TEXT - '…'.len_utf8());
        text.truncate(end);
        text.push('…');
    }
    text
}
