//! Names of snapshots that are none or several, and records that are damaged.

use std::fs;

use super::{backed_up, record};
use crate::support::Workbench;
use crate::support::answer::shown;

#[test]
fn bad_12_a_snapshot_that_is_unknown_ambiguous_or_no_name() {
    let bench = backed_up();
    bench
        .lifeboat(&["show", "abcdef12"])
        .exits(2)
        .complains(&["abcdef12"]);
    bench
        .lifeboat(&["show", "latest~7"])
        .exits(2)
        .complains(&["latest~7"]);
    let long = "a".repeat(10_000);
    for name in ["xyz!", "..", "/etc/passwd", "abc", "", &long] {
        let answer = bench
            .lifeboat(&["restore", name, "--to", "x"])
            .exits(2)
            .complains(&["snapshot"]);
        assert!(answer.stderr().len() < 500, "{answer}");
    }
    assert!(!bench.path("x").exists());
    // A prefix of four digits that two snapshots share does not happen by itself.
    let record = record(&bench);
    let id = record.file_stem().unwrap().to_str().unwrap();
    let other = if id.as_bytes()[8] == b'0' { "1" } else { "0" };
    let twin = format!("{}{}", &id[..8], other.repeat(id.len() - 8));
    make_twin(&bench, id, &twin);
    let answer =
        bench
            .lifeboat(&["show", &id[..6]])
            .exits(2)
            .complains(&[&id[..6], &id[..12], &twin[..12]]);
    drop(answer);
    bench.lifeboat(&["show", &id[..9]]).exits(0);
}

/// A record like another under an id that begins the same.
fn make_twin(bench: &Workbench, id: &str, twin: &str) {
    let folder = bench.place().join("snapshots");
    let mut bytes = fs::read(folder.join(format!("{id}.snapshot"))).unwrap();
    let raw = |id: &str| -> Vec<u8> {
        (0..id.len() / 2)
            .map(|at| u8::from_str_radix(&id[2 * at..2 * at + 2], 16).unwrap())
            .collect()
    };
    let (from, to) = (raw(id), raw(twin));
    let at = bytes
        .windows(from.len())
        .position(|window| window == from)
        .unwrap();
    bytes[at..at + to.len()].copy_from_slice(&to);
    let content = bytes.len() - 32;
    let hash = *blake3::hash(&bytes[..content]).as_bytes();
    bytes[content..].copy_from_slice(&hash);
    fs::write(folder.join(format!("{twin}.snapshot")), bytes).unwrap();
}

#[test]
fn bad_13_a_damaged_record_is_named_and_hides_no_other() {
    let bench = backed_up();
    let damaged = record(&bench);
    fs::remove_dir_all(bench.place().join("copies")).unwrap();
    let good = bench.backs_up();
    let whole = fs::read(&damaged).unwrap();
    for len in (0..whole.len()).step_by(whole.len() / 12) {
        fs::write(&damaged, &whole[..len]).unwrap();
        let answer = bench
            .lifeboat(&["list", "--json"])
            .exits(4)
            .says_aside(&[&shown(&damaged)]);
        assert_eq!(answer.json().as_array().unwrap().len(), 1, "{len}");
        bench.lifeboat(&["verify"]).exits(4);
    }
    // Which one is the newest cannot be known, but any that is named can be had.
    bench
        .lifeboat(&["restore", "latest", "--to", "x"])
        .exits(4)
        .complains(&[&shown(&damaged)]);
    bench
        .lifeboat(&[
            "restore",
            good["snapshot"].as_str().unwrap(),
            "--to",
            "restored",
        ])
        .exits(0);
    let id = damaged.file_stem().unwrap().to_str().unwrap();
    bench
        .lifeboat(&["show", id])
        .exits(4)
        .complains(&[&shown(&damaged)]);
    bench.lifeboat(&["backup", "data", "--no-zip"]).exits(0);
}
