//! The data that is backed up, from seeds, and what happens to it between two backups.

use std::fs;
use std::path::Path;

use crate::clinic;
use crate::support::files;
use crate::support::rng::Rng;

/// A set of data and what happens to it.
pub(crate) struct Workload {
    pub(crate) name: &'static str,
    pub(crate) make: fn(&Path),
    /// A small change.
    pub(crate) work: fn(&Path, u64),
    /// A change of 1 %.
    pub(crate) heavy: fn(&Path, u64),
}

const FILES: u64 = 40_000;
const PDFS: u64 = 3_000;

/// Files of 512 MB that make 4 GB.
const REELS: u64 = 8;
const REEL_BYTES: usize = 512 << 20;

pub(crate) const WORKLOADS: [Workload; 4] = [
    Workload {
        name: "clinic",
        make: |at| drop(clinic::copy(clinic::STANDARD, at)),
        work: |at, seed| {
            clinic::work(&at.join("clinic.db"), seed);
            files::pdfs(&at.join("scans"), 5 * seed, 5);
        },
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
        heavy: |at, seed| clinic::heavy(&at.join("clinic.db"), seed),
    },
    Workload {
        name: "tree",
        make: |at| files::copy(&files::cached_tree(FILES), at),
        work: |at, seed| files::edit_tree(at, FILES, 20, 5, seed),
        heavy: |at, seed| files::edit_tree(at, FILES, FILES / 100, 0, seed),
    },
    Workload {
        name: "media",
        make: |at| (0..REELS).for_each(|number| reel(at, number)),
        work: |at, seed| files::pdfs(&at.join("new"), 5 * seed, 5),
        heavy: |at, seed| files::pdfs(&at.join("new"), 1000 + 100 * seed, 100),
    },
];

/// A file that no compressor makes smaller.
fn reel(place: &Path, number: u64) {
    fs::create_dir_all(place).expect("the folder can be written");
    let mut bytes = vec![0; REEL_BYTES];
    Rng::new(0x4ee1 + number).fill(&mut bytes);
    fs::write(place.join(format!("reel-{number}.bin")), bytes).expect("the folder can be written");
}
