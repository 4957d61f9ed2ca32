//! Files across snapshots: each version with exactly the snapshots that have it.

use std::collections::BTreeSet;
use std::fs;

use lifeboat_snapshot::store::SnapshotId;
use lifeboat_snapshot::{FoundPath, Version};

use super::*;

fn find(bench: &Workbench, snapshots: &[Snapshot], patterns: &[&str]) -> Vec<FoundPath> {
    let patterns: Vec<String> = patterns
        .iter()
        .map(|pattern| (*pattern).to_owned())
        .collect();
    let repository = bench.repository();
    let found = repository.find_paths(snapshots, &patterns).unwrap();
    found.map(Result::unwrap).collect()
}

#[test]
fn versions_are_told_once_with_the_snapshots_that_have_them() {
    let bench = Workbench::with_files();
    let first = snapshot(&bench);
    bench.write("other.txt", "another file");
    let second = snapshot(&bench);
    bench.write("notes.txt", "other");
    let third = snapshot(&bench);
    fs::remove_file(bench.data().join("notes.txt")).unwrap();
    let fourth = snapshot(&bench);
    let all = [first, second, third, fourth];
    let found = find(&bench, &all, &["notes.txt"]);
    assert_eq!(found.len(), 1);
    let stands: Vec<(Option<u64>, Vec<SnapshotId>)> = found[0]
        .versions
        .iter()
        .map(|version| (version.bytes, version.snapshots.clone()))
        .collect();
    let old = "remember".len() as u64;
    assert_eq!(
        stands,
        [
            (Some(5), vec![all[2].id]),
            (Some(old), vec![all[0].id, all[1].id])
        ]
    );
}

#[test]
fn sources_and_machines_are_not_mixed_up() {
    let bench = Workbench::with_files();
    fs::create_dir(bench.path("more")).unwrap();
    fs::write(bench.path("more/notes.txt"), "those of another folder").unwrap();
    let snapshots = [
        snapshot_of(&bench, &["data"]),
        snapshot_of(&bench, &["more"]),
        snapshot_of(&bench, &["data", "more"]),
    ];
    let found = find(&bench, &snapshots, &["notes.txt"]);
    let places: BTreeSet<(String, String)> = found
        .iter()
        .map(|found| {
            let source = String::from_utf8(found.source.clone()).unwrap();
            let source = source.rsplit('/').next().unwrap().to_owned();
            (source, found.path.to_string())
        })
        .collect();
    let expected = [
        ("data", "data/notes.txt"),
        ("data", "notes.txt"),
        ("more", "more/notes.txt"),
        ("more", "notes.txt"),
    ];
    let expected = expected.map(|(source, path)| (source.to_owned(), path.to_owned()));
    assert_eq!(places, expected.into());
    assert!(found.iter().all(|found| found.versions.len() == 1));
}

/// A version as an unlike walk tells it.
type Told = (String, Option<u64>, Vec<SnapshotId>);

#[test]
fn every_version_of_every_file_is_found_with_exactly_its_snapshots() {
    let bench = Workbench::with_files();
    let mut rng = Rng(3);
    for number in 0..700 {
        bench.write(format!("many/{number:04}"), number.to_string());
    }
    let mut snapshots = Vec::new();
    // More than one word of bits.
    for _ in 0..70 {
        disturb(&bench, &mut rng, 40);
        bench.write(
            format!("many/{:04}", rng.below(700)),
            rng.below(3).to_string(),
        );
        snapshots.push(snapshot(&bench));
    }
    for pattern in ["*", "/many/", "file1*", "inside"] {
        let told = |found: &FoundPath| {
            let path = found.path.to_string();
            let version = move |version: &Version| -> Told {
                (path.clone(), version.bytes, version.snapshots.clone())
            };
            found.versions.iter().map(version).collect::<Vec<_>>()
        };
        let mut found: Vec<Told> = find(&bench, &snapshots, &[pattern])
            .iter()
            .flat_map(told)
            .collect();
        let mut expected = slowly(&bench, &snapshots, pattern);
        found.sort();
        expected.sort();
        assert_eq!(found, expected, "{pattern}");
    }
}

fn slowly(bench: &Workbench, snapshots: &[Snapshot], pattern: &str) -> Vec<Told> {
    let repository = bench.repository();
    let mut versions: Vec<(TreePath, Entry, Vec<SnapshotId>)> = Vec::new();
    for snapshot in snapshots {
        for (path, entry) in entries(&repository, snapshot) {
            let name = path.to_string();
            let last = name.rsplit('/').next().unwrap();
            let is_wanted = match pattern {
                "*" => true,
                "/many/" => name.starts_with("many/"),
                // A folder of that name is one that a file became: what is in it is found with it.
                "file1*" => name.split('/').any(|part| part.starts_with("file1")),
                _ => last == pattern,
            };
            if !is_wanted || matches!(entry.node, Node::Folder { .. }) {
                continue;
            }
            let known = versions
                .iter_mut()
                .find(|(other, known, _)| *other == path && !has_other_content(known, &entry));
            match known {
                Some((_, _, ids)) => ids.push(snapshot.id),
                None => versions.push((path, entry, vec![snapshot.id])),
            }
        }
    }
    let told = |(path, entry, ids): (TreePath, Entry, Vec<SnapshotId>)| {
        (
            path.to_string(),
            entry.node.content().map(|content| content.len),
            ids,
        )
    };
    versions.into_iter().map(told).collect()
}

#[test]
fn only_the_named_snapshots_are_looked_into() {
    let bench = Workbench::with_files();
    bench.backs_up();
    bench.write("new.txt", "new");
    bench.age_data();
    bench.backs_up();
    let find = |args: &[&str]| {
        let all = [&["find"], args, &["--json"]].concat();
        bench.lifeboat(&all).exits(0).json()
    };
    let found = find(&["notes.txt"]);
    let versions = found["found"][0]["versions"].as_array().unwrap();
    assert_eq!(versions.len(), 1);
    assert_eq!(versions[0]["snapshots"].as_array().unwrap().len(), 2);
    assert_eq!(
        find(&["new.txt", "--snapshot", "latest~1"])["found"],
        serde_json::json!([])
    );
    assert_eq!(find(&["new.txt", "--snapshot", "latest"])["snapshots"], 1);
    bench
        .lifeboat(&["find", "[z-a]"])
        .exits(2)
        .complains(&["[z-a]"]);
    // The error is the whole document.
    for args in [
        &["find", "[z-a]"][..],
        &["diff", "latest", "--exclude", "[z-a]"],
    ] {
        let args = [args, &["--json"]].concat();
        let error = bench.lifeboat(&args).exits(2).quietly().json();
        assert_eq!(error["event"], "error", "{error}");
    }
}
