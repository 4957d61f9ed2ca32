//! What a restore over live data refuses, leaves alone, or brings back from nothing.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use rustix::fs::FlockOperation;

use super::{changed, database, in_place, notes, stages, undo};
use crate::support::tree::{differences, looks};
use crate::support::{Answer, Workbench};

#[test]
fn bad_43_nobody_restores_over_live_data_by_accident() {
    let (bench, _) = changed();
    let before = looks(&bench.data());
    bench
        .lifeboat(&["restore", "latest", "--in-place"])
        .exits(2)
        .complains(&["not confirmed", "--yes"]);
    bench
        .lifeboat(&["restore", "latest", "--in-place", "--to", "x"])
        .exits(2);
    bench.lifeboat(&["restore", "latest"]).exits(2);
    bench
        .lifeboat(&["undo", "--yes"])
        .exits(2)
        .complains(&["no restore to undo"]);
    assert_eq!(differences(&before, &looks(&bench.data())), [""; 0]);
}

#[test]
fn r7_a_link_in_the_way_is_replaced_and_not_followed() {
    let bench = Workbench::with_files();
    bench.backs_up();
    let canary = bench.path("canary");
    fs::create_dir(&canary).unwrap();
    fs::write(canary.join("one.txt"), "untouched").unwrap();
    let before = looks(&canary);
    fs::remove_dir_all(bench.data().join("papers")).unwrap();
    std::os::unix::fs::symlink(&canary, bench.data().join("papers")).unwrap();
    in_place(&bench, &["--delete"]).exits(0);
    assert_eq!(differences(&before, &looks(&canary)), [""; 0]);
    assert_eq!(
        fs::read(bench.data().join("papers/one.txt")).unwrap(),
        b"first"
    );
    undo(&bench).exits(0);
    assert_eq!(fs::read_link(bench.data().join("papers")).unwrap(), canary);
}

#[test]
fn r7_the_repository_inside_the_source_is_never_removed() {
    let bench = Workbench::with_files();
    let lifeboat = |args: &[&str]| {
        let place = bench.data().join("backups/repository");
        Answer::of(bench.command(args).env("LIFEBOAT_REPO", place))
    };
    lifeboat(&["backup", "data", "--no-zip"]).exits(0);
    bench.write("backups/other.txt", "a neighbour");
    bench.write("notes.txt", "changed");
    lifeboat(&["restore", "latest", "--in-place", "--delete", "--yes"]).exits(0);
    assert!(!bench.data().join("backups/other.txt").exists());
    lifeboat(&["verify", "--read-data"]).exits(0);
    lifeboat(&["undo", "--yes"]).exits(0);
    assert_eq!(
        fs::read(bench.data().join("backups/other.txt")).unwrap(),
        b"a neighbour"
    );
}

#[test]
fn sources_that_are_gone_come_back_folders_and_single_files_alike() {
    let bench = Workbench::with_files();
    fs::create_dir(bench.path("other")).unwrap();
    fs::write(bench.path("other/single.txt"), "alone").unwrap();
    fs::write(bench.path("other/neighbour.txt"), "not of it").unwrap();
    bench
        .lifeboat(&["backup", "data", "other/single.txt", "--no-zip"])
        .exits(0);
    let before = looks(&bench.data());
    fs::remove_dir_all(bench.data()).unwrap();
    fs::write(bench.path("other/single.txt"), "changed").unwrap();
    in_place(&bench, &["--delete"]).exits(0);
    assert_eq!(differences(&before, &looks(&bench.data())), [""; 0]);
    assert_eq!(fs::read(bench.path("other/single.txt")).unwrap(), b"alone");
    assert_eq!(
        fs::read(bench.path("other/neighbour.txt")).unwrap(),
        b"not of it"
    );
    undo(&bench).exits(0);
    assert_eq!(
        fs::read(bench.path("other/single.txt")).unwrap(),
        b"changed"
    );
    assert_eq!(stages(&bench), [""; 0]);
}

#[test]
fn a_second_restore_into_the_same_folder_has_to_wait() {
    let (bench, _) = changed();
    let folder = fs::File::open(bench.data()).unwrap();
    rustix::fs::flock(&folder, FlockOperation::LockExclusive).unwrap();
    let before = looks(&bench.data());
    let answer = in_place(&bench, &[]).exits(11);
    assert!(answer.text().contains("is under way"), "{answer}");
    assert_eq!(differences(&before, &looks(&bench.data())), [""; 0]);
    // To close it is not enough: a process that another test begins right now has it open as well.
    rustix::fs::flock(&folder, FlockOperation::Unlock).unwrap();
    in_place(&bench, &[]).exits(0);
}

#[test]
fn a_snapshot_that_cannot_be_read_changes_nothing() {
    let bench = Workbench::new();
    bench.write("large.bin", vec![7; 300_000]);
    bench.write("notes.txt", "remember");
    bench.backs_up();
    let packs: Vec<PathBuf> = fs::read_dir(bench.place().join("packs"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    let newest = packs
        .iter()
        .max_by_key(|path| path.metadata().unwrap().len())
        .unwrap();
    let mut bytes = fs::read(newest).unwrap();
    bytes[200] ^= 1;
    fs::set_permissions(newest, fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(newest, bytes).unwrap();
    bench.write("large.bin", "changed");
    bench.write("notes.txt", "changed");
    let before = looks(&bench.data());
    in_place(&bench, &[]).exits(4);
    assert_eq!(differences(&before, &looks(&bench.data())), [""; 0]);
    assert_eq!(stages(&bench), [""; 0]);
}

#[test]
fn f32_a_database_that_was_damaged_when_it_was_backed_up_is_put_in_place_only_by_force() {
    let bench = Workbench::new();
    let path = bench.data().join("app.db");
    database(&path, "DELETE", 5000);
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2 / 4096 * 4096;
    bytes[middle..middle + 4096].fill(0x5a);
    fs::write(&path, &bytes).unwrap();
    bench.lifeboat(&["backup", "data", "--no-zip"]).exits(3);
    fs::remove_file(&path).unwrap();
    database(&path, "DELETE", 3);
    in_place(&bench, &[]).exits(4);
    assert_eq!(notes(&path), 3);
    in_place(&bench, &["--force"]).exits(3);
    assert_eq!(fs::read(&path).unwrap(), bytes);
    undo(&bench).exits(0);
    assert_eq!(notes(&path), 3);
}

#[test]
fn r7_a_link_to_nothing_in_the_place_of_a_source_is_not_thrown_away_unsaved() {
    let bench = Workbench::with_files();
    bench
        .lifeboat(&["backup", "data/notes.txt", "--no-zip"])
        .exits(0);
    let path = bench.data().join("notes.txt");
    fs::remove_file(&path).unwrap();
    std::os::unix::fs::symlink("nowhere", &path).unwrap();
    let answer = in_place(&bench, &[]).exits(8);
    assert!(answer.text().contains("notes.txt"), "{answer}");
    assert_eq!(fs::read_link(&path).unwrap(), PathBuf::from("nowhere"));
    assert_eq!(stages(&bench), [""; 0]);
}

#[test]
fn f51_online_a_database_that_could_only_be_saved_as_a_file_is_not_written_over() {
    let bench = Workbench::new();
    let path = bench.data().join("app.db");
    database(&path, "WAL", 10);
    let connection = rusqlite::Connection::open(&path).unwrap();
    let last = "CREATE TABLE last (bytes); INSERT INTO last VALUES (zeroblob(3000))";
    connection.execute_batch(last).unwrap();
    drop(connection);
    bench.backs_up();
    super::add_to_wal(&path, 7);
    // The last page of the file, which the WAL does not have, is torn.
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() - 100]).unwrap();
    let before = looks(&bench.data());
    let answer = in_place(&bench, &["--online"]).exits(8);
    assert!(answer.text().contains("app.db"), "{answer}");
    assert_eq!(differences(&before, &looks(&bench.data())), [""; 0]);
    // Replaced it is kept, with what is in its WAL.
    let summary = in_place(&bench, &[]).summary();
    let kept = PathBuf::from(summary["kept"][0].as_str().unwrap());
    let wal = fs::read_dir(kept.join("old")).unwrap();
    assert!(
        wal.flatten()
            .any(|found| found.path().to_string_lossy().ends_with("-wal"))
    );
    assert_eq!(notes(&path), 10);
}
