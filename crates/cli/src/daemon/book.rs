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
    let is_part = |run: &&Run| {
        let mut sources = run.sources.iter();
        run.kind == wanted.kind
            && run.host == wanted.host
            && run.began() + TimeDelta::milliseconds(1) >= wanted.began
            && sources.all(|source| wanted.sources.iter().any(|own| source == own))
            // A record of no source is that of a run that could not be, and tells nothing of one that was.
            && run.sources.is_empty() == wanted.sources.is_empty()
    };
    // Sources that could not be saved together have records of their own.
    let parts: Vec<&Run> = history.runs.iter().filter(is_part).collect();
    let is_told = |own: &Vec<u8>| {
        let mut told = parts.iter().flat_map(|run| &run.sources);
        told.any(|source| source == own)
    };
    !parts.is_empty() && wanted.sources.iter().all(is_told)
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use lifeboat_snapshot::RunKind;

    use super::*;

    fn run(kind: RunKind, sources: &[&str]) -> NewRun {
        NewRun {
            kind,
            began: DateTime::from_timestamp(1_800_000_000, 0).unwrap(),
            host: "server".to_owned(),
            sources: sources
                .iter()
                .map(|path| path.as_bytes().to_vec())
                .collect(),
            snapshot: None,
            exit: 1,
            bytes: 0,
            error: None,
            hooks: Vec::new(),
        }
    }

    #[test]
    fn a_run_is_recorded_by_records_of_all_its_sources_and_not_by_that_of_a_bad_config() {
        let folder = tempfile::tempdir().unwrap();
        let repository = Repository::open_or_create(&folder.path().join("r")).unwrap();
        let wanted = run(RunKind::Backup, &["/a", "/b"]);
        let is_recorded_with = |kind, sources: &[&str]| {
            repository
                .record_ended(run(kind, sources), Duration::ZERO)
                .unwrap();
            is_recorded(&repository, &wanted)
        };
        assert!(!is_recorded_with(RunKind::Backup, &[]));
        assert!(!is_recorded_with(RunKind::Verify, &["/a", "/b"]));
        assert!(!is_recorded_with(RunKind::Backup, &["/a", "/c"]));
        assert!(!is_recorded_with(RunKind::Backup, &["/a"]));
        assert!(is_recorded_with(RunKind::Backup, &["/b"]));
        let upkeep = run(RunKind::Collect, &[]);
        assert!(!is_recorded(&repository, &upkeep));
        repository
            .record_ended(upkeep.clone(), Duration::ZERO)
            .unwrap();
        assert!(is_recorded(&repository, &upkeep));
    }
}
