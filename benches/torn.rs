//! Snapshots of a folder whose databases are being written to, by four tools: how many of them are any good.
//!
//! ```text
//! cargo bench --bench torn                     # both paces, 20 snapshots with each tool
//! cargo bench --bench torn -- busy --runs 50   # or: calm
//! ```
//!
//! Two processes commit, one to a database in WAL mode and one to a database in rollback-journal mode: `busy` without a
//! pause, `calm` five times a second. Round after round, `cp -r`, restic, borg and lifeboat each take a snapshot of the
//! folder. Then all are restored and every database is judged (`torn/verdict.rs`). Tools that are not installed are named
//! and done without; on Debian, `apt-get install restic borgbackup` gets them.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::indexing_slicing,
    reason = "a bench prints, and fails by panicking"
)]

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use shop::{BOOKS, Shop};
use support::table::Table;
use support::{Ask, Scratch};
use tools::{Taken, Tool};
use verdict::{Span, Verdict, judge};

#[path = "torn/books.rs"]
mod books;
#[path = "torn/shop.rs"]
mod shop;
mod support;
#[path = "torn/tools.rs"]
mod tools;
#[path = "torn/verdict.rs"]
mod verdict;

fn main() {
    if shop::is_writer() {
        return shop::write();
    }
    let ask = Ask::new(20);
    for (pace, rest) in [("busy", 0), ("calm", 200)] {
        if ask.wants(pace) {
            compare(pace, Duration::from_millis(rest), ask.runs);
        }
    }
}

/// A snapshot of one tool, and what was acknowledged around it.
struct Shot {
    taken: Taken,
    spans: [Span; 2],
}

fn compare(pace: &str, rest: Duration, rounds: usize) {
    let scratch = Scratch::new("torn");
    let tools = Tool::installed(scratch.path());
    let mut shop = Shop::open(scratch.path().join("shop/data"), rest);
    let folder = shop.folder.clone();
    let began = Instant::now();
    let mut shots: Vec<Vec<Shot>> = tools.iter().map(|_| Vec::new()).collect();
    for round in 0..rounds {
        for (tool, shots) in tools.iter().zip(&mut shots) {
            shots.push(shoot(tool, &mut shop, round));
        }
        eprintln!("{pace}: round {} of {rounds}", round + 1);
    }
    let seconds = began.elapsed().as_secs_f64();
    let commits = shop.close();
    let mut table = Table::new(&[
        "tool",
        "version",
        "database",
        "snapshots",
        "good",
        "corrupt",
        "wrong",
        "lost",
        "warned",
    ]);
    let mut examples = Vec::new();
    for (tool, shots) in tools.iter().zip(&shots) {
        let verdicts = judge_all(tool, shots, &folder, &scratch);
        for ((name, _), verdicts) in BOOKS.iter().zip(&verdicts) {
            table.row(&row(tool, name, verdicts, shots));
            examples.extend(example_of_each(tool, name, verdicts));
        }
    }
    let rates = commits.map(|commits| format!("{:.0}", commits as f64 / seconds));
    table.print(&format!(
        "{pace}: {} commits a second in WAL mode, {} in rollback-journal mode",
        rates[0], rates[1]
    ));
    examples.iter().for_each(|example| println!("- {example}"));
}

/// Takes a snapshot that begins after a new commit in each book.
fn shoot(tool: &Tool, shop: &mut Shop, round: usize) -> Shot {
    let now = shop.acknowledged();
    shop.wait_for(now.map(|n| n + 1));
    let before = shop.acknowledged();
    let taken = tool.take(&shop.folder, round);
    let after = shop.acknowledged();
    let span = |book: usize| Span {
        before: before[book],
        after: after[book],
    };
    Shot {
        taken,
        spans: [span(0), span(1)],
    }
}

/// Restores every snapshot of a tool; gives the verdicts for each book.
fn judge_all(tool: &Tool, shots: &[Shot], folder: &Path, scratch: &Scratch) -> [Vec<Verdict>; 2] {
    let mut verdicts = [Vec::new(), Vec::new()];
    for shot in shots {
        let to = scratch.fresh("judged");
        let restored = tool.restore(&shot.taken, folder, &to);
        for ((name, _), (span, verdicts)) in BOOKS.iter().zip(shot.spans.iter().zip(&mut verdicts))
        {
            verdicts.push(match &restored {
                Some(folder) => judge(&folder.join(name), *span),
                None => Verdict::Corrupt("the snapshot cannot be restored".to_owned()),
            });
        }
    }
    verdicts
}

fn row(tool: &Tool, name: &str, verdicts: &[Verdict], shots: &[Shot]) -> Vec<String> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for verdict in verdicts {
        *counts.entry(verdict.words().0).or_default() += 1;
    }
    let count = |column: &str| counts.get(column).copied().unwrap_or_default().to_string();
    let warned = shots.iter().filter(|shot| shot.taken.warned).count();
    vec![
        tool.name.to_owned(),
        tool.version.clone(),
        name.trim_end_matches(".db").to_owned(),
        verdicts.len().to_string(),
        count("good"),
        count("corrupt"),
        count("wrong"),
        count("lost"),
        warned.to_string(),
    ]
}

/// The first of each sort that is not good, in words.
fn example_of_each(tool: &Tool, name: &str, verdicts: &[Verdict]) -> Vec<String> {
    let mut examples: BTreeMap<&str, &str> = BTreeMap::new();
    for verdict in verdicts {
        let (sort, what) = verdict.words();
        if sort != "good" {
            examples.entry(sort).or_insert(what);
        }
    }
    let sentence = |(sort, what)| format!("{}, {name}, {sort}: {what}", tool.name);
    examples.into_iter().map(sentence).collect()
}
