//! The one test binary of the project: every theme is a module here, so that they share one link and one workbench.
//!
//! What kind of test shows what kind of claim, and how to run the longer ones, is in `docs/testing.md`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test may panic, that is how it fails; and what a longer one counted is printed"
)]

/// Backups that happen by themselves, as the page on them says.
mod automatic;
/// Bad input of every sort: exit code, message, and nothing broken.
mod bad_input;
/// Chroma stores: a database and files that must fit each other.
mod chroma;
/// The program's words: whole outputs, fields, exit codes.
mod cli;
/// Clocks that stand still or jump.
mod clock;
/// Several backups at once, readers beside them, and backups that are ended in the middle.
mod concurrent;
/// What the config says of sources.
mod config;
/// Counts that the config asks for.
mod counts;
/// Power cuts at every step of a backup.
mod crash;
/// The daemon, which does what the config plans.
mod daemon;
/// Every sort of damage to every file of a repository.
mod damage;
/// Large databases, stored by dictionaries.
mod dictionary;
/// Real file systems that lose their power or their room.
mod disks;
/// What is wrong, and what mends it.
mod doctor;
/// The docs keep their promises: what they name is there.
mod documented;
/// A backup that is only told of.
mod dry_run;
/// What is left out of a backup, and who says so.
mod exclude;
/// What is forgotten, brought back, pinned and kept.
mod forget;
/// Repositories of every format that was ever written.
mod formats;
/// Whether backups are being taken, and whole.
mod fresh;
/// Collections by the program, beside everything else that it does.
mod gc;
/// A command behind a snapshot, and the way back.
mod guard;
/// What was done and how it ended.
mod history;
/// Commands around a backup.
mod hooks;
/// Repositories that a hostile hand wrote: whole in every hash, and made to do harm.
mod hostile;
/// SQL on a database inside a snapshot.
mod image;
/// Older backups of other programs, taken in.
mod import;
/// Restores over live data, and their undoing.
mod in_place;
/// The check before a program starts, and the drill.
mod live;
/// Databases backed up while other processes write to them.
mod live_sqlite;
/// Differences between snapshots, and files across all of them.
mod look;
/// What is held in memory of each thing that is stored.
mod memory;
/// Who is told of what, by which way, and how often.
mod notify;
/// Sources of databases that are in no good state, or seem to be.
mod odd_sqlite;
/// A reader that knows the format from its description alone.
mod reader;
/// Damage mended, and the exact list of what is not.
mod repair;
/// Restores into folders of every sort: full, half done, damaged, hostile.
mod restore;
/// Sources that fail or change hands while they are read; copied repositories.
mod source_faults;
mod stats;
/// What errors name, and command lines that are suggested.
mod suggested;
/// Workbench, program, databases, writers and comparison.
mod support;
/// The tar, unpacked by other programs.
mod tar;
/// Trees of every odd sort, there and back.
mod tree;
/// A part at a time, databases too, and what is remembered of it.
mod verify;
/// The zip, opened by other programs.
mod zip;
