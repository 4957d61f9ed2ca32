//! The files of the index cache: opened where they are good, written when there is enough to write, merged so that they
//! stay few.
//!
//! Several processes may write at once: a file is named by what it covers, appears whole, and a merge removes only what its
//! own file covers. Whatever goes wrong here is forgotten: the trailers are still there.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::sync::Arc;

use super::segment::{PER_BLOCK, Segment, encode_block, encode_head};
use super::{Index, Record};
use crate::disk::Disk;
use crate::durable::DurableFile;
use crate::error::Result;
use crate::id::{PackId, RepositoryId};

/// Uncovered packs that make a new segment worth its file.
pub(crate) const WORTH_PACKS: usize = 16;

/// Uncovered chunks that make a new segment worth its file.
pub(crate) const WORTH_CHUNKS: usize = 4096;

/// Packs whose trailers are read at once.
pub(crate) const GROUP_PACKS: usize = 16;

/// Chunks that are kept in memory, at 64 bytes each, before they are spilled to a segment.
pub(crate) const GROUP_CHUNKS: usize = 200_000;

/// Most segments of a cache; more are merged.
pub(crate) const MOST_SEGMENTS: usize = 6;

const ENDING: &str = ".index";

/// All good segments of this repository.
pub(crate) fn open_segments(disk: &dyn Disk, repository: RepositoryId) -> Vec<Arc<Segment>> {
    let mut names = names(disk);
    names.sort_unstable();
    names
        .iter()
        .filter_map(|name| open_segment(disk, name, repository))
        .map(Arc::new)
        .collect()
}

/// The names of all segments, whether they are good or not.
fn names(disk: &dyn Disk) -> Vec<String> {
    let listed = disk.list("").unwrap_or_default().into_iter();
    let names = listed.map(|entry| entry.name);
    names.filter(|name| name.ends_with(ENDING)).collect()
}

/// Removes all segments.
pub(crate) fn clear(disk: &dyn Disk) {
    for name in names(disk) {
        let _ = disk.remove(&name);
    }
}

/// Whether a segment is not whole, or none of this program and repository.
pub(crate) fn is_flawed(disk: &dyn Disk, repository: RepositoryId) -> bool {
    let is_whole = |name: &String| {
        open_segment(disk, name, repository).is_some_and(|segment| segment.is_whole())
    };
    !names(disk).iter().all(is_whole)
}

/// One segment, if it is good.
pub(crate) fn open_segment(
    disk: &dyn Disk,
    name: &str,
    repository: RepositoryId,
) -> Option<Segment> {
    Segment::open(name, disk.map(name).ok()?, repository)
}

/// Writes sorted records to a new segment and gives its name.
pub(crate) fn write_segment(
    disk: &dyn Disk,
    repository: RepositoryId,
    packs: &[PackId],
    records: &[Record],
) -> Result<String> {
    let count = records.len() as u64;
    write_sorted(disk, repository, packs, count, records.iter().copied())
}

pub(crate) fn write_sorted(
    disk: &dyn Disk,
    repository: RepositoryId,
    packs: &[PackId],
    count: u64,
    records: impl IntoIterator<Item = Record>,
) -> Result<String> {
    let head = encode_head(repository, packs, count);
    let name = name_of(&head);
    // The folder is made on first use; that it is there already is the usual case.
    let _ = disk.create_dir("");
    let mut file = DurableFile::create(disk, "", name.clone())?;
    file.write(&head)?;
    let mut block = Vec::with_capacity(PER_BLOCK);
    let mut buffer = Vec::new();
    for record in records {
        block.push(record);
        if block.len() == PER_BLOCK {
            buffer.extend(encode_block(&block));
            block.clear();
        }
        if buffer.len() > 1 << 20 {
            file.write(&buffer)?;
            buffer.clear();
        }
    }
    if !block.is_empty() {
        buffer.extend(encode_block(&block));
    }
    file.write(&buffer)?;
    file.publish()?;
    Ok(name)
}

/// The packs of a segment by the numbers that its records use.
pub(crate) fn numbered(packs: &[PackId]) -> HashMap<PackId, u32> {
    packs.iter().copied().zip(0..).collect()
}

/// Named by what it covers: two processes that cover the same packs write the same file.
fn name_of(head: &[u8]) -> String {
    let hash = blake3::hash(head).to_hex();
    format!("{}{ENDING}", hash.chars().take(16).collect::<String>())
}

/// Writes what the index has in memory, merged with its smaller segments, and removes those.
pub(crate) fn save(disk: &dyn Disk, repository: RepositoryId, index: &Index) {
    let merged = small_segments(index);
    if merge(disk, repository, index, &merged).is_ok() {
        for segment in merged {
            let _ = disk.remove(segment.name());
        }
    }
}

/// The segments to merge: short ones, whatever is over the limit, and those that are spent.
fn small_segments(index: &Index) -> Vec<Arc<Segment>> {
    let mut segments = index.segments.clone();
    segments.sort_by_key(|segment| segment.len());
    let over = (segments.len() + 1).saturating_sub(MOST_SEGMENTS);
    let count = count_to_merge(&segments, over, index.recent.len() as u64);
    let (small, large) = segments.split_at(count);
    let spent = |segment: &&Arc<Segment>| segment.is_damaged() || is_stale(index, segment);
    small
        .iter()
        .chain(large.iter().filter(spent))
        .cloned()
        .collect()
}

/// How many of these segments, of which the shortest stand first, are worth merging with so many records in memory: at least
/// `least`, and as long as each is not much longer than all before it together, so that a record is rewritten a logarithmic
/// number of times.
pub(super) fn count_to_merge(segments: &[Arc<Segment>], least: usize, in_memory: u64) -> usize {
    let mut gathered = in_memory;
    let worth = segments.iter().enumerate().take_while(|(number, segment)| {
        let is_worth = *number < least || segment.len() <= gathered.saturating_mul(2);
        gathered += segment.len();
        is_worth
    });
    worth.count()
}

/// Whether at most half of the packs that a segment tells of are there: what a collection deleted is dead weight in it.
pub(super) fn is_stale(index: &Index, segment: &Segment) -> bool {
    let there = segment.packs().filter(|pack| index.is_listed(*pack));
    there.count() * 2 <= segment.packs().count()
}

/// Writes what these segments and the index's memory tell of packs that are there to a new segment, and gives its name.
pub(super) fn merge(
    disk: &dyn Disk,
    repository: RepositoryId,
    index: &Index,
    merged: &[Arc<Segment>],
) -> Result<String> {
    let mut packs: Vec<PackId> = merged
        .iter()
        // A segment with a damaged block does not tell all of its packs: their trailers are read again.
        .filter(|segment| segment.is_whole())
        .flat_map(|segment| segment.packs())
        .chain(index.recent_packs())
        .filter(|pack| index.listed.contains(pack))
        .collect();
    packs.sort_unstable();
    packs.dedup();
    let numbers = numbered(&packs);
    let count = merge_records(index, merged, &numbers).count() as u64;
    let records = merge_records(index, merged, &numbers);
    write_sorted(disk, repository, &packs, count, records)
}

/// All records of the segments and of memory in order, each once, with the packs numbered anew.
fn merge_records<'a>(
    index: &'a Index,
    merged: &'a [Arc<Segment>],
    numbers: &'a HashMap<PackId, u32>,
) -> impl Iterator<Item = Record> + 'a {
    let renumber = |segment: &Segment, record: Record| {
        let location = record.location(segment.pack(record.pack_number())?)?;
        Some(Record::new(&location, *numbers.get(&location.pack)?))
    };
    let mut runs: Vec<Box<dyn Iterator<Item = Record> + 'a>> = Vec::new();
    for segment in merged.iter().filter(|segment| segment.is_whole()) {
        runs.push(Box::new(
            segment.records().filter_map(move |r| renumber(segment, r)),
        ));
    }
    runs.push(Box::new(index.recent.records(numbers).into_iter()));
    let mut merge = Merge::new(runs);
    let mut last = None;
    std::iter::from_fn(move || {
        let record = merge.find(|record| last != Some(*record))?;
        last = Some(record);
        Some(record)
    })
}

/// The smallest head of several sorted runs, again and again.
struct Merge<'a> {
    runs: Vec<Box<dyn Iterator<Item = Record> + 'a>>,
    heads: BinaryHeap<Reverse<(Record, usize)>>,
}

impl<'a> Merge<'a> {
    fn new(mut runs: Vec<Box<dyn Iterator<Item = Record> + 'a>>) -> Self {
        let heads = runs
            .iter_mut()
            .enumerate()
            .filter_map(|(number, run)| Some(Reverse((run.next()?, number))))
            .collect();
        Self { runs, heads }
    }
}

impl Iterator for Merge<'_> {
    type Item = Record;

    fn next(&mut self) -> Option<Record> {
        let Reverse((record, number)) = self.heads.pop()?;
        if let Some(next) = self.runs.get_mut(number).and_then(Iterator::next) {
            self.heads.push(Reverse((next, number)));
        }
        Some(record)
    }
}
