//! One damaged chunk costs one file, or a part of one, and never the restore.

use std::fs;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::{noise, over};
use crate::support::Workbench;

/// Turns a bit where these bytes stand in a pack, as they are.
fn damage(bench: &Workbench, bytes: &[u8]) -> PathBuf {
    for pack in fs::read_dir(bench.place().join("packs")).unwrap() {
        let pack = pack.unwrap().path();
        let stored = fs::read(&pack).unwrap();
        if let Some(at) = stored
            .windows(bytes.len())
            .position(|window| window == bytes)
        {
            let file = fs::File::options().write(true).open(&pack).unwrap();
            file.write_all_at(&[bytes[0] ^ 1], at as u64).unwrap();
            return pack;
        }
    }
    panic!("these bytes are in no pack");
}

#[test]
fn bad_20_one_damaged_chunk_costs_one_file_and_each_lost_byte_is_named() {
    let bench = Workbench::with_files();
    let large = noise(5_000_000, 1);
    bench.write("papers/large.bin", &large);
    bench.write("twin.bin", &large[..2_000_000]);
    bench.backs_up();
    damage(&bench, &large[3_000_000..3_000_064]);
    let answer = bench
        .lifeboat(&["restore", "latest", "--to", "restored", "--json"])
        .exits(4);
    let summary = answer.summary();
    let lost = summary["lost"].as_array().unwrap();
    assert_eq!(lost.len(), 1, "{summary}");
    assert_eq!(lost[0]["path"], "papers/large.bin");
    let range = &lost[0]["ranges"][0];
    let (from, to) = (range[0].as_u64().unwrap(), range[1].as_u64().unwrap());
    assert!((from..to).contains(&3_000_000), "{range}");
    assert_eq!(lost[0]["lost_bytes"], to - from);
    assert!(to - from <= 1 << 20, "{range}");
    let restored = bench.path("restored");
    assert!(!restored.join("papers/large.bin").exists());
    for name in ["notes.txt", "papers/one.txt", "papers/two.txt", "twin.bin"] {
        assert_eq!(
            fs::read(restored.join(name)).unwrap(),
            fs::read(bench.data().join(name)).unwrap()
        );
    }
    // Not complete, and nobody may take it for that.
    assert!(restored.join(".lifeboat-restore").exists());
}

#[test]
fn a_file_that_is_not_whole_is_kept_on_request_and_under_another_name() {
    let bench = Workbench::with_files();
    let large = noise(20_000_000, 1);
    bench.write("large.bin", &large);
    bench.backs_up();
    damage(&bench, &large[9_000_000..9_000_064]);
    let args = [
        "restore",
        "latest",
        "--to",
        "restored",
        "--json",
        "--keep-damaged",
    ];
    let summary = bench.lifeboat(&args).exits(4).summary();
    let range = &summary["lost"][0]["ranges"][0];
    let lost = range[0].as_u64().unwrap() as usize..range[1].as_u64().unwrap() as usize;
    assert!(!bench.path("restored/large.bin").exists());
    let kept = fs::read(bench.path("restored/large.bin.lifeboat-damaged")).unwrap();
    assert!(kept[lost.clone()].iter().all(|byte| *byte == 0));
    assert_eq!(kept[..lost.start], large[..lost.start]);
    assert_eq!(kept[lost.end..], large[lost.end..]);
}

#[test]
fn a_damaged_snapshot_does_not_take_the_place_of_a_file_that_is_there() {
    let bench = Workbench::with_files();
    let large = noise(2_000_000, 1);
    bench.write("large.bin", &large);
    bench.backs_up();
    bench
        .lifeboat(&["restore", "latest", "--to", "there"])
        .exits(0);
    let newer = noise(2_000_000, 2);
    fs::write(bench.path("there/large.bin"), &newer).unwrap();
    damage(&bench, &large[1_000_000..1_000_064]);
    over(&bench, "always", &[]).exits(4);
    assert_eq!(fs::read(bench.path("there/large.bin")).unwrap(), newer);
}

#[test]
fn names_of_a_lost_file_are_all_lost_and_not_linked_to_nothing() {
    let bench = Workbench::with_files();
    let large = noise(2_000_000, 1);
    bench.write("large.bin", &large);
    fs::hard_link(
        bench.data().join("large.bin"),
        bench.data().join("papers/same.bin"),
    )
    .unwrap();
    bench.backs_up();
    damage(&bench, &large[1_000_000..1_000_064]);
    let summary = bench
        .lifeboat(&["restore", "latest", "--to", "restored", "--json"])
        .exits(4)
        .summary();
    let lost = summary["lost"].as_array().unwrap().iter();
    let paths: Vec<_> = lost.map(|lost| lost["path"].as_str().unwrap()).collect();
    assert_eq!(paths, ["large.bin", "papers/same.bin"]);
    assert!(Path::new(&bench.path("restored/notes.txt")).exists());
}
