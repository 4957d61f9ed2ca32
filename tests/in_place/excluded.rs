//! What backups leave out: it is saved where it has to give way, and never deleted.

use std::fs;

use super::{changed, database, in_place, notes, undo};
use crate::support::Workbench;
use crate::support::tree::{differences, looks};

/// Files that are left out by a `.lifeboatignore`, some of which a snapshot from before that holds.
fn ignoring() -> Workbench {
    let (bench, _) = changed();
    bench.write(".lifeboatignore", "*.log\n/cache/\nnotes.txt\nscratch.db\n");
    bench.write("new/deep/run.log", "left out");
    bench.write("cache/a/b", "left out as well");
    database(&bench.data().join("scratch.db"), "WAL", 3);
    bench
}

fn read(bench: &Workbench, name: &str) -> String {
    fs::read_to_string(bench.data().join(name)).unwrap()
}

#[test]
fn what_the_source_leaves_out_is_saved_where_it_is_replaced_and_stays_where_it_is_not() {
    for more in [&[][..], &["--delete"]] {
        let bench = ignoring();
        if more.is_empty() {
            // Only --delete may put a file in the place of a folder, or the other way round.
            fs::remove_file(bench.data().join("empty")).unwrap();
        }
        let before = looks(&bench.data());
        in_place(&bench, more).exits(0);
        assert_eq!(read(&bench, "notes.txt"), "remember");
        assert_eq!(read(&bench, "new/deep/run.log"), "left out");
        assert_eq!(read(&bench, "cache/a/b"), "left out as well");
        assert_eq!(notes(&bench.data().join("scratch.db")), 3);
        let is_there = bench.data().join("new/deep/file.txt").exists();
        assert_eq!(is_there, more.is_empty());
        let after = looks(&bench.data());
        undo(&bench).exits(0);
        assert_eq!(differences(&before, &looks(&bench.data())), [""; 0]);
        undo(&bench).exits(0);
        assert_eq!(differences(&after, &looks(&bench.data())), [""; 0]);
        undo(&bench).exits(0);
        assert_eq!(differences(&before, &looks(&bench.data())), [""; 0]);
    }
}

#[test]
fn what_the_snapshot_left_out_stays_although_the_file_that_says_so_is_gone() {
    let bench = Workbench::with_files();
    bench.write(".lifeboatignore", "*.log\n");
    bench.write("papers/.lifeboatignore", "drafts/\n");
    bench.write("run.log", "left out");
    bench.write("papers/drafts/one", "left out as well");
    bench.backs_up();
    fs::remove_file(bench.data().join(".lifeboatignore")).unwrap();
    fs::remove_file(bench.data().join("papers/.lifeboatignore")).unwrap();
    bench.write("extra", "not there then");
    let before = looks(&bench.data());
    in_place(&bench, &["--delete"]).exits(0);
    assert_eq!(read(&bench, "run.log"), "left out");
    assert_eq!(read(&bench, "papers/drafts/one"), "left out as well");
    assert!(!bench.data().join("extra").exists());
    undo(&bench).exits(0);
    assert_eq!(differences(&before, &looks(&bench.data())), [""; 0]);
}

#[test]
fn undo_takes_away_what_the_restore_brought_although_it_is_left_out_of_backups() {
    let bench = Workbench::with_files();
    bench.write("old.log", "in the first snapshot");
    bench.backs_up();
    fs::remove_file(bench.data().join("old.log")).unwrap();
    bench.write(".lifeboatignore", "*.log\n");
    let before = looks(&bench.data());
    in_place(&bench, &[]).exits(0);
    assert_eq!(read(&bench, "old.log"), "in the first snapshot");
    undo(&bench).exits(0);
    assert_eq!(differences(&before, &looks(&bench.data())), [""; 0]);
}

#[test]
fn a_folder_with_something_left_out_in_it_gives_way_to_nothing() {
    let bench = Workbench::with_files();
    bench.backs_up();
    fs::remove_file(bench.data().join("notes.txt")).unwrap();
    bench.write("notes.txt/sub/run.log", "left out");
    bench.write(".lifeboatignore", "*.log\n");
    let before = looks(&bench.data());
    let answer = in_place(&bench, &["--delete"]).exits(8);
    assert!(answer.text().contains("run.log"), "{answer}");
    assert_eq!(differences(&before, &looks(&bench.data())), [""; 0]);
    // What is not asked for gives way to nothing either, and is in nobody's way.
    in_place(&bench, &["--delete", "--path", "/papers/"]).exits(0);
}

#[test]
fn what_the_config_leaves_out_by_size_or_as_a_cache_is_not_deleted() {
    let bench = Workbench::with_files();
    database(&bench.data().join("app.db"), "WAL", 10);
    let rules = "exclude_caches = true\nexclude_larger_than = \"64k\"\n";
    fs::write(bench.path("lifeboat.toml"), rules).unwrap();
    bench.backs_up();
    let tag = "Signature: 8a477f597d28d172789f06886806bc55";
    bench.write("cached/CACHEDIR.TAG", tag);
    bench.write("cached/deep/thing", "left out");
    bench.write("large.bin", vec![7; 100_000]);
    bench.write("small.bin", "not left out");
    // Large databases are not left out of backups, and so not spared.
    let large = bench.data().join("large.db");
    database(&large, "DELETE", 9_000);
    let before = looks(&bench.data());
    in_place(&bench, &["--delete"]).exits(0);
    assert_eq!(read(&bench, "cached/deep/thing"), "left out");
    assert!(bench.data().join("large.bin").exists());
    for gone in ["small.bin", "large.db"] {
        assert!(!bench.data().join(gone).exists(), "{gone}");
    }
    undo(&bench).exits(0);
    assert_eq!(differences(&before, &looks(&bench.data())), [""; 0]);
}

#[test]
fn a_database_that_is_left_out_by_now_is_saved_with_what_is_only_in_its_wal() {
    let bench = Workbench::new();
    let path = bench.data().join("app.db");
    database(&path, "WAL", 10);
    bench.backs_up();
    bench.write(".lifeboatignore", "*.db\n*-wal\n");
    super::add_to_wal(&path, 7);
    in_place(&bench, &["--path", "app.db"]).exits(0);
    assert_eq!(notes(&path), 10);
    undo(&bench).exits(0);
    assert_eq!(notes(&path), 17);
}
