//! Older backups taken in as snapshots: zips and folders of other programs, and our own zips.

use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::process::Command;

use lifeboat_snapshot::zip::{EntryHead, ZipWriter};
use rusqlite::Connection;
use serde_json::{Value, json};

use crate::support::{Answer, Workbench, outside, tree};

mod bombs;
mod corpus;
mod hostile;
mod interrupted;
mod ours;
mod raw;

/// Folders of what is unpacked.
fn scratch(bench: &Workbench) -> Vec<String> {
    let mut names = tree::names(bench.place());
    names.retain(|name| name.starts_with("import-"));
    names
}

/// A database with so many patients, and some more for each.
fn database(path: &Path, patients: u32) {
    let app = Connection::open(path).unwrap();
    app.execute_batch(
        "CREATE TABLE IF NOT EXISTS patients (id INTEGER PRIMARY KEY, name TEXT, notes TEXT);",
    )
    .unwrap();
    let fill = "WITH RECURSIVE i(n) AS (SELECT (SELECT count(*) FROM patients) + 1 UNION ALL SELECT n + 1 FROM i WHERE n < ?1)
        INSERT INTO patients SELECT n, 'patient ' || n, hex(randomblob(400)) FROM i WHERE n > (SELECT count(*) FROM patients)";
    app.execute(fill, [patients]).unwrap();
}

/// What the apps write beside the data.
fn manifest(created_at: &str, patients: u32) -> Vec<u8> {
    let manifest = json!({
        "created_at": created_at, "version": "1.0", "app_version": "2.3.1",
        "patient_count": patients, "visit_count": patients * 8,
    });
    manifest.to_string().into_bytes()
}

/// A zip of these files.
fn zip(files: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new())).unwrap();
    for (name, bytes) in files {
        let head = EntryHead::new(*name, 0o644, 1_600_000_000);
        zip.file_from(&head, &mut bytes.as_slice(), 6).unwrap();
    }
    zip.finish(b"").unwrap().0.into_inner()
}

/// A zip as the desktop app makes them, of a database with so many patients.
fn app_zip(bench: &Workbench, name: &str, created_at: &str, patients: u32) -> PathBuf {
    let live = bench.path("live.db");
    database(&live, patients);
    fs::create_dir_all(bench.path("old")).unwrap();
    let path = bench.path("old").join(name);
    let bytes = zip(&[
        ("clinic.db", fs::read(&live).unwrap()),
        ("chroma/index.bin", vec![7; 5000]),
        ("prescriptions/a.pdf", b"%PDF".to_vec()),
        ("settings.json", b"{}".to_vec()),
        ("backup_manifest.json", manifest(created_at, patients)),
    ]);
    fs::write(&path, bytes).unwrap();
    path
}

fn import(bench: &Workbench, args: &[&str]) -> Value {
    let args = [&["import", "--json"], args].concat();
    bench.lifeboat(&args).exits(0).summary()
}

fn list(bench: &Workbench) -> Vec<Value> {
    let list = bench.lifeboat(&["list", "--json"]).exits(0).json();
    list.as_array().unwrap().clone()
}

#[test]
fn a_zip_of_the_app_becomes_a_snapshot_with_its_own_date_and_counts() {
    let bench = Workbench::new();
    bench.lifeboat(&["init"]).exits(0);
    app_zip(
        &bench,
        "backup_2024-05-01_10-00-00.zip",
        "2024-05-01T10:00:00.5",
        40,
    );
    let summary = import(&bench, &["old/backup_2024-05-01_10-00-00.zip"]);
    assert_eq!(summary["imported"].as_array().unwrap().len(), 1);
    let item = &list(&bench)[0];
    assert!(
        item["time"]
            .as_str()
            .unwrap()
            .starts_with("2024-05-01T10:00:00")
    );
    assert_eq!(item["sources"][0], "/imported");
    let facts = &item["databases"][0];
    assert_eq!(
        (&facts["path"], &facts["check"]),
        (&json!("clinic.db"), &json!("ok"))
    );
    assert_eq!(facts["counts"]["patient_count"], 40);
    assert_eq!(facts["counts"]["visit_count"], 320);
    assert_eq!(facts["row_counts"]["patients"], 40);
    bench
        .lifeboat(&["restore", "latest", "--to", "restored"])
        .exits(0);
    let restored = Connection::open(bench.path("restored/clinic.db")).unwrap();
    let rows: u32 = restored
        .query_row("SELECT count(*) FROM patients", [], |row| row.get(0))
        .unwrap();
    assert_eq!(rows, 40);
    assert_eq!(
        fs::read(bench.path("restored/chroma/index.bin")).unwrap(),
        [7; 5000]
    );
    assert!(!bench.path("restored/backup_manifest.json").exists());
    assert_eq!(scratch(&bench), [""; 0]);
}

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

#[test]
fn a_zip_that_python_made_is_taken_in() {
    let script = "
import sys, zipfile, json, datetime
with zipfile.ZipFile(sys.argv[1], 'w', zipfile.ZIP_DEFLATED) as archive:
    archive.write(sys.argv[2], 'clinic.db')
    archive.writestr('prescriptions/Müller.pdf', b'%PDF')
    archive.writestr('backup_manifest.json', json.dumps({'created_at': datetime.datetime(2024, 2, 29, 23, 59, 59).isoformat(),
        'version': '1.0', 'patient_count': 12, 'visit_count': 3}))
";
    if !outside::works("python3", &["-c", "import zipfile"]) {
        return;
    }
    let bench = Workbench::new();
    bench.lifeboat(&["init"]).exits(0);
    database(&bench.path("live.db"), 12);
    let args = ["backup.zip", "live.db"].map(|name| bench.path(name));
    Answer::of(Command::new("python3").args(["-c", script]).args(args)).exits(0);
    import(
        &bench,
        &["backup.zip", "--tag", "old", "--as", "/srv/clinic"],
    );
    let item = &list(&bench)[0];
    assert!(
        item["time"]
            .as_str()
            .unwrap()
            .starts_with("2024-02-29T23:59:59")
    );
    assert_eq!(item["sources"][0], "/srv/clinic");
    assert!(item["tags"].as_array().unwrap().contains(&json!("old")));
    bench
        .lifeboat(&["cat", "latest", "prescriptions/Müller.pdf"])
        .exits(0);
}

#[test]
fn the_data_decide_where_the_config_asks_for_a_number() {
    let bench = Workbench::new();
    bench.lifeboat(&["init"]).exits(0);
    let config = "[counts.\"clinic.db\"]\npatient_count = \"SELECT count(*) FROM patients\"\n";
    fs::write(bench.path("lifeboat.toml"), config).unwrap();
    database(&bench.path("live.db"), 9);
    let bytes = zip(&[
        ("clinic.db", fs::read(bench.path("live.db")).unwrap()),
        ("backup_manifest.json", manifest("2024-01-01T00:00:00", 500)),
    ]);
    fs::write(bench.path("backup.zip"), bytes).unwrap();
    import(&bench, &["backup.zip"]);
    let facts = &list(&bench)[0]["databases"][0];
    assert_eq!(facts["counts"]["patient_count"], 9);
    assert_eq!(facts["counts"]["visit_count"], 4000);
}

#[test]
fn an_import_needs_a_repository_and_something_that_is_there() {
    let bench = Workbench::new();
    app_zip(
        &bench,
        "backup_2023-01-01_00-00-00.zip",
        "2023-01-01T00:00:00",
        3,
    );
    bench.lifeboat(&["import", "old"]).exits(10);
    bench.lifeboat(&["init"]).exits(0);
    bench
        .lifeboat(&["import", "missing.zip"])
        .exits(7)
        .complains(&["missing.zip"]);
    bench
        .lifeboat(&["backup", "old", "--tag", "imported:x"])
        .exits(2);
}
