//! Restores over what is there already: only what was asked for is written, and only what differs.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::{over, with_snapshot};
use crate::support::{Workbench, tree};

/// Every file's inode and time of change: what was not touched keeps both.
fn stamps(folder: &Path) -> BTreeMap<PathBuf, (u64, i64, i64)> {
    // The folder itself has carried the mark meanwhile.
    let paths = tree::looks(folder)
        .into_keys()
        .filter(|path| path != Path::new(""));
    let stamp = |path: PathBuf| {
        let stat = folder.join(&path).symlink_metadata().unwrap();
        (path, (stat.ino(), stat.mtime(), stat.mtime_nsec()))
    };
    paths.map(stamp).collect()
}

#[test]
fn f49_a_target_that_is_not_empty_is_written_to_only_as_asked() {
    let bench = with_snapshot();
    let restore = |more: &[&str]| {
        let args = [&["restore", "latest", "--to", "there", "--json"], more].concat();
        bench.lifeboat(&args)
    };
    fs::create_dir_all(bench.path("there/papers")).unwrap();
    fs::write(bench.path("there/notes.txt"), "mine").unwrap();
    fs::write(bench.path("there/other"), "other").unwrap();
    restore(&[]).exits(8);
    assert_eq!(fs::read(bench.path("there/notes.txt")).unwrap(), b"mine");
    let summary = restore(&["--overwrite", "never"]).exits(0).summary();
    assert_eq!(summary["left"], 1);
    assert_eq!(fs::read(bench.path("there/notes.txt")).unwrap(), b"mine");
    assert_eq!(
        fs::read(bench.path("there/papers/one.txt")).unwrap(),
        b"first"
    );
    let summary = restore(&["--overwrite", "always"]).exits(0).summary();
    assert_eq!(
        (&summary["kept"], &summary["deleted"]),
        (&3.into(), &0.into())
    );
    assert_eq!(
        fs::read(bench.path("there/notes.txt")).unwrap(),
        b"remember"
    );
    assert!(bench.path("there/other").exists());
    let summary = restore(&["--overwrite", "if-changed", "--delete"])
        .exits(0)
        .summary();
    assert_eq!(
        (&summary["kept"], &summary["deleted"]),
        (&4.into(), &1.into())
    );
    // The folder itself was there before, and keeps what it had.
    let mut found = tree::looks(&bench.path("there"));
    let mut expected = tree::looks(&bench.data());
    for looks in [&mut found, &mut expected] {
        looks.remove(Path::new(""));
    }
    assert_eq!(tree::differences(&expected, &found), [""; 0]);
}

#[test]
fn only_blocks_that_differ_are_written() {
    let bench = with_snapshot();
    let restore = |when: &str| over(&bench, when, &["--json"]).exits(0).summary();
    bench
        .lifeboat(&["restore", "latest", "--to", "there"])
        .exits(0);
    let before = stamps(&bench.path("there"));
    assert_eq!(restore("always")["kept"], 4);
    assert_eq!(stamps(&bench.path("there")), before);
    // Of the same length and time: only looking at the bytes finds it.
    let large = bench.path("there/large.bin");
    let stat = fs::metadata(&large).unwrap();
    let mut bytes = fs::read(&large).unwrap();
    bytes[2_000_000] ^= 1;
    bytes.extend(b"more");
    fs::write(&large, &bytes).unwrap();
    fs::File::options()
        .write(true)
        .open(&large)
        .unwrap()
        .set_len(3_000_000)
        .unwrap();
    fs::File::options()
        .write(true)
        .open(&large)
        .unwrap()
        .set_modified(stat.modified().unwrap())
        .unwrap();
    assert_eq!(restore("if-changed")["kept"], 4);
    assert_ne!(
        fs::read(&large).unwrap(),
        fs::read(bench.data().join("large.bin")).unwrap()
    );
    assert_eq!(restore("always")["kept"], 3);
    let mut found = tree::looks(&bench.path("there"));
    let mut expected = tree::looks(&bench.data());
    for looks in [&mut found, &mut expected] {
        looks.remove(Path::new(""));
    }
    assert_eq!(tree::differences(&expected, &found), [""; 0]);
    // The file was mended, not made anew.
    assert_eq!(fs::metadata(&large).unwrap().ino(), stat.ino());
}

#[test]
fn a_file_with_names_outside_the_target_is_replaced_and_not_written_to() {
    let bench = with_snapshot();
    fs::create_dir(bench.path("there")).unwrap();
    fs::write(bench.path("elsewhere"), "somebody else's").unwrap();
    fs::hard_link(bench.path("elsewhere"), bench.path("there/notes.txt")).unwrap();
    over(&bench, "always", &[]).exits(0);
    assert_eq!(
        fs::read(bench.path("elsewhere")).unwrap(),
        b"somebody else's"
    );
    assert_eq!(
        fs::read(bench.path("there/notes.txt")).unwrap(),
        b"remember"
    );
}

#[test]
fn f42_a_name_of_a_file_is_never_linked_to_a_foreign_file_that_stays() {
    let bench = Workbench::new();
    bench.write("a", "of the snapshot");
    fs::hard_link(bench.data().join("a"), bench.data().join("b")).unwrap();
    fs::hard_link(bench.data().join("a"), bench.data().join("c")).unwrap();
    bench.backs_up();
    for (present, missing) in [("a", ["b", "c"]), ("b", ["a", "c"]), ("c", ["a", "b"])] {
        let there = bench.path("there");
        let _ = fs::remove_dir_all(&there);
        fs::create_dir(&there).unwrap();
        fs::write(there.join(present), "foreign").unwrap();
        let summary = over(&bench, "never", &["--json"]).exits(0).summary();
        assert_eq!(summary["left"], 1, "{present}");
        assert_eq!(fs::read(there.join(present)).unwrap(), b"foreign");
        let inodes = missing.map(|name| {
            assert_eq!(
                fs::read(there.join(name)).unwrap(),
                b"of the snapshot",
                "{name}"
            );
            fs::metadata(there.join(name)).unwrap().ino()
        });
        assert_eq!(inodes[0], inodes[1], "{present}: still one file");
    }
}

#[test]
fn f51_side_files_of_another_state_do_not_stay_beside_a_database() {
    let bench = Workbench::new();
    let app = rusqlite::Connection::open(bench.data().join("app.db")).unwrap();
    app.execute_batch("PRAGMA journal_mode = wal; CREATE TABLE t (x); INSERT INTO t VALUES (1)")
        .unwrap();
    bench.backs_up();
    // The later state, with its WAL, is copied as a careless person would, and then overwritten.
    app.execute_batch("INSERT INTO t VALUES (2)").unwrap();
    fs::create_dir(bench.path("there")).unwrap();
    for name in ["app.db", "app.db-wal"] {
        fs::copy(bench.data().join(name), bench.path("there").join(name)).unwrap();
    }
    bench
        .lifeboat(&[
            "restore",
            "latest",
            "--to",
            "there",
            "--overwrite",
            "if-changed",
        ])
        .exits(0);
    assert!(!bench.path("there/app.db-wal").exists());
    let restored = rusqlite::Connection::open(bench.path("there/app.db")).unwrap();
    let sum: i64 = restored
        .query_row("SELECT sum(x) FROM t", [], |row| row.get(0))
        .unwrap();
    assert_eq!(sum, 1);
}
