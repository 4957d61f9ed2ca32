//! Getting data back: restore, verify, export as a zip; time, throughput, peak memory.
//!
//! ```text
//! cargo bench --bench restore                         # all workloads
//! cargo bench --bench restore -- --runs 5 1GB         # those whose name contains a word
//! ```
//!
//! The snapshot that is restored is the third of its repository, so that deltas are part of it. `cp -r` of the same data
//! followed by `sync` stands beside it: a restore is durable when it returns.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::indexing_slicing,
    reason = "a bench prints, and fails by panicking"
)]

use std::path::Path;
use std::process::Command;

use support::lifeboat::Lifeboat;
use support::measure::{Took, median, run, settle};
use support::table::{Table, bytes, rate, seconds};
use support::{Ask, Scratch, files, size_of};

mod clinic;
mod support;

const FILES: u64 = 50_000;

fn main() {
    let ask = Ask::new(3);
    let databases = [
        ("database 100MB", clinic::SMALL),
        ("database 683MB", clinic::STANDARD),
        ("database 1GB", clinic::LARGE),
    ];
    for (name, patients) in databases.into_iter().filter(|(name, _)| ask.wants(name)) {
        measure(name, &ask, &|source, step| match step {
            0 => drop(clinic::copy(patients, source)),
            1 => clinic::work(&source.join("clinic.db"), 1),
            _ => clinic::heavy(&source.join("clinic.db"), 2),
        });
    }
    let name = "50,000 small files";
    if ask.wants(name) {
        measure(name, &ask, &|source, step| match step {
            0 => files::copy(&files::cached_tree(FILES), source),
            step => files::edit_tree(source, FILES, 500, 5, step),
        });
    }
}

fn measure(name: &str, ask: &Ask, change: &dyn Fn(&Path, u64)) {
    let scratch = Scratch::new("restore");
    let source = scratch.fresh("source");
    let lifeboat = Lifeboat::at(scratch.fresh("repository"));
    for step in 0..3 {
        change(&source, step);
        drop(lifeboat.backup(&source));
    }
    let size = size_of(&source, "");
    eprintln!("{name}: {}", bytes(size));
    let mut table = Table::new(&[
        "step",
        "wall",
        "least–most",
        "CPU",
        "throughput",
        "peak memory",
    ]);
    let mut line = |step: &str, once: &mut dyn FnMut() -> Took| {
        let taken = (0..ask.runs).map(|_| {
            settle();
            once()
        });
        table.row(&row(step, size, &taken.collect::<Vec<_>>()));
    };
    line("cp -r and sync", &mut || {
        let copy = "cp -r \"$0\" \"$1\" && sync -f \"$1\"";
        run(Command::new("sh")
            .args(["-c", copy])
            .arg(&source)
            .arg(scratch.fresh("copied")))
    });
    line("restore", &mut || {
        lifeboat.restore("latest", &scratch.fresh("restored"))
    });
    check(&source, &scratch.path().join("restored"));
    line("verify", &mut || lifeboat.verify(false));
    line("verify --read-data", &mut || lifeboat.verify(true));
    line("export --zip", &mut || {
        let zip = scratch.path().join("snapshot.zip");
        let _ = std::fs::remove_file(&zip);
        lifeboat.export(&zip)
    });
    table.print(&format!(
        "Back from a repository of {name} ({})",
        bytes(size)
    ));
}

/// A restore that is fast and wrong is not to be measured.
fn check(source: &Path, restored: &Path) {
    run(Command::new("diff")
        .arg("-r")
        .args(["-x", "*-wal", "-x", "*-shm"])
        .arg(source)
        .arg(restored));
}

fn row(step: &str, size: u64, taken: &[Took]) -> Vec<String> {
    let walls = || taken.iter().map(|took| took.wall);
    let wall = median(walls());
    let (least, most) = (
        walls().fold(f64::MAX, f64::min),
        walls().fold(0.0, f64::max),
    );
    vec![
        step.to_owned(),
        seconds(wall),
        format!("{}–{}", seconds(least), seconds(most)),
        seconds(median(taken.iter().map(|took| took.cpu))),
        rate(size, wall),
        bytes(taken.iter().map(|took| took.peak).max().unwrap_or(0)),
    ]
}
