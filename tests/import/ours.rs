//! Our own zips, taken in again: by the repository they are of, and by another.

use std::fs;

use lifeboat_store::random::noise;

use super::{app_zip, database, import};
use crate::support::{Workbench, tree};

#[test]
fn our_own_zip_comes_back_as_it_was() {
    let bench = Workbench::with_files();
    use std::os::unix::ffi::OsStrExt as _;
    bench.write(std::ffi::OsStr::from_bytes(b"caf\xe9.txt"), "not UTF-8");
    bench.write("backup_manifest.json", "of another program");
    database(&bench.data().join("clinic.db"), 50);
    let summary = bench
        .lifeboat(&["backup", "data", "--json"])
        .exits(0)
        .summary();
    let zip = summary["zip"]["path"].as_str().unwrap().to_owned();
    // The repository it is from knows its snapshot.
    let known = import(&bench, &[&zip]);
    assert_eq!(known["known"][0]["snapshot"], summary["snapshot"]);
    bench.lifeboat(&["init", "-r", "other"]).exits(0);
    let other = ["-r", "other", "import", &zip, "--json"];
    let taken = bench.lifeboat(&other).exits(0).summary();
    assert_eq!(taken["imported"].as_array().unwrap().len(), 1);
    bench
        .lifeboat(&["-r", "other", "restore", "latest", "--to", "restored"])
        .exits(0);
    let [expected, found] = [bench.data(), bench.path("restored")].map(|path| tree::looks(&path));
    let differences = tree::differences(&expected, &found);
    let others: Vec<_> = differences
        .iter()
        .filter(|line| !line.starts_with("mtime"))
        .collect();
    assert_eq!(others, [""; 0]);
}

/// Loses every pack, as a disk that is not what it was may.
fn lose_packs(bench: &Workbench) {
    for name in ["packs", "parity"] {
        for file in fs::read_dir(bench.place().join(name)).into_iter().flatten() {
            let path = file.unwrap().path();
            let holds_data = fs::metadata(&path).unwrap().len() > 20_000;
            if holds_data || name == "parity" {
                fs::remove_file(path).unwrap();
            }
        }
    }
}

#[test]
fn f13_an_archive_of_a_snapshot_that_has_lost_bytes_is_taken_in_again_and_brings_them_back() {
    let bench = Workbench::with_files();
    bench.write("scan.bin", noise(200_000, 0));
    let summary = bench
        .lifeboat(&["backup", "data", "--json"])
        .exits(0)
        .summary();
    let zip = summary["zip"]["path"].as_str().unwrap().to_owned();
    let old = app_zip(
        &bench,
        "backup_2024-05-01_10-00-00.zip",
        "2024-05-01T10:00:00",
        300,
    );
    let old = old.to_str().unwrap();
    assert_eq!(
        import(&bench, &[old])["imported"].as_array().unwrap().len(),
        1
    );
    for archive in [&zip, old] {
        let again = import(&bench, &[archive]);
        assert_eq!(again["known"].as_array().unwrap().len(), 1, "{again}");
    }
    lose_packs(&bench);
    bench
        .lifeboat(&["restore", "latest", "--to", "lost"])
        .exits(4);
    for archive in [&zip, old] {
        let again = import(&bench, &[archive]);
        assert_eq!(again["imported"].as_array().unwrap().len(), 1, "{again}");
    }
    bench
        .lifeboat(&["restore", "latest", "--to", "restored"])
        .exits(0);
    tree::assert_same(&bench.data(), &bench.path("restored"));
    let again = import(&bench, &[&zip]);
    assert_eq!(again["known"].as_array().unwrap().len(), 1, "{again}");
}
