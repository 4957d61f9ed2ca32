//! lifeboat beside other programs on the same work, in one run: time, growth, memory.
//!
//! ```text
//! cargo bench --bench compare                          # all workloads, whatever programs there are
//! cargo bench --bench compare -- clinic --runs 5
//! cargo bench --bench compare -- tree --only restic,borg
//! cargo bench --bench compare -- media --scale 0.05      # a twentieth of the data, to see that it works
//! cargo bench --bench compare -- --limit 64              # lifeboat alone, each command with at most 64 MB
//! ```
//!
//! Each workload's plot is written to `target/tmp/bench-data/compare-NAME.svg`.
//! What each program is asked, and what it leaves out, is said in `compare/README.md`. A program that is not found in
//! `PATH` is named and left out.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::indexing_slicing,
    reason = "a bench prints, and fails by panicking"
)]

use peer::Peer;
use round::Round;
use support::measure::{Took, rest};
use support::table::bytes;
use support::{Ask, Scratch, cache};
use told::{READINGS, print_reading, print_store};
use workload::{WORKLOADS, Workload};

#[path = "compare/app.rs"]
mod app;
#[path = "compare/asked.rs"]
mod asked;
#[path = "compare/bars.rs"]
mod bars;
mod clinic;
#[path = "compare/limited.rs"]
mod limited;
#[path = "compare/peer.rs"]
mod peer;
#[path = "compare/round.rs"]
mod round;
mod support;
#[path = "compare/told.rs"]
mod told;
#[path = "compare/workload.rs"]
mod workload;

/// The steps that store, in their order.
const STEPS: [&str; 4] = ["first", "nothing changed", "work", "heavy"];

fn main() {
    let ask = Ask::new(3);
    let workloads = WORKLOADS.iter().filter(|workload| ask.wants(workload.name));
    let possible = workloads.filter(|workload| match workload.is_possible() {
        true => true,
        false => {
            eprintln!("did without {}: run tests/run.sh first", workload.name);
            false
        }
    });
    match ask.limit {
        Some(most) => limited::measure(possible, &ask, most),
        None => beside_others(possible, &ask),
    }
}

fn beside_others<'a>(workloads: impl Iterator<Item = &'a Workload>, ask: &Ask) {
    let peers = Peer::installed(|name| ask.allows(name));
    for peer in &peers {
        println!("- {}: {}", peer.name(), peer.version());
    }
    let mut used = Vec::new();
    workloads.for_each(|workload| compare(workload, &peers, ask, &mut used));
}

/// What one program took for each step of all runs.
#[derive(Default)]
struct Tally {
    stores: [Vec<(Took, u64)>; 4],
    restore: Vec<Took>,
    verify: Vec<Took>,
    forget: Vec<Took>,
}

/// Adds the emptied folders of its runs to `used`, which keeps them until nothing is measured any more.
fn compare(workload: &Workload, peers: &[Peer], ask: &Ask, used: &mut Vec<Scratch>) {
    let mut tallies: Vec<Tally> = peers.iter().map(|_| Tally::default()).collect();
    let mut size = 0;
    for run in 0..ask.runs {
        eprintln!("{}: run {}", workload.name, run + 1);
        // Where the workload is too large for all programs at once, each has a round of its own.
        let at_once = if workload.is_alone {
            1
        } else {
            peers.len().max(1)
        };
        let groups = peers.chunks(at_once).zip(tallies.chunks_mut(at_once));
        for (peers, tallies) in groups {
            rest();
            let round = Round::new(workload, peers, ask.scale, run as u64);
            let (len, place) = round.run(tallies);
            size = len;
            used.push(place);
        }
    }
    let mut groups = Vec::new();
    for (step, name) in STEPS.iter().enumerate() {
        groups.push(print_store(workload, size, step, name, peers, &tallies));
    }
    for (name, reading) in READINGS {
        groups.push(print_reading(workload, name, reading, peers, &tallies));
    }
    let path = cache().join(format!("compare-{}.svg", workload.name));
    let title = format!("{}, {}: seconds", workload.name, bytes(size));
    bars::write(&path, &title, &groups);
}
