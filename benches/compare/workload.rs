//! The data that is backed up, from seeds, and what happens to it between two backups.

use std::fs;
use std::path::Path;

use crate::app;
use crate::clinic;
use crate::support::rng::Rng;
use crate::support::{Scale, files};

/// A set of data and what happens to it.
pub(crate) struct Workload {
    pub(crate) name: &'static str,
    pub(crate) make: fn(&Path, Scale),
    /// A small change.
    pub(crate) work: fn(&Path, Scale, u64),
    /// How often the small change is made and stored; what it takes is summed up.
    pub(crate) works: u64,
    /// A change of 1 %.
    pub(crate) heavy: fn(&Path, Scale, u64),
    /// Whether the disk is too small for what several programs make of it: each has its turn alone.
    pub(crate) is_alone: bool,
}

const FILES: u64 = 40_000;

/// Files of the tree with a history, and its versions after the first.
const SOURCES: u64 = 4_000;
const VERSIONS: u64 = 29;

const PDFS: u64 = 3_000;

/// Files of 512 MB that make 4 GB.
const REELS: u64 = 8;
const REEL_BYTES: u64 = 512 << 20;

pub(crate) const WORKLOADS: [Workload; 6] = [
    Workload {
        name: "clinic",
        make: |at, scale| {
            clinic::copy(scale.of(clinic::STANDARD), at);
            files::letters(&at.join("letters"), 0, scale.of(PDFS));
        },
        work: |at, _, seed| {
            clinic::work(&at.join("clinic.db"), seed);
            files::letters(&at.join("letters"), PDFS + 5 * seed, 5);
        },
        works: 1,
        heavy: |at, _, seed| clinic::heavy(&at.join("clinic.db"), seed),
        is_alone: false,
    },
    Workload {
        name: "papers",
        make: |at, scale| {
            clinic::copy(scale.of(clinic::STANDARD), at);
            files::scans(&at.join("scans"), 0, scale.of(PDFS));
        },
        work: |at, _, seed| {
            clinic::work(&at.join("clinic.db"), seed);
            files::scans(&at.join("scans"), PDFS + 5 * seed, 5);
        },
        works: 1,
        heavy: |at, _, seed| clinic::heavy(&at.join("clinic.db"), seed),
        is_alone: false,
    },
    Workload {
        name: "tree",
        make: |at, scale| files::copy(&files::cached_tree(scale.of(FILES)), at),
        work: |at, scale, seed| files::edit_tree(at, scale.of(FILES), 20, 5, seed),
        works: 1,
        heavy: |at, scale, seed| {
            files::edit_tree(at, scale.of(FILES), scale.of(FILES / 100), 0, seed)
        },
        is_alone: false,
    },
    Workload {
        name: "app",
        make: app::make,
        work: |at, _, seed| app::change(at, seed, 20),
        works: 1,
        heavy: |at, _, seed| app::change(at, seed, 400),
        is_alone: false,
    },
    Workload {
        name: "history",
        make: |at, scale| files::copy(&files::cached_tree(scale.of(SOURCES)), at),
        work: |at, scale, seed| files::edit_tree(at, scale.of(SOURCES), 20, 3, seed),
        works: VERSIONS,
        heavy: |at, scale, seed| {
            files::edit_tree(at, scale.of(SOURCES), scale.of(SOURCES / 100), 0, seed)
        },
        is_alone: false,
    },
    Workload {
        name: "media",
        make: |at, scale| (0..REELS).for_each(|number| reel(at, number, scale)),
        work: |at, _, seed| files::scans(&at.join("new"), 5 * seed, 5),
        works: 1,
        heavy: |at, _, seed| files::scans(&at.join("new"), 1000 + 100 * seed, 100),
        is_alone: true,
    },
];

impl Workload {
    /// Whether this machine has what it takes.
    pub(crate) fn is_possible(&self) -> bool {
        self.name != "app" || app::is_possible()
    }
}

/// A file that no compressor makes smaller.
fn reel(place: &Path, number: u64, scale: Scale) {
    fs::create_dir_all(place).expect("the folder can be written");
    let mut bytes = vec![0; scale.of(REEL_BYTES) as usize];
    Rng::new(0x4ee1 + number).fill(&mut bytes);
    fs::write(place.join(format!("reel-{number}.bin")), bytes).expect("the folder can be written");
}
