//! What all benches share: data from seeds, a place to work in, measuring, and tables.
//!
//! Everything that is made stands under `target/`: data sets stay there for the next run and are made again where they
//! are missing; the working folder of a run goes with it.

#![allow(dead_code, reason = "each bench uses a part")]

pub(crate) mod files;
pub(crate) mod lifeboat;
pub(crate) mod limit;
pub(crate) mod measure;
pub(crate) mod plot;
pub(crate) mod records;
pub(crate) mod rng;
pub(crate) mod table;
pub(crate) mod text;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// Where data sets are kept between runs.
pub(crate) fn cache() -> PathBuf {
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bench-data");
    std::fs::create_dir_all(&place).expect("target/ can be written");
    place
}

/// A folder that goes when it is dropped.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    /// A new one for the bench of this name.
    pub(crate) fn new(name: &str) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("bench-{name}-{}-{number}", std::process::id());
        let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::create_dir_all(&place).expect("target/ can be written");
        // Some programs find what they stored only under the path without links.
        Self(place.canonicalize().expect("it was just made"))
    }

    /// A path in it; whatever stood there is removed.
    pub(crate) fn fresh(&self, name: &str) -> PathBuf {
        let path = self.0.join(name);
        let _ = std::fs::remove_dir_all(&path);
        path
    }

    /// A new, empty folder in it.
    pub(crate) fn folder(&self, name: &str) -> PathBuf {
        let path = self.fresh(name);
        std::fs::create_dir_all(&path).expect("the scratch folder can be written");
        path
    }

    /// The folder itself.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// Gives back the room that its files take, and keeps the files, empty: a file system that has just lost many is slow to
    /// make new ones, for minutes where it has no journal.
    pub(crate) fn hollow(&self) {
        hollow(&self.0);
    }

    /// The same of one folder in it.
    pub(crate) fn hollow_one(&self, name: &str) {
        hollow(&self.0.join(name));
    }
}

/// What cannot be emptied stays as it is until it is removed.
fn hollow(folder: &Path) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => hollow(&entry.path()),
            Ok(kind) if kind.is_file() => {
                let file = std::fs::OpenOptions::new().write(true).open(entry.path());
                let _ = file.and_then(|file| file.set_len(0));
            }
            _ => {}
        }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// How large data sets are made, as a part of the size that figures are taken with.
#[derive(Clone, Copy)]
pub(crate) struct Scale(f64);

impl Scale {
    /// That part of a number, and one at least.
    pub(crate) fn of(self, whole: u64) -> u64 {
        ((whole as f64 * self.0).round() as u64).max(1)
    }
}

/// What was asked for after `--`: `--runs N`, `--snapshots N`, `--most N`, `--only NAME,NAME`, `--scale PART`,
/// `--limit MB`, `--own MB`, and words that choose workloads or steps by a part of their names.
pub(crate) struct Ask {
    /// How often each step is measured.
    pub(crate) runs: usize,
    /// Snapshots of a series, where another number was asked for.
    pub(crate) snapshots: Option<u64>,
    /// The only programs to be compared with, where they were named.
    only: Option<Vec<String>>,
    /// Where a series of sizes ends, if it was said.
    pub(crate) most: Option<u64>,
    /// How large the data is made.
    pub(crate) scale: Scale,
    /// Most bytes that a command may have in memory.
    pub(crate) limit: Option<u64>,
    /// Bytes of its own beyond which the kernel is to refuse it more, where that is another number.
    pub(crate) own: Option<u64>,
    words: Vec<String>,
}

impl Ask {
    /// From the command line; `runs` where it says nothing.
    pub(crate) fn new(runs: usize) -> Self {
        let mut ask = Self {
            runs,
            snapshots: None,
            only: None,
            most: None,
            scale: Scale(1.0),
            limit: None,
            own: None,
            words: Vec::new(),
        };
        let mut given = std::env::args().skip(1);
        while let Some(word) = given.next() {
            match word.as_str() {
                // Cargo's own.
                "--bench" => {}
                "--runs" => ask.runs = number(given.next()),
                "--only" => {
                    let names = given.next().unwrap_or_default();
                    ask.only = Some(names.split(',').map(str::to_owned).collect());
                }
                "--most" => ask.most = Some(number(given.next())),
                "--scale" => ask.scale = Scale(number(given.next())),
                "--limit" => ask.limit = Some(number::<u64>(given.next()) * 1_000_000),
                "--own" => ask.own = Some(number::<u64>(given.next()) * 1_000_000),
                "--snapshots" => ask.snapshots = Some(number(given.next())),
                _ => ask.words.push(word),
            }
        }
        ask
    }

    /// Whether lifeboat is to be compared with this program.
    pub(crate) fn allows(&self, program: &str) -> bool {
        let only = self.only.as_ref();
        only.is_none_or(|only| only.iter().any(|name| name == program))
    }

    /// Whether this one is wanted.
    pub(crate) fn wants(&self, name: &str) -> bool {
        self.words.is_empty() || self.words.iter().any(|word| name.contains(word.as_str()))
    }
}

fn number<N: std::str::FromStr>(word: Option<String>) -> N {
    let number = word.and_then(|word| word.parse().ok());
    number.unwrap_or_else(|| panic!("a number follows it"))
}

/// Bytes of all files below a folder, but for those below a folder of the name `without`.
pub(crate) fn size_of(folder: &Path, without: &str) -> u64 {
    let mut bytes = 0;
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let Ok(stat) = entry.metadata() else { continue };
        if stat.is_file() {
            bytes += stat.len();
        } else if stat.is_dir() && entry.file_name() != without {
            bytes += size_of(&entry.path(), without);
        }
    }
    bytes
}
