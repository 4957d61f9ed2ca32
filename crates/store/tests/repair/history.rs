//! Repositories of a history of small backups, what goes wrong with one pack of them, and what must hold of any repair.

use std::collections::{BTreeMap, BTreeSet};

use lifeboat_store::disk::sim::SimDisk;
use lifeboat_store::random::noise;
use lifeboat_store::{ChunkId, Kind, Options, SnapshotId, Store};

use crate::mending::repair;
use crate::support::{backing, words};
use crate::{damage, files_in};

/// Numbers that are the same for the same seed.
pub(crate) struct Chance(Vec<u8>);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Self(noise(1 << 12, seed ^ 0xc4a2ce))
    }

    pub(crate) fn below(&mut self, limit: usize) -> usize {
        let rest = self.0.split_off(4);
        let number = u32::from_le_bytes(self.0[..].try_into().unwrap());
        self.0 = rest;
        number as usize % limit
    }
}

/// The chunks of each snapshot that is kept.
pub(crate) type Snapshots = BTreeMap<SnapshotId, Vec<ChunkId>>;

/// A version of a file: most of it as in the one before.
fn version(len: usize, file: u64, number: u64) -> Vec<u8> {
    let mut bytes = noise(len, file);
    let at = (number as usize * 37) % (len - 8);
    bytes[at..at + 8].copy_from_slice(&(file * 1000 + number).to_le_bytes());
    bytes
}

/// Fourteen snapshots, each of which has its files as deltas from those before, in packs of its own; some are forgotten.
/// Small packs have no parity, and there are enough of them that the index cache tells of them.
pub(crate) fn history(seed: u64, is_forgotten: impl Fn(u64) -> bool) -> (SimDisk, Snapshots) {
    let disk = SimDisk::new();
    Store::create(backing(&disk, seed * 100)).unwrap();
    let mut snapshots = Snapshots::new();
    let mut before: BTreeMap<u64, ChunkId> = BTreeMap::new();
    for number in 0..14 {
        let store = Store::open(backing(&disk, seed * 100 + 1 + number)).unwrap();
        let session = store.begin(Options::default()).unwrap();
        let mut record = Vec::new();
        for (file, len, changes) in [
            (1, 300, number),
            (2, 150, number / 2),
            (3, 9000, number / 4),
        ] {
            let bytes = version(len, seed * 10 + file, changes);
            let id = session
                .put(Kind::Data, &bytes, before.get(&file))
                .unwrap()
                .id;
            before.insert(file, id);
            record.push(id);
        }
        let meta = noise(200, seed * 1000 + number);
        record.push(session.put(Kind::Meta, &meta, None).unwrap().id);
        snapshots.insert(session.id(), record.clone());
        let bytes: Vec<u8> = record.iter().flat_map(|id| *id.as_bytes()).collect();
        let id = session.id();
        session.commit(&bytes).unwrap();
        if is_forgotten(number) {
            let store = Store::open(backing(&disk, 90)).unwrap();
            store.forget(&[id], 1).unwrap();
            snapshots.remove(&id);
        }
    }
    disk.settle();
    assert!(!files_in(&disk, "cache/").is_empty());
    (disk, snapshots)
}

/// The chunks of snapshots that are kept and that a process gives that has just begun.
pub(crate) fn given(disk: &SimDisk, snapshots: &Snapshots) -> BTreeSet<ChunkId> {
    let store = Store::open(backing(disk, 91)).unwrap();
    let ids = snapshots.values().flatten();
    ids.copied().filter(|id| store.get(id).is_ok()).collect()
}

/// Repairs as the program does without sources, and gives whether it would say that everything is mended.
fn repairs(disk: &SimDisk, snapshots: &Snapshots) -> Result<bool, String> {
    let done = repair(disk, 2).map_err(words)?;
    let mut packs = done.examination.packs.iter();
    let is_gone = packs.all(|pack| pack.is_spent() && done.rescued.contains(&pack.pack));
    let mut ids = snapshots.values().flatten();
    Ok(is_gone && ids.all(|id| done.examination.good.contains(id)))
}

/// What must hold of any repair.
pub(crate) fn keeps_its_word(disk: &SimDisk, snapshots: &Snapshots) -> Result<bool, String> {
    let before = given(disk, snapshots);
    let is_mended = repairs(disk, snapshots)?;
    let after = given(disk, snapshots);
    if let Some(id) = before.difference(&after).next() {
        return Err(format!(
            "lost what was readable\n{id}, said to be mended: {is_mended}"
        ));
    }
    let all: BTreeSet<ChunkId> = snapshots.values().flatten().copied().collect();
    if is_mended && after != all {
        return Err("mended, and something is lost".to_owned());
    }
    if is_mended && !damage(disk).is_empty() {
        return Err(format!("mended, and damage is left\n{:?}", damage(disk)));
    }
    Ok(is_mended)
}

pub(crate) fn packs(disk: &SimDisk) -> Vec<(String, usize)> {
    let files = disk.files().into_iter();
    let packs = files.filter(|(path, _)| path.starts_with("packs/"));
    packs.map(|(path, bytes)| (path, bytes.len())).collect()
}

/// One more thing that goes wrong.
pub(crate) fn harm(disk: &SimDisk, chance: &mut Chance) -> String {
    let packs = packs(disk);
    let (path, len) = &packs[chance.below(packs.len())];
    let (other, _) = &packs[chance.below(packs.len())];
    let flips = |places: Vec<usize>| {
        for at in places {
            disk.corrupt(path, at, |byte| byte ^ 0x21).unwrap();
        }
    };
    match chance.below(6) {
        0 => disk.truncate(path, chance.below(*len)).unwrap(),
        1 => {
            let more = noise(1 + chance.below(600), 5);
            let append = |bytes: &mut Vec<u8>| {
                bytes.extend(more);
                Ok(())
            };
            disk.damage(path, append).unwrap();
        }
        2 => flips(vec![len - 1 - chance.below(100)]),
        3 => flips((0..2).map(|_| len - 1 - chance.below(60)).collect()),
        4 => flips((0..3).map(|_| chance.below(*len)).collect()),
        _ if path == other => disk.delete(path).unwrap(),
        _ => {
            let bytes = disk.files();
            for (to, from) in [(path, other), (other, path)] {
                let swap = |to: &mut Vec<u8>| {
                    to.clone_from(&bytes[from]);
                    Ok(())
                };
                disk.damage(to, swap).unwrap();
            }
        }
    }
    format!("{path}, {len} bytes, and {other}")
}
