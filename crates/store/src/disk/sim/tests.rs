//! The simulated disk answers as the real one does, and logs what was done.

use super::*;
use crate::disk::RealDisk;

/// What a call answered, so that two disks can be compared.
fn answer<T: std::fmt::Debug>(result: io::Result<T>) -> String {
    format!("{:?}", result.map_err(|error| error.kind()))
}

fn create(disk: &dyn Disk, path: &str, bytes: &[u8]) -> io::Result<()> {
    disk.create_new(path)?.write_all_at(bytes, 0)
}

fn read(disk: &dyn Disk, path: &str, offset: u64, len: usize) -> io::Result<Vec<u8>> {
    let mut buf = vec![0xff; len];
    disk.open(path)?.read_exact_at(&mut buf, offset)?;
    Ok(buf)
}

fn list(disk: &dyn Disk, path: &str) -> io::Result<Vec<Listed>> {
    let mut listed = disk.list(path)?;
    listed.sort();
    Ok(listed)
}

/// Every call, right and wrong.
fn script(disk: &dyn Disk) -> Vec<String> {
    let mut answers = vec![
        answer(disk.create_dir("")),
        answer(disk.create_dir("folder")),
        answer(disk.create_dir("folder")),
        answer(disk.create_dir("none/inner")),
        answer(create(disk, "folder/file", b"0123456789")),
        answer(create(disk, "folder/file", b"")),
        answer(create(disk, "folder", b"")),
        answer(create(disk, "none/file", b"")),
        answer(create(disk, "folder/file/inner", b"")),
        answer(disk.create_dir("folder/file")),
        answer(disk.create_dir("folder/file/inner")),
        answer(create(disk, "folder/empty", b"")),
    ];
    for path in [
        "folder/file",
        "folder/empty",
        "folder",
        "none",
        "none/file",
        "folder/file/inner",
        "",
    ] {
        answers.push(answer(disk.open(path).and_then(|file| file.len())));
        answers.push(answer(
            disk.map(path).map(|bytes| (*bytes).as_ref().to_vec()),
        ));
        answers.push(answer(list(disk, path)));
        answers.push(answer(disk.try_lock(path).map(|lock| lock.is_some())));
    }
    for (offset, len) in [
        (0, 10),
        (3, 4),
        (0, 0),
        (10, 0),
        (11, 0),
        (3, 8),
        (u64::from(u32::MAX), 1),
    ] {
        answers.push(answer(read(disk, "folder/file", offset, len)));
    }
    answers.extend([
        answer(disk.sync_dir("")),
        answer(disk.sync_dir("folder")),
        answer(disk.sync_dir("none")),
        answer(disk.rename_new("folder/file", "folder/empty")),
        answer(disk.rename_new("folder/file", "folder/file")),
        answer(disk.rename_new("folder/none", "folder/empty")),
        answer(disk.rename_new("folder/file", "none/file")),
        answer(disk.rename_new("folder/file", "folder/empty/inner")),
        answer(disk.rename_new("folder/file", "moved")),
        answer(disk.rename_new("folder/file", "again")),
        answer(disk.move_file("folder/file", "again")),
        answer(disk.move_file("moved", "none/file")),
        answer(disk.move_file("moved", "again")),
        answer(disk.move_file("again", "moved")),
        answer(create(disk, "other", b"other")),
        answer(disk.replace_file("none", "other")),
        answer(disk.replace_file("other", "none/file")),
        answer(disk.replace_file("other", "new")),
        answer(disk.replace_file("moved", "new")),
        answer(disk.replace_file("new", "moved")),
        answer(list(disk, "")),
        answer(read(disk, "moved", 0, 10)),
        answer(disk.remove("folder")),
        answer(disk.remove("none")),
        answer(disk.remove("moved/inner")),
        answer(disk.remove("folder/empty")),
        answer(disk.remove("folder/empty")),
        answer(list(disk, "")),
        answer(list(disk, "folder")),
    ]);
    answers
}

#[test]
fn it_answers_every_call_as_the_real_disk_does() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(
        script(&SimDisk::new()),
        script(&RealDisk::new(folder.path()))
    );
    let missing = folder.path().join("missing");
    assert_eq!(
        script(&SimDisk::without_root()),
        script(&RealDisk::new(missing))
    );
}

/// Files and locks under their handles.
fn handles(disk: &dyn Disk) -> Vec<String> {
    let mut answers = Vec::new();
    let mut file = disk.create_new("a").unwrap();
    let reader = disk.open("a").unwrap();
    file.write_all_at(b"abc", 2).unwrap();
    answers.push(answer(file.len()));
    answers.push(answer(file.try_lock()));
    answers.push(answer(file.try_lock()));
    answers.push(answer(disk.try_lock("a").map(|lock| lock.is_some())));
    disk.rename_new("a", "b").unwrap();
    answers.push(answer(disk.try_lock("b").map(|lock| lock.is_some())));
    create(disk, "a", b"another").unwrap();
    file.write_all_at(b"zzz", 4).unwrap();
    disk.remove("b").unwrap();
    answers.push(answer(file.sync()));
    let mut buf = [9; 7];
    answers.push(answer(reader.read_exact_at(&mut buf, 0).map(|()| buf)));
    answers.push(answer(reader.len()));
    answers.push(answer(read(disk, "a", 0, 7)));

    let lock = disk.try_lock("a").unwrap();
    answers.push(answer(disk.try_lock("a").map(|lock| lock.is_some())));
    drop(lock);
    answers.push(answer(disk.try_lock("a").map(|lock| lock.is_some())));
    let mut next = disk.create_new("c").unwrap();
    next.try_lock().unwrap();
    drop(next);
    answers.push(answer(disk.try_lock("c").map(|lock| lock.is_some())));
    answers
}

#[test]
fn handles_outlive_names_and_locks_end_with_handles() {
    let folder = tempfile::tempdir().unwrap();
    let sim = SimDisk::new();
    assert_eq!(handles(&sim), handles(&RealDisk::new(folder.path())));
    let held = sim.try_lock("a").unwrap();
    assert!(held.is_some());
    assert!(
        sim.copy().try_lock("a").unwrap().is_some(),
        "a restart lets go of all locks"
    );
}

#[test]
fn the_log_holds_every_change_and_the_counters_every_call() {
    let disk = SimDisk::new();
    disk.create_dir("packs").unwrap();
    let mut file = disk.create_new("packs/x.tmp").unwrap();
    file.write_all_at(b"0123", 0).unwrap();
    file.write_all_at(b"4567", 4).unwrap();
    file.sync().unwrap();
    assert!(disk.rename_new("packs/y.tmp", "packs/y").is_err());
    disk.rename_new("packs/x.tmp", "packs/x").unwrap();
    disk.sync_dir("packs").unwrap();
    disk.list("packs").unwrap();
    assert!(disk.open("packs/z").is_err());
    disk.remove("packs/x").unwrap();
    let log: Vec<String> = disk.operations().iter().map(ToString::to_string).collect();
    assert_eq!(
        log,
        [
            "create_dir packs",
            "create packs/x.tmp",
            "write packs/x.tmp 0+4",
            "write packs/x.tmp 4+4",
            "sync packs/x.tmp",
            "rename packs/y.tmp -> packs/y (entity not found)",
            "rename packs/x.tmp -> packs/x",
            "sync_dir packs",
            "remove packs/x",
        ]
    );
    assert_eq!(disk.calls_of(Call::Write), 2);
    assert_eq!(disk.calls_of(Call::List), 1);
    assert_eq!(disk.calls(), 11);
    disk.settle();
    assert!(disk.operations().is_empty());
}

#[test]
fn threads_share_one_disk_and_one_log() {
    let disk = SimDisk::new();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let disk = disk.clone();
            scope.spawn(move || {
                for number in 0..50 {
                    create(&disk, &format!("{thread}-{number}"), &[thread; 10]).unwrap();
                }
            });
        }
    });
    assert_eq!(disk.operations().len(), 400);
    assert_eq!(disk.files().len(), 200);
    let files: std::collections::HashSet<_> = disk
        .operations()
        .iter()
        .map(|operation| operation.file)
        .collect();
    assert_eq!(files.len(), 200);
}
