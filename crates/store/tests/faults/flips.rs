//! Wrong bits on their way to the disk and back.

use lifeboat_store::disk::sim::{Among, Call, Fault, Harm, SimDisk};
use lifeboat_store::{Result, SnapshotId, Store};

use super::support::{Acknowledged, assert_none, backing, check, unseal, words};
use super::{each_nth, grown_repository, open_and_back_up, read_chunks, repository};

#[test]
fn a_bit_that_flips_on_its_way_to_the_disk_or_back_is_never_read_as_right() {
    let (base, before) = repository();
    let flip = |nth: u64| {
        let position = usize::try_from(nth * 7919).unwrap_or(0);
        let mask = 1 << (nth % 8);
        Fault::nth(nth, Harm::Flip { position, mask })
    };
    let mut writes = 0;
    for folder in ["packs/", "snapshots/", "cache/"] {
        let (failures, count) = each_nth(
            |nth| flip(nth).among(Among::Only(Call::Write)).under(folder),
            |fault| {
                let disk = base.copy();
                disk.inject(fault);
                let result = open_and_back_up(&disk);
                let struck = disk.faults_struck() > 0;
                disk.clear_faults();
                let counts = folder != "cache/";
                (struck, never_silent(&disk, &before, result, counts))
            },
        );
        assert_none(&failures);
        assert!(count > 0, "{folder}");
        writes += count;
    }
    let (base, before) = grown_repository();
    let (failures, reads) = each_nth(
        |nth| flip(nth).among(Among::Only(Call::Read)),
        |fault| {
            let disk = base.copy();
            disk.inject(fault);
            let _ = read_any(&disk, before.id); // panics on wrong bytes
            (disk.faults_struck() > 0, Ok(()))
        },
    );
    println!("{writes} writes and {reads} reads with a wrong bit");
    assert_none(&failures);
}

/// Reads everything; panics on wrong bytes that nothing tells as such. A record's bytes are its reader's to check.
fn read_any(disk: &SimDisk, id: SnapshotId) -> Result<()> {
    let store = Store::open(backing(disk, 2))?;
    assert!(store.records()?.contains(&id));
    read_chunks(&store, unseal(&store.record(id)?).unwrap_or_default())
}

/// The earlier backup is whole. Of the new one, the wrong bit is found, or, where it does not count, does no harm.
fn never_silent(
    disk: &SimDisk,
    before: &Acknowledged,
    result: Result<Acknowledged>,
    counts: bool,
) -> std::result::Result<(), String> {
    let store = Store::open(backing(disk, 3)).map_err(words)?;
    if store.record(before.id).map_err(words)? != before.record {
        return Err("the earlier record has changed".to_owned());
    }
    for id in unseal(&before.record).unwrap() {
        store.get(&id).map_err(words)?;
    }
    match (result, check(&store, std::slice::from_ref(before))) {
        (Ok(_), Ok(())) if counts => Err("a wrong bit was not found".to_owned()),
        (_, Err(what)) if !counts => Err(what),
        _ => Ok(()),
    }
}
