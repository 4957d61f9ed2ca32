//! What it costs as there is more: of what is stored, and of what changed.
//!
//! ```text
//! cargo bench --bench scale                               # all of it, in sizes that fit a small machine
//! cargo bench --bench scale -- database --most 16         # databases up to 16 GB
//! cargo bench --bench scale -- files --most 1000000       # up to a million files
//! cargo bench --bench scale -- start --most 10000000      # an index of so many chunks
//! ```
//!
//! - `start`: a repository of 1,000 snapshots, with an index of very many chunks that are made up: their packs are empty
//!   files, which nobody reads.
//! - `database`: a synthetic database, compressible so that repository and source fit the disk, of 1, 2, 4 … GB: nothing
//!   changed, and one row edited.
//! - `changes`: of a database of 1 GB, 1, 100, 10,000 … rows edited.
//! - `files`: 10,000, 100,000 … small files: nothing changed, and one edited.
//! - `snapshots`: 1, 10 … 10,000 snapshots of one source: a backup, list, forget, gc, stats where nothing changed.
//!
//! Each prints a table and writes a plot under `target/`.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::indexing_slicing,
    reason = "a bench prints, and fails by panicking"
)]

use support::Ask;
use support::measure::{Took, median};
use support::plot::Plot;
use support::table::{Table, bytes, seconds};

#[path = "scale/data.rs"]
mod data;
#[path = "scale/repository.rs"]
mod repository;
mod support;

/// What is measured, and how.
type Part = (&'static str, fn(&Ask));

fn main() {
    let ask = Ask::new(3);
    let parts: [Part; 5] = [
        ("start", repository::start),
        ("snapshots", repository::snapshots),
        ("files", data::files),
        ("changes", data::changes),
        ("database", data::databases),
    ];
    for (_, measure) in parts.iter().filter(|(name, _)| ask.wants(name)) {
        measure(&ask);
    }
}

/// A table and a plot that are filled together.
struct Told {
    name: &'static str,
    title: String,
    table: Table,
    plot: Plot,
}

impl Told {
    /// What grows has a name; so has the file of the plot.
    fn new(name: &'static str, title: &str, grows: &str) -> Self {
        Self {
            name,
            title: title.to_owned(),
            table: Table::new(&[grows, "step", "wall", "CPU", "peak memory"]),
            plot: Plot::new(title, grows, "seconds"),
        }
    }

    /// Runs a step as often as asked.
    fn add(&mut self, ask: &Ask, size: u64, step: &str, mut run: impl FnMut(usize) -> Took) {
        let taken: Vec<Took> = (0..ask.runs).map(&mut run).collect();
        let wall = median(taken.iter().map(|took| took.wall));
        self.table.row(&[
            size.to_string(),
            step.to_owned(),
            seconds(wall),
            seconds(median(taken.iter().map(|took| took.cpu))),
            bytes(taken.iter().map(|took| took.peak).max().unwrap_or(0)),
        ]);
        self.plot.point(step, size as f64, wall);
    }

    fn print(self) {
        self.table.print(&self.title);
        let name = format!("scale-{}.svg", self.name);
        self.plot.write(&support::cache().with_file_name(name));
    }
}
