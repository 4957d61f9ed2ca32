//! lifeboat beside other programs on the same work, in one run: time, growth, memory.
//!
//! ```text
//! cargo bench --bench compare                          # all workloads, whatever programs there are
//! cargo bench --bench compare -- clinic --runs 5
//! cargo bench --bench compare -- tree --only restic,borg
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

use std::path::PathBuf;

use bars::Group;
use peer::Peer;
use support::measure::{Took, median, settle};
use support::table::{Table, bytes, seconds};
use support::{Ask, Scratch, cache, size_of};
use workload::{WORKLOADS, Workload};

#[path = "compare/app.rs"]
mod app;
#[path = "compare/bars.rs"]
mod bars;
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
    let peers = Peer::installed(|name| ask.allows(name));
    for peer in &peers {
        println!("- {}: {}", peer.name(), peer.version());
    }
    for workload in WORKLOADS.iter().filter(|workload| ask.wants(workload.name)) {
        match workload.is_possible() {
            true => compare(workload, &peers, &ask),
            false => eprintln!("did without {}: run tests/run.sh first", workload.name),
        }
    }
}

/// What one program took for each step of all runs.
#[derive(Default)]
struct Tally {
    stores: [Vec<(Took, u64)>; 4],
    restore: Vec<Took>,
    verify: Vec<Took>,
    forget: Vec<Took>,
}

fn compare(workload: &Workload, peers: &[Peer], ask: &Ask) {
    let mut tallies: Vec<Tally> = peers.iter().map(|_| Tally::default()).collect();
    let mut size = 0;
    for run in 0..ask.runs {
        eprintln!("{}: run {}", workload.name, run + 1);
        size = Round::new(workload, peers, run as u64).run(&mut tallies);
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

/// All steps of one run, with the places where it happens.
struct Round<'a> {
    workload: &'a Workload,
    peers: &'a [Peer],
    scratch: Scratch,
    source: PathBuf,
    places: Vec<PathBuf>,
    seed: u64,
    /// How often anything was stored, and under which names.
    stored: Vec<String>,
}

impl<'a> Round<'a> {
    fn new(workload: &'a Workload, peers: &'a [Peer], run: u64) -> Self {
        let scratch = Scratch::new("compare");
        let source = scratch.fresh("source");
        (workload.make)(&source);
        let places: Vec<_> = peers.iter().map(|p| scratch.folder(p.name())).collect();
        for (peer, place) in peers.iter().zip(&places) {
            peer.prepare(place);
        }
        Self {
            workload,
            peers,
            scratch,
            source,
            places,
            seed: 101 * run,
            stored: Vec::new(),
        }
    }

    /// The programs take turns at each state of the source, so that all of them meet the same machine.
    fn run(mut self, tallies: &mut [Tally]) -> u64 {
        let size = size_of(&self.source, "");
        self.store(0, "first", tallies);
        // What changed too recently is read again by some, and this is not to be measured.
        self.store(1, "again", &mut Vec::new());
        self.store(1, "nothing-changed", tallies);
        for number in 0..self.workload.works {
            self.seed += 1;
            (self.workload.work)(&self.source, self.seed);
            self.store(2, &format!("work-{number}"), tallies);
        }
        self.seed += 1;
        (self.workload.heavy)(&self.source, self.seed);
        self.store(3, "heavy", tallies);
        for (number, tally) in tallies.iter_mut().enumerate() {
            self.read_back(number, tally);
        }
        size
    }

    /// Stores the state of the source with each program; a step that is stored several times is summed up.
    fn store(&mut self, step: usize, name: &str, tallies: &mut [Tally]) {
        let goes_on = self.stored.last().is_some_and(|last| same_step(last, name));
        // Each begins in turn: whoever reads what was just written may find the disk still busy with it.
        let begin = self.seed as usize + self.stored.len();
        for turn in 0..self.peers.len() {
            let number = (begin + turn) % self.peers.len();
            let (peer, place) = (&self.peers[number], &self.places[number]);
            let before = peer.size(place);
            settle();
            let took = peer.store(place, &self.source, name);
            let grown = peer.size(place).saturating_sub(before);
            let Some(tally) = tallies.get_mut(number) else {
                continue;
            };
            let all = &mut tally.stores[step];
            match all.pop().filter(|_| goes_on) {
                Some((sum, bytes)) => all.push((sum.and(took), bytes + grown)),
                None => all.push((took, grown)),
            }
        }
        self.stored.push(name.to_owned());
    }

    /// Nothing is removed meanwhile: a file system that has just lost many files is slow to make new ones.
    fn read_back(&self, number: usize, tally: &mut Tally) {
        let (peer, place) = (&self.peers[number], &self.places[number]);
        let target = self.scratch.fresh(&format!("restored-{number}"));
        settle();
        let newest = self.stored.last().map_or("", String::as_str);
        tally
            .restore
            .extend(peer.restore(place, &self.source, &target, newest));
        settle();
        tally.verify.extend(peer.verify(place));
        settle();
        let older = self.stored.split_last().map_or(&[][..], |(_, older)| older);
        tally.forget.extend(peer.forget(place, older));
    }
}

/// Whether both are of the step that is stored several times.
fn same_step(a: &str, b: &str) -> bool {
    a.starts_with("work-") && b.starts_with("work-")
}

type Reading = fn(&Tally) -> &Vec<Took>;

const READINGS: [(&str, Reading); 3] = [
    ("restore", |tally| &tally.restore),
    ("verify", |tally| &tally.verify),
    ("forget all but one, and collect", |tally| &tally.forget),
];

fn print_store(
    workload: &Workload,
    size: u64,
    step: usize,
    name: &str,
    peers: &[Peer],
    tallies: &[Tally],
) -> Group {
    let mut table = Table::new(&["", "wall", "÷ lifeboat", "CPU", "grown by", "peak memory"]);
    let wall = |tally: &Tally| median(tally.stores[step].iter().map(|(took, _)| took.wall));
    let own = wall(&tallies[0]);
    let mut bars = Vec::new();
    for (peer, tally) in peers.iter().zip(tallies) {
        let taken = &tally.stores[step];
        let grown = median(taken.iter().map(|(_, grown)| *grown as f64));
        bars.push((peer.name().to_owned(), wall(tally)));
        table.row(&[
            peer.name().to_owned(),
            seconds(wall(tally)),
            format!("{:.2}", wall(tally) / own),
            seconds(median(taken.iter().map(|(took, _)| took.cpu))),
            bytes(grown as u64),
            bytes(taken.iter().map(|(took, _)| took.peak).max().unwrap_or(0)),
        ]);
    }
    let times = match (name, workload.works) {
        ("work", works) if works > 1 => format!(", {works} times"),
        _ => String::new(),
    };
    table.print(&format!(
        "{}, {}: {name}{times}",
        workload.name,
        bytes(size)
    ));
    Group {
        step: format!("{name}{times}"),
        bars,
    }
}

fn print_reading(
    workload: &Workload,
    name: &str,
    reading: Reading,
    peers: &[Peer],
    tallies: &[Tally],
) -> Group {
    let mut table = Table::new(&["", "wall", "÷ lifeboat", "CPU", "peak memory"]);
    let wall = |tally| median(reading(tally).iter().map(|took: &Took| took.wall));
    let own = wall(&tallies[0]);
    let mut bars = Vec::new();
    for (peer, tally) in peers.iter().zip(tallies) {
        let taken = reading(tally);
        if taken.is_empty() {
            continue;
        }
        bars.push((peer.name().to_owned(), wall(tally)));
        table.row(&[
            peer.name().to_owned(),
            seconds(wall(tally)),
            format!("{:.2}", wall(tally) / own),
            seconds(median(taken.iter().map(|took| took.cpu))),
            bytes(taken.iter().map(|took| took.peak).max().unwrap_or(0)),
        ]);
    }
    table.print(&format!("{}: {name}", workload.name));
    Group {
        step: name.to_owned(),
        bars,
    }
}
