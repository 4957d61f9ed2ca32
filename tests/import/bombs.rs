//! Archives that claim other lengths than they have: bombs, and headers that contradict each other (bad input 50).

use super::hostile::{refused, with};
use super::manifest;
use super::raw::{Raw, end, zip};

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
fn bad_50_a_description_of_many_megabytes_of_nothing() {
    let long = |text: &str, fill: &str| {
        let fill = fill.repeat((17 << 20) / fill.len());
        format!("{text}{fill}").into_bytes()
    };
    let bytes = long(r#"{"created_at":"2024-05-01T10:00:00","x":[0"#, ",0");
    let archive = super::zip(&[("a", b"a".to_vec()), ("backup_manifest.json", bytes)]);
    assert!(archive.len() < 1 << 20, "{}", archive.len());
    refused(&archive, &["its description has 178", "are not read"]);
}
