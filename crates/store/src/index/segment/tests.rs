//! What is found in a segment is what a look at every record finds.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use super::*;
use crate::frame::Encoding;
use crate::id::ChunkId;
use crate::index::Location;
use crate::pack::Kind;

/// Bytes in memory, with a count of the copies that were asked for.
#[derive(Default)]
struct Held(Vec<u8>, Arc<AtomicUsize>);

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Map for Held {
    fn let_go(&self, _: Range<usize>) {}

    fn copy(&self, range: Range<usize>) -> Option<Vec<u8>> {
        self.1.fetch_add(1, Ordering::Relaxed);
        Some(self.0.get(range)?.to_vec())
    }
}

fn record(prefix: u64, rest: u8) -> Record {
    let mut id = [rest; 32];
    id[..8].copy_from_slice(&prefix.to_be_bytes());
    let location = Location {
        id: ChunkId::from_bytes(id),
        kind: Kind::Data,
        pack: PackId::from_bytes([1; 16]),
        offset: u64::from(rest),
        stored_len: 1,
        plain_len: 1,
        encoding: Encoding::Raw,
    };
    Record::new(&location, 0)
}

fn segment(records: &[Record]) -> Segment {
    counted(records).0
}

fn counted(records: &[Record]) -> (Segment, Arc<AtomicUsize>) {
    let repository = RepositoryId::from_bytes([7; 16]);
    let packs = [PackId::from_bytes([1; 16])];
    let mut bytes = encode_head(repository, &packs, records.len() as u64);
    let blocks = records.chunks(PER_BLOCK).flat_map(encode_block);
    bytes.extend(blocks);
    let copies = Arc::default();
    let held = Box::new(Held(bytes, Arc::clone(&copies)));
    (Segment::open("test", held, repository).unwrap(), copies)
}

#[test]
fn every_copy_of_a_prefix_is_found_wherever_blocks_end() {
    let spread = |number: u64| number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    for copies in [1, 2, 62, 63, 64, 200] {
        for count in [1, 5, 40, 3000 / copies as u64] {
            let prefixes: Vec<u64> = (1..=count).map(spread).chain([0, u64::MAX]).collect();
            let all = prefixes
                .iter()
                .flat_map(|&prefix| (0..copies).map(move |rest| record(prefix, rest)));
            let mut records: Vec<Record> = all.collect();
            records.sort_unstable();
            let segment = segment(&records);
            for &prefix in &prefixes {
                let found: Vec<Record> = segment.find(prefix).collect();
                let looked = records.iter().filter(|record| record.prefix() == prefix);
                assert!(found.iter().eq(looked), "{copies} {count}");
                for other in [prefix.wrapping_add(1), prefix.wrapping_sub(1)] {
                    let is_there = prefixes.contains(&other);
                    assert_eq!(segment.find(other).next().is_some(), is_there);
                }
            }
            assert!(segment.records().eq(records));
        }
    }
}

#[test]
fn a_block_with_a_wrong_checksum_has_no_records_and_the_others_are_found() {
    let records: Vec<Record> = (0..1000_u64)
        .map(|number| record(number << 54, 1))
        .collect();
    let repository = RepositoryId::from_bytes([7; 16]);
    let mut bytes = encode_head(repository, &[PackId::from_bytes([1; 16])], 1000);
    let head = bytes.len();
    bytes.extend(records.chunks(PER_BLOCK).flat_map(encode_block));
    bytes[head + 5 * BLOCK + 100] ^= 1;
    let held = Box::new(Held(bytes, Arc::default()));
    let segment = Segment::open("test", held, repository).unwrap();
    for (number, record) in records.iter().enumerate() {
        let is_good = number / PER_BLOCK != 5;
        assert_eq!(
            segment.find(record.prefix()).next().is_some(),
            is_good,
            "{number}"
        );
    }
    assert!(segment.is_damaged() && !segment.is_whole());
    let good = (0..).zip(&records).filter(|(at, _)| at / PER_BLOCK != 5);
    assert!(segment.records().eq(good.map(|(_, record)| *record)));
}

/// Bytes that can be read through the map alone.
struct Uncopied(Vec<u8>);

impl AsRef<[u8]> for Uncopied {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Map for Uncopied {
    fn copy(&self, _: Range<usize>) -> Option<Vec<u8>> {
        None
    }
}

#[test]
fn nothing_is_left_out_where_nothing_can_be_copied() {
    let count = 400_000_u64;
    let records: Vec<Record> = (0..count)
        .map(|number| record(u64::MAX / count * number, 1))
        .collect();
    let repository = RepositoryId::from_bytes([7; 16]);
    let mut bytes = encode_head(repository, &[PackId::from_bytes([1; 16])], count);
    bytes.extend(records.chunks(PER_BLOCK).flat_map(encode_block));
    let segment = Segment::open("test", Box::new(Uncopied(bytes)), repository).unwrap();
    // From one end to the other and back, as no map would serve.
    for at in (0..100_000).step_by(9999) {
        for record in [records[at], records[records.len() - 1 - at]] {
            assert!(segment.find(record.prefix()).eq([record]), "{at}");
        }
    }
    assert!(segment.records().eq(records) && segment.is_whole());
}

#[test]
fn lookups_in_no_order_copy_from_a_large_segment_and_find_the_same() {
    let count = 400_000_u64;
    let records: Vec<Record> = (0..count)
        .map(|number| record(u64::MAX / count * number, 1))
        .collect();
    let (segment, copies) = counted(&records);
    let middle = |quarter: u64| (count * (2 * quarter + 1) / 8) as usize;
    let there = [0, 2, 1, 3].map(middle);
    for at in there.into_iter().chain(there.map(|at| at + 1000)) {
        let before = copies.load(Ordering::Relaxed);
        let prefix = records[at].prefix();
        assert!(segment.find(prefix).eq([records[at]]), "{at}");
        assert!(copies.load(Ordering::Relaxed) > before, "{at}");
    }
    // What a lookup has read of where blocks begin, the next one there knows.
    for at in there {
        let before = copies.load(Ordering::Relaxed);
        assert!(segment.find(records[at].prefix()).eq([records[at]]), "{at}");
        assert_eq!(copies.load(Ordering::Relaxed) - before, 1, "{at}");
    }
    let before = copies.load(Ordering::Relaxed);
    for at in (middle(0)..).take(1000) {
        assert!(segment.find(records[at].prefix()).eq([records[at]]), "{at}");
    }
    // Only the first of those in order.
    assert!(copies.load(Ordering::Relaxed) - before < 30);
}
