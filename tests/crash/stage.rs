//! What is backed up to the simulated disk, and what is known of it afterwards.

use std::fs;
use std::sync::Arc;

use lifeboat_snapshot::{Backup, Repository, Snapshot, SnapshotError, Unwatched};
use lifeboat_store::Backing;
use lifeboat_store::clock::FixedClock;
use lifeboat_store::disk::sim::SimDisk;
use lifeboat_store::random::SeededRandom;
use lifeboat_store::random::noise;
use lifeboat_store::storage::LocalStorage;
use rusqlite::Connection;

use crate::support::Workbench;
use crate::support::snapshots::{Contents, contents};

pub(super) const CREATED: &str = "created";
pub(super) const FIRST: &str = "first";
pub(super) const SECOND: &str = "second";
pub(super) const NEXT: &str = "next";

/// A repository at the root of the disk; each process draws names of its own.
fn backing(disk: &SimDisk, process: u64) -> Backing {
    Backing {
        storage: Arc::new(LocalStorage::new(Arc::new(disk.clone()))),
        cache: Some(Arc::new(disk.below("cache"))),
        random: Arc::new(SeededRandom::new(process)),
    }
}

fn clock() -> Arc<FixedClock> {
    Arc::new(FixedClock::at(chrono::DateTime::UNIX_EPOCH))
}

pub(super) fn open(disk: &SimDisk, process: u64) -> Result<Repository, SnapshotError> {
    Repository::open_on(backing(disk, process), clock())
}

pub(super) fn create(disk: &SimDisk, process: u64) -> Result<Repository, SnapshotError> {
    Repository::create_on(backing(disk, process), clock())
}

/// A folder in two states, with a database, nested folders and a link.
pub(super) struct Sources {
    pub(super) bench: Workbench,
}

impl Sources {
    pub(super) fn new() -> Self {
        let bench = Workbench::with_files();
        bench.write("large.bin", noise(150_000, 1));
        let app = Connection::open(bench.data().join("app.db")).unwrap();
        app.execute_batch("CREATE TABLE t (x); INSERT INTO t VALUES (randomblob(90000))")
            .unwrap();
        Self { bench }
    }

    /// Changes a little of everything.
    pub(super) fn change(&self) {
        self.bench.write("papers/two.txt", "second, revised");
        self.bench.write("papers/three.txt", "third");
        fs::remove_file(self.bench.data().join("papers/one.txt")).unwrap();
        let app = Connection::open(self.bench.data().join("app.db")).unwrap();
        app.execute_batch("UPDATE t SET x = randomblob(90000)")
            .unwrap();
    }

    pub(super) fn plan(&self) -> Backup {
        Backup {
            threads: Some(1),
            ..self.bench.plan()
        }
    }
}

/// An acknowledged snapshot, its mark and what it holds.
#[derive(Clone)]
pub(super) struct Known {
    pub(super) mark: &'static str,
    pub(super) snapshot: Snapshot,
    pub(super) contents: Contents,
}

impl Known {
    pub(super) fn back_up(
        disk: &SimDisk,
        process: u64,
        mark: &'static str,
        sources: &Sources,
    ) -> Self {
        let repository = open(disk, process).unwrap();
        let report = repository.backup(&sources.plan(), &Unwatched).unwrap();
        disk.mark(mark);
        let snapshot = report.snapshot.unwrap();
        let contents = contents(&repository, &snapshot).unwrap();
        Self {
            mark,
            snapshot,
            contents,
        }
    }
}

/// An error and its causes in one line.
pub(super) fn words(error: impl std::error::Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        words = format!("{words}: {next}");
        cause = next.source();
    }
    words
}
