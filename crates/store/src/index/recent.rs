//! Copies in packs that no segment covers, in memory: as the records of a segment, in sorted runs of which each is much
//! shorter than the one before it. That is 64 bytes a copy, where a map from ids took seven times as much.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::mem;

use rayon::prelude::*;

use super::cache::numbered;
use super::{Location, Record, locations};
use crate::id::PackId;
use crate::pack::Trailer;

/// More runs are made fewer.
const MOST_RUNS: usize = 8;

/// All of them.
#[derive(Default)]
pub(crate) struct Recent {
    /// What the numbers in the records mean.
    packs: Vec<PackId>,
    runs: Vec<Vec<Record>>,
}

impl Recent {
    /// Adds the copies of a pack.
    pub(super) fn add(&mut self, trailer: &Trailer) {
        self.add_copies(trailer.pack, locations(trailer));
    }

    /// Adds these copies, which are in this pack.
    pub(super) fn add_copies(&mut self, pack: PackId, copies: impl Iterator<Item = Location>) {
        // A listing of 2³² packs would not fit any memory.
        let number = self.packs.len() as u32;
        self.packs.push(pack);
        let copies = copies.map(|location| Record::new(&location, number));
        let mut run: Vec<Record> = copies.collect();
        run.sort_unstable();
        self.push(run);
    }

    /// Sorted copies, in packs of these numbers.
    pub(super) fn of(packs: Vec<PackId>, records: Vec<Record>) -> Self {
        let runs = vec![records];
        Self { packs, runs }
    }

    /// Adds those of another one.
    pub(super) fn append(&mut self, other: Self) {
        let before = self.packs.len() as u32;
        self.packs.extend(other.packs);
        for mut run in other.runs {
            for record in &mut run {
                *record = record.renumbered(record.pack_number().saturating_add(before));
            }
            run.sort_unstable();
            self.push(run);
        }
    }

    /// Adds a sorted run. Where they are too many, short ones become one: each record is moved a few times at most.
    fn push(&mut self, run: Vec<Record>) {
        self.runs.push(run);
        if self.runs.len() <= MOST_RUNS {
            return;
        }
        self.runs.sort_by_key(|run| Reverse(run.len()));
        let shortest = self.runs.split_off(MOST_RUNS - 1);
        let mut one = shortest.into_iter().fold(Vec::new(), joined);
        while let Some(run) = self.runs.pop_if(|run| run.len() <= 2 * one.len()) {
            one = joined(run, one);
        }
        one.sort_unstable();
        self.runs.push(one);
    }

    /// Makes looking into them as fast as it gets: all become one.
    pub(super) fn settle(&mut self) {
        let mut all = self.runs.drain(..).fold(Vec::new(), joined);
        all.sort_unstable();
        self.runs.push(all);
    }

    /// How many copies there are.
    pub(super) fn len(&self) -> usize {
        self.runs.iter().map(Vec::len).sum()
    }

    /// The copies of chunks whose id has this prefix.
    pub(super) fn find(&self, prefix: u64) -> impl Iterator<Item = Location> + '_ {
        self.runs.iter().flat_map(move |run| {
            let first = run.partition_point(|record| record.prefix() < prefix);
            let rest = run.get(first..).unwrap_or_default().iter();
            rest.take_while(move |record| record.prefix() == prefix)
                .filter_map(|record| self.location(record))
        })
    }

    fn location(&self, record: &Record) -> Option<Location> {
        record.location(*self.packs.get(record.pack_number() as usize)?)
    }

    /// The packs, in the order in which they came.
    pub(super) fn packs(&self) -> &[PackId] {
        &self.packs
    }

    /// Keeps the packs that are to stay, and the copies in them.
    pub(super) fn retain(&mut self, stays: impl Fn(&PackId) -> bool) {
        let packs = self.packs.iter().copied().filter(stays);
        let packs: Vec<PackId> = packs.collect();
        let records = mem::take(self).into_records(&numbered(&packs));
        *self = Self::of(packs, records);
    }

    /// A sorted copy for a segment whose packs have these numbers; of other packs nothing.
    pub(super) fn records(&self, numbers: &HashMap<PackId, u32>) -> Vec<Record> {
        let numbers = self.new_numbers(numbers);
        let all = self.runs.iter().flatten();
        let mut records: Vec<Record> = all.filter_map(|r| renumbered(r, &numbers)).collect();
        records.par_sort_unstable();
        records
    }

    /// The same, without a copy.
    pub(super) fn into_records(mut self, numbers: &HashMap<PackId, u32>) -> Vec<Record> {
        let numbers = self.new_numbers(numbers);
        let mut records = self.runs.drain(..).fold(Vec::new(), joined);
        records.retain_mut(|record| match renumbered(record, &numbers) {
            Some(known) => {
                *record = known;
                true
            }
            None => false,
        });
        records.par_sort_unstable();
        records
    }

    /// By the number of a pack here, that which it is to have.
    fn new_numbers(&self, numbers: &HashMap<PackId, u32>) -> Vec<Option<u32>> {
        let new = self.packs.iter().map(|pack| numbers.get(pack).copied());
        new.collect()
    }
}

fn renumbered(record: &Record, numbers: &[Option<u32>]) -> Option<Record> {
    let number = numbers.get(record.pack_number() as usize)?;
    Some(record.renumbered((*number)?))
}

/// The records of both, in no order. The longer one's memory is taken for them.
fn joined(one: Vec<Record>, other: Vec<Record>) -> Vec<Record> {
    let (mut long, short) = match one.len() < other.len() {
        true => (other, one),
        false => (one, other),
    };
    long.reserve_exact(short.len());
    long.extend(short);
    long
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::Encoding;
    use crate::id::ChunkId;
    use crate::pack::{Kind, Stored};

    fn trailer(number: u32, chunks: std::ops::Range<u32>) -> Trailer {
        let entries = chunks.map(|chunk| Stored {
            id: ChunkId::of(Kind::Data, &chunk.to_le_bytes()),
            stored_len: 10 + chunk,
            plain_len: 20,
            encoding: match chunk % 3 {
                0 => Encoding::Prefix {
                    base: u64::from(chunk),
                },
                _ => Encoding::Zstd,
            },
        });
        let entries: Vec<Stored> = entries.collect();
        let mut pack = [0; 16];
        pack[..4].copy_from_slice(&number.to_le_bytes());
        Trailer {
            kind: Kind::Data,
            pack: PackId::from_bytes(pack),
            body_hash: [0; 32],
            body_len: entries
                .iter()
                .map(|entry| u64::from(entry.stored_len))
                .sum(),
            entries,
        }
    }

    fn finds_all(recent: &Recent, trailers: &[Trailer]) -> bool {
        let mut all = trailers.iter().flat_map(locations);
        all.all(|location| {
            recent
                .find(location.id.prefix())
                .any(|found| found == location)
        })
    }

    #[test]
    fn every_copy_is_found_as_its_trailer_tells_it_and_runs_stay_few() {
        let mut recent = Recent::default();
        // The same chunks again and again: each pack has a copy of its own.
        let trailers: Vec<Trailer> = (0..200).map(|n| trailer(n, n * 7..n * 9 + 5)).collect();
        for (number, trailer) in trailers.iter().enumerate() {
            recent.add(trailer);
            assert!(recent.runs.len() <= MOST_RUNS, "{number}");
        }
        assert!(finds_all(&recent, &trailers));
        recent.settle();
        assert!(recent.runs.len() == 1 && finds_all(&recent, &trailers));
        let copies: usize = trailers.iter().map(|trailer| trailer.entries.len()).sum();
        assert_eq!(recent.len(), copies);
        let held: usize = recent.runs.iter().map(Vec::capacity).sum();
        assert!(held <= copies + copies / 2, "{held} for {copies}");
        assert_eq!(recent.find(u64::MAX).count(), 0);
    }

    #[test]
    fn what_is_appended_is_found_in_its_own_packs() {
        let trailers: Vec<Trailer> = (0..40).map(|n| trailer(n, n * 5..n * 8 + 3)).collect();
        let (mut one, mut other) = (Recent::default(), Recent::default());
        trailers[..25].iter().for_each(|trailer| one.add(trailer));
        trailers[25..].iter().for_each(|trailer| other.add(trailer));
        one.append(other);
        assert!(finds_all(&one, &trailers));
    }

    #[test]
    fn packs_that_go_take_their_copies_with_them() {
        let trailers: Vec<Trailer> = (0..40).map(|n| trailer(n, n * 5..n * 8 + 3)).collect();
        let mut recent = Recent::default();
        trailers.iter().for_each(|trailer| recent.add(trailer));
        let goes = |pack: &PackId| pack.as_bytes()[0] < 20;
        recent.retain(|pack| !goes(pack));
        assert!(!recent.packs().iter().any(goes) && recent.packs().len() == 20);
        assert!(finds_all(&recent, &trailers[20..]));
        let gone = trailers[..20].iter().flat_map(locations);
        let mut found = gone.flat_map(|location| recent.find(location.id.prefix()));
        assert!(!found.any(|found| goes(&found.pack)));
    }

    #[test]
    fn records_are_sorted_and_tell_of_no_pack_without_a_number() {
        let trailers: Vec<Trailer> = (0..40).map(|n| trailer(n, n * 5..n * 8 + 3)).collect();
        let mut recent = Recent::default();
        trailers.iter().for_each(|trailer| recent.add(trailer));
        let told = &trailers[10..];
        let numbers: HashMap<PackId, u32> = told.iter().map(|t| t.pack).zip(100..).collect();
        let records = recent.records(&numbers);
        assert!(records.is_sorted());
        let copies: usize = told.iter().map(|trailer| trailer.entries.len()).sum();
        assert_eq!(records.len(), copies);
        let mut known = records.iter();
        assert!(known.all(|record| (100..130).contains(&record.pack_number())));
        assert_eq!(recent.into_records(&numbers), records);
    }
}
