//! Who is waited for, who must not collect, and what comes back while a plan is open.

use lifeboat_store::disk::Disk;
use lifeboat_store::disk::sim::SimDisk;
use lifeboat_store::gc::Collect;
use lifeboat_store::{Options, StoreError};

use crate::stage::{
    LARGE, Rows, SMALL, Sleeper, assert_holds, backs_up, check_clean, collect, forget, ids, open,
    packs, repository,
};
use crate::support::BackUp;

#[test]
fn f16_what_a_dead_session_left_goes_and_blocks_nobody() {
    let disk = repository();
    let done = backs_up(&disk, 2, 0..4, SMALL);
    let store = open(&disk, 3);
    let mut dying = BackUp::begin(&store, SMALL).unwrap();
    (4..9).for_each(|number| dying.put(number).unwrap());
    // A restart lets go of all locks, as the death of a process does.
    let disk = disk.copy();
    assert!(packs(&disk).len() > 6);
    collect(&open(&disk, 4)).unwrap();
    check_clean(&disk, 5).unwrap();
    assert_holds(&disk, &[&done]);
}

#[test]
fn f18_a_session_that_began_before_the_plan_is_waited_for_and_keeps_what_it_built_on() {
    let disk = repository();
    let old = backs_up(&disk, 2, 0..6, SMALL);
    let store = open(&disk, 3);
    // It builds on chunks that only the old snapshot led to, and that are condemned meanwhile.
    let mut session = BackUp::begin(&store, SMALL).unwrap();
    session.put(1).unwrap();
    forget(&disk, old.id);
    let waiting = collect(&open(&disk, 4)).unwrap();
    assert_eq!((waiting.packs, waiting.sessions), (0, 1));
    assert!(waiting.pending_bytes > 0);
    session.put(2).unwrap();
    let done = session.commit().unwrap();
    let collected = collect(&open(&disk, 5)).unwrap();
    assert!(collected.packs > 0);
    assert_holds(&disk, &[&done]);
    check_clean(&disk, 6).unwrap();
}

#[test]
fn i6_a_session_that_begins_under_a_plan_does_not_build_on_what_it_condemns() {
    let disk = repository();
    let old = backs_up(&disk, 2, 0..6, SMALL);
    let blocker = open(&disk, 3);
    let blocking = BackUp::begin(&blocker, SMALL).unwrap();
    forget(&disk, old.id);
    collect(&open(&disk, 4)).unwrap();
    // The plan is open, and its packs are still there.
    let store = open(&disk, 5);
    let mut late = BackUp::begin(&store, SMALL).unwrap();
    (0..6).for_each(|number| late.put(number).unwrap());
    // It is not waited for by the next collector, which knows who came before the plan.
    drop(blocking);
    collect(&open(&disk.copy(), 6)).unwrap();
    let done = late.commit().unwrap();
    assert_holds(&disk, &[&done]);
    let disk = disk.copy();
    collect(&open(&disk, 7)).unwrap();
    assert_holds(&disk, &[&done]);
    check_clean(&disk, 8).unwrap();
}

#[test]
fn f19_a_reader_that_holds_the_repository_is_waited_for() {
    let disk = repository();
    let old = backs_up(&disk, 2, 0..6, SMALL);
    let reader = open(&disk, 3);
    let hold = reader.hold();
    forget(&disk, old.id);
    assert_eq!(collect(&open(&disk, 4)).unwrap().packs, 0);
    for id in ids(&old) {
        reader.get(&id).unwrap();
    }
    drop(hold);
    assert!(collect(&open(&disk, 5)).unwrap().packs > 0);
    check_clean(&disk, 6).unwrap();
}

#[test]
fn f19_a_short_reader_finds_what_was_copied_elsewhere() {
    let disk = repository();
    let reader = open(&disk, 3);
    let old = backs_up(&disk, 2, 0..6, SMALL);
    reader.get(&ids(&old)[0]).unwrap();
    // Two more sessions store the same chunks, as they do not see each other.
    let stores = [open(&disk, 4), open(&disk, 5)];
    let mut sessions = stores
        .each_ref()
        .map(|store| BackUp::begin(store, LARGE).unwrap());
    for session in &mut sessions {
        (20..26).for_each(|number| session.put(number).unwrap());
    }
    let done = sessions.map(|session| session.commit().unwrap());
    let known = ids(&done[0]);
    for id in &known {
        reader.get(id).unwrap();
    }
    collect(&open(&disk, 6)).unwrap();
    for id in &known {
        reader.get(id).unwrap();
    }
    assert_holds(&disk, &[&old, &done[0], &done[1]]);
    check_clean(&disk, 7).unwrap();
}

#[test]
fn f77_a_plan_of_a_newer_program_keeps_writers_out_and_readers_not() {
    let disk = repository();
    let done = backs_up(&disk, 2, 0..3, SMALL);
    let gone = backs_up(&disk, 4, 3..6, SMALL);
    forget(&disk, gone.id);
    disk.create_dir("gc").unwrap();
    let mut file = disk.create_new("gc/plan-b").unwrap();
    file.write_all_at(b"?", 0).unwrap();
    let store = open(&disk, 3);
    let refused = store.begin(Options::default()).err().unwrap();
    assert!(
        matches!(refused, StoreError::UnknownFeature { .. }),
        "{refused}"
    );
    store.get(&ids(&done)[0]).unwrap();
    refuses_to_collect(&disk);
}

/// What a newer program has added may lead to what looks like garbage.
fn refuses_to_collect(disk: &SimDisk) {
    let before = disk.files();
    let refused = collect(&open(disk, 20)).unwrap_err();
    assert!(
        matches!(refused, StoreError::UnknownFeature { .. }),
        "{refused}"
    );
    assert_eq!(disk.files(), before);
}

#[test]
fn f77_a_feature_of_a_newer_program_keeps_collectors_out() {
    let disk = repository();
    let gone = backs_up(&disk, 2, 0..3, SMALL);
    forget(&disk, gone.id);
    disk.create_dir("features").unwrap();
    drop(disk.create_new("features/striping.write").unwrap());
    refuses_to_collect(&disk);
}

#[test]
fn f20_a_collector_that_wakes_late_does_no_harm() {
    let disk = repository();
    let old = backs_up(&disk, 2, 0..6, SMALL);
    let kept = backs_up(&disk, 3, 20..23, SMALL);
    let blocker = open(&disk, 4);
    let blocking = BackUp::begin(&blocker, SMALL).unwrap();
    forget(&disk, old.id);
    // It sleeps while it waits for the session, and others do the work and back the same chunks up again.
    let asleep = open(&disk, 5);
    let place = disk.clone();
    let watch = Sleeper::new(move || {
        drop(blocking);
        collect(&open(&place, 6)).unwrap();
        check_clean(&place, 7).unwrap();
        backs_up(&place, 8, 0..6, SMALL)
    });
    asleep
        .collect(Collect::default(), &Rows(&asleep), &watch)
        .unwrap();
    let again = watch.result().unwrap();
    assert_holds(&disk, &[&kept, &again]);
    check_clean(&disk, 9).unwrap();
}

#[test]
fn a_forgotten_record_that_is_lost_under_an_open_plan_stops_the_collection() {
    let disk = repository();
    let kept = backs_up(&disk, 2, 4..8, SMALL);
    let gone = backs_up(&disk, 3, 0..4, SMALL);
    let blocker = open(&disk, 4);
    let blocking = BackUp::begin(&blocker, SMALL).unwrap();
    forget(&disk, gone.id);
    assert_eq!(collect(&open(&disk, 5)).unwrap().sessions, 1);
    drop(blocking);
    // An open plan names it, and removes nothing.
    disk.remove(&format!("snapshots/{}.1.forgotten", gone.id))
        .unwrap();
    let before = packs(&disk);
    let store = open(&disk, 6);
    assert_eq!(store.lone_copies().unwrap(), [gone.id]);
    let refused = collect(&store).unwrap_err();
    assert!(
        matches!(refused, StoreError::RecordLost { .. }),
        "{refused}"
    );
    assert_eq!(packs(&disk), before);
    assert_holds(&disk, &[&kept]);
}

#[test]
fn a_copy_that_is_written_after_its_record_went_is_taken_back() {
    let disk = repository();
    let kept = backs_up(&disk, 2, 0..4, SMALL);
    let gone = backs_up(&disk, 3, 4..8, SMALL);
    let store = open(&disk, 4);
    let record = store.record(gone.id).unwrap();
    forget(&disk, gone.id);
    collect(&store).unwrap();
    // As a repair or a backup may that was stopped for long.
    store.copy_record(gone.id, &record).unwrap();
    assert_eq!(store.copies().unwrap(), [kept.id]);
    collect(&store).unwrap();
    assert_holds(&disk, &[&kept]);
}

#[test]
fn a_snapshot_that_is_brought_back_has_its_copy_again() {
    let disk = repository();
    let one = backs_up(&disk, 2, 0..4, SMALL);
    forget(&disk, one.id);
    disk.remove(&format!("copies/{}.copy", one.id)).unwrap();
    let store = open(&disk, 3);
    let session = store.begin(Options::default()).unwrap();
    for id in ids(&one) {
        assert!(session.has(&id));
    }
    let forgotten = store.forgotten().unwrap().remove(0);
    session.bring_back(forgotten).unwrap();
    session.abandon().unwrap();
    let copy = store.record_copy(one.id).unwrap();
    assert_eq!(copy, Some(store.record(one.id).unwrap()));
}
