//! A repository of very many snapshots of one source: what it costs to take, list and forget where nothing changed.
//!
//! ```text
//! cargo bench --bench many                            # 10,000 snapshots
//! cargo bench --bench many -- --snapshots 1000 --runs 5
//! ```
//!
//! Some hundred snapshots are taken by the program, each with a change and so with packs of its own. The others are records
//! that lead to the same manifests, a minute apart: what is measured reads all records and some manifests and copies
//! nothing.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::indexing_slicing,
    reason = "a bench prints, and fails by panicking"
)]

use lifeboat_snapshot::Repository;
use support::lifeboat::Lifeboat;
use support::measure::{Took, median};
use support::table::{Table, bytes, seconds};
use support::{Ask, Scratch, records};

mod support;

/// Snapshots that are taken in earnest.
const TAKEN: u64 = 300;

fn main() {
    let ask = Ask::new(3);
    let count = ask.snapshots.unwrap_or(10_000);
    let scratch = Scratch::new("many");
    let (source, place) = (scratch.folder("source"), scratch.fresh("repository"));
    let repository = Repository::create(&place).expect("it can be made");
    let taken = records::take(&repository, &source, TAKEN.min(count));
    records::multiply(&place, &taken, count);
    let lifeboat = Lifeboat::at(place);
    let mut table = Table::new(&["command", "wall", "least–most", "CPU", "peak memory"]);
    let steps: [(&str, &dyn Fn() -> Took); 10] = [
        ("list, first time", &|| lifeboat.asked(&["list"])),
        ("list", &|| lifeboat.asked(&["list"])),
        ("status", &|| {
            lifeboat.asked(&["status", "--max-age", "100000d"])
        }),
        ("backup", &|| lifeboat.backup(&source)),
        ("forget --keep-last 1000000", &|| {
            lifeboat.asked(&["forget", "--keep-last", "1000000"])
        }),
        ("forget --keep-daily 1000000 --dry-run", &|| {
            lifeboat.asked(&["forget", "--keep-daily", "1000000", "--dry-run"])
        }),
        ("stats", &|| lifeboat.asked(&["stats"])),
        ("stats --costs", &|| lifeboat.asked(&["stats", "--costs"])),
        ("gc, first time", &|| lifeboat.asked(&["gc"])),
        ("gc", &|| lifeboat.asked(&["gc"])),
    ];
    for (name, step) in steps {
        let runs = if name.contains("first") { 1 } else { ask.runs };
        let taken: Vec<Took> = (0..runs).map(|_| step()).collect();
        table.row(&row(name, &taken));
    }
    table.print(&format!("{count} snapshots of one source"));
}

fn row(name: &str, taken: &[Took]) -> Vec<String> {
    let walls = || taken.iter().map(|took| took.wall);
    let (least, most) = (
        walls().fold(f64::MAX, f64::min),
        walls().fold(0.0, f64::max),
    );
    vec![
        name.to_owned(),
        seconds(median(walls())),
        format!("{}–{}", seconds(least), seconds(most)),
        seconds(median(taken.iter().map(|took| took.cpu))),
        bytes(taken.iter().map(|took| took.peak).max().unwrap_or(0)),
    ]
}
