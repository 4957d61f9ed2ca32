//! Trees of every odd sort, there and back: names of any bytes, every kind of entry, every field that is promised; and files
//! that change between two backups or under the reader (faults F-24, F-38 to F-42, F-47).

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use lifeboat_snapshot::BackupReport;
use rustix::fs::CWD;

use crate::support::{Workbench, evil as evil_tree, outside, tree};

/// A tree of everything odd at once.
mod evil;
/// Files that change between two backups, and under the reader.
mod meanwhile;

/// Backs the data up, restores it, and compares everything.
#[track_caller]
fn there_and_back(bench: &Workbench) -> BackupReport {
    let report = bench.backup();
    assert_eq!(report.warnings, []);
    let restored = bench.restore(report.snapshot.as_ref().unwrap(), "restored");
    tree::assert_same(&bench.data(), &restored);
    report
}

#[test]
fn f38_names_of_any_bytes() {
    let bench = Workbench::new();
    let long = "n".repeat(255);
    let names: [&[u8]; 12] = [
        b"\xff\xfe not UTF-8",
        b"two\nlines",
        b"-rf",
        b" space at both ends ",
        b"CON",
        b"a:b\\c\"d'e$f`g*h?",
        b"\x1b[31mred",
        "\u{202e}right to left".as_bytes(),
        "Mu\u{308}ller, not Müller".as_bytes(),
        b"...",
        b".hidden",
        long.as_bytes(),
    ];
    for name in names {
        let name = OsStr::from_bytes(name);
        bench.write(Path::new("files").join(name), name.as_bytes());
        bench.write(Path::new("folders").join(name).join(name), "inside");
    }
    there_and_back(&bench);
    // All of them are shown without a byte that a terminal would obey.
    let shown = bench.lifeboat(&["ls", "latest", "files"]).exits(0);
    assert_eq!(shown.text().lines().count(), names.len(), "{shown}");
    assert!(!shown.bytes().contains(&0x1b), "{shown}");
}

#[test]
fn f40_links_are_kept_as_links_wherever_they_lead() {
    let bench = Workbench::with_files();
    for (name, target) in [
        ("dangling", "no/such/file"),
        ("outside", "/etc/passwd"),
        ("up", "../../../.."),
        ("to-folder", "papers"),
        ("self", "self"),
    ] {
        symlink(target, bench.data().join(name)).unwrap();
    }
    symlink(OsStr::from_bytes(b"\xff\n"), bench.data().join("odd")).unwrap();
    there_and_back(&bench);
    let outside = bench.path("restored/outside");
    assert!(outside.symlink_metadata().unwrap().is_symlink());
}

#[test]
fn f42_hard_links_are_one_file_again() {
    let bench = Workbench::with_files();
    bench.write("large.bin", vec![5; 3_000_000]);
    for (from, to) in [
        ("notes.txt", "papers/same.txt"),
        ("notes.txt", "z"),
        ("large.bin", "empty/large"),
    ] {
        fs::hard_link(bench.data().join(from), bench.data().join(to)).unwrap();
    }
    fs::write(bench.path("elsewhere"), "linked from outside").unwrap();
    fs::hard_link(bench.path("elsewhere"), bench.data().join("inside")).unwrap();
    let report = bench.backup();
    let restored = bench.restore(&report.snapshot.unwrap(), "restored");
    let mut expected = tree::looks(&bench.data());
    let mut found = tree::looks(&restored);
    // The one whose other name is outside comes back alone.
    for looks in [&mut expected, &mut found] {
        assert!(looks.remove(Path::new("inside")).is_some());
    }
    assert_eq!(tree::differences(&expected, &found), [""; 0]);
}

#[test]
fn f45_modes_owners_and_times_to_the_nanosecond() {
    let bench = Workbench::with_files();
    for (number, mode) in [0o400, 0o644, 0o755, 0o777, 0o4755, 0o2755, 0o1777]
        .into_iter()
        .enumerate()
    {
        let name = format!("modes/{mode:o}");
        bench.write(&name, "");
        let path = bench.data().join(&name);
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        evil_tree::set_time(&path, 1_000_000_000 + number as i64, 123_456_789);
    }
    if outside::is_root() {
        std::os::unix::fs::chown(bench.data().join("notes.txt"), Some(12345), Some(54321)).unwrap();
    }
    evil_tree::set_time(&bench.data().join("notes.txt"), -86_400, 1);
    evil_tree::set_time(&bench.data().join("link"), 1, 999_999_999);
    fs::set_permissions(
        bench.data().join("empty"),
        fs::Permissions::from_mode(0o555),
    )
    .unwrap();
    for folder in ["empty", "modes", ""] {
        evil_tree::set_time(&bench.data().join(folder), 4_102_444_800, 5);
    }
    there_and_back(&bench);
}

#[test]
fn f47_ten_thousand_entries_in_a_folder() {
    let bench = Workbench::new();
    for number in 0..10_000 {
        let path = bench.data().join(format!("file {number}"));
        match number % 10 {
            0 => fs::create_dir(path).unwrap(),
            1 => symlink("elsewhere", path).unwrap(),
            2 => fs::write(path, "").unwrap(),
            _ => fs::write(path, number.to_string()).unwrap(),
        }
    }
    let report = there_and_back(&bench);
    assert_eq!(report.files_new, 8_000);
    let again = bench.backup();
    assert_eq!((again.files_new, again.files_changed), (0, 0));
}

#[test]
fn f39_deep_nesting() {
    let bench = Workbench::new();
    let deep: PathBuf = std::iter::repeat_n("d", 800).collect();
    bench.write(deep.join("bottom"), "far down");
    there_and_back(&bench);
}

#[test]
fn several_sources_are_restored_side_by_side() {
    let bench = Workbench::with_files();
    for folder in ["one/data", "two"] {
        fs::create_dir_all(bench.path(folder)).unwrap();
        fs::write(bench.path(folder).join("name"), folder).unwrap();
    }
    bench
        .lifeboat(&["backup", "data", "one/data", "two", "two/name", "--no-zip"])
        .exits(0);
    bench
        .lifeboat(&["restore", "latest", "--to", "restored"])
        .exits(0);
    tree::assert_same(&bench.data(), &bench.path("restored/data"));
    tree::assert_same(&bench.path("one/data"), &bench.path("restored/data-2"));
    tree::assert_same(&bench.path("two"), &bench.path("restored/two"));
    tree::assert_same(&bench.path("two/name"), &bench.path("restored/name"));
}

#[test]
fn the_comparison_sees_every_field() {
    let bench = Workbench::with_files();
    bench.write("twin", "twin");
    fs::hard_link(bench.data().join("twin"), bench.data().join("twin-2")).unwrap();
    let before = tree::looks(&bench.data());
    let path = |name: &str| bench.data().join(name);
    let differs = |change: &dyn Fn(), words: &str| {
        change();
        let differences = tree::differences(&before, &tree::looks(&bench.data()));
        assert!(
            differences.iter().any(|found| found.contains(words)),
            "{words}: {differences:?}"
        );
    };
    differs(
        &|| fs::write(path("notes.txt"), "r").unwrap(),
        "bytes of \"notes.txt\"",
    );
    differs(
        &|| evil_tree::set_time(&path("papers"), 5, 0),
        "mtime of \"papers\"",
    );
    differs(
        &|| evil_tree::set_time(&path("papers/one.txt"), 5, 1),
        "mtime of \"papers/one.txt\"",
    );
    let mode = fs::Permissions::from_mode(0o700);
    differs(
        &|| fs::set_permissions(path("papers/two.txt"), mode.clone()).unwrap(),
        "mode of",
    );
    differs(
        &|| fs::write(path("added"), "").unwrap(),
        "\"added\" was not there before",
    );
    differs(
        &|| fs::remove_dir(path("empty")).unwrap(),
        "\"empty\" is missing",
    );
    let replace = || {
        fs::remove_file(path("link")).unwrap();
        symlink("elsewhere", path("link")).unwrap();
        fs::copy(path("twin"), path("copy")).unwrap();
        fs::rename(path("copy"), path("twin-2")).unwrap();
    };
    differs(&replace, "bytes of \"link\"");
    differs(&|| {}, "hard link of \"twin-2\"");
    let kind = || {
        fs::remove_file(path("papers/one.txt")).unwrap();
        fs::create_dir(path("papers/one.txt")).unwrap();
    };
    differs(&kind, "kind of \"papers/one.txt\"");
    if evil_tree::set(&path("twin"), "user.colour", b"red") {
        differs(&|| {}, "attributes of \"twin\"");
    }
    if outside::is_root() {
        differs(
            &|| std::os::unix::fs::chown(path("twin"), Some(7), None).unwrap(),
            "owner of",
        );
    }
}

#[test]
fn the_comparison_sees_the_numbers_of_devices() {
    if !outside::is_root() {
        return;
    }
    let bench = Workbench::new();
    let device = |minor| {
        let path = bench.data().join("device");
        let _ = fs::remove_file(&path);
        let kind = rustix::fs::FileType::CharacterDevice;
        let mode = rustix::fs::Mode::from_raw_mode(0o600);
        rustix::fs::mknodat(CWD, &path, kind, mode, rustix::fs::makedev(1, minor)).unwrap();
        tree::looks(&bench.data())
    };
    let found = tree::differences(&device(3), &device(5));
    assert!(
        found.contains(&"device of \"device\"".to_owned()),
        "{found:?}"
    );
}
