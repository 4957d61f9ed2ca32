//! What is wrong with the databases of a source, and with the programs that have them open.

use std::collections::BTreeSet;
use std::path::Path;

use lifeboat_snapshot::{Holder, LiveDatabase, SnapshotError, live_databases};

use super::finding::Finding;
use super::library::{self, Loaded};
use crate::context::Context;
use crate::failure::Failure;
use crate::suggest;
use crate::ui::words::quoted;
use crate::ui::{facts, words};

/// A WAL of more bytes than this is too large, whatever it belongs to.
const LARGE_WAL: u64 = 64 << 20;

/// One of more than this is, where it is larger than its database. SQLite itself works it off at four megabytes.
const LARGER_WAL: u64 = 8 << 20;

/// Looks at each database of a source.
pub(super) fn look(
    source: &Path,
    excludes: &[String],
    context: &Context,
) -> Result<Vec<Finding>, Failure> {
    let watch = context.watch();
    let databases = match live_databases(source, excludes, &watch) {
        Ok(databases) => databases,
        Err(error @ SnapshotError::Store(_)) => return Err(error.into()),
        Err(error) => return Ok(vec![Finding::of("source-unreadable", &error.into())]),
    };
    drop(watch);
    let mut findings = Vec::new();
    for database in &databases {
        findings.extend(journal(database));
        findings.extend(wal(database));
    }
    findings.extend(libraries(&databases));
    Ok(findings)
}

/// In this mode a backup and the program's writes keep each other waiting.
fn journal(database: &LiveDatabase) -> Option<Finding> {
    let holder = database.holders.first().filter(|_| !database.is_wal)?;
    let path = facts::shown(&database.path);
    let quoted = quoted(&database.path);
    Some(
        Finding::advice(
            "rollback-mode",
            format!("{path} has a rollback journal and is open in {holder}: each backup makes its writers wait"),
        )
        .mend(format!("sqlite3 {quoted} 'PRAGMA journal_mode = WAL'")),
    )
}

fn wal(database: &LiveDatabase) -> Option<Finding> {
    let (wal, bytes) = (database.wal_bytes, database.bytes);
    if wal <= LARGE_WAL && (wal <= LARGER_WAL || wal <= bytes) {
        return None;
    }
    let path = facts::shown(&database.path);
    let quoted = quoted(&database.path);
    let (wal, bytes) = (words::size(wal), words::size(bytes));
    let reader = match database.holders.first() {
        Some(holder) => format!("; a reader that never ends keeps it so, see {holder}"),
        None => String::new(),
    };
    Some(
        Finding::warning(
            "large-wal",
            format!("the WAL of {path} has {wal}, the database {bytes}{reader}"),
        )
        .mend(format!(
            "sqlite3 {quoted} 'PRAGMA wal_checkpoint(TRUNCATE)'"
        )),
    )
}

/// Each program once, whatever it has open.
fn libraries(databases: &[LiveDatabase]) -> Vec<Finding> {
    let holders = databases.iter().flat_map(|database| &database.holders);
    let mut seen = BTreeSet::new();
    let new = holders.filter(|holder| holder.pid.is_some_and(|pid| seen.insert(pid)));
    new.filter_map(library).collect()
}

fn library(holder: &Holder) -> Option<Finding> {
    let about = facts::shown(&holder.path);
    Some(match library::of(holder.pid?) {
        Loaded::Version(version) if version >= library::GOOD => return None,
        Loaded::Version(version) => Finding::warning(
            "old-sqlite",
            format!(
                "{holder} has {about} open with SQLite {version}: before {} two writers can damage a database in WAL mode",
                library::GOOD
            ),
        )
        .mend(format!(
            "update the SQLite library of that program to {} or newer, and restart it",
            library::GOOD
        )),
        Loaded::Hidden => Finding::advice(
            "unseen-sqlite",
            format!("{holder} has {about} open, and this user may not see with which SQLite"),
        )
        .mend(format!("sudo {}", suggest::command("doctor"))),
        Loaded::Unknown => Finding::advice(
            "unseen-sqlite",
            format!("{holder} has {about} open with a SQLite of its own, whose version cannot be seen"),
        )
        .mend(format!(
            "ask that program for its SQLite version; it should be {} or newer",
            library::GOOD
        )),
    })
}
