//! Backups of generated data: time, throughput, what the repository grows by, peak memory.
//!
//! ```text
//! cargo bench --bench ingest                          # all workloads
//! cargo bench --bench ingest -- --runs 5 1GB          # those whose name contains a word
//! ```
//!
//! Each workload is backed up by the release program as a child process: into an empty repository; again, with nothing
//! changed; after some work; after a change of 1 % of rows or files. The zip is left out, as it is measured by
//! `restore`. Each figure is the median of the runs, with the least and the most beside the time.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::indexing_slicing,
    reason = "a bench prints, and fails by panicking"
)]

use std::path::{Path, PathBuf};

use support::lifeboat::Lifeboat;
use support::measure::{Took, median, settle};
use support::table::{Table, bytes, rate, seconds};
use support::{Ask, Scratch, files, size_of};

mod clinic;
mod support;

const FILES: u64 = 50_000;
const PDFS: u64 = 400;

/// A set of data and what happens to it.
struct Workload {
    name: &'static str,
    make: fn(&Path),
    work: fn(&Path, u64),
    heavy: fn(&Path, u64),
}

const WORKLOADS: [Workload; 5] = [
    Workload {
        name: "database 100MB",
        make: |at| drop(clinic::copy(clinic::SMALL, at)),
        work: |at, seed| clinic::work(&at.join("clinic.db"), seed),
        heavy: |at, seed| clinic::heavy(&at.join("clinic.db"), seed),
    },
    Workload {
        name: "database 683MB",
        make: |at| drop(clinic::copy(clinic::STANDARD, at)),
        work: |at, seed| clinic::work(&at.join("clinic.db"), seed),
        heavy: |at, seed| clinic::heavy(&at.join("clinic.db"), seed),
    },
    Workload {
        name: "database 1GB",
        make: |at| drop(clinic::copy(clinic::LARGE, at)),
        work: |at, seed| clinic::work(&at.join("clinic.db"), seed),
        heavy: |at, seed| clinic::heavy(&at.join("clinic.db"), seed),
    },
    Workload {
        name: "50,000 small files",
        make: |at| files::copy(&files::cached_tree(FILES), at),
        work: |at, seed| files::edit_tree(at, FILES, 20, 5, seed),
        heavy: |at, seed| files::edit_tree(at, FILES, FILES / 100, 0, seed),
    },
    Workload {
        name: "400 PDFs",
        make: |at| files::scans(at, 0, PDFS),
        work: |at, seed| files::scans(at, PDFS + 5 * seed, 5),
        heavy: |at, seed| files::scans(at, PDFS + 1000 + 40 * seed, 40),
    },
];

fn main() {
    let ask = Ask::new(3);
    for workload in WORKLOADS.iter().filter(|workload| ask.wants(workload.name)) {
        measure(workload, &ask);
    }
}

fn measure(workload: &Workload, ask: &Ask) {
    let scratch = Scratch::new("ingest");
    let source = scratch.fresh("source");
    (workload.make)(&source);
    let size = size_of(&source, "");
    eprintln!("{}: {}", workload.name, bytes(size));
    let mut table = Table::new(&[
        "step",
        "wall",
        "least–most",
        "CPU",
        "throughput",
        "stored",
        "peak memory",
    ]);
    let mut line = |step: &str, taken: Vec<(Took, u64)>| table.row(&row(step, size, &taken));

    let mut place = PathBuf::new();
    let first = (0..ask.runs).map(|_| {
        place = scratch.fresh("repository");
        backup(&place, &source)
    });
    let first = first.collect();
    line("first", first);
    // What changed too recently is looked at again, and this is not to be measured.
    drop(backup(&place, &source));
    line(
        "nothing changed",
        (0..ask.runs).map(|_| backup(&place, &source)).collect(),
    );
    for (step, change) in [("work", workload.work), ("heavy", workload.heavy)] {
        let steps = (0..ask.runs as u64).map(|seed| {
            change(&source, seed);
            backup(&place, &source)
        });
        line(step, steps.collect());
    }
    table.print(&format!("Backup of {} ({})", workload.name, bytes(size)));
}

/// What a backup took, and what the repository grew by.
fn backup(place: &Path, source: &Path) -> (Took, u64) {
    let lifeboat = Lifeboat::at(place.to_owned());
    let before = lifeboat.size();
    settle();
    let took = lifeboat.backup(source);
    (took, lifeboat.size() - before)
}

fn row(step: &str, size: u64, taken: &[(Took, u64)]) -> Vec<String> {
    let walls = || taken.iter().map(|(took, _)| took.wall);
    let wall = median(walls());
    let (least, most) = (
        walls().fold(f64::MAX, f64::min),
        walls().fold(0.0, f64::max),
    );
    let peak = taken.iter().map(|(took, _)| took.peak).max().unwrap_or(0);
    vec![
        step.to_owned(),
        seconds(wall),
        format!("{}–{}", seconds(least), seconds(most)),
        seconds(median(taken.iter().map(|(took, _)| took.cpu))),
        rate(size, wall),
        bytes(median(taken.iter().map(|(_, grown)| *grown as f64)) as u64),
        bytes(peak),
    ]
}
