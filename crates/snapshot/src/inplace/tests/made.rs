//! What programs make at the live paths while a restore is stopped there: it is kept, and harms nothing.

use super::*;

fn holds(names: &Names, inode: u64) -> bool {
    names.values().any(|thing| thing.0 == inode)
}

/// A WAL of the restored database beside the one that it replaced would be played into that.
fn assert_no_wal_of_the_new(names: &Names) {
    let old = names.get(&live("app.db")).is_some_and(|thing| thing.0 == 1);
    let made = names
        .get(&live("app.db-wal"))
        .is_some_and(|thing| thing.0 == 200);
    assert!(!old || !made);
}

/// Everything done, but the end, and then used by programs.
fn used() -> (Names, Names, Journal) {
    let (names, journal) = work();
    let sim = Sim::new(names.clone());
    carry_out(&journal, std::slice::from_ref(&sim)).unwrap();
    let mut used = sim.0.borrow().names.clone();
    used.insert(live("app.db-wal"), (200, false));
    used.insert(live("app.db-shm"), (201, false));
    used.insert(live("gone.db"), (204, false));
    used.insert(live("gone.db-wal"), (205, false));
    // Written anew and renamed over what was restored.
    used.insert(live("text"), (206, false));
    (names, used, journal)
}

#[test]
fn f51_a_database_that_is_taken_back_never_stands_beside_a_wal_that_a_program_made_of_the_new_one()
{
    let (old, used, journal) = used();
    let sim = Sim::new(used);
    let left = take_back(&journal, std::slice::from_ref(&sim)).unwrap();
    let state = sim.0.borrow();
    assert_eq!(seen(&state.names), seen(&old));
    assert_eq!(left, [0, 1, 4]);
    for inode in [200, 204, 205, 206] {
        assert!(holds(&state.names, inode), "{inode}");
    }
}

#[test]
fn f51_a_crash_while_it_is_taken_back_leaves_no_foreign_wal_and_loses_nothing() {
    let (_, used, journal) = used();
    for call in 0.. {
        let sim = Sim::new(used.clone());
        sim.0.borrow_mut().dies_at = Some(call);
        if take_back(&journal, std::slice::from_ref(&sim)).is_ok() {
            assert!(call > 8);
            break;
        }
        for names in left_by(&sim.0.borrow()) {
            assert_no_wal_of_the_new(&names);
            // Whoever comes next does what the journal says.
            let again = Sim::new(names);
            let kept = carry_out(&journal, std::slice::from_ref(&again)).unwrap();
            let state = again.0.borrow();
            assert_no_stale_wal_of_the_old(&state.names);
            let is_live = state.names.get(&live("app.db-wal")) == Some(&(200, false));
            assert!(is_live || kept.contains(&0), "call {call}: {kept:?}");
            for inode in [1, 2, 4, 200, 204, 205, 206] {
                assert!(holds(&state.names, inode), "call {call}: {inode}");
            }
        }
    }
}

fn assert_no_stale_wal_of_the_old(names: &Names) {
    assert_ne!(names.get(&live("app.db-wal")), Some(&(2, false)));
}

#[test]
fn what_cannot_go_back_is_left_and_told() {
    let (names, journal) = work();
    let sim = Sim::new(names);
    // Only the side files have moved, and a program has opened the database without them.
    sim.0.borrow_mut().fails_at = Some(5);
    carry_out(&journal, std::slice::from_ref(&sim)).unwrap_err();
    let made = (200, false);
    sim.0.borrow_mut().names.insert(live("app.db-wal"), made);
    let left = take_back(&journal, std::slice::from_ref(&sim)).unwrap();
    let state = sim.0.borrow();
    assert_eq!(left, [0]);
    assert_eq!(state.names.get(&live("app.db-wal")), Some(&made));
    assert!(holds(&state.names, 2));
}

#[test]
fn f51_a_commit_into_the_wal_while_the_restore_lies_stopped_is_kept() {
    // The database itself looks as it was.
    for (at, step) in [
        ("app.db-wal", 0),
        ("app.db-journal", 0),
        ("gone.db-journal", 4),
    ] {
        let (mut names, journal) = work();
        names.insert(live(at), (240, false));
        let sim = Sim::new(names);
        let kept = carry_out(&journal, std::slice::from_ref(&sim)).unwrap();
        assert_eq!(kept, [step], "{at}");
        assert!(holds(&sim.0.borrow().names, 240));
    }
}

#[test]
fn f51_a_wal_beside_a_database_that_is_added_is_kept() {
    let (mut names, mut journal) = work();
    names.insert(staged("new.db"), (113, false));
    names.insert(live("new.db-wal"), (241, false));
    journal.steps.push(put_step("new.db", 113, None, true));
    if let Change::Put { side_files, .. } = &mut journal.steps[8].change {
        *side_files = [None, None];
    }
    let sim = Sim::new(names);
    let kept = carry_out(&journal, std::slice::from_ref(&sim)).unwrap();
    assert_eq!(kept, [8]);
    assert!(!sim.0.borrow().names.contains_key(&live("new.db-wal")));
}

#[test]
fn what_cannot_be_looked_at_is_not_thrown_away() {
    let (names, journal) = work();
    let sim = Sim::new(names);
    carry_out(&journal, std::slice::from_ref(&sim)).unwrap();
    let old = Spot::stage(in_stage(&[b"old", b"5"]));
    sim.0.borrow_mut().unseen = Some(old.clone());
    assert!(super::super::kept::is_kept(5, &journal.steps[5], &[], &sim));
    sim.0.borrow_mut().unseen = None;
    assert!(!super::super::kept::is_kept(
        5,
        &journal.steps[5],
        &[],
        &sim
    ));
}
