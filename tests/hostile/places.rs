//! Files and folders of a repository that are links, pipes, devices, sockets or folders: named as damage, never waited for,
//! and never followed to where somebody else's files are.

use std::fs;
use std::os::unix::fs::{FileTypeExt, symlink};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Mode};

use crate::support::answer::shown;
use crate::support::{Workbench, outside, tree};

/// With one snapshot, and a folder outside whose looks must stay.
fn backed_up() -> Workbench {
    let bench = Workbench::with_files();
    bench.backs_up();
    fs::create_dir(bench.path("outside")).unwrap();
    bench
}

/// Puts a link to a folder outside, with all that it held, in a folder's place.
fn led_outside(bench: &Workbench, name: &str) -> PathBuf {
    let folder = bench.place().join(name);
    let outside = bench.path("outside").join(name);
    if folder.exists() {
        fs::rename(&folder, &outside).unwrap();
    } else {
        fs::create_dir(&outside).unwrap();
    }
    symlink(&outside, &folder).unwrap();
    outside
}

#[test]
fn bad_28_folders_of_the_repository_that_are_links_are_not_followed() {
    for name in ["packs", "snapshots"] {
        let bench = backed_up();
        let outside = led_outside(&bench, name);
        let before = tree::looks(&outside);
        for args in [
            &["backup", "data", "--no-zip"][..],
            &["verify"],
            &["restore", "latest", "--to", "restored"],
            &["show", "latest"],
        ] {
            let answer = bench.lifeboat(args).exits(4);
            assert!(format!("{answer}").contains("link"), "{answer}");
        }
        assert_eq!(tree::differences(&before, &tree::looks(&outside)), [""; 0]);
    }
}

#[test]
fn bad_28_a_cache_that_is_a_link_is_done_without() {
    let bench = backed_up();
    let outside = led_outside(&bench, "cache");
    // Enough packs that a cache would be worth its file.
    for number in 0..12 {
        bench.write("notes.txt", number.to_string());
        bench.backs_up();
    }
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 0);
    bench.lifeboat(&["verify", "--read-data"]).exits(0);
    fs::remove_file(bench.place().join("cache")).unwrap();
    bench.write("notes.txt", "and one more");
    bench.backs_up();
    assert!(bench.place().join("cache").exists(), "now it was worth one");
}

#[test]
fn bad_28_exports_that_are_a_link_get_no_zip() {
    let bench = backed_up();
    let outside = led_outside(&bench, "exports");
    bench
        .lifeboat(&["backup", "data"])
        .says_aside(&["exports", "link"]);
    bench
        .lifeboat(&["export", "latest"])
        .exits(8)
        .complains(&["exports", "link"]);
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 0);
    // Where people themselves say so, a link is as good as its folder.
    symlink(&outside, bench.path("usb")).unwrap();
    bench
        .lifeboat(&["export", "latest", "--zip", "usb"])
        .exits(0);
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 1);
}

/// Something that is no file, in this place.
fn put_other(sort: &str, path: &Path, bench: &Workbench) {
    match sort {
        "folder" => fs::create_dir(path).unwrap(),
        "link" => symlink(bench.path("outside"), path).unwrap(),
        "pipe" => rustix::fs::mkfifoat(CWD, path, Mode::from_raw_mode(0o600)).unwrap(),
        "socket" => drop(std::os::unix::net::UnixListener::bind(path).unwrap()),
        _ => {
            let zero = rustix::fs::makedev(1, 5);
            let kind = rustix::fs::FileType::CharacterDevice;
            rustix::fs::mknodat(CWD, path, kind, Mode::from_raw_mode(0o600), zero).unwrap();
        }
    }
}

fn sorts() -> Vec<&'static str> {
    let mut sorts = vec!["folder", "link", "pipe", "socket"];
    // A device that gives zeros without end.
    if outside::is_root() {
        sorts.push("device");
    }
    sorts
}

#[test]
fn bad_28_packs_that_are_no_files_are_damage_to_every_command() {
    for sort in sorts() {
        let bench = backed_up();
        let packs = fs::read_dir(bench.place().join("packs")).unwrap();
        for pack in packs.map(|pack| pack.unwrap().path()) {
            fs::remove_file(&pack).unwrap();
            put_other(sort, &pack, &bench);
        }
        for args in [
            &["verify"][..],
            &["verify", "--read-data"],
            &["restore", "latest", "--to", "restored"],
            &["cat", "latest", "notes.txt"],
            &["ls", "latest"],
            &["export", "latest", "--zip", "new.zip"],
            &["list"],
        ] {
            let answer = bench.lifeboat(args);
            assert_eq!(answer.code(), Some(4), "{sort}: {answer}");
        }
        // What is in the source is stored again.
        bench.backs_up();
        bench
            .lifeboat(&["restore", "latest", "--to", "again"])
            .exits(0);
    }
}

#[test]
fn bad_28_records_and_configs_that_are_no_files_are_damage() {
    for sort in sorts() {
        let bench = backed_up();
        bench.backs_up();
        let records = fs::read_dir(bench.place().join("snapshots")).unwrap();
        let record = records.map(|record| record.unwrap().path()).next().unwrap();
        fs::remove_file(&record).unwrap();
        put_other(sort, &record, &bench);
        let answer = bench.lifeboat(&["list", "--json"]).exits(4);
        // Its copy says what it was.
        assert_eq!(answer.json().as_array().unwrap().len(), 2, "{sort}");
        let found = bench.lifeboat(&["verify"]).exits(4).text();
        assert!(found.contains(&shown(&record)), "{found}");
        let config = bench.place().join("config");
        fs::remove_file(&config).unwrap();
        put_other(sort, &config, &bench);
        let found = bench.lifeboat(&["verify"]).exits(4).text();
        assert!(found.contains(&shown(&config)), "{found}");
        bench.lifeboat(&["backup", "data", "--no-zip"]).exits(0);
        let kind = fs::symlink_metadata(&config).unwrap().file_type();
        assert!(!kind.is_file(), "it is left to whoever put it there");
        assert_eq!(kind.is_fifo(), sort == "pipe");
    }
}
