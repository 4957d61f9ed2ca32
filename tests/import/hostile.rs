//! Archives made to harm: each is refused as a whole, with exit code 9, and nothing is written (faults F-52, F-53, bad
//! inputs 47 to 51).

use std::fs;

use super::raw::{Raw, end, zip};
use super::{database, manifest};
use crate::support::{Workbench, tree};

/// Tries to take these bytes in.
pub(super) fn refused(bytes: &[u8], words: &[&str]) {
    let bench = Workbench::new();
    bench.lifeboat(&["init"]).exits(0);
    fs::create_dir(bench.path("canary")).unwrap();
    fs::write(bench.path("hostile.zip"), bytes).unwrap();
    let before = tree::looks(bench.folder());
    bench
        .lifeboat(&["import", "hostile.zip"])
        .exits(9)
        .complains(words);
    let differences = tree::differences(&before, &tree::looks(bench.folder()));
    let others: Vec<_> = differences
        .iter()
        .filter(|line| !line.contains("cache") && !line.starts_with("mtime"))
        .collect();
    assert_eq!(others, [""; 0], "{words:?}");
}

/// A description and these entries.
pub(super) fn with(entries: &[Raw]) -> Vec<u8> {
    let description = Raw::file("backup_manifest.json", &manifest("2024-01-01T00:00:00", 1));
    zip(&[&[description], entries].concat())
}

#[test]
fn a_zip_made_byte_by_byte_is_good_if_nothing_is_wrong_with_it() {
    let bench = Workbench::new();
    bench.lifeboat(&["init"]).exits(0);
    let bytes = with(&[Raw::file("a.txt", b"a"), Raw::link("l", "a.txt")]);
    fs::write(bench.path("good.zip"), bytes).unwrap();
    bench.lifeboat(&["import", "good.zip"]).exits(0);
    bench
        .lifeboat(&["restore", "latest", "--to", "restored"])
        .exits(0);
    assert_eq!(fs::read(bench.path("restored/l")).unwrap(), b"a");
}

#[test]
fn bad_47_what_is_no_zip_or_a_part_of_one() {
    let good = with(&[Raw::file("clinic.db", &[0; 5000])]);
    refused(
        b"this is no zip, and long enough to have been one",
        &["no zip"],
    );
    refused(b"", &["no zip"]);
    refused(&good[..good.len() / 2], &["cut short"]);
    refused(&good[..good.len() - 1], &["cut short"]);
    refused(&good[..good.len() - 22], &["cut short"]);
    let mut disks = good.clone();
    let record = disks.len() - 22;
    disks[record + 4] = 1;
    refused(&disks, &["several disks"]);
    let mut moved = good.clone();
    moved[record + 16] ^= 1;
    refused(&moved, &["directory"]);
    let mut in_front = b"MZ a program in front".to_vec();
    in_front.extend(&good);
    refused(&in_front, &["directory"]);
    refused(&end(0, 0, 0, 0), &["backup_manifest.json"]);
}

#[test]
fn bad_47_an_encrypted_zip_and_one_of_an_unknown_method() {
    for flags in [1, 1 << 6 | 1, 1 << 13] {
        let entry = Raw {
            flags,
            ..Raw::file("clinic.db", b"secret")
        };
        refused(&with(&[entry]), &["clinic.db", "encrypted"]);
    }
    for method in [1, 9, 12, 14, 93, 99] {
        let entry = Raw {
            method,
            ..Raw::file("clinic.db", b"packed")
        };
        refused(
            &with(&[entry]),
            &["clinic.db", "neither stored nor deflated"],
        );
    }
}

#[test]
fn bad_48_f52_names_that_lead_elsewhere() {
    for (name, words) in [
        ("../canary/evil", "leads out"),
        ("a/../../canary/evil", "leads out"),
        ("a/..", "leads out"),
        ("..", "leads out"),
        ("/etc/evil", "absolute"),
        ("C:/evil", "drive"),
        ("c:evil", "drive"),
        ("C:\\evil", "backslash"),
        ("..\\canary\\evil", "backslash"),
        ("a\\b", "backslash"),
        ("a\0b", "NUL"),
        ("a/./b", "empty or a dot"),
        (".", "empty or a dot"),
        ("a//b", "empty or a dot"),
        ("", "empty"),
        ("/", "contradict"),
    ] {
        refused(&with(&[Raw::file(name, b"evil")]), &["hostile.zip", words]);
    }
    refused(
        &with(&[Raw::file("x/".repeat(2100) + "y", b"deep")]),
        &["nested too deeply"],
    );
    refused(
        &with(&[Raw::file("x".repeat(2000), b"long")]),
        &["too long"],
    );
}

#[test]
fn r7_folders_that_look_like_the_rest_of_a_restore_in_place() {
    for name in [".lifeboat-restore-1/journal", "a/.lifeboat-restore-1/x"] {
        let files = [Raw::file(name, b"evil")];
        refused(&with(&files), &["hostile.zip", "restore in place"]);
    }
}

#[test]
fn bad_49_f53_links_that_lead_out_and_files_through_links() {
    for target in ["/etc/passwd", "../canary", "..", "a/../../canary", ""] {
        refused(&with(&[Raw::link("link", target)]), &["link"]);
    }
    refused(
        &with(&[Raw::link("d/link", "../../canary")]),
        &["leads out"],
    );
    let through = [Raw::link("link", "d"), Raw::file("link/evil", b"evil")];
    refused(&with(&through), &["below an entry that is no folder"]);
    let file = [Raw::file("a", b"a"), Raw::file("a/b", b"b")];
    refused(&with(&file), &["below an entry that is no folder"]);
    for kind in [0o010_644, 0o020_644, 0o060_644, 0o140_644] {
        let entry = Raw {
            attributes: kind << 16,
            ..Raw::file("special", b"")
        };
        refused(&with(&[entry]), &["a pipe, a socket or a device"]);
    }
}

#[test]
fn bad_51_a_description_that_is_missing_or_does_not_fit() {
    refused(
        &zip(&[Raw::file("clinic.db", b"")]),
        &["backup_manifest.json"],
    );
    let described = |text: &str| {
        zip(&[
            Raw::file("backup_manifest.json", text.as_bytes()),
            Raw::file("a", b"a"),
        ])
    };
    refused(&described("no JSON"), &["no JSON"]);
    refused(&described("{}"), &["created_at"]);
    let date = "\"created_at\":\"2024-01-01T00:00:00\",\"version\":\"1.0\"";
    let ours = |files: &str| {
        described(&format!(
            "{{{date},\"lifeboat\":{{\"files\":[{files}],\"renamed\":[]}}}}"
        ))
    };
    refused(&ours(""), &["other files"]);
    refused(
        &ours("{\"path\":\"b\",\"bytes\":1,\"blake3\":\"00\"}"),
        &["other files"],
    );
    refused(
        &ours("{\"path\":\"a\",\"bytes\":2,\"blake3\":\"00\"}"),
        &["other files"],
    );
    refused(
        &ours("{\"path\":\"a\",\"bytes\":1,\"blake3\":\"00\"}"),
        &["not those of the description"],
    );
    refused(
        &described(&format!("{{{date},\"lifeboat\":{{}}}}")),
        &["makes no sense"],
    );
    // A name that the description makes into another one is checked like any other.
    let renamed = "{\"zip\":\"a\",\"path_bytes\":\"2e2e2f6576696c\"}";
    let text = format!(
        "{{{date},\"lifeboat\":{{\"files\":[{{\"path\":\"a\",\"bytes\":1,\"blake3\":\"00\"}}],\"renamed\":[{renamed}]}}}}"
    );
    refused(&described(&text), &["cannot be the name"]);
    let newer = described("{\"created_at\":\"2024-01-01T00:00:00\",\"version\":\"2.0\"}");
    let bench = Workbench::new();
    bench.lifeboat(&["init"]).exits(0);
    fs::write(bench.path("newer.zip"), newer).unwrap();
    bench.lifeboat(&["import", "newer.zip"]).exits(14);
}

#[test]
fn one_archive_that_is_refused_keeps_the_others_out() {
    let bench = Workbench::new();
    bench.lifeboat(&["init"]).exits(0);
    database(&bench.path("live.db"), 3);
    fs::create_dir(bench.path("old")).unwrap();
    let good = with(&[Raw::file(
        "clinic.db",
        &fs::read(bench.path("live.db")).unwrap(),
    )]);
    fs::write(bench.path("old/backup_1.zip"), good).unwrap();
    fs::write(
        bench.path("old/backup_2.zip"),
        with(&[Raw::file("../evil", b"evil")]),
    )
    .unwrap();
    bench
        .lifeboat(&["import", "old"])
        .exits(9)
        .complains(&["backup_2.zip", "leads out"]);
    let list = bench.lifeboat(&["list", "--json"]).exits(0).json();
    assert_eq!(list, serde_json::json!([]));
}
