//! Repair of whole repositories: by parity, from the live sources, and the exact list of what stays lost (rule R9, faults F-10
//! to F-15). What repair does below snapshots is tested with the store, in `crates/store/tests/repair.rs`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use lifeboat_snapshot::{LostKind, Repair, RepairReport, Unwatched, Verify};
use lifeboat_store::random::noise;
use rusqlite::Connection;
use serde_json::json;

use crate::support::Workbench;
use crate::support::snapshots::contents;

/// A repair that is interrupted at any step.
mod interrupted;
/// A repair whose process is killed.
mod killed;
/// What neither parity nor the sources give back, or only in part.
mod lost;
/// Records and their copies.
mod records;

/// Files, one of them large, and a database.
fn bench() -> Workbench {
    let bench = Workbench::with_files();
    bench.write("large.bin", noise(900_000, 1));
    let app = Connection::open(bench.data().join("app.db")).unwrap();
    app.execute_batch("CREATE TABLE t (x); INSERT INTO t VALUES (randomblob(300000))")
        .unwrap();
    bench
}

fn largest_pack(bench: &Workbench) -> PathBuf {
    let packs = bench.files_in("packs").into_iter();
    packs.max_by_key(|(_, bytes)| bytes.len()).unwrap().0
}

fn damage(path: &Path, harm: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(path).unwrap();
    harm(&mut bytes);
    fs::write(path, bytes).unwrap();
}

/// All that is wrong with a repository.
fn verify(bench: &Workbench) -> Vec<String> {
    let plan = Verify {
        read_data: true,
        ..Verify::default()
    };
    let report = bench.repository().verify(&plan, &Unwatched).unwrap();
    report.damaged.iter().map(|d| format!("{d:?}")).collect()
}

fn repair(bench: &Workbench, apply: bool) -> RepairReport {
    let plan = Repair {
        apply,
        ..Repair::default()
    };
    bench.repository().repair(&plan, &Unwatched).unwrap()
}

#[test]
fn a_whole_repository_is_left_as_it_is() {
    let bench = bench();
    bench.backs_up();
    let before = bench.files_in("packs");
    for args in [&["repair"][..], &["repair", "--apply"]] {
        let text = bench.lifeboat(args).exits(0).text();
        assert!(text.contains("nothing is damaged"), "{text}");
    }
    assert_eq!(bench.files_in("packs"), before);
    assert_eq!(bench.files_in("quarantine"), BTreeMap::new());
    // No pending record is left behind.
    assert_eq!(bench.files_in("snapshots").len(), 1);
}

#[test]
fn f10_a_damaged_pack_is_mended_by_its_parity_after_the_plan_was_shown() {
    let bench = bench();
    let snapshot = bench.backup().snapshot.unwrap();
    let before = contents(&bench.repository(), &snapshot).unwrap();
    let pack = largest_pack(&bench);
    // The sources are of no help.
    fs::remove_dir_all(bench.data()).unwrap();
    damage(&pack, |bytes| bytes[100_000..165_536].fill(0x77));
    let damaged = bench.files_in("packs");

    let plan = bench.lifeboat(&["repair", "--json"]).exits(4).summary();
    assert_eq!(plan["applied"], false);
    assert_eq!(plan["damaged"][0]["object"], pack.to_str().unwrap());
    assert_eq!(plan["damaged"][0]["mended_by"], "parity");
    assert_eq!((&plan["lost"], &plan["retaken"]), (&json!([]), &json!([])));
    assert_eq!(bench.files_in("packs"), damaged);

    let done = bench
        .lifeboat(&["repair", "--apply", "--json"])
        .exits(5)
        .summary();
    assert_eq!(done["lost"], json!([]));
    assert_eq!(verify(&bench), [""; 0]);
    assert_eq!(contents(&bench.repository(), &snapshot).unwrap(), before);
    let kept = bench
        .place()
        .join("quarantine")
        .join(pack.file_name().unwrap());
    assert_eq!(fs::read(kept).unwrap(), damaged[&pack]);
    bench.lifeboat(&["repair", "--yes"]).exits(0);
}

#[test]
fn f13_lost_packs_are_taken_again_from_the_sources_that_are_still_there() {
    let bench = bench();
    let snapshot = bench.backup().snapshot.unwrap();
    let before = contents(&bench.repository(), &snapshot).unwrap();
    let pack = largest_pack(&bench);
    fs::remove_file(&pack).unwrap();
    fs::remove_dir_all(bench.place().join("parity")).unwrap();

    let plan = repair(&bench, false);
    assert!(!plan.lost.is_empty() || !plan.retaken.is_empty());
    assert_eq!(plan.lost, []);
    let paths: Vec<&Path> = plan
        .retaken
        .iter()
        .map(|retaken| retaken.path.as_path())
        .collect();
    assert!(
        paths.contains(&bench.data().join("large.bin").as_path()),
        "{paths:?}"
    );
    assert!(
        paths.contains(&bench.data().join("app.db").as_path()),
        "{paths:?}"
    );
    assert!(!pack.exists() && bench.files_in("packs").len() == 1);

    let text = bench.lifeboat(&["repair", "--apply"]).exits(5).text();
    assert!(
        text.contains("taken again from") && text.contains("large.bin"),
        "{text}"
    );
    assert_eq!(contents(&bench.repository(), &snapshot).unwrap(), before);
    assert_eq!(verify(&bench), [""; 0]);
    bench.lifeboat(&["repair"]).exits(0);
}

#[test]
fn f13_an_extent_of_a_database_that_has_changed_since_is_taken_again_where_it_is_the_same() {
    let bench = Workbench::new();
    let path = bench.data().join("app.db");
    let app = Connection::open(&path).unwrap();
    app.execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE t (x)")
        .unwrap();
    for _ in 0..40 {
        app.execute("INSERT INTO t VALUES (randomblob(30000))", [])
            .unwrap();
    }
    let snapshot = bench.backup().snapshot.unwrap();
    fs::remove_file(largest_pack(&bench)).unwrap();
    fs::remove_dir_all(bench.place().join("parity")).unwrap();
    app.execute("UPDATE t SET x = randomblob(30000) WHERE rowid = 20", [])
        .unwrap();

    let report = repair(&bench, true);
    let [retaken] = report.retaken.as_slice() else {
        panic!("{report:?}");
    };
    assert_eq!(retaken.path, path);
    let [lost] = report.lost.as_slice() else {
        panic!("{report:?}");
    };
    assert_eq!(
        (lost.kind, &lost.path, &lost.snapshots),
        (LostKind::Database, &path, &vec![snapshot.id])
    );
    let bytes: u64 = lost
        .ranges
        .iter()
        .map(|range| range.end - range.start)
        .sum();
    assert!((65_536..=5 * 65_536).contains(&bytes), "{lost:?}");
    assert!(retaken.bytes + bytes >= 1_200_000 && report.stays());
}

#[test]
fn f15_f14_a_lost_config_and_a_spoilt_cache_are_made_again() {
    let bench = bench();
    let snapshot = bench.backup().snapshot.unwrap();
    let config = fs::read(bench.place().join("config")).unwrap();
    for name in ["config", "config.copy"] {
        fs::remove_file(bench.place().join(name)).unwrap();
        bench.lifeboat(&["repair"]).exits(4);
        bench.lifeboat(&["repair", "--apply"]).exits(5);
        assert_eq!(fs::read(bench.place().join(name)).unwrap(), config);
    }
    contents(&bench.repository(), &snapshot).unwrap();
}

#[test]
fn parity_is_added_to_a_repository_that_has_none_and_mends_it_from_then_on() {
    let bench = bench();
    fs::write(bench.path("lifeboat.toml"), "parity = 0\n").unwrap();
    bench.backs_up();
    assert_eq!(bench.files_in("parity"), BTreeMap::new());
    let text = bench.lifeboat(&["repair"]).exits(0).text();
    assert!(text.contains("no parity"), "{text}");
    bench.lifeboat(&["repair", "--add-parity"]).exits(2);
    let add = [
        "repair",
        "--add-parity",
        "--parity",
        "10%",
        "--apply",
        "--json",
    ];
    let done = bench.lifeboat(&add).exits(0).summary();
    let packs = bench.files_in("packs");
    assert_eq!(done["parity_written"], packs.len());
    let (packs, parity) = (sum(&packs), sum(&bench.files_in("parity")));
    assert_eq!(done["parity_bytes"], parity);
    assert!(
        (packs / 10..packs / 8).contains(&parity),
        "{parity} of {packs}"
    );
    damage(&largest_pack(&bench), |bytes| bytes[5000] ^= 1);
    fs::remove_dir_all(bench.data()).unwrap();
    bench.lifeboat(&["repair", "--apply"]).exits(5);
    assert_eq!(verify(&bench), [""; 0]);
}

fn sum(files: &BTreeMap<PathBuf, Vec<u8>>) -> usize {
    files.values().map(Vec::len).sum()
}

#[test]
fn a_mistaken_share_of_parity_is_told() {
    let bench = bench();
    for share in ["5", "101%", "-1%", "much"] {
        bench
            .lifeboat(&["backup", "data", "--parity", share])
            .exits(2);
    }
    fs::write(bench.path("lifeboat.toml"), "parity = 7\n").unwrap();
    let answer = bench.lifeboat(&["backup", "data"]).exits(2);
    answer.complains(&["line 1", "5%"]);
    assert!(!bench.place().exists());
}
