//! Whole files deleted, swapped and spoilt; the index cache; and what the program says of damage.

use std::fs;

use lifeboat_store::disk::sim::SimDisk;

use super::{Harm, Verdict, Whole, flips, judge_all};
use crate::support::Workbench;

#[test]
fn f13_deleted_files_never_look_like_success() {
    let whole = Whole::new(0);
    for path in whole.files().into_keys() {
        let is_copy = path.starts_with("copies");
        let verdict = whole.judge(|disk| disk.delete(&path).unwrap());
        let verdict = verdict.unwrap_or_else(|what| match path.ends_with(".snapshot") {
            // Nothing tells a record that was deleted from one that never was.
            true if what.contains("found nothing") => Verdict::Harmless,
            _ => panic!("{path}: {what}"),
        });
        match verdict {
            Verdict::Found(damaged) if path.starts_with("packs") => {
                assert!(
                    damaged
                        .iter()
                        .any(|d| !d.snapshots.is_empty() && !d.paths.is_empty())
                );
            }
            Verdict::Found(damaged) => {
                assert!(damaged[0].object.ends_with(&path), "{path}: {damaged:?}")
            }
            // A record without a copy is a whole record.
            Verdict::Harmless => assert!(is_copy || path.ends_with(".snapshot"), "{path}"),
            Verdict::Refused(error) => panic!("{path}: {error}"),
        }
    }
}

#[test]
fn f57_files_that_took_each_others_place_are_named() {
    let whole = Whole::new(0);
    let files: Vec<(String, Vec<u8>)> = whole.files().into_iter().collect();
    let mut harms: Vec<(String, String, Harm)> = Vec::new();
    for (number, (one, bytes)) in files.iter().enumerate() {
        // Both configs are the same, and so are a record and its copy.
        let others = files.iter().skip(number + 1);
        for (other, _) in others.filter(|(_, others)| others != bytes) {
            let at = (one.clone(), other.clone());
            let harm = move |disk: &SimDisk| disk.swap(&at.0, &at.1).unwrap();
            harms.push((
                format!("{one} and {other} swapped"),
                other.clone(),
                Box::new(harm),
            ));
        }
    }
    assert!(harms.len() > 10);
    assert_eq!(judge_all(&whole, harms).1, 0);
}

#[test]
fn f14_a_damaged_or_deleted_index_cache_is_of_no_account() {
    let whole = Whole::new(12);
    let cache: Vec<String> = whole
        .files()
        .into_keys()
        .filter(|path| path.starts_with("cache"))
        .collect();
    assert!(!cache.is_empty(), "{:?}", whole.files().keys());
    let in_cache = |harm: &(String, String, Harm)| harm.1.starts_with("cache");
    let bytes: usize = cache.iter().map(|path| whole.files()[path].len()).sum();
    let all = flips(&whole, 1, &[1, 0x80, 0xff]);
    let some = all
        .into_iter()
        .filter(in_cache)
        .step_by(bytes / 150 + 1)
        .collect::<Vec<_>>();
    let count = some.len();
    assert_eq!(judge_all(&whole, some), (0, count));
    for path in cache {
        let verdict = whole.judge(|disk| disk.delete(&path).unwrap()).unwrap();
        assert!(matches!(verdict, Verdict::Harmless), "{verdict:?}");
    }
}

#[test]
fn f15_one_lost_config_is_told_and_the_other_is_used() {
    let whole = Whole::new(0);
    for path in ["config", "config.copy"] {
        let verdict = whole.judge(|disk| disk.delete(path).unwrap()).unwrap();
        let Verdict::Found(damaged) = verdict else {
            panic!("{verdict:?}");
        };
        assert!(damaged[0].object.ends_with(path), "{damaged:?}");
    }
    let both = whole.judge(|disk| {
        disk.truncate("config", 10).unwrap();
        disk.truncate("config.copy", 10).unwrap();
    });
    assert!(matches!(both, Ok(Verdict::Refused(_))), "{both:?}");
}

/// Turns a bit in the middle of the largest pack, where chunks stand.
fn damage_largest_pack(bench: &Workbench) -> String {
    let packs = fs::read_dir(bench.place().join("packs")).unwrap();
    let largest = packs
        .map(|pack| pack.unwrap().path())
        .max_by_key(|pack| fs::metadata(pack).unwrap().len());
    let pack = largest.unwrap();
    let mut bytes = fs::read(&pack).unwrap();
    let middle = bytes.len() / 3;
    bytes[middle] ^= 4;
    fs::write(&pack, bytes).unwrap();
    pack.display().to_string()
}

#[test]
fn f10_the_program_names_damage_and_exits_with_4() {
    let bench = Workbench::new();
    bench.write(
        "photo.jpg",
        (0..200_000_u32)
            .flat_map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes())
            .collect::<Vec<_>>(),
    );
    bench.backs_up();
    bench.lifeboat(&["verify", "--read-data"]).exits(0);
    let pack = damage_largest_pack(&bench);
    let answer = bench
        .lifeboat(&["verify", "--read-data", "--json"])
        .exits(4);
    let damaged = &answer.summary()["damaged"][0];
    assert_eq!(damaged["object"], pack.as_str());
    assert_eq!(damaged["snapshots"].as_array().unwrap().len(), 1);
    assert!(
        damaged["paths"][0].as_str().unwrap().ends_with("photo.jpg"),
        "{damaged}"
    );
    let text = bench.lifeboat(&["verify", "--read-data"]).exits(4).text();
    assert!(text.contains(&pack) && text.contains("photo.jpg"), "{text}");
    bench
        .lifeboat(&["restore", "latest", "--to", "restored"])
        .exits(4)
        .says_aside(&[&pack, "photo.jpg", "lost"]);
    bench.lifeboat(&["cat", "latest", "photo.jpg"]).exits(4);
    // The next backup does not build on what is damaged once it was read; the source is stored whole again.
    bench.lifeboat(&["list"]).exits(0);
}
