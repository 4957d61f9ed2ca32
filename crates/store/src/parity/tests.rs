//! Parity mends what it promises to mend, and knows when it cannot.

use std::io;
use std::path::Path;
use std::sync::Arc;

use super::*;
use crate::disk::OpenFile;
use crate::id::PackId;
use crate::progress::Unwatched;

mod code;

const PACK: PackId = PackId::from_bytes([5; 16]);

/// A file in memory, of which some places cannot be read.
#[derive(Clone, Default)]
struct Bytes {
    bytes: Vec<u8>,
    unreadable: Option<u64>,
}

impl OpenFile for Bytes {
    fn len(&self) -> io::Result<u64> {
        Ok(self.bytes.len() as u64)
    }

    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        let end = offset + buf.len() as u64;
        if self
            .unreadable
            .is_some_and(|at| (offset..end).contains(&at))
        {
            return Err(io::Error::from_raw_os_error(5));
        }
        let part = self.bytes.get(offset as usize..end as usize);
        buf.copy_from_slice(part.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }
}

fn file(bytes: &[u8]) -> Bytes {
    Bytes {
        bytes: bytes.to_vec(),
        unreadable: None,
    }
}

/// The parity of these bytes is pinned, so they are made here and by nothing that may change.
fn noise(len: usize, seed: u8) -> Vec<u8> {
    let mut bytes = vec![0; len];
    let mut hasher = blake3::Hasher::new();
    hasher.update(&[seed]).finalize_xof().fill(&mut bytes);
    bytes
}

fn parity(pack: &[u8], per_mille: u16) -> Vec<u8> {
    parity_by(&Encoder::default(), pack, per_mille)
}

fn parity_by(encoder: &Encoder, pack: &[u8], per_mille: u16) -> Vec<u8> {
    let mut maker = ParityMaker::new(Share::per_mille(per_mille).unwrap(), encoder);
    for part in pack.chunks(100_003) {
        maker.push(part).unwrap();
    }
    maker.finish(PACK).unwrap().0
}

fn head(parity: &Bytes) -> Head {
    Head::read(parity, Path::new("p"), PACK).unwrap()
}

fn all(file: &dyn OpenFile) -> Vec<u8> {
    let mut bytes = vec![0; file.len().unwrap() as usize];
    file.read_exact_at(&mut bytes, 0).unwrap();
    bytes
}

/// Damages a copy of the pack and tells whether it was mended; what is said to be whole must be.
fn mends(pack: &[u8], parity: &Bytes, harm: impl FnOnce(&mut Bytes)) -> bool {
    let mut damaged = file(pack);
    harm(&mut damaged);
    let mended = mend(Some(Arc::new(damaged)), &head(parity), parity, &Unwatched).unwrap();
    if mended.is_whole {
        assert!(all(&mended) == pack, "whole and another");
    }
    mended.is_whole
}

const SIZES: [usize; 9] = [1, 63, 64, 182, 4095, 4096, 70_000, 300_000, 9_000_001];

#[test]
fn parity_of_every_size_reads_back_and_mends_its_first_and_last_byte() {
    for len in SIZES {
        let pack = noise(len, 1);
        let parity = file(&parity(&pack, 50));
        assert!(mends(&pack, &parity, |_| {}), "{len}");
        for at in [0, len / 2, len - 1] {
            let flip = |file: &mut Bytes| file.bytes[at] ^= 0x40;
            assert!(mends(&pack, &parity, flip), "{at} of {len}");
        }
        let cut = |file: &mut Bytes| file.bytes.truncate(len - 1);
        assert!(mends(&pack, &parity, cut), "{len}");
        let longer = |file: &mut Bytes| file.bytes.extend([7; 500]);
        assert!(mends(&pack, &parity, longer), "{len}");
    }
}

#[test]
fn the_cost_is_the_share_for_large_packs_and_bounded_for_small_ones() {
    let cost = |len: usize, share| parity(&noise(len, 1), share).len() as f64 / len as f64;
    for (len, most) in [
        (4096, 0.40),
        (65_536, 0.30),
        (1 << 20, 0.08),
        (33 << 20, 0.055),
    ] {
        let cost = cost(len, 50);
        println!("{len} bytes: {:.1} %", cost * 100.0);
        assert!(cost < most, "{len}: {cost}");
    }
    assert!(cost(8 << 20, 20) < 0.023);
    assert!((1.0..1.01).contains(&cost(8 << 20, 1000)));
}

#[test]
fn f10_every_burst_of_64_kib_is_mended_wherever_it_falls() {
    for len in [280_000, 9_000_001] {
        let pack = noise(len, 2);
        let parity = file(&parity(&pack, 50));
        let last = len - (64 << 10);
        let places = (0..last).step_by(last / 23).chain([1, 4095, last]);
        for at in places.chain([(8 << 20) - 30_000]).filter(|at| *at <= last) {
            let burst = |file: &mut Bytes| file.bytes[at..at + (64 << 10)].fill(0xa5);
            assert!(mends(&pack, &parity, burst), "{at} of {len}");
        }
    }
}

#[test]
fn f10_a_small_pack_survives_a_burst_of_a_quarter_of_it() {
    for len in [5000, 20_000, 100_000] {
        let pack = noise(len, 3);
        let parity = file(&parity(&pack, 50));
        // Shards at both ends of the burst are touched in part.
        let burst = len / 5;
        for at in (0..len - burst).step_by(len / 13) {
            let harm = |file: &mut Bytes| file.bytes[at..at + burst].fill(0);
            assert!(mends(&pack, &parity, harm), "{at} of {len}");
        }
    }
}

#[test]
fn f12_a_truncated_pack_is_mended_within_the_budget_and_not_beyond() {
    let pack = noise(300_000, 4);
    let parity = file(&parity(&pack, 50));
    let cut = |len| mends(&pack, &parity, |file| file.bytes.truncate(len));
    assert!(cut(300_000 - 60_000));
    assert!(!cut(300_000 - 90_000));
    assert!(!cut(0));
}

#[test]
fn f13_a_tiny_pack_is_made_again_from_its_parity_alone() {
    let pack = noise(3000, 5);
    let parity = file(&parity(&pack, 50));
    let mended = mend(None, &head(&parity), &parity, &Unwatched).unwrap();
    assert!(mended.is_whole && all(&mended) == pack);
}

#[test]
fn f07_a_block_that_cannot_be_read_is_made_again() {
    let pack = noise(300_000, 6);
    let parity = file(&parity(&pack, 50));
    assert!(mends(&pack, &parity, |file| file.unreadable = Some(123_456)));
}

#[test]
fn what_is_too_much_for_one_stripe_leaves_the_others_mended() {
    let pack = noise(17 << 20, 7);
    let parity = file(&parity(&pack, 20));
    let mut damaged = file(&pack);
    damaged.bytes[1 << 20..3 << 20].fill(0);
    damaged.bytes[10 << 20] ^= 1;
    let mended = mend(Some(Arc::new(damaged)), &head(&parity), &parity, &Unwatched).unwrap();
    assert!(!mended.is_whole && mended.lost == 512 && mended.mended() == 1);
    let mut byte = [0];
    mended.read_exact_at(&mut byte, 10 << 20).unwrap();
    assert_eq!(byte[0], pack[10 << 20]);
}

#[test]
fn f10_as_many_shards_are_mended_as_there_are_good_recovery_shards_and_no_more() {
    let pack = noise(5 << 20, 9);
    let good = parity(&pack, 50);
    let recovery = head(&file(&good)).shape.recovery as usize;
    let first = good.len() - 4096 * head(&file(&good)).shape.recovery_shards() as usize;
    for bad in [0, 1, 30, recovery - 1] {
        let mut parity = file(&good);
        for shard in 0..bad {
            parity.bytes[first + 4096 * shard] ^= 1;
        }
        let lose = |lost: usize| {
            let harm = |file: &mut Bytes| (0..lost).for_each(|n| file.bytes[4096 * 19 * n] ^= 1);
            mends(&pack, &parity, harm)
        };
        assert!(lose(recovery - bad) && !lose(recovery - bad + 1), "{bad}");
    }
}

#[test]
fn damage_in_the_parity_itself_is_noticed_and_costs_only_the_shard_it_is_in() {
    let pack = noise(20_000, 8);
    let good = parity(&pack, 50);
    let head_len = good.len() - 1024 * head(&file(&good)).shape.recovery_shards() as usize;
    for at in 0..good.len() {
        let mut bad = file(&good);
        bad.bytes[at] ^= 0x10;
        match Head::read(&bad, Path::new("p"), PACK) {
            Err(error) => assert!(at < head_len && error.to_string().contains('p'), "{at}"),
            Ok(head) => {
                assert!(at >= head_len, "{at}");
                if at % 64 == 0 {
                    let whole = file(&pack);
                    let mended = mend(Some(Arc::new(whole)), &head, &bad, &Unwatched).unwrap();
                    assert!(mended.is_whole && mended.mended() == 0, "{at}");
                    assert!(mends(&pack, &bad, |file| file.bytes[777] ^= 1), "{at}");
                }
            }
        }
    }
}

#[test]
fn f12_every_cut_of_a_parity_object_is_noticed() {
    let good = parity(&noise(5000, 9), 50);
    for len in 0..good.len() {
        assert!(
            Head::read(&file(&good[..len]), Path::new("p"), PACK).is_err(),
            "{len}"
        );
    }
}

#[test]
fn f55_numbers_that_lie_cost_nothing() {
    let good = parity(&noise(5000, 9), 50);
    for at in 26..82 {
        for value in [0, 1, 0x7f, 0xff] {
            let mut bad = good.clone();
            bad[at] = value;
            if bad != good {
                assert!(
                    Head::read(&file(&bad), Path::new("p"), PACK).is_err(),
                    "{at}"
                );
            }
        }
    }
    assert!(Head::read(&file(&good), Path::new("p"), PackId::from_bytes([6; 16])).is_err());
}

#[test]
fn a_maker_that_made_others_makes_the_same_as_a_new_one() {
    for per_mille in [20, 50, 1000] {
        let mut maker = ParityMaker::new(Share::per_mille(per_mille).unwrap(), &Encoder::default());
        for (seed, len) in [
            (1, 9 << 20),
            (2, 5000),
            (3, 4 << 20),
            (4, 100_000),
            (5, (4 << 20) + 1),
        ] {
            let pack = noise(len, seed);
            maker.push(&pack).unwrap();
            assert!(
                maker.finish(PACK).unwrap().0 == parity(&pack, per_mille),
                "{len}"
            );
        }
    }
}

#[test]
fn the_memory_of_an_object_that_was_given_back_serves_for_the_next() {
    let mut maker = ParityMaker::new(Share::default(), &Encoder::default());
    let packs = [noise(700_000, 1), noise(900_000, 2), noise(300_000, 3)];
    let mut places = Vec::new();
    for pack in &packs {
        maker.push(pack).unwrap();
        let object = maker.finish(PACK).unwrap().0;
        let mut fresh = ParityMaker::new(Share::default(), &Encoder::default());
        fresh.push(pack).unwrap();
        assert_eq!(object, fresh.finish(PACK).unwrap().0);
        places.push(object.as_ptr());
        maker.give_back(object);
    }
    assert!(places.iter().all(|place| *place == places[0]));
}
