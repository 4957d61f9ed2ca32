//! Exports that end in the middle: by a kill, or because the disk is full (faults F-01, F-05, F-79).

use std::fs;
use std::path::Path;

use crate::support::small::Small;
use crate::support::{Answer, Workbench, outside, struck, tree};

/// Every zip below the name that a zip has is whole.
fn assert_whole(folder: &Path) -> usize {
    let mut zips = 0;
    for file in fs::read_dir(folder).into_iter().flatten() {
        let path = file.unwrap().path();
        if path.extension().is_some_and(|ending| ending == "zip") {
            zips += 1;
            if outside::works("unzip", &["-v"]) {
                let mut unzip = std::process::Command::new("unzip");
                Answer::of(unzip.arg("-tqq").arg(&path)).exits(0);
            }
        }
    }
    zips
}

fn left_over(folder: &Path) -> usize {
    let files = fs::read_dir(folder).into_iter().flatten().flatten();
    files
        .filter(|file| file.file_name().to_string_lossy().ends_with(".partial"))
        .count()
}

#[test]
fn f79_a_kill_at_any_system_call_that_writes_leaves_no_zip_that_is_not_whole() {
    if !struck::is_possible() {
        return;
    }
    let bench = Workbench::with_files();
    bench.backs_up();
    fs::create_dir(bench.path("zips")).unwrap();
    let zips = bench.path("zips");
    let mut kills = 0;
    for call in ["fsync", "renameat2", "pwrite64", "flock"] {
        for nth in 1.. {
            let before = assert_whole(&zips);
            if !struck::kill(&bench, &["export", "latest", "--zip", "zips"], call, nth) {
                break;
            }
            kills += 1;
            assert!(assert_whole(&zips) <= before + 1);
            bench
                .lifeboat(&["export", "latest", "--zip", "zips"])
                .exits(0);
            assert_eq!(left_over(&zips), 0, "{call} {nth}");
            bench.lifeboat(&["verify"]).exits(0);
        }
    }
    assert!(kills >= 4, "only {kills} kills");
}

#[test]
fn f79_a_file_that_somebody_else_calls_partial_is_left_alone() {
    let bench = Workbench::with_files();
    fs::create_dir(bench.path("zips")).unwrap();
    fs::write(
        bench.path("zips/backup_2026-01-01_00-00-00.zip.partial"),
        "mine",
    )
    .unwrap();
    bench
        .lifeboat(&["backup", "data", "--zip-dir", "zips"])
        .exits(0);
    assert_eq!(left_over(&bench.path("zips")), 1);
}

#[test]
fn f05_f79_a_full_disk_for_the_zip_leaves_the_snapshot_good_and_says_so() {
    let bench = super::incremental::data();
    let Some(small) = Small::mount(bench.path("stick"), "1m") else {
        return;
    };
    let answer = bench
        .lifeboat(&["backup", "data", "--zip-dir", "stick", "--json"])
        .exits(3);
    let summary = answer.summary();
    assert!(summary["zip"].is_null());
    assert_eq!(summary["warnings"][0]["kind"], "zip-failed");
    let message = summary["warnings"][0]["message"].as_str().unwrap();
    assert!(
        message.contains("its zip was not written") && message.contains("No space left"),
        "{message}"
    );
    assert_eq!(fs::read_dir(&small.0).unwrap().count(), 0);
    bench
        .lifeboat(&["restore", "latest", "--to", "restored"])
        .exits(0);
    for name in ["long.txt", "scan.bin"] {
        let [data, restored] =
            ["data", "restored"].map(|folder| fs::read(bench.path(folder).join(name)).unwrap());
        assert!(data == restored, "{name}");
    }
    let _ = tree::looks(&bench.path("restored"));
    // With room again, the next backup writes it.
    drop(small);
    fs::create_dir_all(bench.path("stick")).unwrap();
    bench
        .lifeboat(&["backup", "data", "--zip-dir", "stick"])
        .exits(0);
    assert_eq!(assert_whole(&bench.path("stick")), 1);
}
