//! The counting and the check beside the copying: of the same state, or not at all.

use std::fs;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use rusqlite::Connection;

use super::support::{add, capture_with, check, database, folder, options, rows};
use crate::sqlite::source::Source;
use crate::sqlite::twin::{Beside, Twin};
use crate::sqlite::wal_index::IndexHeader;
use crate::sqlite::{CaptureOptions, Check, Checked};

/// Rows that make more than is worth a second transaction.
const MANY: u32 = 40_000;

fn checking() -> CaptureOptions {
    CaptureOptions {
        check: Check::Quick,
        ..options()
    }
}

/// Opens both, with what `between` does after the look before them.
fn twin(path: &Path, between: impl FnOnce()) -> (Source, Option<Twin>) {
    let before = IndexHeader::of(path);
    between();
    let first = Source::open(path, &checking()).unwrap();
    let twin = Twin::open(path, &checking(), &first, before);
    (first, twin)
}

fn look(twin: Twin) -> Beside {
    twin.look(&checking(), &AtomicBool::new(false))
}

#[track_caller]
fn assert_found(twin: Option<Twin>) {
    let Beside { counted, checked } = look(twin.unwrap());
    assert_eq!(checked, Some(Checked::Ok));
    assert_eq!(counted.unwrap().values().sum::<u64>(), u64::from(MANY));
}

#[test]
fn a_database_is_counted_and_checked_in_a_second_transaction_in_every_mode() {
    for mode in ["wal", "delete"] {
        let (_folder, path) = folder();
        let app = database(&path, &format!("PRAGMA journal_mode = {mode}"), MANY);
        let (first, second) = twin(&path, || {});
        assert_found(second);
        first.end().unwrap();
        // Without anybody who has it open there is no `-shm` either.
        drop(app);
        let (first, second) = twin(&path, || {});
        assert_found(second);
        first.end().unwrap();
    }
}

#[test]
fn there_is_none_where_something_was_committed_meanwhile() {
    let (_folder, path) = folder();
    let app = database(&path, "PRAGMA journal_mode = wal", MANY);
    let (_first, second) = twin(&path, || add(&app, 1));
    assert!(second.is_none());
    let before = IndexHeader::of(&path);
    let first = Source::open(&path, &checking()).unwrap();
    add(&app, 1);
    assert!(Twin::open(&path, &checking(), &first, before).is_none());
}

#[test]
fn there_is_none_for_a_small_database_or_where_nothing_is_asked() {
    let (_folder, path) = folder();
    let app = database(&path, "PRAGMA journal_mode = wal", 100);
    assert!(twin(&path, || {}).1.is_none());
    add(&app, MANY);
    app.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")
        .unwrap();
    let before = IndexHeader::of(&path);
    let options = CaptureOptions {
        row_count_budget: Duration::ZERO,
        ..options()
    };
    let first = Source::open(&path, &options).unwrap();
    assert!(Twin::open(&path, &options, &first, before).is_none());
}

#[test]
fn a_program_that_opens_the_database_without_shm_meanwhile_spoils_the_check() {
    let (_folder, path) = folder();
    drop(database(&path, "PRAGMA journal_mode = wal", MANY));
    let (_first, second) = twin(&path, || {});
    let app = Connection::open(&path).unwrap();
    add(&app, 1);
    assert_eq!(look(second.unwrap()), Beside::default());
}

#[test]
fn there_is_none_where_the_file_was_replaced_between_the_two() {
    let (_folder, path) = folder();
    drop(database(&path, "", MANY));
    let first = Source::open(&path, &checking()).unwrap();
    let aside = path.with_extension("aside");
    fs::rename(&path, &aside).unwrap();
    fs::copy(&aside, &path).unwrap();
    assert!(Twin::open(&path, &checking(), &first, None).is_none());
}

#[test]
fn what_could_not_be_done_beside_the_copy_is_left_to_the_first() {
    let (_folder, path) = folder();
    drop(database(&path, "", MANY));
    let (_first, second) = twin(&path, || {});
    let options = CaptureOptions {
        check_budget: Duration::ZERO,
        row_count_budget: Duration::from_nanos(1),
        ..checking()
    };
    let mut second = second.unwrap();
    second.bytes = 0;
    let found = second.look(&options, &AtomicBool::new(false));
    assert_eq!(found, Beside::default());
}

#[test]
fn f32_damage_in_a_large_database_is_found_while_it_is_copied() {
    let (_folder, path) = folder();
    drop(database(&path, "", MANY));
    let mut bytes = fs::read(&path).unwrap();
    bytes[20 * 4096..21 * 4096].fill(0xee);
    fs::write(&path, &bytes).unwrap();
    let (captured, facts) = capture_with(&path, &checking()).unwrap();
    assert!(captured == bytes);
    assert!(matches!(facts.check, Checked::Damaged(found) if !found.is_empty()));
}

#[test]
fn what_is_captured_beside_commits_is_checked_in_any_case() {
    let (_folder, path) = folder();
    let app = database(&path, "PRAGMA journal_mode = wal", MANY);
    for round in 1..4 {
        add(&app, 1);
        let (bytes, facts) = capture_with(&path, &checking()).unwrap();
        assert_eq!(facts.check, Checked::Ok);
        assert_eq!(check(&bytes), ["ok"]);
        assert_eq!(rows(&bytes), i64::from(MANY) + round);
        let counted: u64 = facts.row_counts.values().sum();
        assert_eq!(i64::try_from(counted), Ok(rows(&bytes)));
    }
}
