//! The zip of a snapshot, opened by programs that know nothing of lifeboat: everything is in it, databases open, and the
//! apps' restore finds the keys that it reads (faults F-38, F-79).

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use crate::support::ledger::assert_committed;
use crate::support::{Answer, Ledger, Workbench, outside, tree};

mod in_source;
mod incremental;
mod interrupted;
mod kept;
mod streamed;

/// Opens the zip with Python's module, unpacks it, checks every CRC, and prints the description.
const UNPACK: &str = "
import sys, zipfile, json
with zipfile.ZipFile(sys.argv[1]) as archive:
    assert archive.testzip() is None
    assert archive.infolist()[-1].filename == 'backup_manifest.json'
    archive.extractall(sys.argv[2])
    print(archive.read('backup_manifest.json').decode())
";

/// Opens a database with Python's module and checks it.
const CHECK: &str = "
import sys, sqlite3
database = sqlite3.connect(sys.argv[1])
assert database.execute('PRAGMA integrity_check').fetchone()[0] == 'ok'
print(database.execute('SELECT n FROM counter').fetchone()[0])
";

fn python(script: &str, args: &[&str]) -> Option<String> {
    if !outside::works("python3", &["-c", "import zipfile, sqlite3"]) {
        return None;
    }
    let mut command = Command::new("python3");
    let answer = Answer::of(command.args(["-c", script]).args(args)).exits(0);
    Some(answer.text())
}

/// Data with a database under a configured count, and its config.
fn clinic() -> (Workbench, i64) {
    let bench = Workbench::with_files();
    let path = bench.data().join("clinic.db");
    let ledger = Ledger::create(&path, "PRAGMA journal_mode = WAL");
    let app = rusqlite::Connection::open(&path).unwrap();
    for _ in 0..30 {
        ledger.commit(&app);
    }
    let config = "[counts.\"clinic.db\"]\npatient_count = \"SELECT count(*) FROM accounts\"\n\
                  visit_count = \"SELECT count(*) FROM log\"\n";
    fs::write(bench.path("lifeboat.toml"), config).unwrap();
    (bench, 30)
}

/// Backs up with a zip, and gives the zip's path.
fn zipped(bench: &Workbench) -> PathBuf {
    let summary = bench
        .lifeboat(&["backup", "data", "--json"])
        .exits(0)
        .summary();
    PathBuf::from(summary["zip"]["path"].as_str().unwrap())
}

#[test]
fn the_zip_of_a_backup_opens_in_python_and_its_databases_too() {
    let (bench, commits) = clinic();
    let zip = zipped(&bench);
    assert_eq!(zip.parent().unwrap(), bench.place().join("exports"));
    let name = zip.file_name().unwrap().to_str().unwrap();
    assert!(
        name.starts_with("backup_20") && name.ends_with(".zip"),
        "{name}"
    );
    let unpacked = bench.path("unpacked");
    let args = [zip.to_str().unwrap(), unpacked.to_str().unwrap()];
    let Some(manifest) = python(UNPACK, &args) else {
        return;
    };
    assert_description(&serde_json::from_str(&manifest).unwrap());
    let database = unpacked.join("clinic.db");
    assert_committed(&database, commits);
    let counter = python(CHECK, &[database.to_str().unwrap()]).unwrap();
    assert_eq!(counter.trim(), commits.to_string());
    assert_eq!(fs::read(unpacked.join("notes.txt")).unwrap(), b"remember");
    assert_eq!(
        fs::read(unpacked.join("papers/two.txt")).unwrap(),
        b"second"
    );
    assert!(unpacked.join("empty").is_dir());
    for ending in ["-wal", "-shm"] {
        assert!(!unpacked.join(format!("clinic.db{ending}")).exists());
    }
}

/// The keys that the apps read, and ours under one of our own.
fn assert_description(manifest: &Value) {
    assert_eq!(manifest["version"], "1.0");
    assert_eq!(manifest["patient_count"], 100);
    assert_eq!(manifest["visit_count"], 30);
    let created_at = manifest["created_at"].as_str().unwrap();
    let format = "%Y-%m-%dT%H:%M:%S%.f";
    chrono::NaiveDateTime::parse_from_str(created_at, format).unwrap();
    let ours = &manifest["lifeboat"];
    assert_eq!(ours["databases"][0]["path"], "clinic.db");
    assert_eq!(ours["databases"][0]["row_counts"]["log"], 30);
    let files = ours["files"].as_array().unwrap();
    let names: Vec<&str> = files
        .iter()
        .map(|file| file["path"].as_str().unwrap())
        .collect();
    assert_eq!(
        names,
        ["clinic.db", "notes.txt", "papers/one.txt", "papers/two.txt"]
    );
}

#[test]
fn the_zip_passes_unzip_and_keeps_modes_times_and_links() {
    if !outside::works("unzip", &["-v"]) {
        return;
    }
    let bench = Workbench::with_files();
    let zip = zipped(&bench);
    let zip = zip.to_str().unwrap();
    let unzip = |args: &[&str]| {
        Answer::of(
            bench
                .command_by(&["unzip"], args)
                .current_dir(bench.folder()),
        )
        .exits(0)
    };
    assert!(unzip(&["-t", zip]).text().contains("No errors"));
    unzip(&["-q", zip, "-d", "unpacked"]);
    fs::remove_file(bench.path("unpacked/backup_manifest.json")).unwrap();
    let [expected, found] = ["data", "unpacked"].map(|name| tree::looks(&bench.path(name)));
    let differences = tree::differences(&expected, &found);
    // A zip keeps whole seconds, and no owners; the rest is there.
    let is_of_time = |difference: &&String| difference.starts_with("mtime");
    let others: Vec<_> = differences
        .iter()
        .filter(|difference| !is_of_time(difference))
        .collect();
    assert_eq!(others, [""; 0]);
}

#[test]
fn f38_names_that_a_zip_cannot_hold_are_written_another_way_and_told() {
    use std::os::unix::ffi::OsStrExt;
    let bench = Workbench::new();
    let name = std::ffi::OsStr::from_bytes(b"caf\xe9.txt");
    bench.write(name, "not UTF-8");
    bench.write("plain.txt", "plain");
    let zip = zipped(&bench);
    let unpacked = bench.path("unpacked");
    let args = [zip.to_str().unwrap(), unpacked.to_str().unwrap()];
    let Some(manifest) = python(UNPACK, &args) else {
        return;
    };
    let manifest: Value = serde_json::from_str(&manifest).unwrap();
    let renamed = &manifest["lifeboat"]["renamed"][0];
    assert_eq!(renamed["path_bytes"], "636166e92e747874");
    let written = unpacked.join(renamed["zip"].as_str().unwrap());
    assert_eq!(fs::read(written).unwrap(), b"not UTF-8");
}

#[test]
fn an_export_of_any_snapshot_goes_where_it_is_told() {
    let bench = Workbench::with_files();
    bench.backs_up();
    bench.write("notes.txt", "changed");
    bench.backs_up();
    bench
        .lifeboat(&["export", "latest~1", "--zip", "first.zip"])
        .exits(0);
    fs::create_dir(bench.path("zips")).unwrap();
    bench
        .lifeboat(&["export", "latest", "--zip", "zips"])
        .exits(0);
    assert_eq!(fs::read_dir(bench.path("zips")).unwrap().count(), 1);
    let script =
        "import sys, zipfile; print(zipfile.ZipFile(sys.argv[1]).read('notes.txt').decode())";
    let first = bench.path("first.zip");
    if let Some(notes) = python(script, &[first.to_str().unwrap()]) {
        assert_eq!(notes, "remember\n");
    }
}

#[test]
fn f79_no_partial_zip_is_left_where_one_could_not_be_written() {
    let bench = Workbench::with_files();
    fs::write(bench.path("no-folder"), "a file").unwrap();
    let answer = bench.lifeboat(&["backup", "data", "--zip-dir", "no-folder", "--json"]);
    // The snapshot stands, and the run does not look like full success.
    let answer = answer.exits(3);
    assert_eq!(answer.summary()["warnings"][0]["kind"], "zip-failed");
    bench
        .lifeboat(&["restore", "latest", "--to", "restored"])
        .exits(0);
    tree::assert_same(&bench.data(), &bench.path("restored"));
}

#[test]
fn f43_long_holes_are_short_in_the_zip_and_read_back() {
    use std::os::unix::fs::FileExt as _;
    let bench = Workbench::new();
    let file = fs::File::create(bench.data().join("image")).unwrap();
    file.set_len(60_000_001).unwrap();
    file.write_all_at(b"in the middle", 30_000_000).unwrap();
    let zip = zipped(&bench);
    assert!(fs::metadata(&zip).unwrap().len() < 200_000);
    let script = "
import sys, zipfile
plain = zipfile.ZipFile(sys.argv[1]).read('image')
assert plain == open(sys.argv[2], 'rb').read()
print(len(plain))";
    let image = bench.data().join("image");
    let args = [zip.to_str().unwrap(), image.to_str().unwrap()];
    if let Some(len) = python(script, &args) {
        assert_eq!(len.trim(), "60000001");
    }
}
