//! Ways and sizes of content-defined cuts, on versions of files whose bytes move.
//!
//! Counted is what a repository would hold after all versions: each new chunk compressed, with its entry in a pack's
//! trailer and its reference in every version's list.

use std::collections::HashSet;
use std::hint::black_box;
use std::time::Instant;

use fastcdc::v2020::FastCDC;

use super::extremes::{largest_byte, least_word};
use crate::support::Ask;
use crate::support::rng::Rng;
use crate::support::table::{Table, bytes, rate};
use crate::support::text::Words;

/// Bytes of an entry in a trailer and of a reference in a list.
const ENTRY: u64 = 46;
const REFERENCE: u64 = 35;

const KIB: usize = 1024;

/// Least, average and most KiB of a chunk, as the store has them.
const STORE: [usize; 3] = [64, 256, 1024];

/// All that are measured.
const SIZES: [[usize; 3]; 4] = [[16, 64, 256], [32, 128, 512], STORE, [256, 1024, 4096]];

/// A way to cut.
#[derive(Clone, Copy)]
enum Way {
    FastCdc,
    LeastWord,
    LargestByte,
}

const WAYS: [(&str, Way); 3] = [
    ("FastCDC", Way::FastCdc),
    ("least word", Way::LeastWord),
    ("largest byte", Way::LargestByte),
];

impl Way {
    /// Length of the first chunk. All ways aim at the same average, each by what it can be told.
    fn first(self, bytes: &[u8], [min, average, max]: [usize; 3]) -> usize {
        match self {
            Self::FastCdc => FastCDC::new(&bytes[..bytes.len().min(max)], min, average, max)
                .next()
                .map_or(0, |cut| cut.length),
            Self::LeastWord => least_word(bytes, min, 2 * average - min),
            Self::LargestByte => largest_byte(bytes, average, max),
        }
    }

    fn cut(self, bytes: &[u8], sizes: [usize; 3]) -> Vec<&[u8]> {
        let mut rest = bytes;
        let mut chunks = Vec::new();
        while !rest.is_empty() {
            let (chunk, behind) = rest.split_at(self.first(rest, sizes));
            chunks.push(chunk);
            rest = behind;
        }
        chunks
    }
}

/// Makes a version of a file.
type Make = fn(u64) -> Vec<u8>;

const FILES: [(&str, Make); 4] = [
    ("archive", archive),
    ("log", log),
    ("table", table),
    ("film", film),
];

/// Ways and sizes on each file.
pub(crate) fn measure(ask: &Ask) {
    let mut lines = Table::new(&[
        "file",
        "cut by",
        "min/avg/max KiB",
        "chunks",
        "stored",
        "metadata",
        "sum",
        "÷ all versions",
        "cutting",
    ]);
    for (name, make) in FILES {
        let versions: Vec<Vec<u8>> = (0..6).map(make).collect();
        for (way, cutter, sizes) in wanted() {
            let mut row = vec![name.to_owned(), way.to_owned()];
            row.extend(store(ask, &versions, cutter, sizes));
            lines.row(&row);
        }
    }
    lines.print("Content-defined cuts, six versions of some 40 MB each, zstd level 3");
}

/// Both good ways at every size, all of them at that of the store, and the other good one where it makes as many chunks.
fn wanted() -> Vec<(&'static str, Way, [usize; 3])> {
    let mut wanted = Vec::new();
    for sizes in SIZES {
        let ways = if sizes == STORE { 3 } else { 2 };
        let ways = WAYS.iter().take(ways);
        wanted.extend(ways.map(|(name, way)| (*name, *way, sizes)));
    }
    let [min, average, max] = STORE;
    let (name, way) = WAYS[1];
    wanted.extend([9, 10].map(|eighths| (name, way, [min, average * eighths / 8, max])));
    wanted
}

fn store(ask: &Ask, versions: &[Vec<u8>], way: Way, sizes: [usize; 3]) -> Vec<String> {
    let bytes_of = sizes.map(|kib| kib * KIB);
    let (mut seen, mut stored, mut lists, mut cutting) = (HashSet::new(), 0, 0, 0.0);
    let mut known_lists = HashSet::new();
    for version in versions {
        cutting += time_of(ask, || way.cut(version, bytes_of));
        let mut list = Vec::new();
        for chunk in way.cut(version, bytes_of) {
            let id = blake3::hash(chunk);
            list.push(id);
            if seen.insert(id) {
                stored += zstd::bulk::compress(chunk, 3).expect("it compresses").len() as u64;
            }
        }
        // A list node that has not changed is not stored again; its ends are found by content.
        for node in list.chunk_by(|id, _| id.as_bytes()[0] != 0 || id.as_bytes()[1] >= 64) {
            if known_lists.insert(node.to_vec()) {
                lists += node.len() as u64 * REFERENCE;
            }
        }
    }
    let metadata = lists + seen.len() as u64 * ENTRY;
    let all: u64 = versions.iter().map(|version| version.len() as u64).sum();
    vec![
        sizes.map(|kib| kib.to_string()).join("/"),
        seen.len().to_string(),
        bytes(stored),
        bytes(metadata),
        bytes(stored + metadata),
        format!("{:.3}", (stored + metadata) as f64 / all as f64),
        rate(all, cutting),
    ]
}

/// The least seconds of the runs.
fn time_of<T>(ask: &Ask, work: impl Fn() -> T) -> f64 {
    let runs = (0..ask.runs).map(|_| {
        let began = Instant::now();
        black_box(work());
        began.elapsed().as_secs_f64()
    });
    runs.fold(f64::MAX, f64::min)
}

/// An archive of 8,000 files; each version has 40 of them written anew at another length.
fn archive(version: u64) -> Vec<u8> {
    let words = Words::new();
    let mut epochs = vec![0_u64; 8000];
    let mut rng = Rng::new(1);
    for edit in 1..=version {
        (0..40).for_each(|_| epochs[rng.below(8000) as usize] = edit);
    }
    let mut bytes = Vec::new();
    for (number, epoch) in (0..).zip(epochs) {
        let mut rng = Rng::new(number << 8 | epoch);
        bytes.extend(format!("{number:0>100}{epoch:0>20}").into_bytes());
        let len = 500 + rng.skewed(18_000) as usize;
        bytes.extend(words.text(&mut rng, len).into_bytes());
    }
    bytes
}

/// A log that loses its beginning and grows at its end, 4 % each version.
fn log(version: u64) -> Vec<u8> {
    let words = Words::new();
    let mut text = String::new();
    let first = version * 16_000;
    for line in first..first + 400_000 {
        let mut rng = Rng::new(line);
        text.push_str(&format!("2024-05-01T{:010} INFO ", line * 37));
        words.write(&mut rng, 20, &mut text);
        text.push('\n');
    }
    text.into_bytes()
}

/// A table of 500,000 lines, of which each version has 300 changed and 300 inserted, anywhere.
fn table(version: u64) -> Vec<u8> {
    let mut lines: Vec<u64> = (0..500_000).collect();
    let mut rng = Rng::new(3);
    for edit in 1..=version {
        for number in 0..600 {
            let at = rng.below(lines.len() as u64) as usize;
            let line = edit * 10_000_000 + number;
            match number % 2 {
                0 => lines[at] = line,
                _ => lines.insert(at, line),
            }
        }
    }
    let mut text = String::new();
    for line in lines {
        let mut rng = Rng::new(line);
        text.push_str(&format!(
            "{line},{},{},{},",
            rng.below(100_000),
            rng.below(400),
            rng.next()
        ));
        text.push_str(&format!("{},{}\n", rng.next() >> 8, rng.below(1 << 40)));
    }
    text.into_bytes()
}

/// Bytes that nothing compresses, of which each version has twenty inserted and twenty removed, anywhere.
fn film(version: u64) -> Vec<u8> {
    let mut bytes = vec![0; 40 << 20];
    Rng::new(5).fill(&mut bytes);
    let mut rng = Rng::new(6);
    for edit in 0..version {
        for _ in 0..20 {
            let at = rng.below(bytes.len() as u64 - 5000) as usize;
            bytes.splice(at..at, (0..=edit as u8).cycle().take(700));
            let at = rng.below(bytes.len() as u64 - 5000) as usize;
            bytes.drain(at..at + 900);
        }
    }
    bytes
}
