//! Many backups of one program: taken in by their dates, each once, and never newer than what is.

use std::fs;

use serde_json::json;

use super::{app_zip, import, list, manifest};
use crate::support::{Workbench, tree};

#[test]
fn folders_of_backups_are_taken_in_by_date_and_only_once() {
    let bench = Workbench::new();
    bench.lifeboat(&["init"]).exits(0);
    app_zip(
        &bench,
        "backup_2023-01-01_00-00-00.zip",
        "2023-01-01T00:00:00",
        30,
    );
    app_zip(
        &bench,
        "backup_2022-01-01_00-00-00.zip",
        "2022-01-01T00:00:00",
        31,
    );
    for (name, created_at) in [
        (
            "safety_backup_2021-06-01_08-30-00",
            Some("2021-06-01T08:30:00"),
        ),
        ("backup_2020-06-01_08-30-00", None),
    ] {
        let folder = bench.path("old").join(name);
        fs::create_dir_all(folder.join("prescriptions")).unwrap();
        fs::copy(bench.path("live.db"), folder.join("clinic.db")).unwrap();
        fs::write(folder.join("settings.json"), name).unwrap();
        if let Some(created_at) = created_at {
            fs::write(
                folder.join("backup_manifest.json"),
                manifest(created_at, 31),
            )
            .unwrap();
        }
    }
    fs::write(bench.path("old/holiday.zip"), "not a backup at all").unwrap();
    let before = tree::looks(&bench.path("old"));
    let dry = import(&bench, &["old", "--dry-run"]);
    assert_eq!(dry["due"].as_array().unwrap().len(), 4);
    assert!(list(&bench).is_empty());
    let summary = import(&bench, &["old"]);
    assert_eq!(summary["imported"].as_array().unwrap().len(), 4);
    let years: Vec<String> = list(&bench)
        .iter()
        .map(|item| item["time"].as_str().unwrap()[..4].to_owned())
        .collect();
    assert_eq!(years, ["2020", "2021", "2022", "2023"]);
    assert_eq!(
        tree::differences(&before, &tree::looks(&bench.path("old"))),
        [""; 0]
    );
    // Again, and the same archive under another name.
    fs::copy(
        bench.path("old/backup_2022-01-01_00-00-00.zip"),
        bench.path("old/backup_copy.zip"),
    )
    .unwrap();
    let again = import(&bench, &["old"]);
    assert_eq!(again["imported"], json!([]));
    assert_eq!(again["known"].as_array().unwrap().len(), 5);
    assert_eq!(list(&bench).len(), 4);
}

#[test]
fn what_is_imported_later_is_never_the_latest() {
    let bench = Workbench::with_files();
    bench.backs_up();
    bench.write("notes.txt", "newest");
    let newest = bench.backs_up()["snapshot"].clone();
    app_zip(
        &bench,
        "backup_2023-01-01_00-00-00.zip",
        "2023-01-01T00:00:00",
        20,
    );
    // Not even one from the future.
    app_zip(
        &bench,
        "backup_2099-01-01_00-00-00.zip",
        "2099-01-01T00:00:00",
        21,
    );
    let data = bench.data();
    import(&bench, &["old", "--as", data.to_str().unwrap()]);
    let items = list(&bench);
    assert_eq!(items.len(), 4);
    assert_eq!(items[3]["id"], newest);
    assert_eq!(items[0]["sources"], items[3]["sources"]);
    let shown = bench
        .lifeboat(&["show", "latest", "--json"])
        .exits(0)
        .json();
    assert_eq!(shown["id"], newest);
    bench.lifeboat(&["status"]).exits(0);
    // And the next backup is compared with the newest, not with what was imported.
    let next = bench.backs_up();
    assert_eq!(next["parent"], newest);
    assert_eq!(next["files_unchanged"], 3);
    assert_eq!(list(&bench)[4]["id"], next["snapshot"]);
}

#[test]
fn ten_yearly_zips_of_a_growing_database_cost_little_more_than_one() {
    let bench = Workbench::new();
    bench.lifeboat(&["init"]).exits(0);
    let mut zips = 0;
    for year in 0..10_u32 {
        let name = format!("backup_20{:02}-12-31_18-00-00.zip", 10 + year);
        let created_at = format!("20{:02}-12-31T18:00:00", 10 + year);
        let path = app_zip(&bench, &name, &created_at, 2000 + 100 * year);
        zips += path.metadata().unwrap().len();
    }
    let summary = import(&bench, &["old"]);
    let stored: Vec<u64> = summary["imported"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["stored_bytes"].as_u64().unwrap())
        .collect();
    let (first, all) = (stored[0], stored.iter().sum::<u64>());
    // The last one is 1.45 times as long as the first; what is beyond that are lists, facts and records.
    assert!(all < first * 17 / 10, "{stored:?}");
    assert!(all * 5 < zips, "{all} bytes stored of {zips}");
    println!("ten zips of {zips} bytes: the first stored {first}, all {all}");
}
