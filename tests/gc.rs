//! Collections by the program (faults F-01, F-05, F-18 to F-20; bad input 54).

use std::fs;
use std::path::PathBuf;

use crate::support::{Workbench, tree};

/// Bytes of all packs.
fn pack_bytes(bench: &Workbench) -> u64 {
    let packs = fs::read_dir(bench.place().join("packs")).unwrap();
    packs
        .map(|pack| pack.unwrap().metadata().unwrap().len())
        .sum()
}

/// Forgets a snapshot, as one rename.
fn forget(bench: &Workbench, id: &str) {
    let record = |ending: &str| bench.place().join(format!("snapshots/{id}.{ending}"));
    fs::rename(record("snapshot"), record("1.forgotten")).unwrap();
}

fn gc(bench: &Workbench) -> serde_json::Value {
    bench.lifeboat(&["gc", "--json"]).exits(0).summary()
}

#[test]
fn what_a_forgotten_snapshot_held_alone_is_freed() {
    let bench = Workbench::with_files();
    bench.write("large.bin", vec![7; 300_000]);
    let noise: Vec<u8> = blake3::hash(b"x").as_bytes().repeat(20_000);
    bench.write("old.bin", &noise[..]);
    let first = bench.backs_up();
    fs::remove_file(bench.data().join("old.bin")).unwrap();
    bench.write("new.txt", "new");
    let second = bench.backs_up();
    forget(&bench, first["snapshot"].as_str().unwrap());
    let before = pack_bytes(&bench);
    let plan = bench
        .lifeboat(&["gc", "--dry-run", "--json"])
        .exits(0)
        .summary();
    assert_eq!(pack_bytes(&bench), before);
    let done = gc(&bench);
    assert_eq!(done["forgotten"], 1);
    assert_eq!(plan["live_bytes"], done["live_bytes"]);
    let target = bench.path("restored");
    let second = second["snapshot"].as_str().unwrap();
    bench
        .lifeboat(&["restore", second, "--to", "restored"])
        .exits(0);
    tree::assert_same(&bench.data(), &target);
    bench.lifeboat(&["verify", "--read-data"]).exits(0);
    let further = gc(&bench);
    assert_eq!(
        (&further["packs"], &further["pending_bytes"]),
        (&0.into(), &0.into())
    );
}

#[test]
fn bad_54_gc_of_a_damaged_repository_deletes_nothing() {
    let bench = Workbench::with_files();
    let first = bench.backs_up();
    bench.write("more.txt", "more");
    bench.backs_up();
    forget(&bench, first["snapshot"].as_str().unwrap());
    let packs = fs::read_dir(bench.place().join("packs")).unwrap();
    let packs: Vec<PathBuf> = packs.map(|pack| pack.unwrap().path()).collect();
    for pack in &packs {
        let good = fs::read(pack).unwrap();
        let mut bad = good.clone();
        let place = bad.len() - 60;
        bad[place] ^= 1;
        fs::write(pack, &bad).unwrap();
        let answer = bench.lifeboat(&["gc"]).exits(11);
        assert!(
            answer.stderr().contains("refusing to delete anything"),
            "{answer}"
        );
        assert!(packs.iter().all(|pack| pack.exists()));
        fs::write(pack, &good).unwrap();
    }
    assert_eq!(gc(&bench)["forgotten"], 1);
}

#[test]
fn f19_a_removed_snapshot_is_not_restored_half() {
    let bench = Workbench::with_files();
    let report = bench.backup();
    let snapshot = report.snapshot.unwrap();
    forget(&bench, &snapshot.id.to_string());
    gc(&bench);
    let plan = lifeboat_snapshot::Restore {
        target: bench.path("restored"),
        ..Default::default()
    };
    let repository = bench.repository();
    let refused = repository.restore(&snapshot, &plan, &lifeboat_snapshot::Unwatched);
    let refused = refused.unwrap_err().to_string();
    assert!(refused.contains("was removed"), "{refused}");
    assert!(!bench.path("restored").exists());
}
