//! Collections of damaged repositories: nothing is deleted, and the exit code is 11 whatever is wrong (bad input 54).

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::{forget, gc};
use crate::support::Workbench;

/// A repository with garbage in it.
fn bench() -> Workbench {
    let bench = Workbench::with_files();
    let first = bench.backs_up();
    bench.write("more.txt", "more");
    bench.backs_up();
    forget(&bench, first["snapshot"].as_str().unwrap());
    bench
}

fn files_in(folder: &Path) -> BTreeSet<PathBuf> {
    let entries = fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().path()).collect()
}

/// Every command that collects refuses, names the object, and leaves all packs and records where they are.
fn assert_refuses(bench: &Workbench, object: &str) {
    let folders = ["packs", "snapshots"].map(|folder| bench.place().join(folder));
    let listed = || folders.iter().filter(|folder| folder.is_dir());
    let before: Vec<_> = listed().map(|folder| files_in(folder)).collect();
    for args in [&["gc"][..], &["gc", "--dry-run"]] {
        let answer = bench.lifeboat(args).exits(11);
        let told = answer.stderr();
        let is_told = told.contains("refusing to delete anything") && told.contains(object);
        assert!(is_told, "{object}: {answer}");
    }
    let after: Vec<_> = listed().map(|folder| files_in(folder)).collect();
    assert_eq!(after, before, "{object}");
}

#[test]
fn bad_54_gc_of_a_damaged_repository_deletes_nothing() {
    let bench = bench();
    let packs = files_in(&bench.place().join("packs"));
    for pack in &packs {
        let good = fs::read(pack).unwrap();
        let mut bad = good.clone();
        let place = bad.len() - 60;
        bad[place] ^= 1;
        fs::write(pack, &bad).unwrap();
        assert_refuses(&bench, pack.to_str().unwrap());
        fs::write(pack, &good).unwrap();
    }
    assert_eq!(gc(&bench)["forgotten"], 1);
}

#[test]
fn bad_54_gc_under_a_damaged_plan_deletes_nothing() {
    let bench = bench();
    gc(&bench);
    let plan = bench.place().join("gc/plan");
    let good = fs::read(&plan).unwrap();
    let flipped: Vec<u8> = good.iter().map(|byte| byte ^ 1).collect();
    for bad in [&flipped[..], &good[..30], b""] {
        fs::write(&plan, bad).unwrap();
        assert_refuses(&bench, "gc/plan");
        // What comes with a collection is done, and the collection is not.
        bench.backs_up();
        let answer = bench.lifeboat(&["forget", "latest", "--gc"]).exits(11);
        assert!(answer.stderr().contains("refusing to delete anything"));
    }
    fs::write(&plan, &good).unwrap();
    assert_eq!(gc(&bench)["forgotten"], 3);
}

#[test]
fn bad_54_gc_where_a_record_cannot_be_read_deletes_nothing() {
    let bench = bench();
    let mut records = files_in(&bench.place().join("snapshots"));
    // A forgotten one that is given up is needed no more, whatever is in it.
    records.retain(|path| path.extension().is_some_and(|ending| ending == "snapshot"));
    let record = records.first().unwrap();
    let good = fs::read(record).unwrap();
    fs::write(record, &good[..good.len() / 2]).unwrap();
    // A copy of it may be whole: it is for a repair to say so.
    assert_refuses(&bench, record.to_str().unwrap());
    fs::write(record, &good).unwrap();
    assert_eq!(gc(&bench)["forgotten"], 1);
}

#[test]
fn bad_54_gc_where_a_manifest_is_missing_or_a_listing_fails_deletes_nothing() {
    let bench = bench();
    gc(&bench);
    for pack in files_in(&bench.place().join("packs")) {
        let aside = bench.path("aside");
        fs::rename(&pack, &aside).unwrap();
        assert_refuses(&bench, "chunk");
        fs::rename(&aside, &pack).unwrap();
    }
    for folder in ["packs", "snapshots"] {
        let place = bench.place().join(folder);
        let aside = bench.path("aside");
        fs::rename(&place, &aside).unwrap();
        assert_refuses(&bench, folder);
        fs::write(&place, "no folder").unwrap();
        assert_refuses(&bench, folder);
        fs::remove_file(&place).unwrap();
        fs::rename(&aside, &place).unwrap();
    }
    gc(&bench);
}
