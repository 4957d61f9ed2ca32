//! The seeds of the zip reader's fuzz target, and what is near them: nothing panics, hangs or takes memory without end.

use std::fs;
use std::path::{Path, PathBuf};

use lifeboat_snapshot::zip::try_all;

use super::raw::{Raw, end, zip};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/corpus/zip")
}

/// Small archives, each of another shape.
fn seeds() -> Vec<(&'static str, Vec<u8>)> {
    let deflated = Raw {
        method: 8,
        crc: 0x9e83_486d,
        len: 2,
        ..Raw::file("deflated", &[1, 2, 0, 0xfd, 0xff, b'a', b'b'])
    };
    vec![
        ("empty.zip", end(0, 0, 0, 0)),
        ("stored.zip", zip(&[Raw::file("a", b"stored")])),
        ("deflated.zip", zip(std::slice::from_ref(&deflated))),
        (
            "folder-and-link.zip",
            zip(&[
                Raw {
                    attributes: 0o040_755 << 16,
                    ..Raw::file("d/", b"")
                },
                Raw::file("d/a", b"a"),
                Raw::link("l", "d/a"),
            ]),
        ),
        (
            "described-after.zip",
            zip(&[Raw {
                flags: 8,
                ..deflated
            }]),
        ),
        (
            "own.zip",
            super::zip(&[("a", vec![b'a'; 3000]), ("b/c", b"c".to_vec())]),
        ),
    ]
}

#[test]
fn every_seed_and_every_byte_turned_in_it_is_read_or_refused() {
    for entry in fs::read_dir(folder()).unwrap() {
        let bytes = fs::read(entry.unwrap().path()).unwrap();
        try_all(&bytes);
        for at in 0..bytes.len() {
            for turn in [0x01, 0x80, 0xff] {
                let mut turned = bytes.clone();
                turned[at] ^= turn;
                try_all(&turned);
            }
            try_all(&bytes[..at]);
            try_all(&bytes[at..]);
        }
    }
}

#[test]
fn the_seeds_are_the_ones_that_are_committed() {
    let bless = std::env::var_os("LIFEBOAT_BLESS").is_some();
    for (name, bytes) in seeds() {
        let path = folder().join(name);
        if bless {
            fs::create_dir_all(folder()).unwrap();
            fs::write(&path, &bytes).unwrap();
        }
        assert!(fs::read(&path).unwrap() == bytes, "{name}");
    }
}
