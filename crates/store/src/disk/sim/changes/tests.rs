//! Faults strike the calls that they are about, and do what they say.

use super::super::{Among, Budget, Call, Fault, SimDisk};
use super::*;
use crate::disk::Disk;

const EIO: i32 = 5;

fn create(disk: &SimDisk, path: &str, bytes: &[u8]) -> io::Result<()> {
    let mut file = disk.create_new(path)?;
    file.write_all_at(bytes, 0)?;
    file.sync()
}

fn read(disk: &SimDisk, path: &str, buf: &mut [u8]) -> io::Result<()> {
    disk.open(path)?.read_exact_at(buf, 0)
}

#[test]
fn the_nth_call_fails_once_or_from_then_on() {
    for forever in [false, true] {
        // create a, write, sync, create b, write, sync, open, read
        for nth in 1..=9 {
            let disk = SimDisk::new();
            let fault = Fault::nth(nth, Harm::Errno(EIO));
            disk.inject(if forever { fault.forever() } else { fault });
            let mut buf = [0];
            let failed = [
                create(&disk, "a", b"a").is_err(),
                create(&disk, "b", b"b").is_err(),
                read(&disk, "b", &mut buf).is_err(),
            ];
            let failed = failed.iter().filter(|failed| **failed).count();
            let expected = match nth {
                9 => 0,
                1..=3 if forever => 3,
                4..=6 if forever => 2,
                4 | 5 => 2, // the reader found no bytes
                _ => 1,
            };
            assert_eq!(failed, expected, "{nth} {forever}");
            assert_eq!(disk.faults_struck() > 0, nth < 9);
        }
    }
}

#[test]
fn faults_count_only_what_they_are_about() {
    let disk = SimDisk::new();
    disk.create_dir("packs").unwrap();
    disk.inject(Fault::nth(1, Harm::Errno(EIO)).among(Among::Reads));
    disk.inject(
        Fault::nth(2, Harm::Kind(io::ErrorKind::StorageFull))
            .among(Among::Only(Call::Create))
            .under("packs/"),
    );
    create(&disk, "a", b"a").unwrap();
    create(&disk, "b", b"b").unwrap();
    create(&disk, "packs/a", b"a").unwrap();
    assert_eq!(
        create(&disk, "packs/b", b"b").unwrap_err().kind(),
        io::ErrorKind::StorageFull
    );
    assert_eq!(disk.list("").unwrap_err().raw_os_error(), Some(EIO));
    assert!(disk.list("").is_ok());
    assert_eq!(disk.faults_struck(), 2);
    disk.inject(
        Fault::nth(1, Harm::Errno(EIO))
            .among(Among::Changes)
            .forever(),
    );
    assert!(disk.list("").is_ok());
    assert!(disk.remove("a").is_err());
    assert!(disk.sync_dir("").is_err());
    disk.clear_faults();
    assert!(disk.remove("a").is_ok());
    assert_eq!(disk.faults_struck(), 0);
}

#[test]
fn short_writes_and_reads_do_half() {
    let disk = SimDisk::new();
    disk.inject(Fault::nth(1, Harm::Half(EIO)).among(Among::Only(Call::Write)));
    assert!(create(&disk, "a", b"0123456789").is_err());
    assert_eq!(disk.files()["a"], b"01234");
    disk.inject(Fault::nth(1, Harm::Half(EIO)).among(Among::Only(Call::Read)));
    let mut buf = [b'x'; 4];
    assert!(read(&disk, "a", &mut buf).is_err());
    assert_eq!(&buf, b"01xx");
}

#[test]
fn a_flip_changes_one_bit_and_nobody_is_told() {
    let disk = SimDisk::new();
    disk.inject(Fault::nth(
        2,
        Harm::Flip {
            position: 11,
            mask: 1,
        },
    ));
    create(&disk, "a", b"0000").unwrap();
    create(&disk, "b", b"0000").unwrap();
    assert_eq!(disk.files()["a"], b"0000");
    assert_eq!(disk.files()["b"], b"0001");
    disk.clear_faults();
    disk.inject(Fault::nth(
        1,
        Harm::Flip {
            position: 0,
            mask: 0x80,
        },
    ));
    let mut buf = [0; 4];
    read(&disk, "b", &mut buf).unwrap();
    assert_eq!(buf, [b'0' ^ 0x80, b'0', b'0', b'1']);
    assert_eq!(disk.faults_struck(), 1);
}

#[test]
fn done_but_failed_is_done() {
    let disk = SimDisk::new();
    create(&disk, "a", b"a").unwrap();
    disk.inject(Fault::nth(1, Harm::Done(EIO)).forever());
    assert!(disk.rename_new("a", "b").is_err());
    assert!(disk.sync_dir("").is_err());
    disk.clear_faults();
    assert_eq!(disk.files().keys().collect::<Vec<_>>(), ["b"]);
    let last = disk.operations().len();
    let states = disk
        .crash_states(&Budget::default())
        .filter(|state| state.after_operation == last);
    assert!(
        states
            .into_iter()
            .all(|state| state.disk.files().contains_key("b"))
    );
}

#[test]
fn after_a_failed_sync_the_bytes_are_gone_and_the_next_sync_says_nothing() {
    let disk = SimDisk::new();
    let mut file = disk.create_new("a").unwrap();
    file.write_all_at(b"old", 0).unwrap();
    file.sync().unwrap();
    file.write_all_at(b"new and longer", 0).unwrap();
    disk.inject(Fault::nth(1, Harm::Errno(EIO)).among(Among::Only(Call::Sync)));
    assert!(file.sync().is_err());
    assert!(disk.synced_after_failure().is_empty());
    file.sync().unwrap();
    disk.sync_dir("").unwrap();
    assert_eq!(disk.synced_after_failure(), ["a"]);
    assert_eq!(disk.files()["a"], b"old\0\0\0\0\0\0\0\0\0\0\0");
    disk.mark("synced");
    let states = disk
        .crash_states(&Budget::default())
        .filter(|state| state.is_after("synced"));
    let left: Vec<_> = states.map(|state| state.disk.files()).collect();
    assert_eq!(left, [disk.files()], "the loss is durable");
}

#[test]
fn a_full_disk_takes_what_fits_and_gives_back_what_is_removed() {
    let disk = SimDisk::new();
    assert_eq!(disk.free_bytes().unwrap(), None);
    disk.set_capacity(Some(10));
    create(&disk, "a", &[1; 6]).unwrap();
    assert_eq!(disk.free_bytes().unwrap(), Some(4));
    let error = create(&disk, "b", &[2; 6]).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    assert_eq!(disk.files()["b"], [2; 4]);
    assert_eq!(disk.free_bytes().unwrap(), Some(0));

    let open = disk.open("a").unwrap();
    disk.remove("a").unwrap();
    assert_eq!(disk.free_bytes().unwrap(), Some(0), "somebody has it open");
    drop(open);
    assert_eq!(disk.free_bytes().unwrap(), Some(6));
    let mut file = disk.create_new("c").unwrap();
    file.write_all_at(&[3; 6], 0).unwrap();
    file.write_all_at(&[4; 6], 0).unwrap(); // over its own bytes: takes no more
    assert!(file.write_all_at(&[5; 2], 5).is_err());
    assert_eq!(disk.files()["c"], [4, 4, 4, 4, 4, 5]);
}
