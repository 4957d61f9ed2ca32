//! Collections where something is short: room on the disk, or a pack that is needed.

use lifeboat_store::StoreError;
use lifeboat_store::disk::Disk;
use lifeboat_store::disk::sim::{Among, Call, Fault, Harm, SimDisk};

use crate::stage::{
    SMALL, backs_up, check_clean, collect, forget, open, packs, repack, repository,
};
use crate::support::{Acknowledged, check};

/// Two snapshots, of which the first is forgotten, and an index cache.
fn half_garbage() -> (SimDisk, Acknowledged) {
    let disk = repository();
    let first = backs_up(&disk, 2, 0..20, SMALL);
    let second = backs_up(&disk, 3, 60..80, SMALL);
    forget(&disk, first.id);
    assert!(!named(&disk, ".index").is_empty());
    disk.settle();
    (disk, second)
}

fn named(disk: &SimDisk, ending: &str) -> Vec<String> {
    let mut paths: Vec<String> = disk.files().into_keys().collect();
    paths.retain(|path| path.ends_with(ending));
    paths
}

#[test]
fn f05_a_collection_on_a_disk_without_one_free_byte_gives_up_the_index_cache_and_makes_room() {
    let (disk, second) = half_garbage();
    let used: usize = disk.files().values().map(Vec::len).sum();
    disk.set_capacity(Some(used as u64));
    let done = collect(&open(&disk, 4)).unwrap();
    assert!(done.packs > 0 && done.freed_bytes > 0, "{done:?}");
    disk.set_capacity(None);
    check(&open(&disk, 5), &[second]).unwrap();
    check_clean(&disk, 6).unwrap();
}

#[test]
fn f05_each_call_that_publishes_a_plan_may_find_the_disk_full_once() {
    for errno in [28, 122] {
        for call in [Call::Create, Call::Write, Call::Sync] {
            let (disk, second) = half_garbage();
            let fault = Fault::nth(1, Harm::Errno(errno));
            disk.inject(fault.among(Among::Only(call)).under("gc/"));
            let done = collect(&open(&disk, 4)).unwrap();
            assert!(done.packs > 0, "{call:?}: {done:?}");
            assert_eq!(disk.faults_struck(), 1, "{call:?}");
            assert_eq!(named(&disk, ".index"), [""; 0], "{call:?}");
            check(&open(&disk, 5), &[second]).unwrap();
            check_clean(&disk, 6).unwrap();
        }
    }
}

#[test]
fn parity_without_its_pack_stays_where_a_chunk_is_missing() {
    let disk = repository();
    let garbage = backs_up(&disk, 2, 0..20, 1 << 20);
    let known = backs_up(&disk, 3, 60..80, 1 << 20);
    forget(&disk, garbage.id);
    let parity = named(&disk, ".parity");
    assert!(!parity.is_empty(), "{:?}", disk.files().keys());
    let mut refused = 0;
    for pack in packs(&disk) {
        let copy = disk.copy();
        copy.remove(&pack).unwrap();
        for collection in [collect, repack] {
            let is_needed = check(&open(&copy, 4), std::slice::from_ref(&known)).is_err();
            let done = collection(&open(&copy, 5));
            if !is_needed {
                done.unwrap();
                continue;
            }
            let error = done.unwrap_err();
            assert!(matches!(error, StoreError::ChunkMissing { .. }), "{error}");
            assert_eq!(named(&copy, ".parity"), parity, "without {pack}");
            refused += 1;
        }
    }
    assert!(refused > 0);
}
