//! The zip of the clinic's folder: made anew, and made of the one before, as ratios to `zip -6`, Python's `zipfile` and `cp`
//! in the same run.
//!
//! ```text
//! cargo bench --bench zip                         # or: -- --runs 5
//! ```
//!
//! Each ratio is of neighbours in time, so that a machine that drifts does not matter. Where `zip` or `python3` is missing,
//! the columns are empty. `lifeboat` syncs what it has written and the others do not.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::indexing_slicing,
    reason = "a bench prints, and fails by panicking"
)]

use std::path::{Path, PathBuf};
use std::process::Command;

use support::lifeboat::Lifeboat;
use support::measure::{Took, median, run, settle};
use support::table::{Table, bytes, seconds};
use support::{Ask, Scratch};

mod clinic;
mod support;

/// Writes the folder as Python's module does, at its default level.
const PYTHON: &str = "
import sys, zipfile
with zipfile.ZipFile(sys.argv[2], 'w', zipfile.ZIP_DEFLATED) as archive:
    archive.write(sys.argv[1] + '/clinic.db', 'clinic.db')
";

/// A program that makes a zip, and what it took each time.
struct Maker {
    name: &'static str,
    taken: Vec<Took>,
    len: u64,
}

impl Maker {
    fn new(name: &'static str) -> Self {
        Self {
            name,
            taken: Vec::new(),
            len: 0,
        }
    }

    fn make(&mut self, zip: &Path, make: impl FnOnce() -> Took) {
        let _ = std::fs::remove_file(zip);
        settle();
        self.taken.push(make());
        self.len = zip.metadata().map_or(0, |stat| stat.len());
    }

    fn walls(&self) -> impl Iterator<Item = f64> + '_ {
        self.taken.iter().map(|took| took.wall)
    }
}

fn main() {
    let ask = Ask::new(3);
    let scratch = Scratch::new("zip");
    let source = scratch.fresh("source");
    let database = clinic::copy(clinic::STANDARD, &source);
    let lifeboat = Lifeboat::at(scratch.fresh("repository"));
    drop(lifeboat.backup(&source));
    let cache = scratch.path().join("repository/cache");
    let [own, other, copy] =
        ["own.zip", "other.zip", "copy.zip"].map(|name| scratch.path().join(name));
    let [mut first, mut next] = ["first", "after work"].map(Maker::new);
    let [mut zip, mut python, mut cp] =
        ["zip -6", "Python zipfile", "cp of the zip"].map(Maker::new);
    for seed in 0..ask.runs as u64 {
        forget_tables(&cache);
        first.make(&own, || lifeboat.export(&own));
        if has("zip") {
            zip.make(&other, || {
                run(Command::new("zip")
                    .args(["-6", "-q", "-r"])
                    .arg(&other)
                    .arg(".")
                    .current_dir(&source))
            });
        }
        if has("python3") {
            python.make(&other, || {
                run(Command::new("python3")
                    .args(["-c", PYTHON])
                    .arg(&source)
                    .arg(&other))
            });
        }
        clinic::work(&database, seed);
        drop(lifeboat.backup(&source));
        let newer = scratch.path().join("newer.zip");
        next.make(&newer, || lifeboat.export(&newer));
        cp.make(&copy, || run(Command::new("cp").arg(&newer).arg(&copy)));
    }
    print(&[first, next, zip, python, cp]);
}

/// Without the tables of segments a zip is made anew.
fn forget_tables(cache: &Path) {
    let files = std::fs::read_dir(cache).into_iter().flatten().flatten();
    let is_table = |path: &PathBuf| path.extension().is_some_and(|ending| ending == "zip-table");
    for table in files.map(|file| file.path()).filter(is_table) {
        std::fs::remove_file(table).expect("the cache can be written");
    }
}

fn has(program: &str) -> bool {
    Command::new(program).arg("--help").output().is_ok()
}

fn print(makers: &[Maker; 5]) {
    let mut table = Table::new(&[
        "zip",
        "wall",
        "CPU",
        "times first",
        "bytes",
        "÷ zip -6",
        "peak memory",
    ]);
    for maker in makers.iter().filter(|maker| !maker.taken.is_empty()) {
        table.row(&[
            maker.name.to_owned(),
            seconds(median(maker.walls())),
            seconds(median(maker.taken.iter().map(|took| took.cpu))),
            format!("{:.2}", ratio(maker, &makers[0])),
            bytes(maker.len),
            format!("{:.3}", maker.len as f64 / makers[2].len as f64),
            bytes(maker.taken.iter().map(|took| took.peak).max().unwrap_or(0)),
        ]);
    }
    table.print("Zips of the 683 MB database");
    let [first, next, zip, python, cp] = makers;
    println!("zip -6 ÷ first: {:.2} (goal 3)", ratio(zip, first));
    println!("Python ÷ first: {:.2} (goal 3)", ratio(python, first));
    println!("Python ÷ after work: {:.0} (goal 50)", ratio(python, next));
    println!("after work ÷ cp: {:.2} (goal at most 2)\n", ratio(next, cp));
}

/// The median of the ratios run by run.
fn ratio(a: &Maker, b: &Maker) -> f64 {
    median(a.walls().zip(b.walls()).map(|(a, b)| a / b))
}
