//! Packs that lie, made by hand, and packs and indexes that are not where they belong (bad inputs 21 to 26): the program names
//! them, gives no wrong byte, and goes on with everything else.

use std::fs;
use std::path::{Path, PathBuf};

use lifeboat_store::random::noise;
use lifeboat_store::{ChunkId, Kind};

use super::forge::{self, content, entry, file_of};
use super::forged_pack::{Copy, pack_with};
use crate::support::Workbench;
use crate::support::answer::shown;
use lifeboat_snapshot::content::Ref;

/// The name of the pack that lies.
const PACK: [u8; 16] = [0x55; 16];

/// A snapshot of one whole file, and of one whose only chunk is this, in a pack with this stored copy of it.
fn holding(plain: &[u8], encoding: u8, stored: Vec<u8>) -> (Workbench, PathBuf) {
    let bench = Workbench::new();
    let (id, len) = (ChunkId::of(Kind::Data, plain), plain.len() as u64);
    forge::repository(&bench.place(), |forge| {
        let whole = entry(b"whole", forge.file(b"is there"));
        let lost = entry(b"lost", file_of(content(vec![Ref { id, len }])));
        forge.of_root(forge.folder(&[lost, whole]))
    });
    let copy = Copy {
        encoding,
        id: *id.as_bytes(),
        stored,
        plain_len: plain.len() as u32,
        base: [0; 8],
    };
    let file = pack_with(&bench.place(), PACK, 1, &[copy], |_| {});
    (bench, file)
}

/// That the file is lost and named, its pack too, and the other file restored.
fn assert_lost(bench: &Workbench, pack: &Path, why: &str) {
    let answer = bench
        .lifeboat(&["restore", "latest", "--to", "restored", "--json"])
        .exits(4);
    let summary = answer.summary();
    assert_eq!(summary["lost"].as_array().unwrap().len(), 1, "{answer}");
    assert_eq!(summary["lost"][0]["path"], "lost", "{answer}");
    assert!(answer.text().contains(why), "{why}: {answer}");
    assert!(!bench.path("restored/lost").exists());
    assert_eq!(fs::read(bench.path("restored/whole")).unwrap(), b"is there");
    let found = bench
        .lifeboat(&["verify", "--read-data", "--json"])
        .exits(4)
        .summary();
    let damaged = found["damaged"].as_array().unwrap();
    let is_named = damaged.iter().any(|one| one["object"] == shown(pack));
    assert!(is_named, "{found}");
    fs::remove_dir_all(bench.path("restored")).unwrap();
}

#[test]
fn bad_22_a_chunk_that_expands_to_more_than_it_says_is_lost_and_costs_nothing() {
    let bomb = zstd::stream::encode_all(std::io::Read::take(std::io::repeat(0), 1 << 30), 1);
    let (bench, pack) = holding(b"x", 1, bomb.unwrap());
    assert_lost(&bench, &pack, "damaged");
}

#[test]
fn bad_23_frames_that_nobody_writes_are_lost_chunks() {
    let good = zstd::bulk::compress(b"some bytes", 3).unwrap();
    let skipped = [&[0x50, 0x2a, 0x4d, 0x18, 1, 0, 0, 0, 7], &good[..]].concat();
    let junk = [&good[..], b"junk"].concat();
    // A window of 2 GiB, in a frame that does not tell its length.
    let window = [&[0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xa8][..], &good[5..]].concat();
    for stored in [skipped, junk, window, b"no frame".to_vec(), vec![0]] {
        let (bench, pack) = holding(b"some bytes", 1, stored);
        assert_lost(&bench, &pack, "damaged");
    }
}

#[test]
fn bad_24_whole_bytes_of_another_chunk_are_told_from_the_right_ones() {
    let (bench, pack) = holding(b"some bytes", 0, b"more bytes".to_vec());
    assert_lost(&bench, &pack, "its content does not match its id");
}

/// What is done to a trailer.
type Change = fn(&mut Vec<u8>);

#[test]
fn bad_21_a_pack_whose_trailer_lies_is_named_and_hides_nothing_else() {
    let changes: [(&str, Change); 7] = [
        ("a stored length of nothing", |trailer| {
            trailer[33..37].fill(0)
        }),
        ("a stored length of 4 GiB", |trailer| {
            trailer[33..37].fill(0xff)
        }),
        ("a plain length of 4 GiB", |trailer| {
            trailer[37..41].fill(0xff)
        }),
        ("an encoding that is none", |trailer| trailer[0] = 9),
        ("more chunks than there are", |trailer| {
            let at = trailer.len() - 12;
            trailer[at..at + 4].fill(0xff);
        }),
        ("a body longer than the file", |trailer| {
            let at = trailer.len() - 8;
            trailer[at..].fill(0xff);
        }),
        ("a trailer that is cut short", |trailer| {
            trailer.remove(0);
        }),
    ];
    for (what, change) in changes {
        let bench = Workbench::with_files();
        bench.backs_up();
        let copy = Copy {
            encoding: 0,
            id: *ChunkId::of(Kind::Data, b"more").as_bytes(),
            stored: b"more".to_vec(),
            plain_len: 4,
            base: [0; 8],
        };
        let pack = shown(&pack_with(&bench.place(), PACK, 1, &[copy], change));
        let found = bench.lifeboat(&["verify", "--json"]).exits(4).summary();
        assert_eq!(found["damaged"][0]["object"], pack, "{what}: {found}");
        bench.lifeboat(&["list"]).exits(0);
        bench.lifeboat(&["backup", "data", "--no-zip"]).exits(0);
        bench
            .lifeboat(&["restore", "latest", "--to", "restored"])
            .exits(0);
        let answer = bench.lifeboat(&["gc"]).exits(11);
        assert!(answer.stderr().contains(&pack), "{what}: {answer}");
        assert!(Path::new(&pack).exists());
    }
}

/// A repository with so many packs of data, and these.
fn packs(count: u64) -> (Workbench, Vec<PathBuf>) {
    let bench = Workbench::with_files();
    for number in 0..count {
        bench.write(format!("{number}.bin"), noise(60_000, number));
        bench.backs_up();
    }
    let files = bench.files_in("packs").into_iter();
    let packs = files.filter(|(_, bytes)| bytes.len() > 50_000);
    let packs: Vec<PathBuf> = packs.map(|(path, _)| path).collect();
    assert_eq!(packs.len() as u64, count);
    (bench, packs)
}

/// That verify names each of these, and that what a restore gives is right or told to be missing.
fn assert_named(bench: &Workbench, packs: &[PathBuf]) {
    let found = bench
        .lifeboat(&["verify", "--read-data", "--json"])
        .exits(4)
        .summary();
    let damaged = found["damaged"].as_array().unwrap();
    for pack in packs {
        assert!(
            damaged.iter().any(|one| one["object"] == shown(pack)),
            "{found}"
        );
    }
    let restored = bench.lifeboat(&["restore", "latest", "--to", "restored", "--json"]);
    let lost = restored.summary()["lost"].as_array().unwrap().len();
    assert_eq!(
        restored.code(),
        Some(if lost > 0 { 4 } else { 0 }),
        "{restored}"
    );
    for name in ["0.bin", "1.bin", "notes.txt"] {
        if let Ok(bytes) = fs::read(bench.path("restored").join(name)) {
            assert!(
                bytes == fs::read(bench.data().join(name)).unwrap(),
                "{name}"
            );
        }
    }
    fs::remove_dir_all(bench.path("restored")).unwrap();
}

#[test]
fn bad_25_packs_that_took_each_others_names_and_a_copy_under_another_name_are_found() {
    let (bench, packs) = packs(2);
    let swap = || {
        let aside = bench.path("aside");
        fs::rename(&packs[0], &aside).unwrap();
        fs::rename(&packs[1], &packs[0]).unwrap();
        fs::rename(&aside, &packs[1]).unwrap();
    };
    swap();
    assert_named(&bench, &packs);
    // They can be had again by their parity, or from where they are.
    bench.lifeboat(&["gc"]).exits(11);
    swap();
    bench.lifeboat(&["verify", "--read-data"]).exits(0);
    let copy = bench
        .place()
        .join(format!("packs/{}.pack", "ab".repeat(16)));
    fs::copy(&packs[0], &copy).unwrap();
    assert_named(&bench, std::slice::from_ref(&copy));
    bench.lifeboat(&["repair", "--apply"]).exits(5);
    bench.lifeboat(&["verify", "--read-data"]).exits(0);
    bench.lifeboat(&["gc"]).exits(0);
    bench
        .lifeboat(&["restore", "latest", "--to", "restored"])
        .exits(0);
    crate::support::tree::assert_same(&bench.data(), &bench.path("restored"));
}

#[test]
fn bad_26_an_index_of_packs_that_are_gone_or_of_another_repository_is_not_believed() {
    let (bench, packs) = packs(10);
    let cache = bench.place().join("cache");
    let indexes = || fs::read_dir(&cache).unwrap().count();
    assert!(indexes() > 0, "too few for a cache");
    // It still tells of this one.
    let aside = bench.path("aside");
    fs::rename(&packs[0], &aside).unwrap();
    fs::remove_dir_all(bench.place().join("parity")).unwrap();
    let found = bench.lifeboat(&["verify", "--json"]).exits(4).summary();
    let damaged = found["damaged"].as_array().unwrap();
    let lost = |one: &&serde_json::Value| one["paths"][0].as_str().unwrap().ends_with(".bin");
    assert_eq!(damaged.iter().filter(lost).count(), 1, "{found}");
    bench.age_data();
    bench.backs_up();
    // What was told to be there was stored again.
    bench.lifeboat(&["verify", "--read-data"]).exits(0);
    fs::rename(&aside, &packs[0]).unwrap();
    let (other, _) = self::packs(10);
    fs::remove_dir_all(&cache).unwrap();
    fs::rename(other.place().join("cache"), &cache).unwrap();
    assert!(indexes() > 0);
    bench.lifeboat(&["list"]).exits(0);
    bench.lifeboat(&["verify", "--read-data"]).exits(0);
    bench.write("another.bin", noise(60_000, 77));
    bench.backs_up();
    bench
        .lifeboat(&["restore", "latest", "--to", "restored"])
        .exits(0);
    crate::support::tree::assert_same(&bench.data(), &bench.path("restored"));
}
