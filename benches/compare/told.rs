//! The tables, and what the plot is made of.

use crate::Tally;
use crate::bars::Group;
use crate::peer::Peer;
use crate::support::measure::{Took, median};
use crate::support::table::{Table, bytes, seconds};
use crate::workload::Workload;

/// What is told of a step that stores nothing.
pub(crate) type Reading = fn(&Tally) -> &Vec<Took>;

/// These steps.
pub(crate) const READINGS: [(&str, Reading); 3] = [
    ("restore", |tally| &tally.restore),
    ("verify", |tally| &tally.verify),
    ("forget all but one, and collect", |tally| &tally.forget),
];

pub(crate) fn print_store(
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

pub(crate) fn print_reading(
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
