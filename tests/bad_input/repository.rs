//! Repositories that are none, damaged, newer or not ours to write.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::{as_nobody, backed_up, count, record};
use crate::support::answer::shown;
use crate::support::{Workbench, outside, tree};

#[test]
fn bad_01_an_unknown_flag_and_a_missing_argument() {
    let bench = Workbench::new();
    bench
        .lifeboat(&["list", "--fooo"])
        .exits(2)
        .complains(&["--fooo"]);
    bench.lifeboat(&["restore"]).exits(2).complains(&["SNAP"]);
    bench
        .lifeboat(&["frobnicate"])
        .exits(2)
        .complains(&["frobnicate"]);
    assert!(!bench.place().exists(), "nothing was created");
}

#[test]
fn bad_02_a_repository_that_is_missing() {
    let bench = Workbench::new();
    let place = shown(&bench.place());
    for args in [
        &["list"][..],
        &["verify"],
        &["show", "latest"],
        &["restore", "latest", "--to", "x"],
    ] {
        bench
            .lifeboat(args)
            .exits(10)
            .complains(&[&place, "no repository"]);
    }
    assert!(
        !bench.place().exists() && !bench.path("x").exists(),
        "nothing was created"
    );
}

#[test]
fn bad_03_a_repository_that_is_a_file_or_a_folder_of_other_things() {
    let bench = Workbench::with_files();
    fs::write(bench.place(), "a file").unwrap();
    for args in [&["list"][..], &["backup", "data"], &["init"]] {
        bench
            .lifeboat(args)
            .exits(10)
            .complains(&[&shown(&bench.place()), "not a repository"]);
    }
    fs::remove_file(bench.place()).unwrap();
    fs::create_dir(bench.place()).unwrap();
    fs::write(bench.place().join("holiday.jpg"), "a picture").unwrap();
    for args in [&["list"][..], &["backup", "data"], &["init"]] {
        bench
            .lifeboat(args)
            .exits(10)
            .complains(&["not a repository", "holiday.jpg"]);
    }
    assert_eq!(
        fs::read_dir(bench.place()).unwrap().count(),
        1,
        "nothing was added"
    );
}

#[test]
fn bad_04_init_where_a_repository_is() {
    let bench = backed_up();
    let before = tree::looks(&bench.place());
    bench
        .lifeboat(&["init"])
        .exits(8)
        .complains(&["already exists", &shown(&bench.place())]);
    assert_eq!(
        tree::differences(&before, &tree::looks(&bench.place())),
        [""; 0]
    );
}

#[test]
fn bad_05_a_config_that_is_empty_short_or_random() {
    let bench = backed_up();
    for bytes in [vec![], vec![0], vec![0xa5; 5000]] {
        fs::write(bench.place().join("config"), &bytes).unwrap();
        bench.lifeboat(&["list"]).exits(0);
        bench.lifeboat(&["verify"]).exits(4);
        bench
            .lifeboat(&[
                "restore",
                "latest",
                "--to",
                &format!("restored-{}", bytes.len()),
            ])
            .exits(0);
    }
    // A gibibyte of nothing is not read.
    let large = fs::File::create(bench.place().join("config")).unwrap();
    large.set_len(1 << 30).unwrap();
    bench.lifeboat(&["list"]).exits(0);
    bench.lifeboat(&["verify"]).exits(4);
    fs::write(bench.place().join("config.copy"), "").unwrap();
    bench
        .lifeboat(&["list"])
        .exits(4)
        .complains(&["config", "damaged"]);
}

#[test]
fn bad_07_a_feature_that_this_program_does_not_know_is_named() {
    let bench = backed_up();
    fs::create_dir_all(bench.place().join("features")).unwrap();
    let for_writers = bench.place().join("features/striping.write");
    fs::write(&for_writers, "").unwrap();
    bench.lifeboat(&["list"]).exits(0);
    bench
        .lifeboat(&["restore", "latest", "--to", "restored"])
        .exits(0);
    for args in [
        &["backup", "data"][..],
        &["forget", "latest", "--force"],
        &["gc"],
        &["repair", "--apply"],
    ] {
        bench
            .lifeboat(args)
            .exits(14)
            .complains(&["striping.write", "newer"]);
    }
    assert_eq!(count(&bench), 1);
    fs::rename(&for_writers, for_writers.with_extension("read")).unwrap();
    for args in [&["list"][..], &["restore", "latest", "--to", "x"]] {
        bench.lifeboat(args).exits(14).complains(&["striping.read"]);
    }
    assert!(!bench.path("x").exists());
}

/// A wrapped object with another version and the hash that fits it, as a later program would write it.
fn made_newer(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    let content = bytes.len() - 32;
    bytes[9..11].copy_from_slice(&9999_u16.to_le_bytes());
    let hash = *blake3::hash(&bytes[..content]).as_bytes();
    bytes[content..].copy_from_slice(&hash);
    fs::write(path, bytes).unwrap();
}

#[test]
fn bad_06_a_newer_format_version() {
    let bench = backed_up();
    made_newer(&bench.place().join("config"));
    for args in [
        &["list"][..],
        &["backup", "data"],
        &["verify"],
        &["restore", "latest", "--to", "x"],
    ] {
        bench
            .lifeboat(args)
            .exits(14)
            .complains(&["9999", "config"]);
    }
    let bench = backed_up();
    let record = record(&bench);
    made_newer(&record);
    let id = record.file_stem().unwrap().to_str().unwrap().to_owned();
    bench
        .lifeboat(&["show", &id])
        .exits(14)
        .complains(&["9999"]);
}

#[test]
fn bad_10_a_repository_that_may_not_be_written() {
    if !(outside::is_root() && outside::has("setpriv")) {
        return;
    }
    let bench = backed_up();
    fs::set_permissions(bench.folder(), fs::Permissions::from_mode(0o755)).unwrap();
    for path in tree::looks(&bench.place()).into_keys() {
        let path = bench.place().join(path);
        let mode = if path.is_dir() { 0o755 } else { 0o644 };
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }
    let before = tree::looks(&bench.place());
    as_nobody(&bench, &["backup", "data", "--no-zip"])
        .exits(13)
        .complains(&[&shown(&bench.place())]);
    as_nobody(&bench, &["list"]).exits(0);
    assert_eq!(
        tree::differences(&before, &tree::looks(&bench.place())),
        [""; 0]
    );
}

#[test]
fn bad_27_files_of_others_in_the_repository_are_left_alone() {
    let bench = backed_up();
    for name in [
        ".DS_Store",
        "packs/.DS_Store",
        "snapshots/notes.txt~",
        "packs/x.pack.partial",
    ] {
        fs::write(bench.place().join(name), "of others").unwrap();
    }
    fs::create_dir(bench.place().join("lost+found")).unwrap();
    bench.lifeboat(&["verify", "--read-data"]).exits(0);
    bench.backs_up();
    assert_eq!(count(&bench), 2);
    assert_eq!(
        fs::read(bench.place().join("packs/.DS_Store")).unwrap(),
        b"of others"
    );
}

#[test]
fn bad_28_a_repository_file_that_is_none() {
    let bench = backed_up();
    let record = record(&bench);
    fs::remove_file(&record).unwrap();
    rustix::fs::mkfifoat(
        rustix::fs::CWD,
        &record,
        rustix::fs::Mode::from_raw_mode(0o600),
    )
    .unwrap();
    // It must not wait for somebody to write into the pipe.
    let answer = bench.lifeboat(&["list"]);
    answer.exits(4).says_aside(&[&shown(&record)]);
}
