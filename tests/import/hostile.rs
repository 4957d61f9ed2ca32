//! Archives made to harm: each is refused as a whole, with exit code 9, and nothing is written (faults F-52, F-53, bad
//! inputs 47 to 51).

use std::fs;

use super::raw::{Raw, end, zip};
use super::{database, manifest};
use crate::support::{Workbench, tree};

/// Tries to take these bytes in.
fn refused(bytes: &[u8], words: &[&str]) {
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
fn with(entries: &[Raw]) -> Vec<u8> {
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
fn bad_50_bombs() {
    // More than deflate can say.
    let entry = Raw {
        method: 8,
        len: 900_000_000,
        ..Raw::file("bomb", &[3, 0])
    };
    refused(&with(&[entry]), &["more bytes than can be in it"]);
    // Within what deflate can say, and too much for the whole.
    let bombs: Vec<Raw> = (0..4)
        .map(|n| Raw {
            method: 8,
            len: 900_000_000,
            ..Raw::file(format!("bomb{n}"), &vec![0; 900_000])
        })
        .collect();
    refused(&with(&bombs), &["plain bytes for its length"]);
    // Entries that are the same bytes.
    let shared: Vec<Raw> = (0..2)
        .map(|_| Raw {
            offset: Some(0),
            ..Raw::file("backup_manifest.json", &manifest("2024-01-01T00:00:00", 1))
        })
        .collect();
    refused(&zip(&shared[..2]), &["stands twice"]);
    let mut overlapping = with(&[Raw::file(
        "a",
        b"12345678901234567890123456789012345678901234567890",
    )]);
    let second = overlapping
        .windows(4)
        .rposition(|bytes| bytes == b"PK\x01\x02")
        .unwrap();
    let at = overlapping
        .windows(4)
        .position(|bytes| bytes == b"PK\x01\x02")
        .unwrap();
    let first_len = overlapping[at + 20..at + 24].to_vec();
    let longer = u32::from_le_bytes(first_len.try_into().unwrap()) + 40;
    for place in [18, 22, at + 20, at + 24] {
        overlapping[place..place + 4].copy_from_slice(&longer.to_le_bytes());
    }
    assert!(second > at);
    refused(&overlapping, &["the same bytes"]);
}

#[test]
fn bad_50_ten_million_entries_that_are_only_claimed() {
    let mut bytes = vec![0; 100];
    let begin = bytes.len() as u64;
    bytes.extend(b"PK\x06\x06");
    bytes.extend(44_u64.to_le_bytes());
    bytes.extend([45, 3, 45, 0]);
    bytes.extend([0; 8]);
    for number in [10_000_000_u64, 10_000_000, 460_000_000, 0] {
        bytes.extend(number.to_le_bytes());
    }
    bytes.extend(b"PK\x06\x07");
    bytes.extend(0_u32.to_le_bytes());
    bytes.extend(begin.to_le_bytes());
    bytes.extend(1_u32.to_le_bytes());
    bytes.extend(end(0xffff, u32::MAX, u32::MAX, 0));
    refused(&bytes, &["directory"]);
    // With a directory that is as long as it says, the number is the reason.
    let mut long = vec![0; 100];
    long.extend(&bytes[100..]);
    let place = 100 + 48;
    long[place - 8..place].copy_from_slice(&100_u64.to_le_bytes());
    refused(&long, &["10000000 entries", "2000000"]);
}

#[test]
fn bad_50_headers_that_contradict_the_directory() {
    let file = || Raw::file("clinic.db", b"12345");
    let cases = [
        (
            Raw {
                local_name: Some(b"../evil".to_vec()),
                ..file()
            },
            "another name",
        ),
        (
            Raw {
                local_method: Some(8),
                ..file()
            },
            "contradict",
        ),
        (Raw { len: 6, ..file() }, "lengths differ"),
        (
            Raw {
                offset: Some(7),
                ..file()
            },
            "no header",
        ),
        (
            Raw {
                offset: Some(u32::MAX - 1),
                ..file()
            },
            "not in the archive",
        ),
        (
            Raw {
                attributes: 0o040_755 << 16,
                ..file()
            },
            "contradict",
        ),
    ];
    for (entry, words) in cases {
        refused(&with(&[entry]), &["clinic.db", words]);
    }
    refused(&with(&[file(), file()]), &["stands twice"]);
    let folder = Raw {
        attributes: 0o040_755 << 16,
        ..Raw::file("d/", b"12345")
    };
    refused(&with(&[folder]), &["a folder with bytes"]);
}

#[test]
fn bad_50_bytes_that_are_not_what_the_archive_says() {
    let crc = Raw {
        crc: 1,
        ..Raw::file("clinic.db", b"12345")
    };
    refused(
        &with(&[Raw::file("a", b"good"), crc]),
        &["clinic.db", "not the ones that were put in"],
    );
    let deflated = |bytes: &[u8], len| Raw {
        method: 8,
        len,
        ..Raw::file("clinic.db", bytes)
    };
    refused(&with(&[deflated(&[0xff; 20], 5)]), &["make no sense"]);
    // A stream that ends early, one that goes on, and one with something behind it: stored blocks of "ab".
    let block = [1, 2, 0, 0xfd, 0xff, b'a', b'b'];
    refused(&with(&[deflated(&block, 5)]), &["fewer bytes"]);
    refused(&with(&[deflated(&block, 1)]), &["more bytes"]);
    let behind = [&block[..], &[0; 9]].concat();
    let entry = Raw {
        crc: 0x9e83_486d,
        ..deflated(&behind, 2)
    };
    refused(&with(&[entry]), &["something follows"]);
    refused(&with(&[deflated(&block[..6], 2)]), &["clinic.db"]);
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
