//! The data that is backed up, from seeds, and what happens to it between two backups.

use std::fs;
use std::path::Path;

use crate::app;
use crate::clinic;
use crate::support::files;
use crate::support::rng::Rng;

/// A set of data and what happens to it.
pub(crate) struct Workload {
    pub(crate) name: &'static str,
    pub(crate) make: fn(&Path),
    /// A small change.
    pub(crate) work: fn(&Path, u64),
    /// How often the small change is made and stored; what it takes is summed up.
    pub(crate) works: u64,
    /// A change of 1 %.
    pub(crate) heavy: fn(&Path, u64),
}

const FILES: u64 = 40_000;

/// Files of the tree with a history, and its versions after the first.
const SOURCES: u64 = 4_000;
const VERSIONS: u64 = 29;

const PDFS: u64 = 3_000;

/// Files of 512 MB that make 4 GB.
const REELS: u64 = 8;
const REEL_BYTES: usize = 512 << 20;

pub(crate) const WORKLOADS: [Workload; 6] = [
    Workload {
        name: "clinic",
        make: |at| drop(clinic::copy(clinic::STANDARD, at)),
        work: |at, seed| {
            clinic::work(&at.join("clinic.db"), seed);
            files::pdfs(&at.join("scans"), 5 * seed, 5);
        },
        works: 1,
        heavy: |at, seed| clinic::heavy(&at.join("clinic.db"), seed),
    },
    Workload {
        name: "papers",
        make: |at| {
            clinic::copy(clinic::STANDARD, at);
            files::pdfs(&at.join("scans"), 0, PDFS);
        },
        work: |at, seed| {
            clinic::work(&at.join("clinic.db"), seed);
            files::pdfs(&at.join("scans"), PDFS + 5 * seed, 5);
        },
        works: 1,
        heavy: |at, seed| clinic::heavy(&at.join("clinic.db"), seed),
    },
    Workload {
        name: "tree",
        make: |at| files::copy(&files::cached_tree(FILES), at),
        work: |at, seed| files::edit_tree(at, FILES, 20, 5, seed),
        works: 1,
        heavy: |at, seed| files::edit_tree(at, FILES, FILES / 100, 0, seed),
    },
    Workload {
        name: "app",
        make: app::make,
        work: |at, seed| app::change(at, seed, 20),
        works: 1,
        heavy: |at, seed| app::change(at, seed, 400),
    },
    Workload {
        name: "history",
        make: |at| files::copy(&files::cached_tree(SOURCES), at),
        work: |at, seed| files::edit_tree(at, SOURCES, 20, 3, seed),
        works: VERSIONS,
        heavy: |at, seed| files::edit_tree(at, SOURCES, SOURCES / 100, 0, seed),
    },
    Workload {
        name: "media",
        make: |at| (0..REELS).for_each(|number| reel(at, number)),
        work: |at, seed| files::pdfs(&at.join("new"), 5 * seed, 5),
        works: 1,
        heavy: |at, seed| files::pdfs(&at.join("new"), 1000 + 100 * seed, 100),
    },
];

impl Workload {
    /// Whether this machine has what it takes.
    pub(crate) fn is_possible(&self) -> bool {
        self.name != "app" || app::is_possible()
    }
}

/// A file that no compressor makes smaller.
fn reel(place: &Path, number: u64) {
    fs::create_dir_all(place).expect("the folder can be written");
    let mut bytes = vec![0; REEL_BYTES];
    Rng::new(0x4ee1 + number).fill(&mut bytes);
    fs::write(place.join(format!("reel-{number}.bin")), bytes).expect("the folder can be written");
}
