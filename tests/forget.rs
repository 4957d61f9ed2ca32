//! Snapshots that are forgotten, brought back, pinned: what goes, what stays, and what is refused.

use lifeboat_snapshot::{Filter, Repository, Snapshot, SnapshotError, Unwatched};
use lifeboat_store::random::noise;

use crate::support::Workbench;
use crate::support::snapshots::contents;

/// Rules of retention.
mod policy;

/// Backs the data up so many times, each with a change.
fn back_up(bench: &Workbench, count: usize) -> Vec<Snapshot> {
    let backup = |number| {
        bench.write("notes.txt", format!("number {number}"));
        bench.backup().snapshot.unwrap()
    };
    (0..count).map(backup).collect()
}

fn ids(repository: &Repository) -> Vec<String> {
    let listed = repository.snapshots().unwrap().snapshots;
    listed.iter().map(|found| found.id.to_string()).collect()
}

#[test]
fn a_forgotten_snapshot_is_in_no_list_and_comes_back_as_it_was() {
    let bench = Workbench::with_files();
    let taken = back_up(&bench, 3);
    let repository = bench.repository();
    let before = ids(&repository);
    let held = contents(&repository, &taken[1]).unwrap();

    assert_eq!(repository.forget(&[taken[1].id]).unwrap(), [taken[1].id]);
    assert_eq!(ids(&repository), [before[0].clone(), before[2].clone()]);
    let unknown = repository.find(&before[1], &Filter::default()).unwrap_err();
    assert!(matches!(unknown, SnapshotError::SnapshotUnknown { .. }));
    let forgotten = repository.forgotten().unwrap().items;
    assert_eq!(forgotten.len(), 1);
    assert_eq!(forgotten[0].snapshot, taken[1]);

    let back = repository.bring_back(&forgotten, &Unwatched).unwrap();
    assert_eq!(back, [taken[1].id]);
    assert_eq!(ids(&repository), before, "in its old place");
    assert_eq!(contents(&repository, &taken[1]).unwrap(), held);
    assert_eq!(repository.forgotten().unwrap().items, []);
}

#[test]
fn the_place_of_a_forgotten_snapshot_in_the_order_is_nobody_elses() {
    let bench = Workbench::with_files();
    let taken = back_up(&bench, 2);
    let repository = bench.repository();
    repository.forget(&[taken[1].id]).unwrap();
    let next = back_up(&bench, 1);
    assert!(next[0].sequence > taken[1].sequence);
    let forgotten = repository.forgotten().unwrap().items;
    repository.bring_back(&forgotten, &Unwatched).unwrap();
    let latest = repository.find("latest", &Filter::default()).unwrap();
    assert_eq!(latest, next[0]);
}

#[test]
fn what_a_collection_has_taken_is_not_brought_back() {
    let bench = Workbench::with_files();
    let taken = back_up(&bench, 1);
    let packs = || std::fs::read_dir(bench.place().join("packs")).unwrap();
    let repository = bench.repository();
    repository.forget(&[taken[0].id]).unwrap();
    let data = packs().map(|pack| pack.unwrap().path());
    data.for_each(|pack| std::fs::remove_file(pack).unwrap());
    let repository = bench.repository();
    let forgotten = repository.forgotten().unwrap().items;
    let error = repository.bring_back(&forgotten, &Unwatched).unwrap_err();
    assert!(matches!(error, SnapshotError::Collected { id, .. } if id == taken[0].id));
    assert_eq!(ids(&repository), [""; 0]);
    assert_eq!(repository.forgotten().unwrap().items.len(), 1);
}

#[test]
fn a_pinned_snapshot_is_not_forgotten() {
    let bench = Workbench::with_files();
    let taken = back_up(&bench, 2);
    let id = taken[0].id;
    let name = id.to_string();
    let pin = ["pin", &name, "--reason", "before the upgrade", "--json"];
    let answer = bench.lifeboat(&pin).exits(0).json();
    assert_eq!(
        (&answer["pinned"], &answer["changed"]),
        (&true.into(), &true.into())
    );
    let again = bench.lifeboat(&["pin", &name, "--json"]).exits(0).json();
    assert_eq!(again["changed"], false);

    let repository = bench.repository();
    let pin = repository.pin_of(id).unwrap().unwrap();
    assert_eq!(pin.reason, "before the upgrade");
    let listed = bench.lifeboat(&["list", "--json"]).exits(0).json();
    assert_eq!(listed[0]["pinned"], true);
    assert_eq!(listed[1]["pinned"], false);

    let error = repository.forget(&[taken[1].id, id]).unwrap_err();
    assert!(matches!(error, SnapshotError::Pinned { id: found } if found == id));
    assert_eq!(ids(&repository).len(), 2, "nothing was done");
    bench.lifeboat(&["unpin", &name]).exits(0);
    assert_eq!(repository.forget(&[id]).unwrap(), [id]);
}

#[test]
fn a_damaged_pin_is_a_pin() {
    let bench = Workbench::with_files();
    let taken = back_up(&bench, 1);
    let repository = bench.repository();
    repository.pin(taken[0].id, "").unwrap();
    let file = bench.place().join(format!("pins/{}.pin", taken[0].id));
    std::fs::write(file, "junk").unwrap();
    assert!(repository.pin_of(taken[0].id).is_err());
    let error = repository.forget(&[taken[0].id]).unwrap_err();
    assert!(matches!(error, SnapshotError::Pinned { .. }));
}

#[test]
fn forgetting_with_gc_frees_the_room_and_what_is_pinned_or_kept_stays_whole() {
    let bench = Workbench::with_files();
    let mut all = Vec::new();
    for number in 0..4 {
        // Bytes that no other snapshot has.
        bench.write("noise.bin", noise(200_000, number));
        all.push(bench.backs_up()["snapshot"].as_str().unwrap().to_owned());
    }
    let stats = bench
        .lifeboat(&["stats", "--costs", "--json"])
        .exits(0)
        .json();
    let alone = stats["snapshot_costs"][1]["alone_bytes"].as_u64().unwrap();
    assert!((200_000..202_000).contains(&alone), "its noise: {stats}");
    let source = stats["source_costs"][0]["alone_bytes"].as_u64().unwrap();
    assert_eq!(source, stats["live_bytes"].as_u64().unwrap());
    assert!((800_000..810_000).contains(&source), "{stats}");
    bench.lifeboat(&["pin", &all[0]]).exits(0);
    let forget = ["forget", "--keep-last", "1", "--gc", "--json"];
    let summary = bench.lifeboat(&forget).exits(0).summary();
    let freed = summary["gc"]["freed_bytes"].as_u64().unwrap();
    assert!((400_000..600_000).contains(&freed), "{summary}");
    assert_eq!(ids(&bench.repository()), [&all[..1], &all[3..]].concat());
    bench.lifeboat(&["verify", "--read-data"]).exits(0);
    bench
        .lifeboat(&["forget", "--undo"])
        .exits(2)
        .complains(&["there is nothing to bring back"]);
    assert_eq!(
        bench
            .lifeboat(&["list", "--forgotten", "--json"])
            .exits(0)
            .json(),
        serde_json::json!([])
    );
}
