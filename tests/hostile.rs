//! Repositories that a hostile hand wrote: every hash in them is right, and what they say no backup ever said. Nothing of it
//! costs time or memory without bound, is believed, or is written outside the target.

use std::sync::Arc;

use lifeboat_snapshot::{Repository, Unwatched, Verify, VerifyReport};
use lifeboat_store::Backing;
use lifeboat_store::clock::FixedClock;
use lifeboat_store::disk::sim::{Call, SimDisk};
use lifeboat_store::random::SeededRandom;
use lifeboat_store::storage::LocalStorage;

use crate::support::Workbench;

/// Every decoder fed with bytes of every sort.
mod decoders;
/// Writes such repositories.
mod forge;
/// A pack written byte by byte.
mod forged_pack;
/// What descriptions may hold, and how much memory they may take.
mod limits;
/// Numbers that nobody has.
mod numbers;
/// Packs that lie, and packs and indexes in the wrong place.
mod packs;
/// Files of a repository that are links, pipes, devices and folders.
mod places;
/// That what was forged is refused.
mod refused;
/// What decoders are fed with.
mod seeds;
/// Folders, names and links that no backup writes.
mod trees;
/// Work that multiplies: lists, folders and deltas that refer to each other many times.
mod work;

/// The repository of a bench on a disk that counts.
fn counted(bench: &Workbench) -> (SimDisk, Repository) {
    let disk = SimDisk::copy_from(&lifeboat_store::RealDisk::new(bench.place())).unwrap();
    let backing = Backing {
        storage: Arc::new(LocalStorage::new(Arc::new(disk.clone()))),
        cache: None,
        random: Arc::new(SeededRandom::new(1)),
    };
    let clock = FixedClock::at(chrono::DateTime::UNIX_EPOCH);
    let repository = Repository::open_on(backing, Arc::new(clock)).unwrap();
    (disk, repository)
}

/// Verifies, and tells how often the disk was read.
fn verified(bench: &Workbench, read_data: bool) -> (VerifyReport, u64) {
    let (disk, repository) = counted(bench);
    let plan = Verify {
        read_data,
        ..Verify::default()
    };
    let report = repository.verify(&plan, &Unwatched).unwrap();
    (report, disk.calls_of(Call::Read))
}
