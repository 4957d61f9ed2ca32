//! One run of a workload: its steps, the programs taking turns.

use std::path::PathBuf;

use crate::Tally;
use crate::peer::Peer;
use crate::support::measure::settle;
use crate::support::{Scale, Scratch, size_of};
use crate::workload::Workload;

/// All steps of one run, with the places where it happens.
pub(crate) struct Round<'a> {
    workload: &'a Workload,
    peers: &'a [Peer],
    scratch: Scratch,
    source: PathBuf,
    places: Vec<PathBuf>,
    scale: Scale,
    seed: u64,
    /// How often anything was stored, and under which names.
    stored: Vec<String>,
}

impl<'a> Round<'a> {
    /// With a new source and new repositories.
    pub(crate) fn new(workload: &'a Workload, peers: &'a [Peer], scale: Scale, run: u64) -> Self {
        let scratch = Scratch::new("compare");
        let source = scratch.fresh("source");
        (workload.make)(&source, scale);
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
            scale,
            seed: 101 * run,
            stored: Vec::new(),
        }
    }

    /// The programs take turns at each state of the source, so that all of them meet the same machine; gives its size, and
    /// where it was, which is to be kept until nothing is measured any more.
    pub(crate) fn run(mut self, tallies: &mut [Tally]) -> (u64, Scratch) {
        let size = size_of(&self.source, "");
        self.store(0, "first", tallies);
        // What changed too recently is read again by some, and this is not to be measured.
        self.store(1, "again", &mut Vec::new());
        self.store(1, "nothing-changed", tallies);
        for number in 0..self.workload.works {
            self.seed += 1;
            (self.workload.work)(&self.source, self.scale, self.seed);
            self.store(2, &format!("work-{number}"), tallies);
        }
        self.seed += 1;
        (self.workload.heavy)(&self.source, self.scale, self.seed);
        self.store(3, "heavy", tallies);
        for number in self.turns() {
            if let Some(tally) = tallies.get_mut(number) {
                self.read_back(number, tally);
            }
        }
        self.scratch.hollow();
        (size, self.scratch)
    }

    /// Who comes after whom. Each begins in turn: whoever reads what was just written may find the disk still busy with it.
    fn turns(&self) -> impl Iterator<Item = usize> + use<> {
        let begin = self.seed as usize + self.stored.len();
        let count = self.peers.len();
        (0..count).map(move |turn| (begin + turn) % count)
    }

    /// Stores the state of the source with each program; a step that is stored several times is summed up.
    fn store(&mut self, step: usize, name: &str, tallies: &mut [Tally]) {
        let goes_on = self.stored.last().is_some_and(|last| same_step(last, name));
        for number in self.turns() {
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
