//! A zip that is made of the one before is the zip that would have been made without it, and costs what changed.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::Workbench;

/// Bytes that do not compress, from a seed.
fn noise(len: usize, seed: u64) -> Vec<u8> {
    let mut state = seed | 1;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    std::iter::repeat_with(next).take(len).collect()
}

/// A database of some megabytes, a long file, and a few short ones.
pub(super) fn data() -> Workbench {
    let bench = Workbench::with_files();
    let app = rusqlite::Connection::open(bench.data().join("clinic.db")).unwrap();
    app.execute_batch(
        "PRAGMA journal_mode = WAL;
         CREATE TABLE visits (id INTEGER PRIMARY KEY, note TEXT);
         WITH RECURSIVE i(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM i WHERE n < 20000)
         INSERT INTO visits SELECT n, printf('visit %d of patient %d, ', n, n * 7919 % 1000) || hex(randomblob(60)) FROM i;",
    )
    .unwrap();
    let words: Vec<u8> = (0..300_000_u32)
        .flat_map(|n| format!("{} ", n.wrapping_mul(2_654_435_761) >> 12).into_bytes())
        .collect();
    bench.write("long.txt", words);
    bench.write("scan.bin", noise(700_000, 7));
    bench
}

/// A change of one row, one place of the long file and one short file.
fn change(bench: &Workbench, number: u32) {
    let app = rusqlite::Connection::open(bench.data().join("clinic.db")).unwrap();
    let update = "UPDATE visits SET note = 'edited ' || ?1 WHERE id = 10000";
    app.execute(update, [number]).unwrap();
    let path = bench.data().join("long.txt");
    let mut words = fs::read(&path).unwrap();
    words[1_000_000..1_000_004].copy_from_slice(b"edit");
    fs::write(path, words).unwrap();
    bench.write("notes.txt", format!("note {number}"));
}

fn backup(bench: &Workbench) -> Value {
    let answer = bench.lifeboat(&["backup", "data", "--json"]).exits(0);
    answer.summary()["zip"].clone()
}

pub(super) fn path(zip: &Value) -> PathBuf {
    PathBuf::from(zip["path"].as_str().unwrap())
}

/// The tables of segments in the cache.
fn tables(bench: &Workbench) -> Vec<PathBuf> {
    let files = fs::read_dir(bench.place().join("cache")).unwrap();
    let files = files.map(|file| file.unwrap().path());
    files
        .filter(|path| path.extension().is_some_and(|ending| ending == "zip-table"))
        .collect()
}

/// The latest snapshot's zip as it is made where there is no other.
fn full(bench: &Workbench, name: &str) -> (Vec<u8>, Value) {
    let kept: Vec<_> = tables(bench)
        .into_iter()
        .map(|path| (fs::read(&path).unwrap(), path))
        .collect();
    for (_, path) in &kept {
        fs::remove_file(path).unwrap();
    }
    let answer = bench
        .lifeboat(&["export", "latest", "--zip", name, "--json"])
        .exits(0);
    for path in tables(bench) {
        fs::remove_file(path).unwrap();
    }
    for (bytes, path) in kept {
        fs::write(path, bytes).unwrap();
    }
    (
        fs::read(bench.path(name)).unwrap(),
        answer.summary()["zip"].clone(),
    )
}

#[test]
fn a_zip_made_of_the_one_before_has_the_bytes_of_one_made_anew() {
    let bench = data();
    let first = backup(&bench);
    assert_eq!(first["copied_bytes"], 0);
    for number in 0..3 {
        change(&bench, number);
        let zip = backup(&bench);
        let (bytes, anew) = full(&bench, &format!("full-{number}.zip"));
        assert!(
            fs::read(path(&zip)).unwrap() == bytes,
            "zip {number} differs"
        );
        assert_eq!(anew["copied_bytes"], 0);
        let [copied, compressed, all] = [
            &zip["copied_bytes"],
            &zip["compressed_bytes"],
            &anew["compressed_bytes"],
        ]
        .map(|value| value.as_u64().unwrap());
        // Two extents at each page that changed, and two cuts of the file; the rest was copied.
        assert!(
            compressed < all / 4,
            "{compressed} of {all} were compressed"
        );
        assert!(
            copied > bytes.len() as u64 / 2,
            "{copied} bytes were copied"
        );
    }
}

#[test]
fn nothing_is_compressed_where_nothing_changed() {
    let bench = data();
    let first = backup(&bench);
    let second = backup(&bench);
    assert_eq!(second["compressed_bytes"], 0);
    assert_ne!(first["path"], second["path"]);
}

/// What may have happened to the zip before, or to what is known of it.
fn spoil(what: &str, zip: &Path, bench: &Workbench) {
    let mut bytes = fs::read(zip).unwrap();
    let middle = bytes.len() / 2;
    match what {
        "missing" => fs::remove_file(zip).unwrap(),
        "moved" => fs::rename(zip, bench.path("elsewhere.zip")).unwrap(),
        "cut short" => fs::write(zip, &bytes[..middle]).unwrap(),
        "empty" => fs::write(zip, "").unwrap(),
        "edited in place" => {
            for at in (0..bytes.len()).step_by(10_007) {
                bytes[at] ^= 1;
            }
            let times = fs::metadata(zip).unwrap().modified().unwrap();
            fs::write(zip, bytes).unwrap();
            let file = fs::File::options().write(true).open(zip).unwrap();
            file.set_modified(times).unwrap();
        }
        "another of the same name" => fs::write(zip, noise(bytes.len(), 3)).unwrap(),
        "a folder" => {
            fs::remove_file(zip).unwrap();
            fs::create_dir(zip).unwrap();
        }
        "a table that is damaged" => {
            for table in tables(bench) {
                let mut bytes = fs::read(&table).unwrap();
                let middle = bytes.len() / 2;
                bytes[middle] ^= 1;
                fs::write(table, bytes).unwrap();
            }
        }
        "a table that is no file" => {
            for table in tables(bench) {
                fs::remove_file(&table).unwrap();
                fs::create_dir(table).unwrap();
            }
        }
        _ => panic!("{what}"),
    }
}

#[test]
fn an_earlier_zip_that_was_lost_moved_cut_or_edited_is_noticed() {
    let bench = data();
    for what in [
        "missing",
        "moved",
        "cut short",
        "empty",
        "edited in place",
        "another of the same name",
        "a folder",
        "a table that is damaged",
        "a table that is no file",
    ] {
        let _ = fs::remove_dir_all(bench.place());
        let before = backup(&bench);
        spoil(what, &path(&before), &bench);
        bench.write("notes.txt", format!("note {}", what.len()));
        let zip = backup(&bench);
        let compressed = zip["compressed_bytes"].as_u64().unwrap();
        assert!(
            compressed > 100_000,
            "{what}: only {compressed} bytes were compressed"
        );
        for table in tables(&bench) {
            let _ = fs::remove_dir_all(table);
        }
        let name = format!("{}.zip", what.replace(' ', "-"));
        assert!(
            fs::read(path(&zip)).unwrap() == full(&bench, &name).0,
            "{what}"
        );
    }
}

#[test]
fn a_zip_elsewhere_is_made_of_the_newest_one_anywhere() {
    let bench = data();
    backup(&bench);
    fs::create_dir(bench.path("stick")).unwrap();
    let answer = bench
        .lifeboat(&["export", "latest", "--zip", "stick", "--json"])
        .exits(0);
    assert_eq!(answer.summary()["zip"]["compressed_bytes"], 0);
}
