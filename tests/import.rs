//! Older backups taken in as snapshots: zips and folders of other programs, and our own zips.

use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::process::Command;

use lifeboat_snapshot::zip::{EntryHead, SEGMENT_LEN, Segment, ZipWriter};
use rusqlite::Connection;
use serde_json::{Value, json};

use crate::support::{Answer, Workbench, outside, tree};

mod bombs;
mod corpus;
mod dated;
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
        let pieces = bytes.chunks(SEGMENT_LEN);
        let segments: Vec<_> = pieces.map(|plain| Segment::deflate(plain, 6)).collect();
        zip.whole(&head, &segments).unwrap();
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
