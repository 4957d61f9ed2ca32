//! Which zips a backup writes and which it removes: its own old ones, and nobody else's (fault F-23).

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use crate::support::Workbench;

fn config(bench: &Workbench, zip: &str) {
    fs::write(bench.path("lifeboat.toml"), format!("[zip]\n{zip}\n")).unwrap();
}

fn zip(bench: &Workbench) -> Value {
    let answer = bench.lifeboat(&["backup", "data", "--json"]).exits(0);
    answer.summary()["zip"].clone()
}

fn names(bench: &Workbench, folder: &str) -> BTreeSet<String> {
    let files = fs::read_dir(bench.path(folder)).unwrap();
    files
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect()
}

fn name(zip: &Value) -> String {
    let path = PathBuf::from(zip["path"].as_str().unwrap());
    path.file_name().unwrap().to_str().unwrap().to_owned()
}

#[test]
fn the_newest_zips_are_kept_and_the_older_ones_removed() {
    let bench = Workbench::with_files();
    config(&bench, "keep = 2");
    let zips: Vec<Value> = (0..4).map(|_| zip(&bench)).collect();
    let kept: BTreeSet<String> = zips[2..].iter().map(name).collect();
    assert_eq!(names(&bench, "repository/exports"), kept);
    assert_eq!(zips[1]["removed"], 0);
    assert_eq!(zips[2]["removed"], 1);
}

#[test]
fn files_of_others_are_never_removed_whatever_they_are_called() {
    let bench = Workbench::with_files();
    config(&bench, "keep = 1\ndir = \"zips\"");
    fs::create_dir(bench.path("zips")).unwrap();
    let write = |name: &str, bytes: &[u8]| fs::write(bench.path("zips").join(name), bytes).unwrap();
    write("backup_2020-01-01_00-00-00.zip", b"PK of another program");
    write("backup_2020-01-02_00-00-00.zip", b"");
    write("mine.txt", b"mine");
    let first = bench.path("zips").join(name(&zip(&bench)));
    // A copy under a name of one's own, one that was cut short, and one of another repository.
    fs::copy(&first, bench.path("zips/before-the-move.zip")).unwrap();
    let bytes = fs::read(&first).unwrap();
    write("backup_2020-01-03_00-00-00.zip", &bytes[..bytes.len() / 2]);
    let elsewhere = [
        "-r",
        "other",
        "backup",
        "data",
        "--zip-dir",
        "zips",
        "--json",
    ];
    let other = name(&bench.lifeboat(&elsewhere).exits(0).summary()["zip"]);
    // One whose mark was copied to the end of something else.
    let end = bytes
        .windows(4)
        .rposition(|bytes| bytes == b"PK\x05\x06")
        .unwrap();
    write(
        "backup_2020-01-04_00-00-00.zip",
        &[b"not a zip at all", &bytes[end..]].concat(),
    );
    let before = names(&bench, "zips");
    let second = zip(&bench);
    assert_eq!(second["removed"], 1);
    let mut expected = before;
    expected.remove(first.file_name().unwrap().to_str().unwrap());
    expected.insert(name(&second));
    assert!(expected.contains(&other));
    assert_eq!(names(&bench, "zips"), expected);
}

#[test]
fn each_source_has_its_own_zips_in_one_folder() {
    let bench = Workbench::with_files();
    config(&bench, "keep = 1");
    fs::create_dir(bench.path("papers")).unwrap();
    fs::write(bench.path("papers/a.txt"), "a").unwrap();
    bench.lifeboat(&["backup", "papers"]).exits(0);
    zip(&bench);
    zip(&bench);
    assert_eq!(names(&bench, "repository/exports").len(), 2);
}

#[test]
fn a_daily_zip_is_written_once_a_day_and_when_asked_for_by_place() {
    let bench = Workbench::with_files();
    config(&bench, "when = \"daily\"");
    // Around midnight the second is the first of its day.
    let day = |zip: &Value| name(zip)[..17].to_owned();
    let first = zip(&bench);
    let second = zip(&bench);
    assert!(second.is_null() || day(&second) != day(&first));
    fs::create_dir(bench.path("stick")).unwrap();
    for _ in 0..2 {
        bench
            .lifeboat(&["backup", "data", "--zip-dir", "stick"])
            .exits(0);
    }
    assert_eq!(names(&bench, "stick").len(), 2);
    config(&bench, "when = \"never\"");
    assert!(zip(&bench).is_null());
}

#[test]
fn keep_cannot_be_nothing() {
    let bench = Workbench::with_files();
    config(&bench, "keep = 0");
    bench
        .lifeboat(&["backup", "data"])
        .exits(2)
        .complains(&["lifeboat.toml", "line 2"]);
}

#[test]
fn the_list_tells_which_snapshots_have_a_zip() {
    let bench = Workbench::with_files();
    let path = zip(&bench)["path"].clone();
    bench.backs_up();
    let list = bench.lifeboat(&["list", "--json"]).exits(0).json();
    assert_eq!(list[0]["zip"], path);
    assert!(list[1]["zip"].is_null());
    fs::remove_file(path.as_str().unwrap()).unwrap();
    let list = bench.lifeboat(&["list", "--json"]).exits(0).json();
    assert!(list[0]["zip"].is_null());
}

#[test]
fn f23_zips_of_one_second_have_names_of_their_own() {
    let bench = Workbench::with_files();
    for _ in 0..5 {
        bench.backs_up();
    }
    fs::create_dir(bench.path("zips")).unwrap();
    for _ in 0..3 {
        bench
            .lifeboat(&["export", "latest", "--zip", "zips"])
            .exits(0);
    }
    let names = names(&bench, "zips");
    assert_eq!(names.len(), 3);
    assert!(
        names.iter().any(|name| name.ends_with("_3.zip")),
        "{names:?}"
    );
}
