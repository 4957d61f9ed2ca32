//! Collections: what is needed stays and the rest goes, beside sessions, readers and other collectors, and whatever is
//! interrupted (faults F-01, F-02, F-05, F-16, F-18 to F-21; invariants I1, I2, I5 to I10).

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test fails by panicking"
)]

/// What those do who are at a repository at once.
mod actors;
/// What is written anew.
mod anew;
/// One thread at a time, in an order that a seed gives.
mod baton;
/// Power cuts, kills and faults at every operation of a collection.
mod crash;
/// What is kept, and what goes.
mod kept;
/// A repair with the store alone.
#[allow(dead_code, reason = "what it has found is for the other tests")]
#[path = "../support/mending.rs"]
mod mending;
/// Who is waited for, and who must not collect.
mod protocol;
/// What a repair saves from a sweep.
mod repaired;
/// What is short: room, or a pack that is needed.
mod scarce;
/// Everything at once, in thousands of orders.
mod schedule;
/// Repositories, collectors and what must hold.
mod stage;
#[allow(dead_code, reason = "other tests use the rest")]
#[path = "../support/mod.rs"]
mod support;
/// A disk whose calls take turns.
mod turned;
