//! What a collection keeps, and what goes.

use lifeboat_store::disk::sim::SimDisk;

use crate::stage::{
    LARGE, SMALL, assert_holds, backs_up, check_clean, collect, forget, open, packs, rehearse,
    repository,
};
use crate::support::{Acknowledged, BackUp};

#[test]
fn nothing_to_collect_changes_nothing() {
    let disk = repository();
    let done = backs_up(&disk, 2, 0..6, SMALL);
    let before = disk.files();
    let collected = collect(&open(&disk, 3)).unwrap();
    assert_eq!((collected.packs, collected.freed_bytes), (0, 0));
    assert!(collected.live_bytes > 0);
    assert_eq!(disk.files(), before);
    assert_holds(&disk, &[&done]);
}

#[test]
fn what_only_a_forgotten_snapshot_led_to_goes_and_the_rest_stays() {
    let disk = repository();
    let first = backs_up(&disk, 2, 0..6, SMALL);
    let second = backs_up(&disk, 3, 3..9, SMALL);
    let before = packs(&disk).len();
    forget(&disk, first.id);
    let rehearsed = rehearse(&open(&disk, 4)).unwrap();
    assert_eq!(packs(&disk).len(), before, "a rehearsal deletes nothing");
    let collected = collect(&open(&disk, 5)).unwrap();
    assert_eq!(collected.packs, rehearsed.packs);
    assert_eq!(collected.freed_bytes, rehearsed.freed_bytes);
    assert_eq!(collected.forgotten, 1);
    assert!(collected.packs > 0 && packs(&disk).len() < before);
    assert_holds(&disk, &[&second]);
    check_clean(&disk, 6).unwrap();
    assert!(open(&disk, 7).record(first.id).is_err());
}

#[test]
fn i1_a_kept_delta_keeps_its_base() {
    let disk = repository();
    // Chunks of three are alike, and each is stored as a delta from the one before.
    let first = backs_up(&disk, 2, 0..3, SMALL);
    let second = backs_up(&disk, 4, 2..3, SMALL);
    forget(&disk, first.id);
    collect(&open(&disk, 5)).unwrap();
    assert_holds(&disk, &[&second]);
}

#[test]
fn when_all_is_forgotten_no_pack_stays() {
    let disk = repository();
    for process in 2..5 {
        let done = backs_up(&disk, process, 0..9, SMALL);
        forget(&disk, done.id);
    }
    collect(&open(&disk, 5)).unwrap();
    assert_eq!(packs(&disk), [""; 0]);
    check_clean(&disk, 6).unwrap();
}

#[test]
fn of_copies_in_several_packs_one_is_kept_and_one_that_is_bad_is_not() {
    let disk = repository();
    let stores = [open(&disk, 2), open(&disk, 3)];
    let mut sessions = stores
        .each_ref()
        .map(|store| BackUp::begin(store, LARGE).unwrap());
    for session in &mut sessions {
        (0..6).for_each(|number| session.put(number).unwrap());
    }
    let done = sessions.map(|session| session.commit().unwrap());
    let all = packs(&disk);
    assert_eq!(all.len(), 4);
    for bad in &all {
        let disk = disk.copy();
        disk.corrupt(bad, 20, |byte| byte ^ 1).unwrap();
        collect(&open(&disk, 4)).unwrap();
        let left = packs(&disk);
        assert_eq!((left.len(), left.contains(bad)), (2, false), "{bad}");
        assert_holds(&disk, &[&done[0], &done[1]]);
    }
}

#[test]
fn i8_bad_54_nothing_goes_where_a_pack_or_a_chunk_cannot_be_read() {
    let base = repository();
    let old = backs_up(&base, 2, 0..6, LARGE);
    let kept = backs_up(&base, 3, 30..36, LARGE);
    forget(&base, old.id);
    // What the cache tells of a pack is not read again.
    let cached = base
        .files()
        .into_keys()
        .filter(|path| path.ends_with(".index"));
    cached.for_each(|path| base.delete(&path).unwrap());
    for bad in packs(&base) {
        let harms: [&dyn Fn(&SimDisk); 2] = [
            &|disk| {
                disk.corrupt(&bad, disk.files()[&bad].len() - 50, |byte| byte ^ 1)
                    .unwrap()
            },
            &|disk| disk.delete(&bad).unwrap(),
        ];
        for harm in harms {
            let disk = base.copy();
            harm(&disk);
            let files = disk.files();
            let is_needed = collect(&open(&disk.copy(), 4)).is_err();
            match collect(&open(&disk, 4)) {
                // A pack that is gone, and that nobody needs.
                Ok(_) => assert!(!is_needed && !files.contains_key(&bad)),
                Err(error) => {
                    assert!(error.is_damage(), "{error}");
                    assert_eq!(disk.files(), files);
                }
            }
        }
    }
    assert_holds(&base, &[&kept]);
}

#[test]
fn a_damaged_index_cache_hides_no_chunk() {
    let disk = repository();
    let done: Vec<Acknowledged> = (2..8)
        .map(|process| {
            backs_up(
                &disk,
                process,
                process as u32 * 6..process as u32 * 6 + 6,
                SMALL,
            )
        })
        .collect();
    let files = disk.files();
    let caches: Vec<&String> = files
        .keys()
        .filter(|path| path.starts_with("cache/"))
        .collect();
    assert!(!caches.is_empty());
    for cache in caches {
        for place in (0..files[cache].len()).step_by(97) {
            let disk = disk.copy();
            disk.corrupt(cache, place, |byte| byte ^ 4).unwrap();
            let collected = collect(&open(&disk, 20)).unwrap();
            assert_eq!(collected.packs, 0, "{cache} {place}");
        }
    }
    assert_holds(&disk, &done.iter().collect::<Vec<_>>());
}

#[test]
fn the_index_cache_does_not_keep_what_was_deleted() {
    let disk = repository();
    let all: Vec<Acknowledged> = (2..12)
        .map(|process| {
            let first = process as u32 * 6;
            backs_up(&disk, process, first..first + 6, SMALL)
        })
        .collect();
    let cached = || {
        let files = disk.files();
        let cached = files.iter().filter(|(path, _)| path.starts_with("cache/"));
        cached.map(|(_, bytes)| bytes.len()).sum::<usize>()
    };
    let before = cached();
    for one in &all[..9] {
        forget(&disk, one.id);
    }
    collect(&open(&disk, 20)).unwrap();
    let after = cached();
    assert!(before > 0 && after < before / 4, "{after} of {before}");
    assert_holds(&disk, &[&all[9]]);
}
