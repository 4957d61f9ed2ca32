//! The protocol of collections (`docs/gc.md`) as a model, of which every reachable state is looked at.
//!
//! Any number of backups, collectors, readers and people who forget and bring back take steps in any order; any of them may
//! die at any step, or be evicted while it lives. Nothing that was committed may ever be without its pack (I1), nor may a
//! reader at work. Each way to get it wrong that the protocol guards against loses data here, which shows that the guard is
//! needed and that this would notice.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test fails by panicking"
)]

/// Those who forget, bring back and read.
mod bystanders;
/// Collectors.
mod collector;
/// The search through all states.
mod search;
/// What there is.
mod state;
/// Backups.
mod writers;

use search::{garbage, search};
use state::{Model, Mutant};

#[track_caller]
fn holds(model: Model) -> usize {
    let found = search(&model, |_| {});
    assert_eq!(found.loss, None, "{model:?}");
    println!("{:>9} states of {model:?}", found.states);
    found.states
}

#[test]
fn i1_two_backups_and_two_collectors_lose_nothing() {
    assert!(holds(Model::new(2, 2)) > 50_000);
}

#[test]
fn i1_three_backups_and_a_collector_lose_nothing() {
    assert!(holds(Model::new(3, 1)) > 50_000);
}

#[test]
fn i1_a_backup_and_two_or_three_collectors_lose_nothing() {
    holds(Model::new(1, 2));
    assert!(holds(Model::new(1, 3)) > 10_000);
}

#[test]
fn i1_collectors_that_repack_lose_nothing() {
    let repack = true;
    holds(Model {
        repack,
        ..Model::new(1, 2)
    });
    holds(Model {
        repack,
        ..Model::new(2, 1)
    });
}

#[test]
fn f19_a_registered_reader_keeps_what_it_reads() {
    let model = Model {
        reader: true,
        ..Model::new(1, 2)
    };
    holds(model);
    holds(Model {
        reader: true,
        ..Model::new(2, 1)
    });
}

#[test]
fn i1_bringing_back_is_as_safe_as_a_backup() {
    let model = Model {
        undoer: true,
        ..Model::new(1, 2)
    };
    holds(model);
    holds(Model {
        undoer: true,
        forgets: 2,
        ..Model::new(2, 1)
    });
}

/// `cargo test --release -p lifeboat-store --test model -- --ignored --nocapture`
#[test]
#[ignore = "minutes; see docs/testing.md"]
fn i1_larger_configurations_lose_nothing() {
    let all = |backups, collectors| Model {
        forgets: 2,
        reader: true,
        undoer: true,
        repack: true,
        ..Model::new(backups, collectors)
    };
    holds(Model {
        repack: true,
        ..Model::new(2, 2)
    });
    holds(Model {
        repack: true,
        reader: true,
        ..Model::new(3, 1)
    });
    holds(Model {
        reader: true,
        ..Model::new(2, 2)
    });
    holds(Model {
        undoer: true,
        ..Model::new(2, 2)
    });
    holds(all(1, 2));
    holds(all(2, 1));
}

#[test]
fn i10_garbage_goes_once_sessions_end_and_collections_run() {
    for model in [
        Model {
            repack: true,
            ..Model::new(2, 1)
        },
        Model {
            reader: true,
            undoer: true,
            ..Model::new(1, 1)
        },
        Model::new(1, 2),
    ] {
        let mut left = Vec::new();
        search(&model, |state| left.extend(garbage(&model, state)));
        assert_eq!(left.len(), 0, "{model:?}: {:?}", left.first());
    }
}

/// That what is wrong with the model loses data, and in how many steps at the least.
#[track_caller]
fn loses(mutants: &'static [Mutant], model: Model, steps: usize) {
    let model = Model { mutants, ..model };
    let found = search(&model, |_| {});
    let loss = found
        .loss
        .unwrap_or_else(|| panic!("{mutants:?} loses nothing"));
    println!("{mutants:?}: {} steps, {} states", loss.len(), found.states);
    assert_eq!(loss.len(), steps, "{mutants:?}:\n{}", loss.join("\n"));
}

#[test]
fn each_of_the_twelve_mutants_loses_data() {
    for (mutant, steps) in [
        (&[Mutant::NamesFromContent], 15),
        (&[Mutant::PlanBeforeSession], 14),
        (&[Mutant::ListBeforeSession], 15),
        (&[Mutant::ListBeforePlan], 15),
        (&[Mutant::PlanIgnored], 14),
        (&[Mutant::CacheBelieved], 15),
        (&[Mutant::CheckThenCommit], 16),
        (&[Mutant::AbortDeletes], 19),
        (&[Mutant::SessionsBeforePlan], 13),
        (&[Mutant::TimeGrace], 14),
        (&[Mutant::NoSecondMark], 14),
        (&[Mutant::TwoPlans], 25),
    ] {
        loses(mutant, Model::new(2, 2), steps);
    }
}

#[test]
fn so_does_each_guard_of_readers_and_of_bringing_back_that_is_left_out() {
    let reader = Model {
        reader: true,
        ..Model::new(1, 2)
    };
    loses(&[Mutant::ReaderUnseen], reader, 18);
    loses(&[Mutant::LateForgottenLetGo], reader, 17);
    let undoer = Model {
        undoer: true,
        ..Model::new(1, 2)
    };
    loses(&[Mutant::UndoerUnseen], undoer, 20);
    // Where a living session may be evicted, as on a remote store, records must be dropped before the second mark.
    loses(&[Mutant::UndoerEvicted], undoer, 21);
    holds(Model {
        mutants: &[Mutant::UndoerEvicted, Mutant::DroppedEarly],
        ..undoer
    });
}
