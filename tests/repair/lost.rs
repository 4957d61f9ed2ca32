//! The exact list of what stays lost, with everything else restorable; and metadata that comes back from live folders.

use std::fs;

use lifeboat_snapshot::{Backup, LostKind, RepairReport, Snapshot, Unwatched};
use serde_json::json;

use super::{bench, largest_pack, noise, repair};
use crate::support::Workbench;
use crate::support::snapshots::{contents, readable};

/// Two backups with packs of their own; what only the first one had is gone from the source, and so is its pack.
fn half_lost() -> (Workbench, [Snapshot; 2], RepairReport) {
    let bench = Workbench::with_files();
    bench.write("papers/old.bin", noise(300_000, 2));
    let first = bench.backup().snapshot.unwrap();
    let pack = largest_pack(&bench);
    fs::remove_file(bench.data().join("papers/old.bin")).unwrap();
    bench.write("new.bin", noise(400_000, 3));
    let second = bench.backup().snapshot.unwrap();
    fs::remove_file(&pack).unwrap();
    fs::remove_dir_all(bench.place().join("parity")).unwrap();
    let report = repair(&bench, true);
    (bench, [first, second], report)
}

#[test]
fn f13_what_nobody_has_is_named_by_snapshot_path_and_range_and_the_rest_is_restored() {
    let (bench, [first, second], report) = half_lost();
    let [lost] = report.lost.as_slice() else {
        panic!("{report:?}");
    };
    assert_eq!(lost.path, bench.data().join("papers/old.bin"));
    assert_eq!(
        (lost.kind, &lost.snapshots),
        (LostKind::File, &vec![first.id])
    );
    let range = lost.ranges.first().unwrap();
    assert_eq!((lost.ranges.len(), range.start, range.end), (1, 0, 300_000));
    // The small files were in the lost pack as well, and are in the source.
    assert!(
        report
            .retaken
            .iter()
            .any(|retaken| retaken.path.ends_with("notes.txt"))
    );
    let repository = bench.repository();
    contents(&repository, &second).unwrap();
    let (found, failed) = readable(&repository, &first).unwrap();
    let failed: Vec<String> = failed.iter().map(|(path, _)| path.to_string()).collect();
    assert_eq!(failed, ["papers/old.bin"]);
    assert!(found.len() >= 6);
    // The list says the same every time, and in words.
    let again = bench.lifeboat(&["repair", "--json"]).exits(4).summary();
    assert_eq!(again["lost"][0]["ranges"], json!([[0, 300_000]]));
    assert_eq!(again["lost"][0]["snapshots"], json!([first.id.to_string()]));
    let text = bench.lifeboat(&["repair"]).exits(4).text();
    assert!(text.contains("papers/old.bin: bytes 0 to 299999"), "{text}");
    // Bytes that come back to the source come back to the snapshot.
    bench.write("papers/old.bin", noise(300_000, 2));
    bench.lifeboat(&["repair", "--apply"]).exits(5);
    contents(&bench.repository(), &first).unwrap();
}

#[test]
fn f13_a_lost_description_is_named_and_no_snapshot_is_removed_from_the_list() {
    let bench = bench();
    let first = bench.backup().snapshot.unwrap();
    let meta = bench.files_in("packs").into_iter();
    let (meta, _) = meta.min_by_key(|(_, bytes)| bytes.len()).unwrap();
    bench.write("notes.txt", "changed");
    let second = bench.backup().snapshot.unwrap();
    fs::remove_file(meta).unwrap();
    fs::remove_dir_all(bench.place().join("parity")).unwrap();
    let report = repair(&bench, true);
    let is_first = |lost: &&lifeboat_snapshot::Lost| lost.snapshots.contains(&first.id);
    let lost = report.lost.iter().find(is_first).unwrap();
    assert_eq!(lost.kind, LostKind::Manifest, "{report:?}");
    let listing = bench.repository().snapshots().unwrap();
    let ids: Vec<_> = listing
        .snapshots
        .iter()
        .map(|snapshot| snapshot.id)
        .collect();
    assert_eq!(ids, [first.id, second.id]);
    bench.lifeboat(&["repair"]).exits(4);
    // A backup is as good as ever.
    let third = bench.backup().snapshot.unwrap();
    contents(&bench.repository(), &third).unwrap();
}

#[test]
fn f13_entries_of_folders_that_are_lost_come_back_with_what_lies_behind_them() {
    let bench = Workbench::new();
    for number in 0..400 {
        bench.write(format!("many/file {number}"), noise(50, number));
    }
    bench.write("other/file", "x");
    bench.age_data();
    let sources = |names: &[&str]| Backup {
        sources: names.iter().map(|name| bench.data().join(name)).collect(),
        ..bench.plan()
    };
    let repository = bench.repository();
    repository.backup(&sources(&["many"]), &Unwatched).unwrap();
    let packs = bench.files_in("packs");
    // Other sources have another parent, so this one's manifest stands for itself; the nodes of the folder are shared.
    let second = repository
        .backup(&sources(&["many", "other"]), &Unwatched)
        .unwrap();
    let second = second.snapshot.unwrap();
    let before = contents(&repository, &second).unwrap();
    packs.keys().for_each(|pack| fs::remove_file(pack).unwrap());
    fs::remove_dir_all(bench.place().join("parity")).unwrap();
    assert!(readable(&bench.repository(), &second).unwrap().0.len() < 10);
    let report = repair(&bench, true);
    let many = bench.data().join("many");
    assert!(
        report.retaken.iter().any(|retaken| retaken.path == many),
        "{report:?}"
    );
    let manifests = report
        .lost
        .iter()
        .filter(|lost| lost.kind == LostKind::Manifest);
    assert_eq!(manifests.count(), 1, "{report:?}");
    assert_eq!(contents(&bench.repository(), &second).unwrap(), before);
}

#[test]
fn f13_a_folder_is_read_again_by_the_rules_of_its_source_and_not_by_those_at_the_top() {
    let bench = Workbench::new();
    for number in 0..400 {
        bench.write(format!("many/{number}.bin"), noise(50, number));
    }
    bench.write("other/file", "x");
    bench.age_data();
    let config = "exclude = [\"*.bin\"]\n[source.many]\npath = \"data/many\"\nexclude = []\n\
                  [source.other]\npath = \"data/other\"\n";
    fs::write(bench.path("lifeboat.toml"), config).unwrap();
    bench.lifeboat(&["backup", "many", "--no-zip"]).exits(0);
    let packs = bench.files_in("packs");
    bench.lifeboat(&["backup", "--no-zip"]).exits(0);
    packs.keys().for_each(|pack| fs::remove_file(pack).unwrap());
    fs::remove_dir_all(bench.place().join("parity")).unwrap();
    // The description of the first stays lost.
    bench.lifeboat(&["repair", "--apply"]).exits(4);
    let out = bench.path("out");
    let restore = ["restore", "latest", "--to", out.to_str().unwrap()];
    bench.lifeboat(&restore).exits(0);
    assert_eq!(fs::read_dir(out.join("many")).unwrap().count(), 400);
}
