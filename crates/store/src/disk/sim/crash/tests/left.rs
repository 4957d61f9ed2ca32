//! What a power cut leaves of bytes, names and folders.

use super::*;

#[test]
fn unsynced_bytes_come_old_new_zero_garbage_or_short() {
    let disk = SimDisk::new();
    let bytes: Vec<u8> = (0..10_000_u32)
        .map(|number| number.to_le_bytes()[0] | 1)
        .collect();
    write(&disk, "a", &bytes);
    let found: Vec<Vec<u8>> = last_files(&disk)
        .iter()
        .filter_map(|files| files.get("a").cloned())
        .collect();
    let has = |check: &dyn Fn(&[u8]) -> bool| found.iter().any(|file| check(file));
    assert!(
        has(&|file| file.is_empty()),
        "renamed or created, and no bytes yet"
    );
    assert!(has(&|file| file == bytes));
    assert!(has(&|file| file == [0; 10_000]));
    assert!(
        has(&|file| !file.is_empty() && file.len() < 10_000 && *file == bytes[..file.len()]),
        "torn"
    );
    let torn_inside = |file: &[u8]| {
        file.len() == 10_000
            && file[..4096] == bytes[..4096]
            && file[4096..8192] == [0; 4096]
            && file[8192..] == bytes[8192..]
    };
    assert!(has(&torn_inside), "the middle block is lost");
    let garbage = |file: &[u8]| {
        file.len() == 10_000
            && file[8192..] != bytes[8192..]
            && file[8192..].iter().any(|byte| *byte != 0)
    };
    assert!(has(&garbage));
    // Empty; and of the new and the torn length, every block three ways (how many blocks the torn one has
    // depends on the seed).
    assert_eq!(
        last_files(&disk)
            .iter()
            .filter(|files| files.is_empty())
            .count(),
        1
    );
    assert!(
        [28 + 3, 28 + 9, 28 + 27].contains(&found.len()),
        "{}",
        found.len()
    );
}

#[test]
fn overwritten_bytes_may_be_the_old_ones() {
    let disk = SimDisk::new();
    let mut file = write(&disk, "a", &[1; 100]);
    file.sync().unwrap();
    disk.sync_dir("").unwrap();
    file.write_all_at(&[2; 10], 50).unwrap();
    let found = last_files(&disk);
    let middles: Vec<u8> = found.iter().map(|files| files["a"][50]).collect();
    assert_eq!(found.len(), 4);
    assert!([0, 1, 2].iter().all(|byte| middles.contains(byte)));
    let around = |files: &Files| files["a"][..50] == [1; 50] && files["a"][60..] == [1; 40];
    assert!(found.iter().all(around), "what was synced is safe");
    file.sync().unwrap();
    assert_eq!(last_files(&disk), [disk.files()]);
}

#[test]
fn names_are_lost_or_kept_each_for_itself() {
    let disk = SimDisk::from_files([("a".to_owned(), vec![1]), ("b".to_owned(), vec![2])].into());
    disk.rename_new("a", "c").unwrap();
    disk.remove("b").unwrap();
    let found = last_files(&disk);
    let mut found: Vec<_> = found.iter().map(names).collect();
    found.sort();
    let expected: [&[&str]; 6] = [
        &["a"],
        &["a", "b"],
        &["a", "b", "c"],
        &["a", "c"],
        &["b", "c"],
        &["c"],
    ];
    assert_eq!(found, expected);
    disk.sync_dir("").unwrap();
    assert_eq!(
        last_files(&disk).iter().map(names).collect::<Vec<_>>(),
        [["c"]]
    );
}

#[test]
fn a_move_leaves_one_name_and_a_rename_one_or_both() {
    let start = SimDisk::from_files([("a".to_owned(), vec![1])].into());
    let (moved, renamed) = (start.copy(), start);
    moved.move_file("a", "b").unwrap();
    renamed.rename_new("a", "b").unwrap();
    let mut found: Vec<_> = last_files(&moved);
    found.sort();
    assert_eq!(found.iter().map(names).collect::<Vec<_>>(), [["a"], ["b"]]);
    assert!(
        last_files(&renamed)
            .iter()
            .any(|files| names(files) == ["a", "b"])
    );
    assert_eq!(moved.operations()[0].to_string(), "move a -> b");
    assert!(moved.move_file("a", "c").is_err());
}

#[test]
fn a_file_renamed_twice_is_never_without_a_name() {
    let disk = SimDisk::from_files([("a".to_owned(), vec![1])].into());
    disk.rename_new("a", "b").unwrap();
    disk.rename_new("b", "c").unwrap();
    let found = last_files(&disk);
    assert!(found.iter().all(|files| !files.is_empty()), "{found:?}");
    assert!(
        found
            .iter()
            .all(|files| files.values().all(|bytes| *bytes == [1]))
    );
    assert!(found.iter().any(|files| names(files) == ["a"]));
    assert!(found.iter().any(|files| names(files) == ["c"]));
}

#[test]
fn a_rename_between_folders_is_durable_with_the_folder_it_leads_to() {
    let disk = SimDisk::new();
    disk.create_dir("tmp").unwrap();
    disk.create_dir("packs").unwrap();
    disk.sync_dir("").unwrap();
    write(&disk, "tmp/a", &[1; 10]).sync().unwrap();
    disk.rename_new("tmp/a", "packs/a").unwrap();
    disk.sync_dir("tmp").unwrap();
    let found = last_files(&disk);
    assert!(found.iter().any(|files| names(files) == ["tmp/a"]));
    assert!(found.iter().any(|files| names(files) == ["packs/a"]));
    disk.sync_dir("packs").unwrap();
    assert_eq!(last_files(&disk), [disk.files()]);
}

#[test]
fn a_folder_takes_its_entries_with_it_unless_its_own_name_is_synced() {
    let disk = SimDisk::new();
    disk.create_dir("packs").unwrap();
    write(&disk, "packs/a", &[1; 10]).sync().unwrap();
    disk.sync_dir("packs").unwrap();
    let found = last_files(&disk);
    assert!(found.contains(&Files::new()), "fault F-04");
    disk.sync_dir("").unwrap();
    assert_eq!(last_files(&disk), [disk.files()]);
}

#[test]
fn a_name_used_again_does_not_confuse_the_two_files() {
    let disk = SimDisk::from_files([("a".to_owned(), vec![1])].into());
    disk.remove("a").unwrap();
    write(&disk, "a", &[2]).sync().unwrap();
    disk.rename_new("a", "b").unwrap();
    let found = last_files(&disk);
    for files in &found {
        assert!(
            files.get("b").is_none_or(|bytes| *bytes == [2]),
            "{files:?}"
        );
    }
    assert!(found.contains(&Files::new()));
    disk.sync_dir("").unwrap();
    assert_eq!(last_files(&disk), [disk.files()]);
}
