//! The commands, each with what it begins with, what it does, and what must hold after it.

use std::sync::OnceLock;

use lifeboat_snapshot::{Collect, Repair, Repository, SnapshotError, Unwatched, Verify};
use lifeboat_store::disk::sim::SimDisk;

use super::super::stage::{FIRST, Known, SECOND, Sources, create, open, words};
use super::zips;
use crate::support::snapshots::Contents;

/// A command, and what the repository is like before it.
pub(super) struct Verb {
    pub(super) name: &'static str,
    /// Damages the repository, or forgets something.
    pub(super) before: fn(&Stage),
    pub(super) act: fn(&Stage, &Repository, &SimDisk) -> Result<(), SnapshotError>,
    /// What holds afterwards, and what more if it was acknowledged.
    pub(super) holds: fn(&Stage, &After<'_>) -> Result<(), String>,
    /// What of the older snapshot must hold whatever happens.
    pub(super) keeps_older: bool,
}

/// A repository with two snapshots, and what else a command needs.
pub(super) struct Stage {
    pub(super) disk: SimDisk,
    pub(super) sources: Sources,
    pub(super) older: Known,
    pub(super) newer: Known,
    /// What a zip of another repository holds.
    pub(super) foreign: OnceLock<Contents>,
}

impl Stage {
    pub(super) fn new() -> Self {
        let disk = SimDisk::without_root();
        let sources = Sources::new();
        create(&disk, 1).unwrap();
        let older = Known::back_up(&disk, 2, FIRST, &sources);
        sources.change();
        let newer = Known::back_up(&disk, 3, SECOND, &sources);
        disk.settle();
        Self {
            disk,
            sources,
            older,
            newer,
            foreign: OnceLock::new(),
        }
    }

    pub(super) fn with(verb: &Verb) -> Self {
        let stage = Self::new();
        (verb.before)(&stage);
        stage.disk.settle();
        stage
    }

    pub(super) fn forget(&self) {
        let repository = open(&self.disk, 4).unwrap();
        repository.forget(&[self.older.snapshot.id]).unwrap();
    }

    pub(super) fn repair(&self, repository: &Repository) -> Result<(), SnapshotError> {
        let plan = Repair {
            apply: true,
            add_parity: true,
            threads: Some(1),
            ..Repair::default()
        };
        let report = repository.repair(&plan, &Unwatched)?;
        match report.stays() {
            false => Ok(()),
            true => Err(SnapshotError::TargetUnusable {
                path: "the repository".into(),
                reason: format!("something stays damaged: {report:?}"),
            }),
        }
    }

    /// A record, and the copy of another.
    pub(super) fn damage(&self) {
        let record = format!("snapshots/{}.snapshot", self.older.snapshot.id);
        self.disk.corrupt(&record, 40, |byte| byte ^ 1).unwrap();
        let copy = format!("copies/{}.copy", self.newer.snapshot.id);
        self.disk.truncate(&copy, 20).unwrap();
        self.disk.delete("config.copy").unwrap();
    }
}

pub(super) fn collect(repository: &Repository) -> Result<(), SnapshotError> {
    let plan = Collect {
        threads: Some(1),
        ..Collect::default()
    };
    repository.collect(&plan, &Unwatched).map(drop)
}

const NOTHING: fn(&Stage) = |_| {};

pub(super) const VERBS: [Verb; 9] = [
    Verb {
        name: "forget",
        before: NOTHING,
        act: |stage, repository, _| repository.forget(&[stage.older.snapshot.id]).map(drop),
        holds: |stage, after| after.is(!after.is_done || !after.lists(&stage.older)?),
        keeps_older: false,
    },
    Verb {
        name: "forget --undo",
        before: Stage::forget,
        act: |_, repository, _| {
            let forgotten = repository.forgotten()?.items;
            repository.bring_back(&forgotten, &Unwatched).map(drop)
        },
        holds: |stage, after| after.is(!after.is_done || after.lists(&stage.older)?),
        keeps_older: false,
    },
    Verb {
        name: "pin",
        before: NOTHING,
        act: |stage, repository, _| repository.pin(stage.older.snapshot.id, "good").map(drop),
        holds: |stage, after| after.is(!after.is_done || after.pins(&stage.older)?),
        keeps_older: true,
    },
    Verb {
        name: "unpin",
        before: |stage| {
            let repository = open(&stage.disk, 4).unwrap();
            repository.pin(stage.older.snapshot.id, "good").unwrap();
        },
        act: |stage, repository, _| repository.unpin(stage.older.snapshot.id).map(drop),
        holds: |stage, after| after.is(!after.is_done || !after.pins(&stage.older)?),
        keeps_older: true,
    },
    Verb {
        name: "gc",
        before: Stage::forget,
        act: |_, repository, _| collect(repository),
        holds: |_, after| {
            let forgotten = after.repository.forgotten().map_err(words)?;
            after.is(!after.is_done || forgotten.items.is_empty())
        },
        keeps_older: false,
    },
    Verb {
        name: "repair",
        before: Stage::damage,
        act: |stage, repository, _| stage.repair(repository),
        holds: |_, after| match after.is_done {
            true => undamaged(after.repository),
            false => Ok(()),
        },
        keeps_older: true,
    },
    Verb {
        name: "verify --read-data",
        before: NOTHING,
        act: |_, repository, _| repository.verify(&whole(), &Unwatched).map(drop),
        holds: |_, after| undamaged(after.repository),
        keeps_older: true,
    },
    Verb {
        name: "export",
        before: NOTHING,
        act: zips::export,
        holds: zips::exports_are_whole,
        keeps_older: true,
    },
    Verb {
        name: "import",
        before: zips::make_foreign,
        act: zips::import,
        holds: zips::is_imported_once,
        keeps_older: true,
    },
];

/// What is there after a cut, a kill or a fault.
pub(super) struct After<'a> {
    pub(super) repository: &'a Repository,
    pub(super) disk: &'a SimDisk,
    /// The command was acknowledged before.
    pub(super) is_done: bool,
}

impl After<'_> {
    pub(super) fn is(&self, holds: bool) -> Result<(), String> {
        match holds {
            true => Ok(()),
            false => Err(format!("not as it must be; acknowledged: {}", self.is_done)),
        }
    }

    pub(super) fn lists(&self, known: &Known) -> Result<bool, String> {
        let listed = self.repository.snapshots().map_err(words)?;
        Ok(listed.snapshots.contains(&known.snapshot))
    }

    pub(super) fn pins(&self, known: &Known) -> Result<bool, String> {
        let pins = self.repository.pins().map_err(words)?;
        Ok(pins.contains(&known.snapshot.id))
    }
}

pub(super) fn undamaged(repository: &Repository) -> Result<(), String> {
    let report = repository.verify(&whole(), &Unwatched).map_err(words)?;
    match report.damaged.as_slice() {
        [] => Ok(()),
        damaged => Err(format!("{damaged:?}")),
    }
}

pub(super) fn whole() -> Verify {
    Verify {
        read_data: true,
        threads: Some(1),
        ..Verify::default()
    }
}
