//! Sizes of content-defined cuts, on versions of files whose bytes move.
//!
//! Counted is what a repository would hold after all versions: each new chunk compressed, with its entry in a pack's
//! trailer and its reference in every version's list.

use std::collections::HashSet;
use std::time::Instant;

use fastcdc::v2020::FastCDC;

use crate::support::rng::Rng;
use crate::support::table::{Table, bytes, rate};
use crate::support::text::Words;

/// Bytes of an entry in a trailer and of a reference in a list.
const ENTRY: u64 = 46;
const REFERENCE: u64 = 35;

const KIB: usize = 1024;
const SIZES: [(usize, usize, usize); 4] = [
    (16 * KIB, 64 * KIB, 256 * KIB),
    (32 * KIB, 128 * KIB, 512 * KIB),
    (64 * KIB, 256 * KIB, 1024 * KIB),
    (256 * KIB, 1024 * KIB, 4096 * KIB),
];

/// Makes a version of a file.
type Make = fn(u64) -> Vec<u8>;

pub(crate) fn measure() {
    let files: [(&str, Make); 3] = [("archive", archive), ("log", log), ("table", table)];
    let mut lines = Table::new(&[
        "file",
        "min/avg/max KiB",
        "all versions",
        "chunks",
        "stored",
        "metadata",
        "sum",
        "cutting",
    ]);
    for (name, make) in files {
        let versions: Vec<Vec<u8>> = (0..6).map(make).collect();
        for sizes in SIZES {
            lines.row(&store(name, &versions, sizes));
        }
    }
    lines.print("Content-defined cuts, six versions of 40 MB each, zstd level 3");
}

fn store(
    name: &str,
    versions: &[Vec<u8>],
    (min, average, max): (usize, usize, usize),
) -> Vec<String> {
    let (mut seen, mut stored, mut lists, mut cutting) = (HashSet::new(), 0, 0, 0.0);
    let mut known_lists = HashSet::new();
    for version in versions {
        let began = Instant::now();
        let cuts: Vec<_> = FastCDC::new(version, min, average, max).collect();
        cutting += began.elapsed().as_secs_f64();
        let mut list = Vec::new();
        for cut in cuts {
            let chunk = &version[cut.offset..cut.offset + cut.length];
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
        name.to_owned(),
        format!("{}/{}/{}", min / KIB, average / KIB, max / KIB),
        bytes(all),
        seen.len().to_string(),
        bytes(stored),
        bytes(metadata),
        bytes(stored + metadata),
        rate(all, cutting),
    ]
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
