//! The steps of a journal over a simulated folder: stopped behind any operation, with any of those lost that were not
//! synced, they end as wholly new; and where one cannot be done, as wholly old.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeMap;

use super::back::take_back;
use super::files::{Side, Spot};
use super::journal::{Change, Journal, Step};
use super::steps::{carry_out, in_stage};
use super::was::Was;
use crate::entry::Meta;
use crate::path::TreePath;
use sim::{Names, Sim, left_by};
use work::{live, path, put_step, shape, staged, was, work};

mod folders;
mod foreign;
mod left;
mod made;
mod sim;
mod work;

fn seen(names: &Names) -> BTreeMap<String, u64> {
    let live = names.iter().filter(|(spot, _)| spot.side == Side::Live);
    live.map(|(spot, (inode, _))| (spot.path.to_string(), *inode))
        .collect()
}

fn new() -> BTreeMap<String, u64> {
    let names = [
        ("app.db", 101),
        ("text", 106),
        ("folder", 111),
        ("folder/added", 112),
        ("kind", 109),
    ];
    names.map(|(name, inode)| (name.to_owned(), inode)).into()
}

/// A WAL beside a database that it is not of would be played into it.
fn assert_no_stale_wal(names: &Names) {
    let restored = names
        .get(&live("app.db"))
        .is_some_and(|thing| thing.0 == 101);
    assert!(!restored || !names.contains_key(&live("app.db-wal")));
}

fn left_with_its_folder() -> Spot {
    Spot::stage(in_stage(&[b"old", b"6", b"file"]))
}

/// Runs until a stop behind the call; what it can leave, or nothing where the work was done before.
fn stop_at(names: &Names, journal: &Journal, call: usize) -> Option<Vec<Names>> {
    let sim = Sim::new(names.clone());
    sim.0.borrow_mut().dies_at = Some(call);
    match carry_out(journal, std::slice::from_ref(&sim)) {
        Ok(_) => None,
        Err(_) => Some(left_by(&sim.0.borrow())),
    }
}

#[test]
fn f50_f51_a_crash_anywhere_and_another_during_the_repair_end_as_wholly_new() {
    let (names, journal) = work();
    let mut states = 0;
    for call in 0.. {
        let Some(left) = stop_at(&names, &journal, call) else {
            break;
        };
        for names in left {
            assert_no_stale_wal(&names);
            for again in 0.. {
                let Some(left) = stop_at(&names, &journal, again) else {
                    break;
                };
                for names in left {
                    states += 1;
                    assert_no_stale_wal(&names);
                    let sim = Sim::new(names);
                    let kept = carry_out(&journal, std::slice::from_ref(&sim)).unwrap();
                    let state = sim.0.borrow();
                    // The folder may have left with the file whose own leaving was lost.
                    let is_in_folder = state.names.contains_key(&left_with_its_folder());
                    assert_eq!(kept, if is_in_folder { vec![6] } else { Vec::new() });
                    assert_eq!(seen(&state.names), new());
                    assert!(state.unsynced.is_empty());
                    assert_eq!(state.described.get(&live("")), Some(&0o755));
                }
            }
        }
    }
    assert!(states > 10_000, "only {states} states");
}

#[test]
fn f50_a_step_that_cannot_be_done_ends_as_wholly_old() {
    for cannot_exchange in [false, true] {
        let (names, journal) = work();
        let mut failures = 0;
        for call in 1.. {
            let sim = Sim::new(names.clone());
            sim.0.borrow_mut().fails_at = Some(call);
            sim.0.borrow_mut().cannot_exchange = cannot_exchange;
            if carry_out(&journal, std::slice::from_ref(&sim)).is_ok() {
                break;
            }
            failures += 1;
            let left = take_back(&journal, std::slice::from_ref(&sim)).unwrap();
            assert_eq!(left, [0; 0], "all of it went back");
            let state = sim.0.borrow();
            assert_eq!(seen(&state.names), seen(&names), "the call {call} failed");
            assert_eq!(state.described.get(&live("")), Some(&0o700));
        }
        assert!(failures > 8, "only {failures} failures");
    }
}

#[test]
fn f50_without_exchange_a_kill_anywhere_ends_as_wholly_new() {
    let (names, journal) = work();
    for call in 0.. {
        let sim = Sim::new(names.clone());
        sim.0.borrow_mut().cannot_exchange = true;
        sim.0.borrow_mut().dies_at = Some(call);
        let is_done = carry_out(&journal, std::slice::from_ref(&sim)).is_ok();
        assert_no_stale_wal(&sim.0.borrow().names);
        sim.0.borrow_mut().dies_at = None;
        let kept = carry_out(&journal, std::slice::from_ref(&sim)).unwrap();
        assert_eq!(kept, [0; 0], "all of it was saved");
        assert_eq!(seen(&sim.0.borrow().names), new());
        if is_done {
            break;
        }
    }
}

#[test]
fn f50_where_inodes_are_others_after_each_mounting_a_crash_ends_as_wholly_new_or_old_all_the_same()
{
    let (names, journal) = work();
    let mut states = 0;
    for (call, cannot_exchange) in (0..).flat_map(|call| [(call, false), (call, true)]) {
        let sim = Sim::new(names.clone());
        sim.0.borrow_mut().dies_at = Some(call);
        sim.0.borrow_mut().cannot_exchange = cannot_exchange;
        let is_done = carry_out(&journal, std::slice::from_ref(&sim)).is_ok();
        for left in left_by(&sim.0.borrow()) {
            let mounted = |names: Names| {
                let sim = Sim::new(names);
                sim.0.borrow_mut().renumbered = 1000;
                sim.0.borrow_mut().cannot_exchange = cannot_exchange;
                sim
            };
            states += 1;
            let sim = mounted(left.clone());
            carry_out(&journal, std::slice::from_ref(&sim)).unwrap();
            assert_eq!(seen(&sim.0.borrow().names), new(), "call {call}");
            let sim = mounted(left);
            take_back(&journal, std::slice::from_ref(&sim)).unwrap();
            assert_eq!(seen(&sim.0.borrow().names), seen(&names), "call {call}");
        }
        if is_done {
            break;
        }
    }
    assert!(states > 100, "only {states} states");
}

#[test]
fn f50_what_may_be_the_old_or_the_new_by_its_looks_and_its_inode_is_kept() {
    let (mut names, mut journal) = work();
    if let Change::Put { was, new, .. } = &mut journal.steps[1].change {
        *was = Some(Was {
            shape: *new,
            keep: false,
        });
    }
    names.insert(live("text"), (106, false));
    let sim = Sim::new(names);
    sim.0.borrow_mut().renumbered = 1000;
    let kept = carry_out(&journal, std::slice::from_ref(&sim)).unwrap();
    assert!(kept.contains(&1), "{kept:?}");
}

#[test]
fn f51_the_wal_of_a_database_that_was_restored_already_is_left_alone() {
    let (names, journal) = work();
    let sim = Sim::new(names);
    carry_out(&journal, std::slice::from_ref(&sim)).unwrap();
    // The application was started between the crash and the repair, and has committed.
    sim.0
        .borrow_mut()
        .names
        .insert(live("app.db-wal"), (200, false));
    carry_out(&journal, std::slice::from_ref(&sim)).unwrap();
    assert_eq!(
        sim.0.borrow().names.get(&live("app.db-wal")),
        Some(&(200, false))
    );
}

#[test]
fn what_changed_after_it_was_saved_is_not_thrown_away() {
    let (mut names, journal) = work();
    names.insert(live("text"), (66, false));
    let sim = Sim::new(names);
    let kept = carry_out(&journal, std::slice::from_ref(&sim)).unwrap();
    assert_eq!(kept, [1]);
    assert_eq!(
        sim.0.borrow().names.get(&staged("text")),
        Some(&(66, false))
    );
    assert!(in_stage(&[b"old"]).parts().len() == 1);
}
