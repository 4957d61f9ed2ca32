//! What the plan and the snapshot before say about one database or file: how to store it, and when to check it.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use chrono::{DateTime, Utc};

use super::file;
use super::plan::{Backup, CheckPolicy, CountQuery};
use super::walk::Found;
use crate::entry::{Entry, Node};
use crate::manifest::{Database, Flag, Flaw, Manifest};
use crate::path::TreePath;
use crate::sqlite::{self, CaptureOptions, Check, Checked, Facts, Fingerprint};

/// How old a database's last check may be before `auto` runs it again.
const CHECK_EVERY_MS: i64 = 24 * 60 * 60 * 1000;

/// What every database and file of a backup, or of one of its sources, needs to know.
#[derive(Clone)]
pub(crate) struct Settings<'p> {
    pub(super) plan: &'p Backup,
    /// The databases of the snapshot before.
    pub(super) before: &'p [Database],
    /// What that snapshot lacks.
    pub(super) flags: &'p [Flag],
    pub(super) now_ms: i64,
    pub(super) stop: Arc<AtomicBool>,
}

impl<'p> Settings<'p> {
    /// The settings of a backup that begins now, beside the manifest of the snapshot before.
    pub(super) fn new(plan: &'p Backup, before: Option<&'p Manifest>, now: DateTime<Utc>) -> Self {
        Self {
            plan,
            before: before.map_or(&[], |before| &before.databases),
            flags: before.map_or(&[], |before| &before.flags),
            now_ms: now.timestamp_millis(),
            stop: Arc::default(),
        }
    }

    pub(super) fn takes_databases(&self, path: &Path) -> bool {
        !self
            .plan
            .no_database
            .iter()
            .any(|skip| path.ends_with(skip))
    }

    pub(super) fn is_database(&self, found: &Found) -> bool {
        self.takes_databases(&found.path)
            && file::is_database(&found.path, &found.stat).unwrap_or(false)
    }

    /// Whether it is a file of more bytes than are wanted. Whoever leaves out large files does not mean the database.
    pub(super) fn is_too_large(&self, found: &Found) -> bool {
        let most = self.plan.exclude_larger_than;
        most.is_some_and(|most| found.stat.len() > most) && !self.is_database(found)
    }

    /// Whether a database stood before where this file is; `path` is its path in the source.
    pub(super) fn was_database(
        &self,
        source: u32,
        found: &Found,
        before: Option<&Entry>,
        path: impl FnOnce() -> TreePath,
    ) -> bool {
        let was = match before.map(|before| &before.node) {
            Some(Node::Database { .. }) => true,
            // One that was told of is looked at anew each time.
            Some(Node::File { seen: None, .. }) => self.was_damaged(source, &path()),
            _ => false,
        };
        was && self.takes_databases(&found.path)
    }

    /// What is known of a database in which nothing was committed since the snapshot before, and the fingerprint that says so.
    pub(super) fn uncommitted(
        &self,
        source: u32,
        found: &Found,
        before: Option<&Entry>,
        path: &TreePath,
    ) -> Option<(&Database, Fingerprint)> {
        let Node::Database {
            seen: Some(was), ..
        } = &before?.node
        else {
            return None;
        };
        let old = self.database_before(source, path)?;
        let is = sqlite::fingerprint(&found.path).ok().flatten()?;
        let is = is.with_questions(&self.counts(path));
        (is == *was).then_some((old, is))
    }

    /// Whether the snapshot before has this path as that of a damaged database.
    pub(super) fn was_damaged(&self, source: u32, path: &TreePath) -> bool {
        let mut flags = self.flags.iter();
        flags.any(|flag| flag.flaw == Flaw::Damaged && flag.source == source && flag.path == *path)
    }

    /// What is known of a database from the snapshot before.
    pub(super) fn database_before(&self, source: u32, path: &TreePath) -> Option<&Database> {
        self.before
            .iter()
            .find(|database| database.source == source && database.path == *path)
    }

    /// Whether these databases are those of the snapshot before, also where they had to be read to know it.
    pub(super) fn are_same(&self, databases: &[Database]) -> bool {
        let is_same = |(old, new): (&Database, &Database)| {
            let mut facts = new.facts.clone();
            if facts.check == Checked::NotDone {
                facts.check = old.facts.check.clone();
            }
            // A check that is made each time is no change; of one that is made once a day, the day counts.
            let same_check = old.checked_ms == new.checked_ms
                || self.plan.check_of(new.source) != CheckPolicy::Auto;
            same_check && (old.source, &old.path, &old.facts) == (new.source, &new.path, &facts)
        };
        self.before.len() == databases.len() && self.before.iter().zip(databases).all(is_same)
    }

    pub(super) fn is_check_due(&self, old: &Database) -> bool {
        match self.plan.check {
            CheckPolicy::None => false,
            CheckPolicy::Quick | CheckPolicy::Full => true,
            // What is damaged is said of every snapshot that holds it.
            CheckPolicy::Auto if matches!(old.facts.check, Checked::Damaged(_)) => true,
            // A clock that went backwards makes a check due rather than never again.
            CheckPolicy::Auto => old
                .checked_ms
                .and_then(|then| self.now_ms.checked_sub(then))
                .is_none_or(|passed| !(0..CHECK_EVERY_MS).contains(&passed)),
        }
    }

    /// What is to be counted in the database at this path.
    pub(super) fn counts(&self, path: &TreePath) -> Vec<(String, String)> {
        CountQuery::of(&self.plan.counts, path)
    }

    pub(super) fn capture_options(
        &self,
        path: &TreePath,
        old: Option<&Database>,
    ) -> CaptureOptions {
        let check = match self.plan.check {
            CheckPolicy::Full => Check::Full,
            _ if old.is_none_or(|old| self.is_check_due(old))
                && self.plan.check != CheckPolicy::None =>
            {
                Check::Quick
            }
            _ => Check::None,
        };
        CaptureOptions {
            busy_timeout: self.plan.busy_timeout,
            check,
            counts: self.counts(path),
            scratch: self.plan.scratch.clone(),
            stop: self.stop.clone(),
            ..CaptureOptions::default()
        }
    }

    /// Whether `auto` asks for a check that was not due but is now.
    pub(super) fn check_after_schema_change(
        &self,
        options: &mut CaptureOptions,
        facts: &Facts,
        old: &Database,
    ) -> bool {
        let wanted = self.plan.check == CheckPolicy::Auto
            && facts.check == Checked::NotDone
            && facts.schema_hash != old.facts.schema_hash;
        if wanted {
            options.check = Check::Quick;
        }
        wanted
    }
}
