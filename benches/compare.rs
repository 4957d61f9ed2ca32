//! lifeboat beside other programs on the same work, in one run: time, growth, memory.
//!
//! ```text
//! cargo bench --bench compare                          # all workloads, whatever programs there are
//! cargo bench --bench compare -- clinic --runs 5
//! ```
//!
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

use std::path::Path;

use peer::Peer;
use support::measure::{Took, median, settle};
use support::table::{Table, bytes, seconds};
use support::{Ask, Scratch, size_of};
use workload::{WORKLOADS, Workload};

mod clinic;
#[path = "compare/peer.rs"]
mod peer;
mod support;
#[path = "compare/workload.rs"]
mod workload;

/// The steps that store, in their order.
const STEPS: [&str; 4] = ["first", "nothing changed", "work", "heavy"];

fn main() {
    let ask = Ask::new(3);
    let peers = Peer::installed();
    for peer in &peers {
        println!("- {}: {}", peer.name(), peer.version());
    }
    for workload in WORKLOADS.iter().filter(|workload| ask.wants(workload.name)) {
        compare(workload, &peers, &ask);
    }
}

/// What one program took for each step of all runs.
#[derive(Default)]
struct Tally {
    stores: [Vec<(Took, u64)>; 4],
    restore: Vec<Took>,
    verify: Vec<Took>,
}

fn compare(workload: &Workload, peers: &[Peer], ask: &Ask) {
    let mut tallies: Vec<Tally> = peers.iter().map(|_| Tally::default()).collect();
    let mut size = 0;
    for run in 0..ask.runs {
        eprintln!("{}: run {}", workload.name, run + 1);
        size = round(workload, peers, run as u64, &mut tallies);
    }
    print_stores(workload, size, peers, &tallies);
    print_readings(workload, peers, &tallies);
}

/// All steps once. The programs take turns at each state of the source, so that all of them meet the same machine.
fn round(workload: &Workload, peers: &[Peer], run: u64, tallies: &mut [Tally]) -> u64 {
    let scratch = Scratch::new("compare");
    let source = scratch.fresh("source");
    (workload.make)(&source);
    let size = size_of(&source, "");
    let places: Vec<_> = peers.iter().map(|p| scratch.folder(p.name())).collect();
    for (peer, place) in peers.iter().zip(&places) {
        peer.prepare(place);
    }
    for (step, name) in STEPS.into_iter().enumerate() {
        match name {
            "work" => (workload.work)(&source, run),
            "heavy" => (workload.heavy)(&source, run),
            _ => {}
        }
        for ((peer, place), tally) in peers.iter().zip(&places).zip(&mut *tallies) {
            if name == "nothing changed" {
                // What changed too recently is read again by some, and this is not to be measured.
                drop(peer.store(place, &source, "again"));
            }
            let before = peer.size(place);
            settle();
            let took = peer.store(place, &source, name);
            tally.stores[step].push((took, peer.size(place).saturating_sub(before)));
        }
    }
    for ((peer, place), tally) in peers.iter().zip(&places).zip(&mut *tallies) {
        read_back(peer, place, &source, &scratch, tally);
    }
    size
}

fn read_back(peer: &Peer, place: &Path, source: &Path, scratch: &Scratch, tally: &mut Tally) {
    let target = scratch.fresh("restored");
    settle();
    if let Some(took) = peer.restore(place, source, &target, STEPS[3]) {
        tally.restore.push(took);
    }
    let _ = scratch.fresh("restored");
    settle();
    if let Some(took) = peer.verify(place) {
        tally.verify.push(took);
    }
}

fn print_stores(workload: &Workload, size: u64, peers: &[Peer], tallies: &[Tally]) {
    for (step, name) in STEPS.iter().enumerate() {
        let mut table = Table::new(&["", "wall", "÷ lifeboat", "CPU", "grown by", "peak memory"]);
        let own = median(tallies[0].stores[step].iter().map(|(took, _)| took.wall));
        for (peer, tally) in peers.iter().zip(tallies) {
            let taken = &tally.stores[step];
            let wall = median(taken.iter().map(|(took, _)| took.wall));
            let grown = median(taken.iter().map(|(_, grown)| *grown as f64));
            table.row(&[
                peer.name().to_owned(),
                seconds(wall),
                format!("{:.2}", wall / own),
                seconds(median(taken.iter().map(|(took, _)| took.cpu))),
                bytes(grown as u64),
                bytes(taken.iter().map(|(took, _)| took.peak).max().unwrap_or(0)),
            ]);
        }
        table.print(&format!("{}, {}: {name}", workload.name, bytes(size)));
    }
}

fn print_readings(workload: &Workload, peers: &[Peer], tallies: &[Tally]) {
    type Reading = fn(&Tally) -> &Vec<Took>;
    let readings: [(&str, Reading); 2] = [
        ("restore", |tally| &tally.restore),
        ("verify", |tally| &tally.verify),
    ];
    for (name, reading) in readings {
        let mut table = Table::new(&["", "wall", "÷ lifeboat", "CPU", "peak memory"]);
        let wall = |tally| median(reading(tally).iter().map(|took: &Took| took.wall));
        let own = wall(&tallies[0]);
        for (peer, tally) in peers.iter().zip(tallies) {
            let taken = reading(tally);
            if taken.is_empty() {
                continue;
            }
            table.row(&[
                peer.name().to_owned(),
                seconds(wall(tally)),
                format!("{:.2}", wall(tally) / own),
                seconds(median(taken.iter().map(|took| took.cpu))),
                bytes(taken.iter().map(|took| took.peak).max().unwrap_or(0)),
            ]);
        }
        table.print(&format!("{}: {name}", workload.name));
    }
}
