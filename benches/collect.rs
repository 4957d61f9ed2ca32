//! Marking and choosing of a collection over very many chunks: time, and memory of its own against memory that is mapped.
//!
//! ```text
//! cargo bench --bench collect                            # 5 million chunks
//! cargo bench --bench collect -- --chunks 100000000      # an index of 6.5 GB under target/
//! cargo bench --bench collect -- --limit 256 --cold      # at most 256 MiB, and nothing of the index in the system's cache
//! ```
//!
//! The index is made up, and there are no packs: reading records and trees is not in it, nor is deleting. Four fifths of
//! the chunks are marked in no order of their ids, then a copy of each is chosen and the free packs are counted.
//!
//! `--limit` lets the kernel refuse the process more memory of its own than that (`RLIMIT_DATA`; stacks and what the
//! allocator holds in reserve count), and ends it where all that it has in memory, mapped pages among it, was ever more
//! (`VmHWM`). `--cold` drops the pages of the index that nobody has mapped from the system's cache over and over, as a
//! machine would that has no memory to spare: what is read twice comes from the disk twice. A run within a control group
//! says what that group may take.

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
use support::measure::{cpu, disk_reads, memory};
use support::table::{Table, bytes, seconds};
use support::{Scratch, limit};

mod support;

/// What is told of a step.
const HEADINGS: [&str; 7] = [
    "step",
    "wall",
    "CPU",
    "own memory",
    "mapped",
    "VmHWM",
    "read from disk",
];

/// Chunks where no number is asked for.
const CHUNKS: u64 = 5_000_000;

/// Chunks that are noted at once, as those of one file.
const NOTED: u64 = 1000;

/// Prime, and no divisor of any number of chunks that fits a disk: a walk in these steps meets each once.
const STEP: u64 = 4_294_967_291;

fn main() {
    let limit = after("--limit").map(|mib| limit::own_memory(mib << 20));
    let cold = std::env::args().any(|word| word == "--cold");
    let scratch = Scratch::new("collect");
    let folder = scratch.folder("cache");
    let mut table = Table::new(&HEADINGS);
    let chunks = after("--chunks").unwrap_or(CHUNKS);
    let (sample, row) = watched("write the index", || {
        Sample::write(&folder, chunks).expect("there is room")
    });
    let cold = cold.then(|| limit::Cold::keep(&folder));
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
    println!("{}", limit::told(limit, cold.is_some()));
    println!(
        "{} packs are free, {} are needed",
        chosen.free,
        bytes(chosen.live_bytes)
    );
}

/// The number that follows this word.
fn after(wanted: &str) -> Option<u64> {
    let mut words = std::env::args().skip_while(|word| word != wanted);
    words.next()?;
    let number = words.next().and_then(|word| word.parse().ok());
    Some(number.expect("a number follows it"))
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

/// Does a step; gives a row on it.
fn watched<T>(name: &str, step: impl FnOnce() -> T) -> (T, [String; HEADINGS.len()]) {
    let peak = Peak::default();
    let (began, cpu, read) = (Instant::now(), cpu(), disk_reads());
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
        seconds(self::cpu() - cpu),
        bytes(peak.own.into_inner()),
        bytes(peak.mapped.into_inner()),
        bytes(memory("VmHWM:")),
        bytes(disk_reads() - read),
    ];
    (done, row)
}
