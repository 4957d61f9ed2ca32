//! F-05, F-08, F-50: a restore in place of which a system call fails ends as old or as new, and says so.

use super::kills::Case;
use super::notes;
use crate::support::{Workbench, struck};

/// Fails each of these calls in turn, every `step`th of them; how many did, where calls can be made to fail.
fn fail(faults: &[(&str, &str)], step: usize) -> Option<usize> {
    if !struck::is_possible() {
        return None;
    }
    let case = Case::of(Workbench::with_files(), &["data"]);
    let mut failed = 0;
    for (call, errno) in faults {
        for nth in (1..).step_by(step) {
            let how = format!("error={errno}");
            let Some(ended) = case.strike((call, &how), nth) else {
                break;
            };
            failed += 1;
            // An error that stopped it says so.
            assert!(
                ended.is_new || ended.code != Some(0),
                "{call} {errno} {nth}"
            );
        }
    }
    Some(failed)
}

#[test]
fn f05_f08_f50_a_call_that_fails_during_a_restore_in_place_ends_as_old_or_as_new() {
    let failed = fail(
        &[
            ("renameat2", "EIO"),
            ("syncfs", "EIO"),
            ("fsync", "EIO"),
            ("pwrite64", "ENOSPC"),
        ],
        2,
    );
    assert!(failed.is_none_or(|failed| failed > 10), "only {failed:?}");
}

/// `cargo test -p lifeboat --test suite -- --ignored --nocapture of_a_restore_in_place`
#[test]
#[ignore = "minutes; see docs/testing.md"]
fn f05_f08_f50_every_system_call_of_a_restore_in_place_fails_in_turn() {
    let failed = fail(
        &[
            ("renameat2", "EIO"),
            ("renameat2", "EINVAL"),
            ("syncfs", "EIO"),
            ("syncfs", "ENOSPC"),
            ("fsync", "EIO"),
            ("fdatasync", "EIO"),
            ("write", "ENOSPC"),
            ("pwrite64", "ENOSPC"),
            ("pwrite64", "EIO"),
            ("mkdir", "ENOSPC"),
            ("mkdirat", "EMFILE"),
            ("unlink", "EIO"),
            ("unlinkat", "EIO"),
            ("openat2", "EMFILE"),
            ("openat", "EMFILE"),
            ("openat", "EIO"),
            ("pread64", "EIO"),
            ("getdents64", "EIO"),
            ("flock", "ENOLCK"),
            ("fchmod", "EIO"),
            ("utimensat", "EIO"),
            ("linkat", "EMLINK"),
        ],
        1,
    );
    println!("{failed:?} system calls failed in turn");
}

#[test]
fn f51_online_a_fault_behind_the_databases_is_told_with_what_was_written_back() {
    if !struck::is_possible() {
        return;
    }
    let bench = super::online::bench("WAL");
    let path = bench.data().join("app.db");
    let args = [
        "restore",
        "latest",
        "--in-place",
        "--online",
        "--yes",
        "--json",
    ];
    let mut told = 0;
    for nth in 1.. {
        let (answer, was_struck) = struck::at(&bench, &args, ("rename", "error=EIO"), nth);
        if !was_struck {
            break;
        }
        let event = answer.events().pop().unwrap();
        if let Some(written) = event["written_back"].as_array() {
            told += 1;
            assert_eq!(written[0], path.display().to_string());
            let hint = event["hint"].as_str().unwrap();
            assert!(!hint.contains("nothing was changed"), "{hint}");
            assert!(hint.contains("lifeboat undo --online"), "{hint}");
            assert_eq!(notes(&path), 10);
            bench.lifeboat(&["undo", "--yes", "--online"]).exits(0);
        } else if answer.code() == Some(0) {
            // What failed was a record of the run, which nobody needs.
            assert_eq!(notes(&path), 10, "{nth}: {answer}");
            bench.lifeboat(&["undo", "--yes", "--online"]).exits(0);
        }
        assert_eq!(notes(&path), 13, "{nth}: {answer}");
    }
    assert!(told > 0);
}
