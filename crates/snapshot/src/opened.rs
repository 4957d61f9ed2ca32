//! Whether restored databases open: SQLite's own check on the restored file, and what is in it against what was backed up.
//!
//! Hashes say that the bytes are those of the snapshot, and not that SQLite can read them. The look is read-only and leaves
//! no side file behind.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::capture::CountQuery;
use crate::content::Content;
use crate::entry::Node;
use crate::error::{IoContext, Result};
use crate::inplace::live;
use crate::manifest::Database;
use crate::monitor::{Monitor, Task, go_on};
use crate::path::TreePath;
use crate::repository::Repository;
use crate::restore::{RestoreReport, Selection};
use crate::sqlite::{self, CaptureOptions, Check, Checked, Count, Facts};
use crate::tree::Tree;

/// How long counting the rows of all tables may take; what is not counted by then is not compared.
const COUNTING: Duration = Duration::from_secs(60);

/// A restored database that was opened.
#[derive(Debug, Clone)]
pub struct Opened {
    /// The restored file.
    pub path: PathBuf,
    /// What is in it.
    pub facts: Option<Facts>,
    /// What SQLite's check said.
    pub check: Checked,
    /// What is not as it was when it was backed up; nothing where all is well.
    pub differences: Vec<String>,
}

impl Opened {
    /// The bytes are right, and SQLite finds damage in them: it was damaged when it was backed up.
    pub fn was_damaged(&self) -> bool {
        self.differences.is_empty() && matches!(self.check, Checked::Damaged(_))
    }

    /// It is not what was backed up.
    pub fn is_wrong(&self) -> bool {
        !self.differences.is_empty()
    }
}

/// How restored databases are opened.
#[derive(Debug, Clone, Default)]
pub struct Open {
    /// SQLite's whole check, which takes about twice as long as the quick one.
    pub full: bool,
    /// The queries whose results were stored with the snapshot.
    pub counts: Vec<CountQuery>,
}

/// What a restore has written.
pub(crate) struct Restored<'a> {
    pub(crate) tree: &'a Tree<'a>,
    pub(crate) selection: &'a Selection,
    /// The folder that it is in.
    pub(crate) target: &'a Path,
    pub(crate) report: &'a RestoreReport,
}

impl Repository {
    /// Opens every database that was restored.
    ///
    /// # Errors
    /// Where the snapshot cannot be read. Databases that are not as they were are a finding, no error.
    pub(crate) fn open_restored(
        &self,
        restored: &Restored<'_>,
        how: &Open,
        monitor: &dyn Monitor,
    ) -> Result<Vec<Opened>> {
        let Restored {
            tree,
            selection,
            target,
            report,
        } = *restored;
        let manifest = tree.manifest();
        let total = manifest
            .databases
            .iter()
            .map(|database| database.facts.bytes())
            .sum();
        monitor.begin(Task::Verify, Some(total));
        let mut opened = Vec::new();
        for database in &manifest.databases {
            let path = tree.database_path(database);
            let is_lost = report.lost.iter().any(|loss| loss.path == path);
            if is_lost || !selection.admits_path(&path, false) {
                continue;
            }
            let at = path.below(target);
            if at.symlink_metadata().is_ok_and(|stat| stat.is_file()) {
                monitor.item(&at);
                opened.push(self.open_one(tree, database, &at, how)?);
                monitor.advance(database.facts.bytes());
            }
            go_on(monitor)?;
        }
        Ok(opened)
    }

    /// Opens one restored database.
    fn open_one(
        &self,
        tree: &Tree<'_>,
        database: &Database,
        at: &Path,
        how: &Open,
    ) -> Result<Opened> {
        let path = tree.database_path(database);
        let entry = tree.entry(&path)?;
        let Node::Database { content, .. } = &entry.node else {
            // Too damaged to be read as a database, it was stored as the file it is.
            return Ok(Opened {
                path: at.to_owned(),
                facts: None,
                check: database.facts.check.clone(),
                differences: Vec::new(),
            });
        };
        let options = options(&path, how);
        Ok(match self.facts_of(at, content, &options) {
            Ok((facts, is_same)) => Opened {
                path: at.to_owned(),
                check: facts.check.clone(),
                differences: differences(&database.facts, &facts, is_same),
                facts: Some(facts),
            },
            Err(error) if error.is_cancelled() => return Err(error),
            Err(error) => Opened {
                path: at.to_owned(),
                facts: None,
                check: Checked::Unable(error.to_string()),
                differences: vec![format!("it cannot be opened: {error}")],
            },
        })
    }
}

impl Repository {
    /// What SQLite says of a restored file, and whether its bytes are those of the content.
    fn facts_of(
        &self,
        at: &Path,
        content: &Content,
        options: &CaptureOptions,
    ) -> Result<(Facts, bool)> {
        // It is not closed again: some other part of this process may use the database (F-34).
        let file = sqlite::kept_descriptor(at).context("open", at)?;
        let (facts, is_same) = rayon::join(
            || sqlite::file_facts(&file, at, options),
            || live::is(self.store(), &file, at, content),
        );
        Ok((facts?, is_same?))
    }
}

fn options(path: &TreePath, how: &Open) -> CaptureOptions {
    CaptureOptions {
        check: if how.full { Check::Full } else { Check::Quick },
        counts: CountQuery::of(&how.counts, path),
        row_count_budget: COUNTING,
        ..CaptureOptions::default()
    }
}

/// What is not as it was, in words.
fn differences(then: &Facts, now: &Facts, is_same: bool) -> Vec<String> {
    let mut words = Vec::new();
    if !is_same {
        words.push("its bytes are not those of the snapshot".to_owned());
    }
    let mut compare = |what: &str, then: String, now: String| {
        if then != now {
            words.push(format!("{what} is {now} and was {then}"));
        }
    };
    compare(
        "its number of pages",
        then.pages.to_string(),
        now.pages.to_string(),
    );
    compare(
        "its page size",
        then.page_size.to_string(),
        now.page_size.to_string(),
    );
    compare(
        "its user_version",
        then.user_version.to_string(),
        now.user_version.to_string(),
    );
    for (table, then) in &then.row_counts {
        if let Some(now) = now.row_counts.get(table) {
            compare(
                &format!("the number of rows in {table}"),
                then.to_string(),
                now.to_string(),
            );
        }
    }
    for (name, then) in &then.counts {
        if let (Count::Is(then), Some(Count::Is(now))) = (then, now.counts.get(name)) {
            compare(name, then.to_string(), now.to_string());
        }
    }
    if then.schema_hash.is_some() && then.schema_hash != now.schema_hash {
        words.push("its schema is another one".to_owned());
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(rows: u64, patients: i64) -> Facts {
        Facts {
            page_size: 4096,
            pages: 2,
            journal_mode: "wal".into(),
            encoding: "UTF-8".into(),
            user_version: 1,
            application_id: 0,
            schema_hash: Some([1; 32]),
            row_counts: [("notes".to_owned(), rows)].into(),
            row_counts_complete: true,
            counts: [("patients".to_owned(), Count::Is(patients))].into(),
            check: Checked::Ok,
            rolled_back: false,
            lock: Duration::ZERO,
        }
    }

    #[test]
    fn every_fact_that_differs_is_named() {
        let then = facts(10, 3);
        assert_eq!(differences(&then, &then, true), [""; 0]);
        let mut others = [then.clone(), then.clone(), then.clone(), then.clone()];
        others[0].pages = 3;
        others[1].page_size = 512;
        others[2].user_version = 2;
        others[3].schema_hash = Some([2; 32]);
        let words = [
            "number of pages is 3 and was 2",
            "page size is 512",
            "user_version is 2",
            "schema",
        ];
        let counted = [
            (facts(9, 3), "rows in notes is 9 and was 10"),
            (facts(10, 4), "patients is 4 and was 3"),
        ];
        for (now, words) in others.into_iter().zip(words).chain(counted) {
            let found = differences(&then, &now, true);
            assert!(
                matches!(found.as_slice(), [one] if one.contains(words)),
                "{found:?}"
            );
        }
        assert_eq!(differences(&then, &then, false).len(), 1);
        let mut uncounted = then.clone();
        uncounted.row_counts.clear();
        uncounted.counts.clear();
        // What was not counted is not compared.
        assert_eq!(differences(&then, &uncounted, true), [""; 0]);
    }
}
