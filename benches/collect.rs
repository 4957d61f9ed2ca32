//! Marking and choosing of a collection over very many chunks: time, and memory of its own against memory that is mapped.
//!
//! ```text
//! cargo bench --bench collect                            # 5 million chunks
//! cargo bench --bench collect -- --chunks 100000000      # an index of 6.5 GB under target/
//! ```
//!
//! The index is made up, and there are no packs: reading records and trees is not in it, nor is deleting. Four fifths of
//! the chunks are marked in no order of their ids, then a copy of each is chosen and the free packs are counted.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::indexing_slicing,
    reason = "a bench prints, and fails by panicking"
)]

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use lifeboat_store::gc::sample::Sample;
use support::Scratch;
use support::table::{Table, bytes, seconds};

mod support;

/// Chunks where no number is asked for.
const CHUNKS: u64 = 5_000_000;

/// Chunks that are noted at once, as those of one file.
const NOTED: u64 = 1000;

/// Prime, and no divisor of any number of chunks that fits a disk: a walk in these steps meets each once.
const STEP: u64 = 2_654_435_761;

fn main() {
    let scratch = Scratch::new("collect");
    let mut table = Table::new(&["step", "wall", "own memory", "mapped", "VmHWM"]);
    let (sample, row) = watched("write the index", || {
        Sample::write(&scratch.folder("cache"), chunks()).expect("there is room")
    });
    table.row(&row);
    let (marks, row) = watched("mark", || {
        let marks = sample.marks();
        let mut numbers = (0..sample.chunks()).map(|n| step(n, sample.chunks()));
        for _ in 0..sample.chunks().div_ceil(NOTED) {
            let some = numbers.by_ref().take(NOTED as usize);
            let live = some.filter(|number| sample.is_live(*number));
            marks
                .note(live.map(|number| sample.id(number)))
                .expect("it is there");
        }
        marks
    });
    table.row(&row);
    let (chosen, row) = watched("choose", || sample.choose(&marks).expect("bases are there"));
    table.row(&row);
    assert_eq!(
        chosen.free,
        sample.garbage(),
        "the garbage and nothing else"
    );
    table.print(&format!("{} chunks", sample.chunks()));
    println!(
        "{} packs are free, {} are needed",
        chosen.free,
        bytes(chosen.live_bytes)
    );
}

/// What follows `--chunks`.
fn chunks() -> u64 {
    let mut words = std::env::args().skip_while(|word| word != "--chunks");
    match (words.next(), words.next()) {
        (Some(_), number) => {
            let number = number.and_then(|word| word.parse().ok());
            number.expect("a number follows it")
        }
        _ => CHUNKS,
    }
}

fn step(number: u64, chunks: u64) -> u64 {
    ((u128::from(number) * u128::from(STEP)) % u128::from(chunks)) as u64
}

/// Most bytes during a step, looked at every two milliseconds.
#[derive(Default)]
struct Peak {
    own: AtomicU64,
    mapped: AtomicU64,
    ended: AtomicBool,
}

impl Peak {
    fn look(&self) {
        self.own.fetch_max(memory("RssAnon:"), Ordering::Relaxed);
        self.mapped.fetch_max(memory("RssFile:"), Ordering::Relaxed);
    }

    fn watch(&self) {
        while !self.ended.load(Ordering::Relaxed) {
            self.look();
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

/// A field of this process's status, in bytes.
fn memory(field: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    let kib = line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or(0) * 1024
}

/// Does a step; gives a row on it.
fn watched<T>(name: &str, step: impl FnOnce() -> T) -> (T, [String; 5]) {
    let peak = Peak::default();
    let began = Instant::now();
    let (done, wall) = std::thread::scope(|scope| {
        scope.spawn(|| peak.watch());
        let done = step();
        let wall = began.elapsed().as_secs_f64();
        peak.ended.store(true, Ordering::Relaxed);
        (done, wall)
    });
    peak.look();
    let row = [
        name.to_owned(),
        seconds(wall),
        bytes(peak.own.into_inner()),
        bytes(peak.mapped.into_inner()),
        bytes(memory("VmHWM:")),
    ];
    (done, row)
}
