//! A long series of snapshots with few edits between: what each adds, and whether the last restores as fast as the first.

use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use crate::support::lifeboat::Lifeboat;
use crate::support::measure::median;
use crate::support::table::{Table, bytes, seconds};
use crate::support::{Ask, Scratch};
use crate::{clinic, restore, snapshot_of};

/// Snapshots of the series.
const SERIES: u64 = 300;

/// Takes it, and restores its ends.
pub(crate) fn measure(ask: &Ask) {
    let scratch = Scratch::new("capture");
    let source = scratch.fresh("source");
    let database = clinic::copy(clinic::STANDARD, &source);
    let lifeboat = Lifeboat::at(scratch.fresh("repository"));
    let first = snapshot_of(&lifeboat.backup(&source));
    let snapshots = ask.snapshots.unwrap_or(SERIES);
    let last = take(&lifeboat, &source, &database, snapshots);
    let mut table = Table::new(&["restored", "wall", "÷ first", "integrity_check"]);
    let oldest = restore(&lifeboat, &first, &scratch, ask.runs);
    let newest = restore(&lifeboat, &last, &scratch, ask.runs);
    for (name, restored) in [("first", &oldest), ("last", &newest)] {
        let ratio = format!("{:.2}", restored.wall / oldest.wall);
        table.row(&[
            name.to_owned(),
            seconds(restored.wall),
            ratio,
            restored.stdout.clone(),
        ]);
    }
    table.print("Restores from that repository");
}

/// All but the first; prints what each ten of them took, and gives the last.
fn take(lifeboat: &Lifeboat, source: &Path, database: &Path, snapshots: u64) -> String {
    let mut table = Table::new(&[
        "snapshots",
        "grown by",
        "per snapshot",
        "wall",
        "peak memory",
        "cache",
    ]);
    let begin = lifeboat.size();
    let (mut before, mut last) = (begin, String::new());
    let mut taken = Vec::new();
    for number in 1..snapshots {
        clinic::edits(database, 20, number);
        sleep(Duration::from_millis(60));
        let took = lifeboat.backup(source);
        last = snapshot_of(&took);
        taken.push(took);
        if (number + 1) % 10 == 0 {
            let size = lifeboat.size();
            table.row(&[
                (number + 1).to_string(),
                bytes(size - begin),
                bytes((size - before) / taken.len() as u64),
                seconds(median(taken.iter().map(|took| took.wall))),
                bytes(taken.iter().map(|took| took.peak).max().unwrap_or(0)),
                bytes(lifeboat.cache_size()),
            ]);
            (before, taken) = (size, Vec::new());
        }
    }
    table.print(&format!(
        "{snapshots} snapshots of the 683 MB database, 20 edits between"
    ));
    last
}
