//! Right orders pass, and each wrong step is told.

use super::super::{Fault, Harm};
use super::*;
use crate::disk::Disk;

const NAMING: Naming = Naming {
    publishes: |path| !path.ends_with(".pending"),
    commits: |path| path.starts_with("snapshots/"),
};

fn disk() -> SimDisk {
    let disk = SimDisk::new();
    disk.create_dir("packs").unwrap();
    disk.create_dir("snapshots").unwrap();
    disk.sync_dir("").unwrap();
    disk
}

/// Publishes a file, leaving out one of the steps: 1 the sync, 2 the sync of the folder.
fn publish(disk: &SimDisk, path: &str, without: u8) {
    let temporary = format!("{path}.tmp");
    let mut file = disk.create_new(&temporary).unwrap();
    file.write_all_at(b"bytes", 0).unwrap();
    if without != 1 {
        file.sync().unwrap();
    }
    disk.rename_new(&temporary, path).unwrap();
    if without != 2 {
        disk.sync_dir("packs").unwrap();
        disk.sync_dir("snapshots").unwrap();
    }
}

#[test]
fn the_right_order_passes() {
    let disk = disk();
    publish(&disk, "packs/a", 0);
    publish(&disk, "packs/b", 0);
    publish(&disk, "snapshots/s", 0);
    disk.assert_published_synced(NAMING);
}

#[test]
fn a_rename_before_the_sync_is_a_breach() {
    let disk = disk();
    publish(&disk, "packs/a", 1);
    assert_eq!(
        disk.order_breaches(NAMING),
        ["rename packs/a.tmp -> packs/a before its bytes were synced"]
    );
    assert_eq!(disk.unsynced(NAMING), ["bytes of packs/a"]);
}

#[test]
fn a_commit_before_its_packs_are_durable_is_a_breach() {
    let disk = disk();
    publish(&disk, "packs/a", 2);
    assert!(disk.order_breaches(NAMING).is_empty(), "not yet");
    publish(&disk, "snapshots/s", 2);
    assert_eq!(
        disk.order_breaches(NAMING),
        ["rename snapshots/s.tmp -> snapshots/s before: rename packs/a.tmp -> packs/a"]
    );
    assert_eq!(disk.unsynced(NAMING).len(), 2);
    disk.sync_dir("packs").unwrap();
    disk.sync_dir("snapshots").unwrap();
    assert!(disk.unsynced(NAMING).is_empty());
    assert!(!disk.order_breaches(NAMING).is_empty(), "too late to help");
}

#[test]
fn a_folder_that_was_not_synced_is_a_breach_of_what_is_in_it() {
    let disk = SimDisk::new();
    disk.create_dir("packs").unwrap();
    disk.create_dir("snapshots").unwrap();
    publish(&disk, "packs/a", 0);
    assert_eq!(disk.unsynced(NAMING), ["create packs"]);
    disk.sync_dir("").unwrap();
    assert!(disk.unsynced(NAMING).is_empty());
}

#[test]
fn writing_into_what_is_published_is_a_breach_and_into_what_is_not_is_none() {
    let disk = disk();
    let mut file = disk.create_new("snapshots/s.tmp").unwrap();
    disk.rename_new("snapshots/s.tmp", "snapshots/s.pending")
        .unwrap();
    file.write_all_at(b"record", 0).unwrap();
    file.sync().unwrap();
    disk.rename_new("snapshots/s.pending", "snapshots/s")
        .unwrap();
    disk.sync_dir("snapshots").unwrap();
    disk.assert_published_synced(NAMING);
    file.write_all_at(b"x", 0).unwrap();
    assert_eq!(
        disk.order_breaches(NAMING),
        ["write snapshots/s 0+1 after it was published"]
    );
}

#[test]
fn a_second_sync_after_a_failed_one_is_a_breach() {
    let disk = disk();
    let mut file = disk.create_new("packs/a").unwrap();
    disk.inject(Fault::nth(1, Harm::Errno(5)));
    assert!(file.sync().is_err());
    assert!(disk.order_breaches(NAMING).is_empty());
    file.sync().unwrap();
    assert_eq!(
        disk.order_breaches(NAMING),
        ["sync packs/a after its sync had failed"]
    );
}

#[test]
#[should_panic(expected = "published but not durable")]
fn the_assertion_fails_where_there_is_a_breach() {
    let disk = disk();
    publish(&disk, "packs/a", 2);
    disk.assert_published_synced(Naming::default());
}
