//! `stats`: what each snapshot and source costs alone, and what they share (feature M3).

use std::fs;

use serde_json::Value;

use crate::support::Workbench;

/// Length of a file that no compressor makes smaller.
const FILE: u64 = 100_000;

/// What descriptions, frames and records may add to a figure of the data.
const MORE: u64 = 4_000;

/// Bytes that are the same for the same name and for no other.
fn noise(name: &str) -> Vec<u8> {
    let mut bytes = vec![0; FILE as usize];
    let mut noise = blake3::Hasher::new().update(name.as_bytes()).finalize_xof();
    noise.fill(&mut bytes);
    bytes
}

/// Backs up a folder that holds just these files; gives the snapshot.
fn backs_up(bench: &Workbench, folder: &str, files: &str) -> String {
    let path = bench.path(folder);
    let _ = fs::remove_dir_all(&path);
    fs::create_dir(&path).unwrap();
    for name in files.split(' ') {
        fs::write(path.join(name), noise(name)).unwrap();
    }
    let backup = ["backup", folder, "--no-zip", "--json"];
    let summary = bench.lifeboat(&backup).exits(0).summary();
    summary["snapshot"].as_str().unwrap().to_owned()
}

fn costs(bench: &Workbench) -> Value {
    let stats = ["stats", "--costs", "--json"];
    bench.lifeboat(&stats).exits(0).json()
}

/// Alone and shared of one of the items.
fn of(item: &Value) -> (u64, u64) {
    let bytes = |name: &str| item[name].as_u64().unwrap();
    (bytes("alone_bytes"), bytes("shared_bytes"))
}

fn of_snapshot(stats: &Value, id: &str) -> (u64, u64) {
    let mut all = stats["snapshot_costs"].as_array().unwrap().iter();
    of(all.find(|item| item["id"] == id).unwrap())
}

fn is_about(bytes: u64, files: u64) -> bool {
    (files * FILE..files * FILE + MORE).contains(&bytes)
}

/// Three snapshots of one folder and one of another. `back` is gone from the second and back in the third, `both` is in
/// the other folder as well.
fn four_snapshots(bench: &Workbench) -> [String; 4] {
    [
        backs_up(bench, "books", "always back"),
        backs_up(bench, "books", "always both second"),
        backs_up(bench, "books", "always back both third"),
        backs_up(bench, "other", "both"),
    ]
}

#[test]
fn what_each_snapshot_and_source_costs_alone_and_shares_is_that_of_its_files() {
    let bench = Workbench::new();
    let ids = four_snapshots(&bench);
    let stats = costs(&bench);
    let files = ids.each_ref().map(|id| of_snapshot(&stats, id));
    for ((alone, shared), expected) in files.into_iter().zip([(0, 2), (1, 2), (1, 3), (0, 1)]) {
        assert!(is_about(alone, expected.0), "{stats}");
        assert!(is_about(shared, expected.1), "{stats}");
    }
    let sources = stats["source_costs"].as_array().unwrap();
    for (source, name, alone, common) in
        [(&sources[0], "books", 4, 2), (&sources[1], "other", 0, 0)]
    {
        assert!(source["sources"][0].as_str().unwrap().ends_with(name));
        assert!(is_about(of(source).0, alone), "{stats}");
        assert!(is_about(of(source).1, 1), "{stats}");
        assert!(is_about(source["common_bytes"].as_u64().unwrap(), common));
    }
    assert!(is_about(stats["shared_bytes"].as_u64().unwrap(), 1));
    assert!(
        is_about(stats["live_bytes"].as_u64().unwrap(), 5),
        "{stats}"
    );
    let listed: Vec<&Value> = stats["snapshot_costs"].as_array().unwrap().iter().collect();
    let listed: Vec<&str> = listed
        .iter()
        .map(|one| one["id"].as_str().unwrap())
        .collect();
    assert_eq!(listed, ids, "the oldest first");
}

#[test]
fn a_snapshot_alone_costs_what_goes_with_it_and_with_what_it_shares_what_stays_without_others() {
    let bench = Workbench::new();
    let ids = four_snapshots(&bench);
    let mut before = costs(&bench);
    for gone in [1, 0, 3] {
        let (alone, _) = of_snapshot(&before, &ids[gone]);
        let forget = ["forget", &ids[gone], "--force"];
        bench.lifeboat(&forget).exits(0);
        let after = costs(&bench);
        let live = |stats: &Value| stats["live_bytes"].as_u64().unwrap();
        assert_eq!(live(&before) - live(&after), alone, "{before} {after}");
        before = after;
    }
    let last = of_snapshot(&before, &ids[2]);
    assert_eq!(last, (before["live_bytes"].as_u64().unwrap(), 0));
}

#[test]
fn all_that_a_snapshot_leads_to_is_the_same_beside_others_as_on_its_own() {
    let bench = Workbench::new();
    let ids = four_snapshots(&bench);
    let stats = costs(&bench);
    let all: Vec<u64> = ids
        .iter()
        .map(|id| of_snapshot(&stats, id))
        .map(|(alone, shared)| alone + shared)
        .collect();
    for (id, all) in ids.iter().zip(all) {
        let others = ids.iter().filter(|other| *other != id);
        let forget = ["forget", "--force"].into_iter();
        let forget: Vec<&str> = forget.chain(others.map(String::as_str)).collect();
        bench.lifeboat(&forget).exits(0);
        assert_eq!(of_snapshot(&costs(&bench), id), (all, 0));
        bench.lifeboat(&["forget", "--undo"]).exits(0);
        let listed = bench.lifeboat(&["list", "--json"]).exits(0).json();
        assert_eq!(listed.as_array().unwrap().len(), ids.len());
    }
}

#[test]
fn zips_are_counted_beside_what_is_stored() {
    let bench = Workbench::with_files();
    let stats = || bench.lifeboat(&["stats", "--json"]).exits(0).json();
    assert_eq!(bench.lifeboat(&["init"]).exits(0).code(), Some(0));
    assert_eq!(
        (&stats()["zips"], &stats()["ratio"]),
        (&0.into(), &Value::Null)
    );
    for text in ["one", "two"] {
        bench.write("notes.txt", text);
        bench.lifeboat(&["backup", "data"]).exits(0);
    }
    let exports = fs::read_dir(bench.place().join("exports")).unwrap();
    let bytes = exports.map(|zip| zip.unwrap().metadata().unwrap().len());
    let stats = stats();
    assert_eq!(stats["zips"], 2);
    assert_eq!(stats["zips_bytes"], bytes.sum::<u64>());
    let packs = stats["stored_bytes"].as_f64().unwrap();
    let ratio = stats["snapshots_bytes"].as_f64().unwrap() / packs;
    assert!((stats["ratio"].as_f64().unwrap() - ratio).abs() < 1e-9);
}
