//! Packs whose trailer cannot be read, of which the index cache still tells, and sound packs that are made from such: whatever
//! could be read before a repair can be read after it, and what it calls mended is.

use std::collections::BTreeSet;

use lifeboat_store::progress::Unwatched;
use lifeboat_store::{ChunkId, Options, Share, Store};
use rayon::prelude::*;

use crate::files_in;
use crate::history::{Chance, given, harm, history, keeps_its_word, packs};
use crate::mending::parity_of;
use crate::support::{assert_none, backing};

#[test]
fn r2_whatever_happens_to_one_pack_a_repair_loses_nothing_and_calls_nothing_mended_that_is_not() {
    let histories: Vec<_> = (1..=6)
        .into_par_iter()
        .map(|seed| {
            let mut chance = Chance::new(seed);
            let forgotten: Vec<u64> = (0..4).map(|_| chance.below(13) as u64).collect();
            history(seed, |number| forgotten.contains(&number))
        })
        .collect();
    let cases = (0..240_u64).into_par_iter().map(|seed| {
        let (whole, snapshots) = &histories[seed as usize % histories.len()];
        let disk = whole.copy();
        let mut chance = Chance::new(1000 + seed);
        let mut what = harm(&disk, &mut chance);
        if chance.below(4) == 0 {
            // As on another machine, where nobody remembers anything.
            for path in files_in(&disk, "cache/") {
                disk.delete(&path).unwrap();
            }
            what += ", without a cache";
        }
        keeps_its_word(&disk, snapshots)
            .map_err(|failed| format!("{failed}\n  seed {seed}: {what}"))
    });
    let cases: Vec<_> = cases.collect();
    let failures: Vec<String> = cases.iter().filter_map(|case| case.clone().err()).collect();
    assert_none(&failures);
    let mended = cases.iter().filter(|case| **case == Ok(true)).count();
    println!("{mended} of {} mended", cases.len());
    assert!(mended > 100 && mended < cases.len(), "{mended}");
}

#[test]
fn r2_a_pack_that_only_the_cache_tells_of_is_saved_before_it_goes() {
    let (whole, snapshots) = history(7, |_| false);
    let mut saved = 0;
    for (path, len) in packs(&whole) {
        let disk = whole.copy();
        // Beyond parity and trying: the file's end is noise.
        let ruin = |bytes: &mut Vec<u8>| {
            bytes[len - 60..].fill(0x99);
            Ok(())
        };
        disk.damage(&path, ruin).unwrap();
        let _ = disk.delete(&parity_of(&path));
        // Of the last ones not even the cache tells.
        let is_told = given(&disk, &snapshots) == given(&whole, &snapshots);
        assert_eq!(keeps_its_word(&disk, &snapshots), Ok(is_told), "{path}");
        assert_eq!(disk.files().contains_key(&path), !is_told);
        saved += usize::from(is_told);
    }
    assert!(saved > 10, "{saved}");
}

#[test]
fn r2_a_pack_of_which_nothing_is_known_stays_and_one_with_more_behind_it_tells_by_itself() {
    let (whole, snapshots) = history(8, |_| false);
    for path in files_in(&whole, "cache/") {
        whole.delete(&path).unwrap();
    }
    for (path, len) in packs(&whole) {
        if len > 4000 {
            continue; // It has parity.
        }
        let disk = whole.copy();
        disk.truncate(&path, len - 3).unwrap();
        assert_eq!(keeps_its_word(&disk, &snapshots), Ok(false), "{path}");
        assert!(disk.files().contains_key(&path));
        let disk = whole.copy();
        let append = |bytes: &mut Vec<u8>| {
            bytes.extend(b"LBPKEND\nLBPKEND\n and more");
            Ok(())
        };
        disk.damage(&path, append).unwrap();
        assert_eq!(keeps_its_word(&disk, &snapshots), Ok(true), "{path}");
    }
}

#[test]
fn r2_a_base_that_only_a_forgotten_snapshot_named_is_saved_for_what_is_made_from_it() {
    let (whole, snapshots) = history(9, |number| number == 0);
    let mut saved = 0;
    for (path, len) in packs(&whole) {
        let disk = whole.copy();
        let ruin = |bytes: &mut Vec<u8>| {
            bytes[len - 30..].fill(0);
            Ok(())
        };
        disk.damage(&path, ruin).unwrap();
        let is_told = given(&disk, &snapshots) == given(&whole, &snapshots);
        assert_eq!(keeps_its_word(&disk, &snapshots), Ok(is_told), "{path}");
        saved += usize::from(is_told);
    }
    assert!(saved > 10, "{saved}");
}

#[test]
fn r2_no_pack_goes_while_anything_that_was_good_needs_it_whoever_says_it_may() {
    let (whole, snapshots) = history(11, |number| number == 0);
    let mut refused = 0;
    for (path, _) in packs(&whole) {
        let disk = whole.copy();
        let append = |bytes: &mut Vec<u8>| {
            bytes.push(1);
            Ok(())
        };
        disk.damage(&path, append).unwrap();
        let before = given(&disk, &snapshots);
        let store = Store::open(backing(&disk, 2)).unwrap();
        let session = store.begin_salvage(Options::default()).unwrap();
        let examination = store.examine(&Unwatched).unwrap();
        // As if all of it had been copied.
        let rescued = examination.packs.iter().map(|pack| pack.pack).collect();
        let share = Share::default();
        let result = store.retire(&session, &examination, &rescued, share, &Unwatched);
        session.abandon().unwrap();
        refused += usize::from(result.is_err());
        assert_eq!(disk.files().contains_key(&path), result.is_err(), "{path}");
        assert!(given(&disk, &snapshots).is_superset(&before), "{path}");
    }
    assert!(refused > 10, "{refused}");
}

#[test]
fn i19_a_damaged_cache_makes_nothing_look_damaged_and_a_repair_makes_it_anew() {
    let (disk, snapshots) = history(10, |_| false);
    for path in files_in(&disk, "cache/") {
        let last = disk.files()[&path].len() - 20;
        disk.corrupt(&path, last, |byte| byte ^ 1).unwrap();
    }
    let damaged: Vec<_> = disk
        .files()
        .into_iter()
        .filter(|(path, _)| path.starts_with("cache/"))
        .collect();
    let all: BTreeSet<ChunkId> = snapshots.values().flatten().copied().collect();
    for read_data in [false, true] {
        let store = Store::open(backing(&disk, 92)).unwrap();
        let found = store.verify_packs(read_data, &Unwatched).unwrap();
        assert!(found.damage.is_empty());
        assert!(all.iter().all(|id| found.good.contains(id)), "{read_data}");
    }
    assert_eq!(keeps_its_word(&disk, &snapshots), Ok(true));
    for (path, bytes) in damaged {
        assert_ne!(disk.files().get(&path), Some(&bytes));
    }
}
