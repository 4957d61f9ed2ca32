//! Snapshots of one live database, as ratios to `cp` and to SQLite's own backup in the same run.
//!
//! ```text
//! cargo bench --bench capture                         # all three parts
//! cargo bench --bench capture -- steps                # or: writer, series --snapshots 50
//! ```
//!
//! - `steps`: first, nothing changed, one edit, 50 visits and 20 edits, 1 % of the rows; then each of these snapshots
//!   restored and checked with `integrity_check`.
//! - `series`: 300 snapshots with 20 edits between: growth of each, and restores of the first and the last.
//! - `writer`: how long commits take, 1,000 of them a second from another process, with and without a backup
//!   every two seconds.
//!
//! `sqlite3` is the command where there is one, else this program does what its `.backup` does.

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

use rusqlite::Connection;
use support::lifeboat::Lifeboat;
use support::measure::{Took, median, run, settle};
use support::table::{Table, bytes, seconds};
use support::{Ask, Scratch};
use writer::Latencies;

mod clinic;
#[path = "capture/series.rs"]
mod series;
mod support;
mod writer;

/// Between two backups beside a writer. Without any, no moment is free of readers, and then SQLite never starts its WAL
/// over and checkpoints at every commit, whoever the reader is.
const PAUSE: std::time::Duration = std::time::Duration::from_secs(2);

fn main() {
    if writer::is_asked_for() {
        return writer::main();
    }
    let ask = Ask::new(5);
    if ask.wants("steps") {
        steps(&ask);
    }
    if ask.wants("series") {
        series::measure(&ask);
    }
    if ask.wants("writer") {
        beside_a_writer(&ask);
    }
}

/// One step: its snapshots, and the two others on the same data right after each.
struct Step {
    name: &'static str,
    taken: Vec<(Took, u64)>,
    cp: Vec<f64>,
    sqlite: Vec<f64>,
    snapshot: String,
}

fn steps(ask: &Ask) {
    let scratch = Scratch::new("capture");
    let source = scratch.fresh("source");
    let database = clinic::copy(clinic::STANDARD, &source);
    let mut lifeboat = Lifeboat::at(scratch.fresh("repository"));
    let mut done = Vec::new();
    for name in ["first", "nothing changed", "one edit", "work", "heavy"] {
        let mut step = Step {
            name,
            taken: Vec::new(),
            cp: Vec::new(),
            sqlite: Vec::new(),
            snapshot: String::new(),
        };
        for seed in 0..ask.runs as u64 {
            match name {
                "first" => lifeboat = Lifeboat::at(scratch.fresh("repository")),
                "one edit" => clinic::edits(&database, 1, seed),
                "work" => clinic::work(&database, seed),
                "heavy" => clinic::heavy(&database, seed),
                _ => {}
            }
            one_step(&mut step, &lifeboat, &scratch, &source, &database);
        }
        done.push(step);
    }
    print_steps(&done);
    restore_steps(&done, &lifeboat, &scratch);
}

fn one_step(
    step: &mut Step,
    lifeboat: &Lifeboat,
    scratch: &Scratch,
    source: &Path,
    database: &Path,
) {
    let before = lifeboat.size();
    settle();
    let took = lifeboat.backup(source);
    step.snapshot = snapshot_of(&took);
    step.taken.push((took, lifeboat.size() - before));
    let copied = scratch.path().join("copied.db");
    let _ = std::fs::remove_file(&copied);
    settle();
    step.cp
        .push(run(Command::new("cp").arg(database).arg(&copied)).wall);
    let _ = std::fs::remove_file(&copied);
    settle();
    step.sqlite.push(sqlite_backup(database, &copied).wall);
    let _ = std::fs::remove_file(&copied);
}

fn snapshot_of(took: &Took) -> String {
    let summary = took.stdout.lines().last().unwrap_or_default();
    let summary: serde_json::Value = serde_json::from_str(summary).expect("the summary is JSON");
    let id = summary.get("snapshot").and_then(|id| id.as_str());
    id.expect("a snapshot was made").to_owned()
}

fn sqlite_backup(from: &Path, to: &Path) -> Took {
    if Command::new("sqlite3").arg("--version").output().is_ok() {
        let backup = format!(".backup '{}'", to.display());
        return run(Command::new("sqlite3").arg(from).arg(backup));
    }
    run(&mut writer::as_backup(from, to))
}

fn print_steps(steps: &[Step]) {
    let mut table = Table::new(&[
        "step",
        "wall",
        "least–most",
        "CPU",
        "cp",
        "÷ cp",
        "sqlite3 .backup",
        "÷ .backup",
        "stored",
        "peak memory",
    ]);
    for step in steps {
        let walls = || step.taken.iter().map(|(took, _)| took.wall);
        let wall = median(walls());
        let (cp, sqlite) = (
            median(step.cp.iter().copied()),
            median(step.sqlite.iter().copied()),
        );
        // Pair by pair, so that a machine that drifts does not matter.
        let ratio = |others: &[f64]| median(walls().zip(others).map(|(own, other)| own / other));
        let (least, most) = (
            walls().fold(f64::MAX, f64::min),
            walls().fold(0.0, f64::max),
        );
        table.row(&[
            step.name.to_owned(),
            seconds(wall),
            format!("{}–{}", seconds(least), seconds(most)),
            seconds(median(step.taken.iter().map(|(took, _)| took.cpu))),
            seconds(cp),
            format!("{:.2}", ratio(&step.cp)),
            seconds(sqlite),
            format!("{:.2}", ratio(&step.sqlite)),
            bytes(median(step.taken.iter().map(|(_, grown)| *grown as f64)) as u64),
            bytes(
                step.taken
                    .iter()
                    .map(|(took, _)| took.peak)
                    .max()
                    .unwrap_or(0),
            ),
        ]);
    }
    table.print("Snapshots of the 683 MB database");
}

fn restore_steps(steps: &[Step], lifeboat: &Lifeboat, scratch: &Scratch) {
    let mut table = Table::new(&[
        "restored",
        "wall",
        "÷ first",
        "peak memory",
        "integrity_check",
    ]);
    let mut first = f64::NAN;
    for step in steps {
        let restored = restore(lifeboat, &step.snapshot, scratch, 3);
        if first.is_nan() {
            first = restored.wall;
        }
        table.row(&[
            step.name.to_owned(),
            seconds(restored.wall),
            format!("{:.2}", restored.wall / first),
            bytes(restored.peak),
            restored.stdout,
        ]);
    }
    table.print("Restores of those snapshots");
}

/// The median restore of some, and what SQLite says of the last.
fn restore(lifeboat: &Lifeboat, snapshot: &str, scratch: &Scratch, runs: usize) -> Took {
    let target = scratch.path().join("restored");
    let taken: Vec<Took> = (0..runs)
        .map(|_| {
            let target = scratch.fresh("restored");
            settle();
            lifeboat.restore(snapshot, &target)
        })
        .collect();
    let connection =
        Connection::open(target.join("clinic.db")).expect("the restored database opens");
    let check = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0));
    Took {
        wall: median(taken.iter().map(|took| took.wall)),
        peak: taken.iter().map(|took| took.peak).max().unwrap_or(0),
        stdout: check.expect("the restored database can be checked"),
        ..Took::default()
    }
}

fn beside_a_writer(ask: &Ask) {
    let scratch = Scratch::new("capture");
    let source = scratch.fresh("source");
    let database = clinic::copy(clinic::STANDARD, &source);
    let lifeboat = Lifeboat::at(scratch.fresh("repository"));
    drop(lifeboat.backup(&source));
    let mut table = Table::new(&["round", "backups", "commits", "p50", "p99", "most"]);
    let mut ratios = Vec::new();
    for round in 0..ask.runs {
        let mut p99 = Vec::new();
        for with in [false, true] {
            settle();
            let mut backups = 0;
            let latencies = Latencies::of(&database, 2 * round as u64 + u64::from(with), || {
                if with {
                    drop(lifeboat.backup(&source));
                    backups += 1;
                    std::thread::sleep(PAUSE);
                }
                with
            });
            p99.push(latencies.p99);
            table.row(&[
                (round + 1).to_string(),
                backups.to_string(),
                latencies.commits.to_string(),
                seconds(latencies.p50),
                seconds(latencies.p99),
                seconds(latencies.most),
            ]);
        }
        ratios.push(p99[1] / p99[0]);
    }
    table.print("Commits of another process, 1,000 a second, WAL");
    println!(
        "p99 with backups ÷ p99 without, median of rounds: {:.2}\n",
        median(ratios)
    );
}
