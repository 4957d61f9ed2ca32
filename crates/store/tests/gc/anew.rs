//! Packs that are written anew: those of which little is needed, and small ones; and deltas that are stored whole.

use lifeboat_store::{Kind, Options, Store};

use crate::stage::{backs_up, check_clean, collect, forget, open, packs, repack, repository};
use crate::support::{Acknowledged, check};

fn assert_holds(disk: &lifeboat_store::disk::sim::SimDisk, known: &[Acknowledged]) {
    check(&open(disk, 90), known).unwrap();
}

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
    let mut plain: Vec<u8> = blake3_noise(60_000);
    let mut near = None;
    let mut last = None;
    for version in 0..4_u8 {
        let at = usize::from(version) * 9000;
        plain[at..at + 4000].copy_from_slice(&blake3_noise(4000 + usize::from(version))[..4000]);
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

fn blake3_noise(len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    blake3::Hasher::new()
        .update(&len.to_le_bytes())
        .finalize_xof()
        .fill(&mut bytes);
    bytes
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
