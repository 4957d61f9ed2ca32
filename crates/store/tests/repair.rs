//! Repair over a simulated disk: what it mends bit for bit, what it names as lost, and that no fault, kill or power cut at any
//! step of it loses a byte that was readable (faults F-01, F-02, F-05, F-08, F-10 to F-15; rule R9).

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test fails by panicking"
)]

/// Histories of small backups, and harm to them.
#[path = "repair/history.rs"]
mod history;
/// Damage beyond mending, and repairs that are interrupted.
#[path = "repair/interrupted.rs"]
mod interrupted;
/// A repair with the store alone.
#[path = "support/mending.rs"]
mod mending;
/// Packs that do not tell what is in them, and those that are made from such.
#[path = "repair/silent.rs"]
mod silent;
#[allow(dead_code, reason = "what backs up is for the other tests")]
mod support;

use std::collections::{BTreeMap, HashSet};

use lifeboat_store::disk::sim::SimDisk;
use lifeboat_store::progress::Unwatched;
use lifeboat_store::random::noise;
use lifeboat_store::{ChunkId, Kind, Options, Result, Share, SnapshotId, Store, Way};
use mending::repair;
use rayon::prelude::*;
use support::{assert_none, backing, unseal, words};

/// A repository with chunks of these lengths in packs of about so many bytes; half as much metadata, and some deltas.
fn repository(lengths: &[usize], pack_bytes: u64) -> (SimDisk, SnapshotId) {
    let disk = SimDisk::new();
    let store = Store::create(backing(&disk, 1)).unwrap();
    let options = Options {
        pack_bytes,
        ..Options::default()
    };
    let session = store.begin(options).unwrap();
    let mut record = Vec::new();
    let mut near = None;
    for (seed, len) in (0..).zip(lengths) {
        let mut bytes = noise(*len, seed / 3);
        bytes.extend(seed.to_le_bytes());
        let data = session.put(Kind::Data, &bytes, near.as_ref()).unwrap().id;
        near = Some(data);
        bytes.truncate(len / 2);
        let meta = session.put(Kind::Meta, &bytes, None).unwrap().id;
        record.extend([data, meta].iter().flat_map(|id| *id.as_bytes()));
    }
    let seal = *blake3::hash(&record).as_bytes();
    record.extend(seal);
    let id = session.id();
    session.commit(&record).unwrap();
    disk.settle();
    (disk, id)
}

/// The plain bytes of chunks; `None` for what cannot be read.
type Contents = BTreeMap<ChunkId, Option<Vec<u8>>>;

/// The plain bytes of everything the record names; `None` for what cannot be read.
fn contents(disk: &SimDisk, id: SnapshotId) -> Contents {
    let store = Store::open(backing(disk, 90)).unwrap();
    let record = store.record(id).unwrap();
    unseal(&record)
        .unwrap()
        .into_iter()
        .map(|id| (id, store.get(&id).ok()))
        .collect()
}

/// All damage that a whole verification finds.
fn damage(disk: &SimDisk) -> Vec<String> {
    let store = Store::open(backing(disk, 91)).unwrap();
    let configs = store.verify_config().into_iter();
    let packs = store.verify_packs(true, &Unwatched).unwrap().damage;
    let packs = packs.into_iter().map(|damage| format!("{damage:?}"));
    packs
        .chain(configs.map(|what| format!("{what:?}")))
        .collect()
}

fn files_in(disk: &SimDisk, folder: &str) -> Vec<String> {
    let files = disk.files().into_keys();
    files.filter(|path| path.starts_with(folder)).collect()
}

/// Every body of a pack that was there is there in some pack again, or was not damaged.
fn bodies(disk: &SimDisk) -> HashSet<Vec<u8>> {
    let body = |path: &String| {
        let bytes = disk.files().remove(path).unwrap();
        let entries = u32::from_le_bytes(bytes[bytes.len() - 52..][..4].try_into().unwrap());
        assert!(entries > 0);
        let len = u64::from_le_bytes(bytes[bytes.len() - 48..][..8].try_into().unwrap());
        bytes[8..8 + len as usize].to_vec()
    };
    files_in(disk, "packs/").iter().map(body).collect()
}

/// Damages one file, repairs, and demands that everything is as before, bit for bit.
fn mends(whole: &SimDisk, id: SnapshotId, harm: impl FnOnce(&SimDisk)) -> Result<Way, String> {
    let disk = whole.copy();
    harm(&disk);
    let done = repair(&disk, 2).map_err(words)?;
    let way = done.examination.packs.first().map(|pack| pack.way);
    if contents(&disk, id) != contents(whole, id) {
        return Err(format!("something is lost: {:?}", done.examination));
    }
    if !damage(&disk).is_empty() {
        return Err(format!("damage is left: {:?}", damage(&disk)));
    }
    if bodies(&disk) != bodies(whole) {
        return Err("a pack is not what it was".to_owned());
    }
    if done.repaired.quarantined == 0 || files_in(&disk, "quarantine/").is_empty() {
        return Err("the damaged file is nowhere".to_owned());
    }
    way.ok_or_else(|| "no pack was named".to_owned())
}

#[test]
fn f10_any_single_byte_of_any_pack_is_mended_bit_exact() {
    let (whole, id) = repository(&[900, 3000, 20_000, 70_000, 150_000], 60_000);
    let packs = whole
        .files()
        .into_iter()
        .filter(|(path, _)| path.starts_with("packs/"));
    let mut places: Vec<(String, usize)> = Vec::new();
    for (path, bytes) in packs {
        let step = bytes.len() / 180 + 1;
        let ends = bytes.len().saturating_sub(160)..bytes.len();
        places.extend(
            (0..bytes.len())
                .step_by(step)
                .chain(ends)
                .map(|at| (path.clone(), at)),
        );
    }
    let count = places.len();
    let failures: Vec<String> = places
        .into_par_iter()
        .filter_map(|(path, at)| {
            let mask = 1 << (at % 8);
            let harm = |disk: &SimDisk| disk.corrupt(&path, at, |byte| byte ^ mask).unwrap();
            let failed = match mends(&whole, id, harm) {
                Ok(Way::Remains) => Some("not mended whole".to_owned()),
                Ok(_) => None,
                Err(what) => Some(what),
            };
            failed.map(|what| format!("byte {at} of {path}: {what}"))
        })
        .collect();
    println!("{count} single bytes mended");
    assert!(count > 1000, "{count}");
    assert_none(&failures);
}

#[test]
fn f10_any_burst_of_64_kib_in_a_pack_is_mended_bit_exact() {
    let (whole, id) = repository(&[300_000; 8], 800_000);
    let large = whole
        .files()
        .into_iter()
        .filter(|(path, bytes)| path.starts_with("packs/") && bytes.len() > 280_000);
    let mut places: Vec<(String, usize)> = Vec::new();
    for (path, bytes) in large {
        let last = bytes.len() - (64 << 10);
        let some = (0..last).step_by(last / 25).chain([1, 4095, 4097, last]);
        places.extend(some.map(|at| (path.clone(), at)));
    }
    let count = places.len();
    let failures: Vec<String> = places
        .into_par_iter()
        .filter_map(|(path, at)| {
            let harm = |disk: &SimDisk| {
                let burst = |bytes: &mut Vec<u8>| {
                    bytes[at..at + (64 << 10)].fill(0x5a);
                    Ok(())
                };
                disk.damage(&path, burst).unwrap();
            };
            match mends(&whole, id, harm) {
                Ok(Way::Parity { .. }) => None,
                other => Some(format!("at {at} of {path}: {other:?}")),
            }
        })
        .collect();
    println!("{count} bursts mended");
    assert!(count > 50, "{count}");
    assert_none(&failures);
}

#[test]
fn f12_a_pack_that_lost_its_trailer_is_mended() {
    let (whole, id) = repository(&[900, 200_000, 100_000], 400_000);
    for (path, bytes) in whole.files() {
        if path.starts_with("packs/") && bytes.len() > 10_000 {
            let cut = |disk: &SimDisk| disk.truncate(&path, bytes.len() - 500).unwrap();
            let way = mends(&whole, id, cut);
            assert!(matches!(way, Ok(Way::Parity { .. })), "{path}: {way:?}");
        }
    }
}

#[test]
fn f10_damage_in_parity_is_noticed_harmless_and_made_again() {
    let (whole, id) = repository(&[30_000, 60_000], 400_000);
    for path in files_in(&whole, "parity/") {
        let bytes = whole.files()[&path].clone();
        for at in (0..bytes.len()).step_by(bytes.len() / 20) {
            let disk = whole.copy();
            disk.corrupt(&path, at, |byte| byte ^ 4).unwrap();
            let found = damage(&disk);
            assert!(
                found.len() == 1 && found[0].contains("parity"),
                "{at}: {found:?}"
            );
            assert_eq!(contents(&disk, id), contents(&whole, id));
            let repaired = repair(&disk, 2).unwrap().repaired;
            assert_eq!((repaired.quarantined, repaired.parity_made), (1, 1));
            assert_eq!(disk.files()[&path], bytes, "{at}");
            assert!(damage(&disk).is_empty());
        }
        let disk = whole.copy();
        disk.delete(&path).unwrap();
        assert!(damage(&disk).is_empty());
        let store = Store::open(backing(&disk, 2)).unwrap();
        let session = store.begin_salvage(Options::default()).unwrap();
        let examination = store.examine(&Unwatched).unwrap();
        assert!(examination.is_clean() && examination.without_parity.0 == 1);
        let added = store
            .add_parity(&examination, Share::default(), &Unwatched)
            .unwrap();
        session.abandon().unwrap();
        assert_eq!(
            (added.parity_made, added.parity_bytes),
            (1, bytes.len() as u64)
        );
        assert_eq!(disk.files()[&path], bytes);
    }
}

#[test]
fn f15_a_lost_or_damaged_config_is_written_again_from_the_other() {
    let (whole, id) = repository(&[900], 400_000);
    for path in ["config", "config.copy"] {
        for harm in [None, Some(0), Some(20)] {
            let disk = whole.copy();
            match harm {
                None => disk.delete(path).unwrap(),
                Some(len) => disk.truncate(path, len).unwrap(),
            }
            repair(&disk, 2).unwrap();
            assert_eq!(disk.files()[path], whole.files()[path]);
            assert!(damage(&disk).is_empty());
            assert_eq!(contents(&disk, id), contents(&whole, id));
        }
    }
}
