//! The choices of how bytes are cut, coded and packed, measured without the rest of the program.
//!
//! ```text
//! cargo bench --bench coding                          # all four parts
//! cargo bench --bench coding -- deltas                # or: extents, cuts, packs
//! ```
//!
//! - `deltas`: both forms of a delta on the database after 50 visits and 20 edits, and after 1 % of its rows changed
//!   (`docs/decisions/0006-deltas.md`).
//! - `extents`: extents of 16 to 128 KiB on the same data (`docs/decisions/0002-chunk-sizes.md`).
//! - `cuts`: ways and sizes of content-defined cuts on versions of an archive, a log, a table and a film (the same
//!   decision).
//! - `packs`: pack sizes, written through the store (`docs/decisions/0003-pack-size.md`).
//!
//! Times are of one thread, least of the runs; `packs` uses two.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::indexing_slicing,
    reason = "a bench prints, and fails by panicking"
)]

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use forms::delta::{self, Form};
use support::table::{Table, bytes, seconds};
use support::{Ask, Scratch};

mod clinic;
mod forms;
mod support;

fn main() {
    let ask = Ask::new(3);
    if ask.wants("deltas") || ask.wants("extents") {
        on_the_database(&ask);
    }
    if ask.wants("cuts") {
        forms::cuts::measure(&ask);
    }
    if ask.wants("packs") {
        forms::packs::measure(&ask);
    }
}

fn on_the_database(ask: &Ask) {
    let scratch = Scratch::new("coding");
    let old = clinic::cached(clinic::STANDARD);
    let work = clinic::copy(clinic::STANDARD, &scratch.fresh("work"));
    clinic::work(&work, 1);
    let heavy = clinic::copy(clinic::STANDARD, &scratch.fresh("heavy"));
    clinic::heavy(&heavy, 1);
    let changes = [("work", work.as_path()), ("heavy", heavy.as_path())];
    if ask.wants("deltas") {
        deltas(ask, &old, changes);
    }
    if ask.wants("extents") {
        extents(&old, changes);
    }
}

/// Each form on each change, 64 KiB extents.
fn deltas(ask: &Ask, old: &Path, changes: [(&str, &Path); 2]) {
    let mut table = Table::new(&["change", "form", "extents", "stored", "encode", "decode"]);
    for (name, new) in changes {
        let pairs = Pairs::changed(old, new, 64 << 10);
        for form in [
            Form::Whole,
            Form::Prefix,
            Form::Blocks,
            Form::BlocksAfterAll,
        ] {
            let runs = (0..ask.runs).map(|_| delta::measure(pairs.iter(), form));
            let best = runs.reduce(delta::Cost::least).expect("there is a run");
            table.row(&[
                name.to_owned(),
                form.to_string(),
                best.extents.to_string(),
                bytes(best.stored),
                seconds(best.encode),
                seconds(best.decode),
            ]);
        }
    }
    table.print("Forms of a delta, 64 KiB extents, zstd level 3");
}

/// Each size of an extent: what the first snapshot stores, and what changes cost.
fn extents(old: &Path, changes: [(&str, &Path); 2]) {
    let mut table = Table::new(&[
        "extent",
        "extents",
        "first",
        "encode",
        "list of them",
        "work: changed",
        "stored",
        "heavy: changed",
        "stored",
        "encode",
        "decode bases",
    ]);
    for size in [16, 32, 64, 128].map(|kib| kib << 10) {
        let first = delta::measure(Pairs::all(old, size).iter(), Form::Whole);
        let mut row = vec![
            format!("{} KiB", size >> 10),
            first.extents.to_string(),
            bytes(first.stored),
            seconds(first.encode),
            // An id and a length each.
            bytes(first.extents * 35),
        ];
        for (name, new) in changes {
            let pairs = Pairs::changed(old, new, size);
            let cost = delta::measure(pairs.iter(), Form::Blocks);
            row.extend([cost.extents.to_string(), bytes(cost.stored)]);
            if name == "heavy" {
                let bases = delta::decode_bases(pairs.iter());
                row.extend([seconds(cost.encode), seconds(bases)]);
            }
        }
        table.row(&row);
    }
    table.print("Sizes of extents, zstd level 3, deltas of changed blocks");
}

/// Extents of two versions of a file that stand at the same place; read when they are asked for, so that memory stays
/// small.
struct Pairs {
    old: File,
    new: File,
    size: usize,
    places: Vec<u64>,
}

impl Pairs {
    /// All extents.
    fn all(path: &Path, size: usize) -> Self {
        Self::of(path, path, size, |_, _| true)
    }

    /// Those that are not equal. What the new version has more has no old one and is not told.
    fn changed(old: &Path, new: &Path, size: usize) -> Self {
        Self::of(old, new, size, |old, new| {
            old != new && old.len() == new.len()
        })
    }

    fn of(old: &Path, new: &Path, size: usize, wants: fn(&[u8], &[u8]) -> bool) -> Self {
        let open = |path| File::open(path).expect("the data set is there");
        let mut pairs = Self {
            old: open(old),
            new: open(new),
            size,
            places: Vec::new(),
        };
        let len = pairs.new.metadata().expect("it can be looked at").len();
        let mut places: Vec<u64> = (0..len.div_ceil(size as u64))
            .map(|n| n * size as u64)
            .collect();
        places.retain(|&place| {
            let (old, new) = pairs.read(place);
            wants(&old, &new)
        });
        pairs.places = places;
        pairs
    }

    fn read(&self, place: u64) -> (Vec<u8>, Vec<u8>) {
        let read = |file: &File| {
            let mut bytes = vec![0; self.size];
            let mut len = 0;
            while len < bytes.len() {
                match file.read_at(&mut bytes[len..], place + len as u64) {
                    Ok(0) => break,
                    more => len += more.expect("the data set can be read"),
                }
            }
            bytes.truncate(len);
            bytes
        };
        (read(&self.old), read(&self.new))
    }

    fn iter(&self) -> impl Iterator<Item = (Vec<u8>, Vec<u8>)> + '_ {
        self.places.iter().map(|&place| self.read(place))
    }
}
