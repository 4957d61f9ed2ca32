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

use std::path::Path;

use lifeboat_snapshot::store::{SnapshotId, envelope};
use lifeboat_snapshot::{Backup, Repository, Snapshot, Unwatched};
use support::lifeboat::Lifeboat;
use support::measure::{Took, median};
use support::table::{Table, bytes, seconds};
use support::{Ask, Scratch};

mod support;

/// Snapshots that are taken in earnest.
const TAKEN: u64 = 300;

fn main() {
    let ask = Ask::new(3);
    let count = ask.snapshots.unwrap_or(10_000);
    let scratch = Scratch::new("many");
    let (source, place) = (scratch.folder("source"), scratch.fresh("repository"));
    fill(&source, &place, count);
    let lifeboat = Lifeboat::at(place);
    let mut table = Table::new(&["command", "wall", "least–most", "CPU", "peak memory"]);
    let steps: [(&str, &dyn Fn() -> Took); 8] = [
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

/// Takes some snapshots, and multiplies their records.
fn fill(source: &Path, place: &Path, count: u64) {
    let repository = Repository::open_or_create(place).expect("it can be made");
    let host = gethostname::gethostname().to_string_lossy().into_owned();
    let plan = Backup {
        sources: vec![source.to_owned()],
        host,
        ..Backup::default()
    };
    let mut taken = Vec::new();
    for number in 0..TAKEN.min(count) {
        std::fs::write(source.join("notes.txt"), format!("note {number}")).expect("room");
        let report = repository
            .backup(&plan, &Unwatched)
            .expect("it is backed up");
        taken.extend(report.snapshot);
    }
    let newest = taken.last().expect("some were taken").clone();
    for number in TAKEN..count {
        let model = &taken[(number % TAKEN) as usize];
        let mut id = [7; SnapshotId::LEN];
        id[..8].copy_from_slice(&number.to_be_bytes());
        let snapshot = Snapshot {
            id: SnapshotId::from_bytes(id),
            sequence: newest.sequence + number,
            time_ms: newest.time_ms - (count - number) as i64 * 60_000,
            ..model.clone()
        };
        let record = envelope::wrap(envelope::Kind::Snapshot, 1, &snapshot).expect("it encodes");
        let path = place.join(format!("snapshots/{}.snapshot", snapshot.id));
        std::fs::write(path, record).expect("room");
    }
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
