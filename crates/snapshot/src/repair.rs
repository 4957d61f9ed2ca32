//! Repairing a repository: the store mends what its own bytes give back, the live sources what they still hold, and the rest
//! is told exactly.
//!
//! A plan unless asked to do it. The order is that of trust: parity and the one wrong byte first, which give exactly what was
//! written; other copies of a chunk; then the sources, of which only bytes with the right id are taken. What stays lost
//! is named by snapshot, path and range of bytes, and nothing that is readable is touched by any of it.

use std::collections::HashSet;
use std::ops::Range;
use std::path::PathBuf;

use lifeboat_store::{Examination, Options, PackId, Repaired, Session, Share, SnapshotId, Way};

use crate::capture::Backup;
use crate::error::{Result, SnapshotError};
use crate::monitor::{Monitor, Task};
use crate::repository::{Listing, Repository};

use lacks::Lacks;

mod lacks;
mod records;
mod sources;

pub(crate) use records::all;

/// Times that the sources are asked: what comes back may lead to more that is missing.
const ROUNDS: usize = 8;

/// How to repair.
#[derive(Debug, Clone, Default)]
pub struct Repair {
    /// Do it; else only find out what would be done.
    pub apply: bool,
    /// Leave the live sources alone.
    pub without_sources: bool,
    /// Write parity for packs that have none.
    pub add_parity: bool,
    /// How much parity is written.
    pub parity: Share,
    /// How sources are read again: what is excluded, how long to wait for a lock. Of its own sources only their rules count, for
    /// what is in them.
    pub capture: Backup,
    /// Threads that work; as many as there are cores where not given.
    pub threads: Option<usize>,
}

/// What was found and done, or would be.
#[derive(Debug, Clone, Default)]
pub struct RepairReport {
    /// Whether it was done.
    pub applied: bool,
    /// Stored bytes that were read.
    pub checked_bytes: u64,
    /// Damaged packs.
    pub packs: Vec<PackFound>,
    /// Other objects that are damaged and are written again: parity, copies of the config, records and their copies. Each
    /// with the reason.
    pub others: Vec<(PathBuf, String)>,
    /// Records of snapshots that cannot be read, which nothing gives back. Each with the reason.
    pub records: Vec<(SnapshotId, String)>,
    /// The plan of a collection, where that is damaged, and the reason. A collector at work may have read it, so nobody
    /// replaces it.
    pub plan: Option<(PathBuf, String)>,
    /// What the live sources give back.
    pub retaken: Vec<Retaken>,
    /// What nothing gives back.
    pub lost: Vec<Lost>,
    /// Losses beyond those that are named.
    pub unnamed: u64,
    /// Packs without parity, and their bytes.
    pub without_parity: (u64, u64),
    /// What was written and moved.
    pub done: Repaired,
}

/// A damaged pack.
#[derive(Debug, Clone)]
pub struct PackFound {
    /// The object.
    pub object: PathBuf,
    /// What is wrong with it.
    pub what: String,
    /// What gives it back.
    pub way: Way,
    /// Chunks that can be had of it.
    pub chunks: u64,
    /// Chunks that are known to be in it and cannot be had of it.
    pub lost_chunks: u64,
    /// Whether all that is in it is known.
    pub is_known: bool,
    /// Whether it was, or would be, taken out of use. Else it cannot be read just now, and stays.
    pub is_spent: bool,
}

/// What a live source gives back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retaken {
    /// The file, or the folder that was read as a whole.
    pub path: PathBuf,
    /// Chunks that were missing and are in it.
    pub chunks: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// Something of snapshots that nothing gives back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lost {
    /// The path that it had; empty for a manifest.
    pub path: PathBuf,
    /// What it is.
    pub kind: LostKind,
    /// The snapshots that lack it.
    pub snapshots: Vec<SnapshotId>,
    /// The bytes that are lost, in order. Of a folder, those of its encoding, which say nothing to people.
    pub ranges: Vec<Range<u64>>,
}

/// What is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LostKind {
    /// The description of a whole snapshot.
    Manifest,
    /// Some or all entries of a folder.
    Folder,
    /// Bytes of a file.
    File,
    /// Bytes of a database.
    Database,
}

impl LostKind {
    /// The word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Manifest => "manifest",
            Self::Folder => "folder",
            Self::File => "file",
            Self::Database => "database",
        }
    }
}

impl RepairReport {
    /// Whether nothing was found damaged or lost.
    pub fn is_clean(&self) -> bool {
        self.packs.is_empty() && self.others.is_empty() && self.retaken.is_empty() && !self.stays()
    }

    /// Whether something is damaged or lost that this repair does not mend.
    pub fn stays(&self) -> bool {
        let is_stuck = |pack: &PackFound| !pack.is_spent;
        !self.lost.is_empty()
            || self.unnamed > 0
            || !self.records.is_empty()
            || self.plan.is_some()
            || self.packs.iter().any(is_stuck)
    }
}

impl Repository {
    /// Finds out what is damaged and lost, and mends it where `plan` says so.
    ///
    /// # Errors
    /// Where the repository cannot be listed or written. Whatever was done by then is no loss, and the next repair goes on.
    pub fn repair(&self, plan: &Repair, monitor: &dyn Monitor) -> Result<RepairReport> {
        self.in_pool(plan.threads, || {
            monitor.begin(Task::Repair, Some(self.store().pack_bytes()?));
            let options = Options {
                parity: plan.parity,
                ..Options::default()
            };
            // A session writes a lost copy of the config by itself, and that is a repair as well.
            let configs = self.store().verify_config();
            let rounds: Vec<_> = self.store().verified()?.damaged().collect();
            let session = match plan.apply {
                true => self.store().begin_salvage(options)?,
                false => self.store().rehearse_salvage(options)?,
            };
            let report = self.repair_in(&session, plan, monitor);
            // What the session stored is named by records that are there already: it needs none of its own.
            let ended = session.abandon();
            let mut report = report?;
            ended?;
            report.others.extend(configs.into_iter().chain(rounds));
            report.plan = self.store().verify_plan();
            Ok(report)
        })
    }

    fn repair_in(
        &self,
        session: &Session<'_>,
        plan: &Repair,
        monitor: &dyn Monitor,
    ) -> Result<RepairReport> {
        let lone = self.lone_records(plan.apply)?;
        let mut listing = self.snapshots()?;
        listing.snapshots.extend(lone.rehearsed());
        let mut examination = self.store().examine(monitor)?;
        let rescued = match plan.apply {
            true => self.store().rescue(session, &examination, monitor)?,
            false => examination.packs.iter().map(|own| own.pack).collect(),
        };
        let mut report = found(plan, &examination, &rescued);
        self.seek(
            session,
            plan,
            &listing,
            &mut examination,
            &mut report,
            monitor,
        )?;
        if plan.apply {
            session.flush()?;
            let store = self.store();
            report.done = store.retire(session, &examination, &rescued, plan.parity, monitor)?;
            if plan.add_parity {
                let added = store.add_parity(&examination, plan.parity, monitor)?;
                report.done.parity_made += added.parity_made;
                report.done.parity_bytes += added.parity_bytes;
            }
        }
        self.repair_records(plan, &listing, &mut report)?;
        self.tell_lone(lone, &mut report);
        Ok(report)
    }

    /// Finds out what the snapshots lack, and takes of it again what the sources still have.
    fn seek(
        &self,
        session: &Session<'_>,
        plan: &Repair,
        listing: &Listing,
        examination: &mut Examination,
        report: &mut RepairReport,
        monitor: &dyn Monitor,
    ) -> Result<()> {
        for round in 1.. {
            let mut lacks = Lacks::new(self, &examination.good);
            for snapshot in &listing.snapshots {
                if monitor.cancelled() {
                    return Err(SnapshotError::cancelled());
                }
                lacks.walk(snapshot)?;
            }
            let (lost, unnamed, wanted) = lacks.finish();
            let had = session.salvaged().len();
            // A rehearsal stores nothing: what lies behind a folder that would come back is not seen.
            let is_last = round > ROUNDS || (round > 1 && !plan.apply);
            if !wanted.is_empty() && !plan.without_sources && !is_last {
                session.want(wanted);
                let retaken = self.take_again(session, &plan.capture, &lost, monitor)?;
                report.retaken.extend(retaken);
            }
            let salvaged = session.salvaged();
            if salvaged.len() == had {
                (report.lost, report.unnamed) = (lost, unnamed);
                break;
            }
            examination.good.extend(salvaged);
            session.flush()?;
        }
        Ok(())
    }
}

fn found(plan: &Repair, examination: &Examination, rescued: &HashSet<PackId>) -> RepairReport {
    let packs = examination.packs.iter().map(|pack| PackFound {
        object: pack.object.clone(),
        what: pack.what.clone(),
        way: pack.way,
        chunks: pack.chunks,
        lost_chunks: pack.lost.len() as u64,
        is_known: pack.is_known,
        is_spent: pack.is_spent() && rescued.contains(&pack.pack),
    });
    let parity = examination.parity.iter();
    let others = parity.map(|(_, object, what)| (object.clone(), what.clone()));
    RepairReport {
        applied: plan.apply,
        checked_bytes: examination.checked_bytes,
        packs: packs.collect(),
        others: others.collect(),
        without_parity: examination.without_parity,
        ..RepairReport::default()
    }
}
