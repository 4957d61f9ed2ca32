//! What is in a folder when that leaves its place, and was not when it was saved: it is kept.

use super::*;

/// What is kept where a program makes something while the restore lies stopped behind its journal.
fn kept_with(made: &[(&str, (u64, bool))]) -> Vec<usize> {
    let (mut names, journal) = work();
    for (at, thing) in made {
        names.insert(live(at), *thing);
    }
    let sim = Sim::new(names);
    let kept = carry_out(&journal, std::slice::from_ref(&sim)).unwrap();
    let state = sim.0.borrow();
    for (at, (inode, _)) in made {
        let mut things = state.names.values();
        assert!(things.any(|thing| thing.0 == *inode), "{at}");
    }
    kept
}

#[test]
fn f50_a_folder_that_leaves_is_kept_where_anything_in_it_was_made_or_written_since() {
    for made in [
        ("kind/new", (210, false)),
        ("kind/empty", (211, true)),
        ("kind/sub/new", (212, false)),
        // Written to.
        ("kind/inside", (213, false)),
        ("kind/inside", (214, true)),
        ("kind/sub", (215, false)),
        ("kind/sub/in.db", (216, false)),
        ("kind/sub/in.db-wal", (217, false)),
        ("kind/sub/in.db-journal", (218, false)),
    ] {
        assert_eq!(kept_with(&[made]), [3], "{made:?}");
    }
    // The index of a WAL holds nothing.
    assert_eq!(kept_with(&[("kind/sub/in.db-shm", (219, false))]), [0; 0]);
}

#[test]
fn f50_what_is_gone_from_a_folder_that_leaves_is_no_reason_to_keep_it() {
    let (mut names, journal) = work();
    names.retain(|spot, _| !spot.path.parts().starts_with(path("kind/sub").parts()));
    let sim = Sim::new(names);
    let kept = carry_out(&journal, std::slice::from_ref(&sim)).unwrap();
    assert_eq!(kept, [0; 0]);
}

#[test]
fn f50_what_is_written_into_a_folder_right_before_it_leaves_is_kept() {
    for cannot_exchange in [false, true] {
        let (names, journal) = work();
        let sim = Sim::new(names);
        sim.0.borrow_mut().cannot_exchange = cannot_exchange;
        sim.0.borrow_mut().comes = Some((live("kind"), live("kind/sub/new"), (210, false)));
        let kept = carry_out(&journal, std::slice::from_ref(&sim)).unwrap();
        assert_eq!(kept, [3]);
    }
}

#[test]
fn f50_a_folder_that_cannot_be_listed_is_kept() {
    let (names, journal) = work();
    let sim = Sim::new(names);
    sim.0.borrow_mut().unseen = Some(staged("kind/sub"));
    let kept = carry_out(&journal, std::slice::from_ref(&sim)).unwrap();
    assert_eq!(kept, [3]);
}

#[test]
fn f50_a_folder_that_stands_in_the_place_of_a_file_is_kept() {
    let text = [("text", (220, true)), ("text/in", (221, false))];
    assert_eq!(kept_with(&text), [1]);
    let extra = [("extra/file", (222, true)), ("extra/file/in", (223, false))];
    assert_eq!(kept_with(&extra), [5]);
    let gone = [("gone.db", (224, true))];
    assert_eq!(kept_with(&gone), [4]);
}

#[test]
fn f50_a_file_that_is_made_in_an_empty_folder_right_before_that_is_removed_is_kept() {
    let (names, journal) = work();
    let sim = Sim::new(names);
    sim.0.borrow_mut().comes = Some((live("extra"), live("extra/late"), (230, false)));
    let kept = carry_out(&journal, std::slice::from_ref(&sim)).unwrap();
    assert_eq!(kept, [6]);
    // One of the name was made since, and stays: what is in the other is not thrown away either.
    sim.0.borrow_mut().names.insert(live("extra"), (231, true));
    let left = take_back(&journal, std::slice::from_ref(&sim)).unwrap();
    assert_eq!(left, [6]);
}

#[test]
fn f50_a_folder_that_cannot_be_listed_is_not_taken_for_empty() {
    let (names, journal) = work();
    let sim = Sim::new(names.clone());
    sim.0.borrow_mut().unseen = Some(live("extra"));
    let is_extra = |spot: &Spot| *spot == live("extra");
    assert!(names.keys().any(is_extra));
    // Neither does looking at it work, so nothing is changed.
    carry_out(&journal, std::slice::from_ref(&sim)).unwrap_err();
    sim.0.borrow_mut().unseen = None;
    take_back(&journal, std::slice::from_ref(&sim)).unwrap();
    assert_eq!(seen(&sim.0.borrow().names), seen(&names));
}
