//! Every decoder fed with its corpus, and with changes of it (fault F-55): none panics, and none takes more than
//! 64 MiB of memory. A corpus is a folder of `tests/corpus`; what once did harm is kept there.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use lifeboat_snapshot::decoders::all;
use lifeboat_store::decoders::{Decoder, Mutation};

use super::seeds::seeds;
use crate::support::memory::peak_of;

/// Most bytes that a decoder may hold.
const MEMORY: usize = 64 << 20;

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/corpus")
}

/// The inputs of a decoder.
fn inputs(name: &str) -> Vec<Vec<u8>> {
    let mut paths: Vec<PathBuf> = fs::read_dir(corpus().join(name))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    assert!(!paths.is_empty(), "{name} has no corpus");
    paths.iter().map(|path| fs::read(path).unwrap()).collect()
}

/// Feeds a decoder; tells what is wrong.
fn feed(name: &str, decoder: Decoder, bytes: &[u8]) {
    let (fed, peak) = peak_of(|| std::panic::catch_unwind(|| decoder(bytes)));
    if fed.is_err() || peak > MEMORY {
        let kept =
            std::env::temp_dir().join(format!("lifeboat-{name}-{}", blake3::hash(bytes).to_hex()));
        fs::write(&kept, bytes).unwrap();
        panic!(
            "{name}: {peak} bytes of memory, or a panic: {}",
            kept.display()
        );
    }
}

#[test]
fn f55_every_decoder_takes_its_corpus_within_64_mib() {
    for (name, decoder) in all() {
        for bytes in inputs(name) {
            feed(name, decoder, &bytes);
        }
    }
}

#[test]
fn f55_every_decoder_takes_lengths_that_lie_within_64_mib() {
    // As much as an object may have, of the fewest bytes that anything takes.
    for (name, decoder) in all() {
        for byte in [0, 1, 2, 3, 0x7f, 0xff] {
            for len in [1 << 16, 4 << 20] {
                let mut bytes = vec![byte; len];
                feed(name, decoder, &bytes);
                let tag = inputs(name)[0].first().copied().unwrap_or(0);
                let count = [vec![tag, 252], (len as u32).to_le_bytes().to_vec()].concat();
                bytes.splice(..0, count);
                feed(name, decoder, &bytes);
            }
        }
    }
}

fn mutate(name: &str, decoder: Decoder, seed: u64, mut goes_on: impl FnMut(u64) -> bool) -> u64 {
    let inputs = inputs(name);
    let mut mutation = Mutation::new(seed);
    let mut runs = 0;
    while goes_on(runs) {
        let one = mutation.below(inputs.len());
        let other = mutation.below(inputs.len());
        feed(name, decoder, &mutation.of(&inputs[one], &inputs[other]));
        runs += 1;
    }
    runs
}

#[test]
fn f55_every_decoder_takes_changes_of_its_corpus() {
    for (name, decoder) in all() {
        mutate(name, decoder, 1, |runs| runs < 1500);
    }
}

fn cpu_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// `LIFEBOAT_FUZZ_MINUTES=10 cargo test -p lifeboat --test suite -- --ignored --nocapture for_many_minutes`
#[test]
#[ignore = "ten minutes for each decoder; see docs/testing.md"]
fn f55_every_decoder_takes_changes_of_its_corpus_for_many_minutes() {
    let minutes = std::env::var("LIFEBOAT_FUZZ_MINUTES").map_or(10.0, |text| text.parse().unwrap());
    let only = std::env::var("LIFEBOAT_FUZZ_ONLY").ok();
    let seed = std::time::SystemTime::UNIX_EPOCH
        .elapsed()
        .unwrap()
        .as_nanos() as u64;
    println!("seed {seed}");
    for (name, decoder) in all() {
        if only.as_ref().is_some_and(|only| only != name) {
            continue;
        }
        let began = cpu_time();
        let limit = Duration::from_secs_f64(60.0 * minutes);
        let runs = mutate(name, decoder, seed, |_| cpu_time() - began < limit);
        let minutes = (cpu_time() - began).as_secs_f64() / 60.0;
        println!("{name}: {runs} inputs in {minutes:.1} CPU minutes");
    }
}

/// `LIFEBOAT_BLESS=1 cargo test -p lifeboat --test suite -- --ignored write_the_corpus`
#[test]
#[ignore = "writes into the checkout"]
fn write_the_corpus() {
    if std::env::var_os("LIFEBOAT_BLESS").is_none() {
        return;
    }
    for (decoder, name, bytes) in seeds() {
        let folder = corpus().join(decoder);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(name), bytes).unwrap();
    }
}
