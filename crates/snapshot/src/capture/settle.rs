//! What becomes of a file or a database once it was read, or could not be: an entry or none, a flag, a warning.
//!
//! One input that cannot be read never stops the others (exit 3 or 6 tells of it); what stops a backup is the repository
//! failing, or the user.

use super::assemble::Assembly;
use super::database::{self, Captured};
use super::describe;
use super::file::{self, Stored};
use super::linked::wal_elsewhere;
use super::tally::DatabaseReport;
use super::walk::Found;
use crate::entry::{Entry, Node};
use crate::error::{Result, SnapshotError};
use crate::manifest::{Database, Flaw};
use crate::monitor::{Warning, WarningKind};
use crate::path::TreePath;
use crate::sqlite::{Checked, Count, Facts, SqliteError};
use lifeboat_store::words::{in_one_line, system_words};

/// What is said of what was there when its folder was listed.
pub(super) const VANISHED: &str = "it vanished before it was read";

impl Assembly<'_, '_, '_> {
    /// A file that was read as one, or turned out to be a database.
    pub(super) fn settle_file(
        &mut self,
        found: &Found,
        before: Option<&Entry>,
        result: Result<Option<Stored>>,
    ) -> Result<Option<Entry>> {
        let path = self.tree_path(&found.name);
        match result {
            Ok(None) => self.settle_database(found, before, &path),
            Ok(Some(Stored {
                content,
                stat,
                looked,
                xattrs,
                read,
                changed,
            })) => {
                if let Some(warning) = describe::lacking(found, xattrs.missed) {
                    self.tally.warn(self.monitor, warning);
                }
                let entry = describe::file(found, (&stat, looked), xattrs.found, content);
                self.tally.read(&entry, before, read);
                if changed {
                    let message = "it changed while it was read; what is stored may be a mixture";
                    self.warn(found, WarningKind::Changed, message);
                    self.tally.flag(path, Flaw::Changed);
                }
                Ok(Some(entry))
            }
            Err(error) => self.unreadable(found, path, error),
        }
    }

    /// Source failures are noted; all others end the backup.
    fn unreadable(
        &mut self,
        found: &Found,
        path: TreePath,
        error: SnapshotError,
    ) -> Result<Option<Entry>> {
        let SnapshotError::Io { source, .. } = &error else {
            return Err(error);
        };
        if source.kind() == std::io::ErrorKind::NotFound {
            return Ok(self.vanished(found));
        }
        if self.is_source(&path) {
            return Err(error);
        }
        self.warn(found, WarningKind::Unreadable, &system_words(source));
        self.tally.flag(path, Flaw::Missing);
        Ok(None)
    }

    /// Whether the path is that of the whole source: what keeps it from being read leaves nothing to store.
    fn is_source(&self, path: &TreePath) -> bool {
        path.is_root()
    }

    /// A database, and what is to be told of its WAL.
    pub(super) fn settle_database(
        &mut self,
        found: &Found,
        before: Option<&Entry>,
        path: &TreePath,
    ) -> Result<Option<Entry>> {
        // Looked for before the capture: a WAL that comes later was not read.
        let doubt = wal_elsewhere(found);
        let settled = self.take_database(found, before, path)?;
        let is_database = |entry: &Entry| matches!(entry.node, Node::Database { .. });
        if let Some(doubt) = doubt.filter(|_| settled.as_ref().is_some_and(is_database)) {
            self.tally.warn(self.monitor, doubt);
            self.tally.flag(path.clone(), Flaw::Changed);
        }
        Ok(settled)
    }

    /// Not read at all where nothing was committed since, else captured.
    fn take_database(
        &mut self,
        found: &Found,
        before: Option<&Entry>,
        path: &TreePath,
    ) -> Result<Option<Entry>> {
        if let Some(entry) = self.unchanged_database(found, before, path) {
            return Ok(Some(entry));
        }
        let near = before.and_then(|entry| entry.node.content());
        let old = self.settings.database_before(self.tally.source, path);
        let mut options = self.settings.capture_options(path, old);
        let run =
            |options: &_| database::store(self.session, self.monitor, &found.path, options, near);
        let mut captured = run(&options);
        // A new schema is checked in any case, and only the capture's own transaction can tell that it is new.
        if let (Ok(done), Some(old)) = (&captured, old)
            && self
                .settings
                .check_after_schema_change(&mut options, &done.facts, old)
        {
            captured = run(&options);
        }
        match captured {
            Ok(captured) => Ok(Some(self.captured(found, before, path, captured))),
            Err(SnapshotError::Sqlite(error)) => self.not_captured(found, before, path, error),
            Err(error) => Err(error),
        }
    }

    fn unchanged_database(
        &mut self,
        found: &Found,
        before: Option<&Entry>,
        path: &TreePath,
    ) -> Option<Entry> {
        let source = self.tally.source;
        let (old, seen) = self.settings.uncommitted(source, found, before, path)?;
        let content = before?.node.content()?;
        if self.settings.is_check_due(old) || !database::is_stored(self.session, content) {
            return None;
        }
        let old = old.clone();
        let node = Node::Database {
            content: content.clone(),
            seen: Some(seen),
        };
        let entry = self.describe(found, node);
        self.monitor
            .advance(entry.node.content().map_or(0, |content| content.len));
        self.tally.unchanged(&entry);
        self.tally.database(DatabaseReport {
            database: old,
            changed_bytes: 0,
            lock: std::time::Duration::ZERO,
            unchanged: true,
        });
        Some(entry)
    }

    fn captured(
        &mut self,
        found: &Found,
        before: Option<&Entry>,
        path: &TreePath,
        captured: Captured,
    ) -> Entry {
        let Captured {
            content,
            mut facts,
            changed_bytes,
            mut seen,
        } = captured;
        // How long the reading took is no property of what was read.
        let lock = std::mem::take(&mut facts.lock);
        if let Checked::Damaged(findings) = &facts.check {
            let message = findings.first().map_or("it is damaged", String::as_str);
            let message = format!("SQLite's check finds damage: {message}");
            self.warn(found, WarningKind::DatabaseDamaged, &message);
            self.tally.flag(path.clone(), Flaw::Damaged);
        }
        if self.was_emptied(path, &facts) {
            seen = None;
            let message = "it is empty, and had something in it in the snapshot before";
            self.warn(found, WarningKind::DatabaseDamaged, message);
            self.tally.flag(path.clone(), Flaw::Damaged);
        }
        for (name, count) in &facts.counts {
            if let Count::Unknown(reason) = count {
                let message = format!("the count {name} is not known: {reason}");
                self.warn(found, WarningKind::CountFailed, &message);
            }
        }
        let len = content.len;
        let entry = self.describe(found, Node::Database { content, seen });
        self.tally.read(&entry, before, len);
        let database = self.describe_database(path, facts);
        self.tally.database(DatabaseReport {
            database,
            changed_bytes,
            lock,
            unchanged: false,
        });
        entry
    }

    fn describe_database(&self, path: &TreePath, facts: Facts) -> Database {
        let old = self.settings.database_before(self.tally.source, path);
        let checked_ms = if facts.check == Checked::NotDone {
            old.and_then(|old| old.checked_ms)
        } else {
            Some(self.settings.now_ms)
        };
        Database {
            source: self.tally.source,
            path: path.clone(),
            facts,
            checked_ms,
        }
    }

    /// A database that is none is a file; a damaged one is stored as the file it is; a busy one is missing.
    fn not_captured(
        &mut self,
        found: &Found,
        before: Option<&Entry>,
        path: &TreePath,
        error: SqliteError,
    ) -> Result<Option<Entry>> {
        let message = in_one_line(&error);
        let mut is_damaged = false;
        match error {
            SqliteError::NotADatabase { .. } => {}
            SqliteError::Damaged { .. } | SqliteError::HotJournal { .. } => {
                let message = format!("{message}; it is stored as a plain file");
                self.warn(found, WarningKind::DatabaseDamaged, &message);
                self.tally.flag(path.clone(), Flaw::Damaged);
                is_damaged = true;
            }
            SqliteError::Io { source, .. } if source.kind() == std::io::ErrorKind::NotFound => {
                return Ok(self.vanished(found));
            }
            error if self.is_source(path) => return Err(error.into()),
            error => {
                let kind = match error {
                    SqliteError::Busy { .. } => WarningKind::Busy,
                    _ => WarningKind::Unreadable,
                };
                self.warn(found, kind, &message);
                self.tally.flag(path.clone(), Flaw::Missing);
                return Ok(None);
            }
        }
        let near = before.and_then(|entry| entry.node.content());
        let stored = file::store(
            self.session,
            self.monitor,
            &found.path,
            &found.stat,
            near,
            false,
        );
        let mut entry = self.settle_file(found, before, stored)?;
        if let Some(Node::File { seen, .. }) = entry.as_mut().map(|entry| &mut entry.node)
            && is_damaged
        {
            // The next backup looks again, and says again that it is damaged.
            *seen = None;
        }
        Ok(entry)
    }

    fn vanished(&mut self, found: &Found) -> Option<Entry> {
        self.warn(found, WarningKind::Vanished, VANISHED);
        None
    }

    pub(super) fn warn(&mut self, found: &Found, kind: WarningKind, message: &str) {
        let warning = Warning {
            path: found.path.clone(),
            kind,
            message: message.to_owned(),
        };
        self.tally.warn(self.monitor, warning);
    }
}
