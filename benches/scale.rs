//! What it costs as there is more: of what is stored, and of what changed.
//!
//! ```text
//! cargo bench --bench scale                               # all of it, in sizes that fit a small machine
//! cargo bench --bench scale -- database --most 64         # databases of 1, 8, 64 GB: 5 GB of memory in /dev/shm
//! cargo bench --bench scale -- files --most 1000000       # up to a million files: 6 GB of disk
//! cargo bench --bench scale -- start --most 10000000      # an index of so many chunks
//! ```
//!
//! Of what is stored:
//! - `start`: a repository of 1,000 snapshots, with an index of very many chunks that are made up: their packs are empty
//!   files, which nobody reads.
//! - `snapshots`: 1, 10 … 10,000 snapshots of one source: a backup, list, forget, gc, stats where nothing changed.
//!
//! Of the source:
//! - `database`: a database nearly all of whose blocks are holes in the file, in a file system in memory: all of it, nothing
//!   changed, one row edited.
//! - `files`: 10,000, 100,000 … files of a few hundred bytes: the same.
//!
//! Of what changed:
//! - `changes`: of a database of 1 GB, 1, 10 … 100,000 rows edited.
//! - `edits`: of 100,000 files, 1, 10 … 10,000 edited.
//!
//! Each prints a table and writes plots under `target/tmp`: seconds, bytes that the repository grew by, most bytes in memory.
//! Those that `docs/performance.md` shows are copies.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::indexing_slicing,
    reason = "a bench prints, and fails by panicking"
)]

use support::Ask;

#[path = "scale/data.rs"]
mod data;
#[path = "scale/repository.rs"]
mod repository;
#[path = "scale/sparse.rs"]
mod sparse;
mod support;
#[path = "scale/told.rs"]
mod told;

/// What is measured, and how.
type Part = (&'static str, fn(&Ask));

fn main() {
    let ask = Ask::new(3);
    let parts: [Part; 6] = [
        ("start", repository::start),
        ("snapshots", repository::snapshots),
        ("files", data::files),
        ("changes", data::changes),
        ("edits", data::edits),
        ("database", data::databases),
    ];
    for (_, measure) in parts.iter().filter(|(name, _)| ask.wants(name)) {
        measure(&ask);
    }
}
