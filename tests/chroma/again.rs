//! A store that moved is captured again: what was told of other folders stays, and nothing is told twice.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use lifeboat_snapshot::{Backup, Repository, WarningKind};

use super::moved::{INDEX, Meddler, Store};
use crate::support::Workbench;

/// The warnings of a backup of the data, with a repository at this place in it, while a store with this many index files
/// moves once.
fn warned_with(repository: &str, files: u32) -> Vec<(PathBuf, WarningKind)> {
    let bench = Workbench::new();
    let store = Store::create(bench.data().join("chroma"));
    for number in 0..files {
        bench.write(format!("chroma/{INDEX}/{number}.bin"), "some");
    }
    let repository = Repository::open_or_create(&bench.data().join(repository)).unwrap();
    let monitor = Meddler {
        database: store.database(),
        act: |time: u32| {
            if time == 1 {
                store.sync();
            }
        },
        times: Mutex::new(0),
    };
    let plan = Backup {
        sources: vec![bench.data()],
        ..Backup::default()
    };
    let report = repository.backup(&plan, &monitor).unwrap();
    assert_eq!(monitor.times.into_inner().unwrap(), 2);
    let short = |path: &Path| path.strip_prefix(bench.data()).unwrap().to_owned();
    let warnings = report.warnings.iter();
    warnings
        .map(|warning| (short(&warning.path), warning.kind))
        .collect()
}

#[test]
fn a_second_capture_keeps_the_warnings_of_other_folders() {
    // Files that fill the queue more than once: what comes after the store is looked at before it is captured again.
    for files in [0, 300] {
        let warned = warned_with("repository", files);
        let expected = (PathBuf::from("repository"), WarningKind::Skipped);
        assert_eq!(warned, [expected], "{files} files");
    }
}

#[test]
fn a_second_capture_tells_each_warning_once() {
    let warned = warned_with("chroma/repository", 0);
    let expected = (PathBuf::from("chroma/repository"), WarningKind::Skipped);
    assert_eq!(warned, [expected]);
}

#[test]
fn a_journal_that_ends_between_two_looks_is_no_news() {
    let bench = Workbench::new();
    let store = Store::create(bench.data());
    // Files that fill the queue before the walk comes to the journal, which it has listed.
    for number in 0..300 {
        bench.write(format!("a{number:03}"), "some");
    }
    let journal = store.folder.join("chroma.sqlite3-journal");
    fs::write(&journal, "").unwrap();
    let monitor = Meddler {
        database: bench.data(),
        act: |_| drop(fs::remove_file(&journal)),
        times: Mutex::new(0),
    };
    let report = bench.repository().backup(&bench.plan(), &monitor).unwrap();
    assert!(!journal.exists());
    assert_eq!(report.warnings, []);
}
