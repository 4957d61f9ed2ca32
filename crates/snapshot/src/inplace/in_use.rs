//! Databases that are written back through SQLite instead of being replaced, because programs have them open.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::error::InPlaceError;
use super::holders::{self, Wanted};
use super::live;
use super::plan::{Difference, Now, What};
use super::work::Work;
use crate::content::Content;
use crate::entry::Node;
use crate::error::Result;
use crate::image::StoredDatabase;
use crate::inplace::live::look;
use crate::manifest::Database;
use crate::online::{Mark, NotWritten, WriteBack, write_back};
use crate::opened::Opened;
use crate::record::Snapshot;
use crate::sqlite::{self, CaptureOptions, Check, Checked, image_facts};

/// A database that is written back.
pub(super) struct Online {
    path: PathBuf,
    content: Content,
    database: Database,
    /// Taken before the safety snapshot.
    mark: Mark,
}

impl Online {
    fn task(&self, busy_timeout: Duration) -> WriteBack<'_> {
        WriteBack {
            path: &self.path,
            content: self.content.clone(),
            mark: &self.mark,
            busy_timeout,
        }
    }
}

impl Work<'_> {
    /// Chooses the databases that are written back. The others are replaced, as are those that are none any more.
    pub(super) fn choose_online(&mut self) -> Result<Vec<Online>> {
        if !self.options.online {
            return Ok(Vec::new());
        }
        let tree = self.repository.tree(self.snapshot)?;
        let mut chosen = Vec::new();
        let mut differences = std::mem::take(&mut self.plan.differences);
        for difference in &mut differences {
            let Some(path) = self.live_database(difference)? else {
                continue;
            };
            let databases = &tree.manifest().databases;
            let database = databases
                .iter()
                .find(|database| tree.database_path(database) == difference.tree);
            let entry = tree.entry(&difference.tree)?;
            let (Some(database), Node::Database { content, .. }) = (database, &entry.node) else {
                continue;
            };
            if content.len == 0 {
                continue;
            }
            self.check_page_size(&path, database)?;
            difference.online = true;
            self.plan.staged.remove(&difference.tree);
            chosen.push(Online {
                mark: Mark::before_saving(&path, self.monitor)?,
                content: content.clone(),
                database: database.clone(),
                path,
            });
        }
        self.plan.differences = differences;
        Ok(chosen)
    }

    fn live_database(&self, difference: &Difference) -> Result<Option<PathBuf>> {
        let is_replaced = matches!(difference.what, What::Put) && difference.stamp.is_some();
        let path = self.path(difference).filter(|_| is_replaced);
        let Some(path) = path else {
            return Ok(None);
        };
        let is_database = match look(&path)? {
            Some(stat) => live::is_database(&path, &stat)?,
            None => false,
        };
        Ok(is_database.then_some(path))
    }

    /// Nothing can change the page size of a database in WAL mode while it is open.
    fn check_page_size(&self, path: &PathBuf, database: &Database) -> Result<()> {
        let mut databases = self.plan.databases.iter();
        let now = databases
            .find(|change| change.path == *path)
            .map(|change| &change.now);
        let then = database.facts.page_size;
        match now {
            Some(Now::Facts(now)) if now.journal_mode == "wal" && now.page_size != then => {
                Err(InPlaceError::NotOnline {
                    path: path.clone(),
                    reason: format!(
                        "it is in WAL mode with pages of {} bytes, and those of the snapshot have {then}",
                        now.page_size
                    ),
                }.into())
            }
            _ => Ok(()),
        }
    }

    /// Changes what is live: first the databases that are written back, then everything else.
    pub(super) fn change(
        &mut self,
        online: Vec<Online>,
        safety: Option<&Snapshot>,
    ) -> Result<Vec<PathBuf>> {
        // What can be refused is refused before the first change.
        let ready = self.ready()?;
        self.check_stored(&online)?;
        for one in &online {
            one.mark.check(&one.path)?;
        }
        let mut written = Vec::new();
        let done = self
            .write_back(&online, &mut written)
            .and_then(|()| match written.is_empty() {
                true => Ok(()),
                false => self.check_again(),
            })
            .and_then(|()| self.swap(&ready));
        done.map_err(|error| match written.is_empty() {
            true => error,
            false => InPlaceError::WrittenBack {
                written,
                safety: safety.map(|safety| safety.id),
                source: Box::new(error),
            }
            .into(),
        })
    }

    /// The databases can be read whole from the repository.
    fn check_stored(&self, online: &[Online]) -> Result<()> {
        for one in online {
            let store = self.repository.shared_store();
            let image = Arc::new(StoredDatabase::new(store, one.content.clone()));
            let options = CaptureOptions {
                check: Check::Quick,
                ..CaptureOptions::default()
            };
            let facts = image_facts(image, &options)?;
            if let (Checked::Damaged(findings), false) = (&facts.check, self.options.force) {
                let finding = findings.first().map_or("", String::as_str);
                return Err(InPlaceError::RestoredWrong {
                    path: one.path.clone(),
                    reason: format!("it was damaged when it was backed up: {finding}"),
                }
                .into());
            }
        }
        Ok(())
    }

    /// Writes one database after the other, once all are locked: each is wholly old or wholly new.
    fn write_back(&mut self, online: &[Online], written: &mut Vec<PathBuf>) -> Result<()> {
        let busy_timeout = self.options.busy_timeout;
        let all: Vec<_> = online.iter().map(|one| one.task(busy_timeout)).collect();
        online.iter().for_each(|one| self.monitor.item(&one.path));
        let store = self.repository.shared_store();
        let done = write_back(&all, &store, self.monitor, &mut |number| {
            written.extend(online.get(number).map(|one| one.path.clone()));
        });
        match done {
            Ok(()) => self.opened.extend(online.iter().map(opened)),
            Err(NotWritten::Failed(error)) => return Err(error),
            Err(NotWritten::Locked(path)) => {
                let wanted = Wanted {
                    path: path.clone(),
                    is_database: true,
                };
                let holders = holders::find(&[wanted]);
                return Err(InPlaceError::InUse { path, holders }.into());
            }
        }
        Ok(())
    }
}

/// The database after it was written back. Other programs may have written to it since, so only its health is judged.
fn opened(one: &Online) -> Opened {
    let options = CaptureOptions {
        check: Check::Quick,
        ..CaptureOptions::default()
    };
    let (facts, check) = match sqlite::capture(&one.path, &options, &mut live::Discard) {
        Ok(facts) => (Some(facts.clone()), facts.check),
        Err(error) => (None, Checked::Unable(error.to_string())),
    };
    let then = &one.database.facts.check;
    let is_worse = matches!(check, Checked::Damaged(_)) && !matches!(then, Checked::Damaged(_));
    let differences = match is_worse {
        true => vec!["SQLite finds it damaged now".to_owned()],
        false => Vec::new(),
    };
    Opened {
        path: one.path.clone(),
        facts,
        check,
        differences,
    }
}
