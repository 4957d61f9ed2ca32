//! Packs that are written anew: those of which little is needed, and small ones; and deltas that are stored whole.

use lifeboat_store::random::noise;
use lifeboat_store::{ChunkId, Kind, Options, SnapshotId, Store};

use crate::mending::repair;
use crate::stage::{
    assert_holds, backs_up, check_clean, collect, forget, open, packs, repack, repository,
};
use crate::support::Acknowledged;

#[test]
fn what_is_needed_of_a_pack_that_is_mostly_garbage_moves_to_a_new_one() {
    let disk = repository();
    let large = backs_up(&disk, 2, 0..20, 1 << 20);
    let small = backs_up(&disk, 3, 18..20, 1 << 20);
    forget(&disk, large.id);
    let used = || disk.files().values().map(Vec::len).sum::<usize>();
    let before = used();
    assert_eq!(
        collect(&open(&disk, 4)).unwrap().packs,
        0,
        "something is needed of each pack"
    );
    let done = repack(&open(&disk, 5)).unwrap();
    assert!(done.packs == 2 && done.repacked_bytes > 0, "{done:?}");
    assert!(used() < before / 3, "{} of {before}", used());
    assert_holds(&disk, &[small]);
    check_clean(&disk, 6).unwrap();
    assert_eq!(repack(&open(&disk, 7)).unwrap().packs, 0, "once is enough");
}

#[test]
fn many_small_packs_become_few() {
    let disk = repository();
    let known: Vec<Acknowledged> = (2..40)
        .map(|process| {
            backs_up(
                &disk,
                process,
                process as u32 * 4..process as u32 * 4 + 2,
                1 << 20,
            )
        })
        .collect();
    assert!(packs(&disk).len() > 60);
    repack(&open(&disk, 41)).unwrap();
    assert!(packs(&disk).len() <= 14, "{}", packs(&disk).len());
    assert_holds(&disk, &known);
    check_clean(&disk, 42).unwrap();
}

/// A row of versions of one chunk, each a delta from the one before; only the last is kept.
fn last_of_a_chain(disk: &lifeboat_store::disk::sim::SimDisk) -> Acknowledged {
    let mut plain: Vec<u8> = noise(60_000, 0);
    let mut near = None;
    let mut last = None;
    for version in 0..4_u8 {
        let at = usize::from(version) * 9000;
        plain[at..at + 4000].copy_from_slice(&noise(4000, 1 + u64::from(version)));
        let store = Store::open(crate::support::backing(disk, 20 + u64::from(version))).unwrap();
        let session = store.begin(Options::default()).unwrap();
        let id = session.put(Kind::Data, &plain, near.as_ref()).unwrap().id;
        let mut record = id.as_bytes().to_vec();
        record.extend_from_slice(blake3::hash(id.as_bytes()).as_bytes());
        let name = session.id();
        session.commit(&record).unwrap();
        if let Some(Acknowledged { id, .. }) = last.replace(Acknowledged { id: name, record }) {
            forget(disk, id);
        }
        near = Some(id);
    }
    last.unwrap()
}

#[test]
fn a_chain_that_serves_one_chunk_is_stored_whole() {
    let disk = repository();
    let last = last_of_a_chain(&disk);
    collect(&open(&disk, 4)).unwrap();
    assert_eq!(packs(&disk).len(), 4, "each link is needed");
    repack(&open(&disk, 5)).unwrap();
    assert_eq!(packs(&disk).len(), 1);
    let used: usize = disk
        .files()
        .iter()
        .filter(|(path, _)| path.ends_with(".pack"))
        .map(|(_, b)| b.len())
        .sum();
    assert!(used < 60_000 * 105 / 100, "{used}");
    assert_holds(&disk, &[last]);
    check_clean(&disk, 6).unwrap();
}

#[test]
fn f05_a_disk_without_room_for_new_packs_is_swept_all_the_same() {
    let disk = repository();
    let gone = backs_up(&disk, 2, 40..50, 1 << 20);
    let large = backs_up(&disk, 3, 0..20, 1 << 20);
    let small = backs_up(&disk, 4, 18..20, 1 << 20);
    forget(&disk, gone.id);
    forget(&disk, large.id);
    let used: usize = disk.files().values().map(Vec::len).sum();
    for room in [600, 1200, 3000, 5000, 9000] {
        let disk = disk.copy();
        disk.set_capacity(Some((used + room) as u64));
        repack(&open(&disk, 5)).unwrap();
        assert!(disk.files().values().map(Vec::len).sum::<usize>() < used);
        disk.set_capacity(None);
        assert_holds(&disk, std::slice::from_ref(&small));
        repack(&open(&disk, 6)).unwrap();
        check_clean(&disk, 7).unwrap();
    }
}

/// A session that stores these, as deltas from `near` where that saves room, and keeps the last.
fn keeps_last(
    store: &Store,
    chunks: &[&[u8]],
    near: Option<ChunkId>,
) -> (SnapshotId, Vec<ChunkId>) {
    let session = store.begin(Options::default()).unwrap();
    let put = |plain: &&[u8]| session.put(Kind::Data, plain, near.as_ref()).unwrap().id;
    let ids: Vec<ChunkId> = chunks.iter().map(put).collect();
    let mut record = ids.last().unwrap().as_bytes().to_vec();
    let seal = *blake3::hash(&record).as_bytes();
    record.extend(seal);
    let name = session.id();
    session.commit(&record).unwrap();
    (name, ids)
}

#[test]
fn what_a_repair_writes_stands_on_nothing_that_is_condemned() {
    let disk = repository();
    let base = noise(60_000, 0);
    let mut near_base = base.clone();
    near_base[..10].fill(0);
    let other = noise(50_000, 1);
    let (old, of_base) = keeps_last(&open(&disk, 2), &[&base], None);
    let condemned = packs(&disk);
    let (_, kept) = keeps_last(&open(&disk, 3), &[&near_base, &other], Some(of_base[0]));
    let is_other = |pack: &String| !condemned.contains(pack);
    let damaged = packs(&disk).into_iter().find(is_other).unwrap();
    forget(&disk, old);
    // The plan stays open for a session that is at work.
    let blocker = open(&disk, 4);
    let blocking = blocker.begin(Options::default()).unwrap();
    assert!(collect(&open(&disk, 5)).unwrap().pending_bytes > 0);
    blocking.abandon().unwrap();
    let parity = |path: &String| path.starts_with("parity/");
    for path in disk.files().into_keys().filter(parity) {
        disk.delete(&path).unwrap();
    }
    let len = disk.files().remove(&damaged).unwrap().len();
    assert!(len < 55_000, "one of the two is a delta");
    for at in len / 2..len / 2 + 9 {
        disk.corrupt(&damaged, at, |byte| byte ^ 1).unwrap();
    }
    assert!(repair(&disk, 6).unwrap().repaired.quarantined > 0);
    disk.delete(&condemned[0]).unwrap();
    assert_eq!(open(&disk, 7).get(&kept[0]).unwrap(), near_base);
}

#[test]
fn f10_a_damaged_plan_stops_no_backup_and_nothing_is_built_on_what_it_may_condemn() {
    let disk = repository();
    let gone = backs_up(&disk, 2, 0..6, 1 << 20);
    forget(&disk, gone.id);
    let blocker = open(&disk, 3);
    let blocking = blocker.begin(Options::default()).unwrap();
    assert!(collect(&open(&disk, 4)).unwrap().pending_bytes > 0);
    blocking.abandon().unwrap();
    let condemned = packs(&disk);
    disk.corrupt("gc/plan", 40, |byte| byte ^ 1).unwrap();
    assert!(open(&disk, 5).verify_plan().is_some());
    let kept = backs_up(&disk, 6, 0..6, 1 << 20);
    assert!(collect(&open(&disk, 7)).unwrap_err().is_damage());
    // As a collector would that has read the plan before.
    for pack in condemned {
        disk.delete(&pack).unwrap();
    }
    disk.delete("gc/plan").unwrap();
    collect(&open(&disk, 8)).unwrap();
    assert!(open(&disk, 9).verify_plan().is_none());
    assert_holds(&disk, &[kept]);
}
