//! Looking into snapshots of many files: what differs, and where a file stands.
//!
//! ```text
//! cargo bench --bench look                             # 100,000 files, 100 snapshots
//! cargo bench --bench look -- --snapshots 1000
//! ```
//!
//! Each snapshot follows 20 edited files and 5 new ones.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::indexing_slicing,
    reason = "a bench prints, and fails by panicking"
)]

use std::path::Path;

use support::lifeboat::Lifeboat;
use support::measure::{Took, median, settle};
use support::table::{Table, bytes, seconds};
use support::{Ask, Scratch, files};

mod support;

/// Files of the tree.
const FILES: u64 = 100_000;

fn main() {
    let ask = Ask::new(5);
    let snapshots = ask.snapshots.unwrap_or(100);
    let scratch = Scratch::new("look");
    let source = scratch.fresh("source");
    files::copy(&files::cached_tree(FILES), &source);
    let lifeboat = Lifeboat::at(scratch.fresh("repository"));
    for seed in 0..snapshots {
        if seed > 0 {
            files::edit_tree(&source, FILES, 20, 5, seed);
        }
        lifeboat.backup(&source);
    }
    let restored = scratch.fresh("restored");
    lifeboat.restore("latest", &restored);
    let mut table = Table::new(&["question", "wall", "CPU", "peak memory"]);
    for (question, args) in questions(&restored, snapshots) {
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        settle();
        let took: Vec<Took> = (0..ask.runs).map(|_| lifeboat.asked(&args)).collect();
        table.row(&[
            question.to_owned(),
            seconds(median(took.iter().map(|took| took.wall))),
            seconds(median(took.iter().map(|took| took.cpu))),
            bytes(took.iter().map(|took| took.peak).max().unwrap_or(0)),
        ]);
    }
    table.print(&format!("{snapshots} snapshots of {FILES} files"));
}

fn questions(restored: &Path, snapshots: u64) -> Vec<(&'static str, Vec<String>)> {
    let restored = restored.display().to_string();
    let first = format!("latest~{}", snapshots - 1);
    let questions: [(&str, &[&str]); 7] = [
        ("list", &["list"]),
        ("diff of neighbours", &["diff", "latest~1", "latest"]),
        ("diff of first and last", &["diff", &first, "latest"]),
        (
            "diff with live files, all as they were",
            &["diff", "latest"],
        ),
        (
            "diff with restored files, all read",
            &["diff", "latest", &restored],
        ),
        ("find one name", &["find", "note050000.txt"]),
        ("find all", &["find", "*"]),
    ];
    let owned = |args: &[&str]| args.iter().map(|arg| (*arg).to_owned()).collect();
    questions
        .map(|(question, args)| (question, owned(args)))
        .into()
}
