//! The evil tree there and back, again when nothing has changed, and again when only what hardly shows has.

use std::fs;
use std::os::unix::fs::MetadataExt;

use super::there_and_back;
use crate::support::{Workbench, evil, outside, tree};

#[test]
fn f45_everything_odd_at_once_comes_back_field_by_field() {
    let bench = Workbench::new();
    evil::grow(&bench.data());
    bench.age_data();
    let first = there_and_back(&bench);
    // What is not read again is not forgotten either.
    let again = bench.backup();
    assert_eq!((again.files_new, again.files_changed), (0, 0));
    assert_eq!(again.files_unchanged, first.files_new);
    let restored = bench.restore(&again.snapshot.unwrap(), "again");
    tree::assert_same(&bench.data(), &restored);
    bench.lifeboat(&["verify", "--read-data"]).exits(0);
    // Over itself nothing changes, not even by deleting what should not be there.
    bench
        .lifeboat(&[
            "restore",
            "latest",
            "--to",
            "again",
            "--overwrite",
            "always",
            "--delete",
            "--setuid",
            "--special-files",
        ])
        .exits(0);
    let mut found = tree::looks(&bench.path("again"));
    let mut expected = tree::looks(&bench.data());
    for looks in [&mut found, &mut expected] {
        looks.remove(std::path::Path::new(""));
    }
    assert_eq!(tree::differences(&expected, &found), [""; 0]);
}

#[test]
fn f45_an_attribute_that_changes_alone_is_seen() {
    let bench = Workbench::with_files();
    let path = bench.data().join("notes.txt");
    if !evil::set(&path, "user.colour", b"red") {
        return;
    }
    bench.age_data();
    bench.backup();
    evil::set(&path, "user.colour", b"green");
    evil::set(&bench.data().join("papers"), "user.of-a-folder", b"new");
    there_and_back(&bench);
}

#[test]
fn attributes_that_only_root_can_set_are_told_by_others() {
    if !(outside::is_root() && outside::has("setpriv")) {
        return;
    }
    let bench = Workbench::with_files();
    let path = bench.data().join("notes.txt");
    if !evil::set(&path, "trusted.secret", b"1") {
        return;
    }
    bench.backs_up();
    let place = bench.place();
    let open = std::process::Command::new("chmod")
        .args(["-R", "a+rX"])
        .arg(&place)
        .status();
    assert!(open.unwrap().success());
    let there = bench.path("there");
    fs::create_dir(&there).unwrap();
    std::os::unix::fs::chown(&there, Some(65534), Some(65534)).unwrap();
    let answer = crate::bad_input::as_nobody(&bench, &["restore", "latest", "--to", "there"]);
    let answer = answer.exits(0);
    answer.says_aside(&["trusted.secret", "only root"]);
    assert_eq!(fs::read(there.join("notes.txt")).unwrap(), b"remember");
}

#[test]
fn f43_a_terabyte_of_nothing_costs_nothing() {
    let bench = Workbench::new();
    let path = bench.data().join("sparse");
    let file = fs::File::create(&path).unwrap();
    let len = 1 << 40;
    if file.set_len(len).is_err() {
        return outside::without("files of a terabyte");
    }
    for at in [0, len / 2 + 77, len - 9] {
        std::os::unix::fs::FileExt::write_all_at(&file, b"an island", at).unwrap();
    }
    let report = bench.backup();
    assert!(report.stored_bytes < 1 << 20, "{}", report.stored_bytes);
    let restored = bench.restore(&report.snapshot.unwrap(), "restored");
    let stat = fs::metadata(restored.join("sparse")).unwrap();
    assert_eq!(stat.len(), len);
    assert!(stat.blocks() <= 64, "{} blocks", stat.blocks());
    let back = fs::File::open(restored.join("sparse")).unwrap();
    for at in [0, len / 2 + 77, len - 9] {
        let mut bytes = [0; 9];
        std::os::unix::fs::FileExt::read_exact_at(&back, &mut bytes, at).unwrap();
        assert_eq!(&bytes, b"an island");
    }
}
