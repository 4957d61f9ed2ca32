//! What each step needs of the machine at least, measured without lifeboat, beside what lifeboat takes for it.
//!
//! ```text
//! cargo bench --bench budget                    # the database of 681 MB and 40,000 small files
//! cargo bench --bench budget -- tree --runs 5
//! cargo bench --bench budget -- --scale 0.05    # a twentieth of the data, to see that it works
//! ```
//!
//! First the **parts** of the work are measured by themselves: reading, hashing, compressing, decompressing, writing, looking
//! at files. What keeps the processors busy is done by all of them at once and counts by the time that they took
//! divided by their number; what waits for the disk counts by the clock. Then a **step** is the sum of its parts, and is
//! held against what lifeboat takes for it. The sum is no bound: reading and compressing can go on while the disk writes, so
//! that a step may take less. Where a step handles less than all, its parts count by the share of the plain bytes.
//!
//! Each part is done as simply as can be, and as well as lifeboat does it: zstd at lifeboat's level with contexts that are
//! reused (without dictionaries), BLAKE3, SQLite's own `quick_check`, one sync of what is written. Everything is in the
//! system's cache, but for one part that says otherwise.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::indexing_slicing,
    reason = "a bench prints, and fails by panicking"
)]

use parts::Part;
use steps::{Data, STEPS};
use support::measure::rest;
use support::table::{Table, bytes, rate, seconds};
use support::{Ask, Scratch, files};

mod clinic;
#[path = "budget/disk.rs"]
mod disk;
#[path = "budget/parts.rs"]
mod parts;
#[path = "budget/plain.rs"]
mod plain;
#[path = "budget/steps.rs"]
mod steps;
mod support;

/// Files of the tree.
const FILES: u64 = 40_000;

fn main() {
    let ask = Ask::new(3);
    if ask.wants("clinic") {
        let patients = ask.scale.of(clinic::STANDARD);
        measure(
            &ask,
            &Data {
                name: "clinic",
                make: Box::new(move |at| drop(clinic::copy(patients, at))),
                work: Box::new(|at, seed| clinic::work(&at.join("clinic.db"), seed)),
                heavy: Box::new(|at, seed| clinic::heavy(&at.join("clinic.db"), seed)),
                database: Some("clinic.db"),
            },
        );
    }
    if ask.wants("tree") {
        let count = ask.scale.of(FILES);
        measure(
            &ask,
            &Data {
                name: "tree",
                make: Box::new(move |at| files::copy(&files::cached_tree(count), at)),
                work: Box::new(move |at, seed| files::edit_tree(at, count, 20, 5, seed)),
                heavy: Box::new(move |at, seed| {
                    files::edit_tree(at, count, (count / 100).max(1), 0, seed)
                }),
                database: None,
            },
        );
    }
}

fn measure(ask: &Ask, data: &Data) {
    let scratch = Scratch::new("budget");
    let source = scratch.fresh("source");
    (data.make)(&source);
    let parts = parts::measure(ask, data, &source, &scratch);
    print_parts(data, &parts);
    // What was measured so far has left files behind it.
    rest();
    let taken = steps::take(ask, data, &source, &scratch);
    let mut table = Table::new(&[
        "step",
        "processors",
        "disk",
        "needs",
        "wall",
        "÷ needs",
        "CPU",
        "÷ CPU of the parts",
    ]);
    for (step, took) in STEPS.iter().zip(taken) {
        table.row(&step.row(data, &parts, &took));
    }
    table.print(&format!("{}: what each step needs, and takes", data.name));
}

fn print_parts(data: &Data, parts: &[Part]) {
    let mut table = Table::new(&["part", "bytes", "wall", "CPU", "needs", "speed"]);
    for part in parts {
        let speed = part.bytes.map(|bytes| rate(bytes, part.needs()));
        table.row(&[
            part.kind.name().to_owned(),
            part.bytes.map(bytes).unwrap_or_default(),
            seconds(part.wall),
            seconds(part.cpu),
            seconds(part.needs()),
            speed.unwrap_or_default(),
        ]);
    }
    table.print(&format!(
        "{}: parts on {} processors",
        data.name,
        plain::processors()
    ));
}
