//! The history's gaps, filled: a run that was killed or failed before it could leave a record of itself gets one. Where the
//! repository is gone, that is owed until it is back, so that the history tells of that too.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::TimeDelta;
use lifeboat_snapshot::{NewRun, Repository, Result, Run};

/// So many are owed at most; the newest tell what is wrong.
const MOST: usize = 50;

/// Records that are still to be written. They are written by a thread beside, and new ones are owed meanwhile.
#[derive(Clone, Default)]
pub(super) struct Book {
    owed: Arc<Mutex<Owed>>,
}

#[derive(Default)]
struct Owed {
    records: VecDeque<Record>,
    /// How many there were of all.
    count: u64,
}

/// A record, and how long its run took.
#[derive(Clone)]
struct Record {
    number: u64,
    run: NewRun,
    took: Duration,
}

impl Book {
    /// A record is to be written.
    pub(super) fn owe(&self, run: NewRun, took: Duration) {
        let mut owed = self.owed();
        if owed.records.len() == MOST {
            owed.records.pop_front();
        }
        owed.count += 1;
        let number = owed.count;
        owed.records.push_back(Record { number, run, took });
    }

    /// Writes what is owed.
    pub(super) fn settle(&self, repository: &Repository) -> Result<()> {
        while let Some(record) = self.first() {
            repository.record_ended(record.run, record.took)?;
            let mut owed = self.owed();
            owed.records.retain(|owed| owed.number != record.number);
        }
        Ok(())
    }

    /// Whether there is nothing to write.
    pub(super) fn is_settled(&self) -> bool {
        self.owed().records.is_empty()
    }

    fn first(&self) -> Option<Record> {
        self.owed().records.front().cloned()
    }

    fn owed(&self) -> MutexGuard<'_, Owed> {
        self.owed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether the run has left a record of itself.
pub(super) fn is_recorded(repository: &Repository, wanted: &NewRun) -> bool {
    const NEWEST: usize = 50;
    let Ok(history) = repository.history(NEWEST) else {
        return false;
    };
    let is_it = |run: &Run| {
        let mut sources = run.sources.iter();
        run.kind == wanted.kind
            && run.host == wanted.host
            && run.began() + TimeDelta::milliseconds(1) >= wanted.began
            && sources.all(|source| wanted.sources.iter().any(|own| source == own))
    };
    history.newest(is_it).is_some()
}
