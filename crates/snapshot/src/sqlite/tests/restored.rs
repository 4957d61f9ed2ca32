//! What is told of a database in a file that nobody uses: the same whether it is checked beside the counting or after it.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::support::{database, folder, options};
use crate::sqlite::{CaptureOptions, Check, Checked, Facts, file_facts};

/// Rows of a database that is checked beside the counting.
const MANY: u32 = 40_000;

fn facts(path: &Path, check: Check) -> Facts {
    let options = CaptureOptions {
        check,
        row_count_budget: Duration::from_secs(60),
        ..options()
    };
    file_facts(&Arc::new(File::open(path).unwrap()), path, &options).unwrap()
}

#[test]
fn a_large_file_is_counted_and_checked_as_a_small_one_is() {
    for rows in [100, MANY] {
        let (_folder, path) = folder();
        drop(database(&path, "", rows));
        assert_eq!(fs::metadata(&path).unwrap().len() > 16 << 20, rows == MANY);
        for check in [Check::Quick, Check::Full] {
            let facts = facts(&path, check);
            assert_eq!(facts.check, Checked::Ok);
            assert_eq!(facts.row_counts.values().sum::<u64>(), u64::from(rows));
        }
        assert_eq!(facts(&path, Check::None).check, Checked::NotDone);
    }
}

#[test]
fn damage_that_only_the_check_finds_is_told_of_a_large_file_too() {
    for rows in [100, MANY] {
        let (_folder, path) = folder();
        drop(database(&path, "", rows));
        // The number of free pages in the header.
        let file = File::options().write(true).open(&path).unwrap();
        file.write_all_at(&[0, 0, 0, 9], 36).unwrap();
        let facts = facts(&path, Check::Quick);
        assert!(
            matches!(&facts.check, Checked::Damaged(found) if !found.is_empty()),
            "{:?}",
            facts.check
        );
        assert_eq!(facts.row_counts.values().sum::<u64>(), u64::from(rows));
    }
}
