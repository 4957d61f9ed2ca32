//! Files that change between two backups, and under the reader.

use std::fs;
use std::sync::Mutex;

use lifeboat_snapshot::monitor::Progress;
use lifeboat_snapshot::{BackupReport, Monitor, WarningKind};

use super::there_and_back;
use crate::support::{Workbench, tree};

#[test]
fn unchanged_changed_and_vanished_files_are_told_apart() {
    let bench = Workbench::with_files();
    let first = bench.backup();
    assert_eq!(
        (first.files_new, first.files_changed, first.files_unchanged),
        (3, 0, 0)
    );
    bench.write("notes.txt", "remember!");
    bench.write("new.txt", "new");
    fs::remove_file(bench.data().join("papers/one.txt")).unwrap();
    let second = there_and_back(&bench);
    assert_eq!(
        (
            second.files_new,
            second.files_changed,
            second.files_unchanged
        ),
        (1, 1, 1)
    );
    assert_eq!(second.parent.unwrap().id, first.snapshot.unwrap().id);
}

#[test]
fn a_change_that_keeps_size_and_time_is_seen() {
    let bench = Workbench::with_files();
    let path = bench.data().join("notes.txt");
    // Until the file counts as unchanged: a change so recent is never trusted.
    let settled = (0..1000).any(|_| bench.backup().read_bytes == 0);
    assert!(settled, "an unchanged file is recognised at some time");
    let before = fs::metadata(&path).unwrap().modified().unwrap();
    fs::write(&path, "REMEMBER").unwrap();
    fs::File::options()
        .write(true)
        .open(&path)
        .unwrap()
        .set_modified(before)
        .unwrap();
    let report = there_and_back(&bench);
    assert_eq!(report.files_changed, 1);
}

/// Does something to the source at the first step of a backup.
struct Meanwhile<F: FnOnce() + Send>(Mutex<Option<F>>);

impl<F: FnOnce() + Send> Progress for Meanwhile<F> {
    fn advance(&self, _: u64) {
        if let Some(act) = self.0.lock().unwrap().take() {
            act();
        }
    }
}

impl<F: FnOnce() + Send> Monitor for Meanwhile<F> {}

/// Backs up while this happens, after the first bytes were read.
fn back_up_while(bench: &Workbench, act: impl FnOnce() + Send) -> BackupReport {
    let monitor = Meanwhile(Mutex::new(Some(act)));
    let report = bench.repository().backup(&bench.plan(), &monitor).unwrap();
    assert!(monitor.0.into_inner().unwrap().is_none(), "it happened");
    report
}

#[test]
fn f24_a_file_that_changes_while_it_is_read_is_read_again() {
    let bench = Workbench::new();
    bench.write("large.bin", vec![1; 30_000_000]);
    let path = bench.data().join("large.bin");
    let report = back_up_while(&bench, || fs::write(&path, vec![2; 20_000_000]).unwrap());
    assert_eq!(report.warnings, []);
    let restored = bench.restore(&report.snapshot.unwrap(), "restored");
    tree::assert_same(&bench.data(), &restored);
}

/// Does something to the source at every step of a backup.
struct Always<F: Fn() + Sync>(F);

impl<F: Fn() + Sync> Progress for Always<F> {
    fn advance(&self, _: u64) {
        (self.0)();
    }
}

impl<F: Fn() + Sync> Monitor for Always<F> {}

/// A log of this length, which grows at every step of the backup, as it was stored.
fn growing(len: usize) -> (Workbench, BackupReport, Vec<u8>) {
    let bench = Workbench::new();
    let path = bench.data().join("app.log");
    bench.write("app.log", text(len));
    let monitor = Always(|| {
        let mut file = fs::File::options().append(true).open(&path).unwrap();
        std::io::Write::write_all(&mut file, b"one more line\n").unwrap();
    });
    let report = bench.repository().backup(&bench.plan(), &monitor).unwrap();
    let restored = bench.restore(report.snapshot.as_ref().unwrap(), "restored");
    let stored = fs::read(restored.join("app.log")).unwrap();
    (bench, report, stored)
}

fn text(len: usize) -> Vec<u8> {
    let words = (0..).flat_map(|number: u64| format!("line {number}\n").into_bytes());
    words.take(len).collect()
}

#[test]
fn bad_34_a_log_that_grows_all_the_time_is_stored_as_it_was_when_it_was_looked_at() {
    for len in [1000, 9_000_000] {
        let (bench, report, stored) = growing(len);
        assert_eq!(report.warnings, [], "{len}");
        assert!(stored == text(len), "{len}: {} bytes", stored.len());
        assert!(fs::read(bench.data().join("app.log")).unwrap().len() > len);
    }
}

#[test]
fn f24_a_file_that_is_written_over_all_the_time_is_flagged_and_status_is_calm() {
    let bench = Workbench::new();
    let path = bench.data().join("clock");
    bench.write("clock", vec![0; 100_000]);
    let count = std::sync::atomic::AtomicU8::new(0);
    let monitor = Always(|| {
        let now = count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        fs::write(&path, vec![now + 1; 100_000 + usize::from(now)]).unwrap();
    });
    let report = bench.repository().backup(&bench.plan(), &monitor).unwrap();
    assert_eq!(report.warnings.len(), 1, "{report:?}");
    assert_eq!(report.warnings[0].kind, WarningKind::Changed);
    let status = bench.lifeboat(&["status", "--json"]).exits(0).json();
    assert_eq!(status["sources"][0]["state"], "fresh", "{status}");
    assert_eq!(status["sources"][0]["changed"], 1, "{status}");
    assert_eq!(status["sources"][0]["complete"], false, "{status}");
}

#[test]
fn f25_a_file_that_shrinks_to_nothing_while_it_is_read() {
    let bench = Workbench::new();
    bench.write("large.bin", vec![1; 30_000_000]);
    let path = bench.data().join("large.bin");
    let report = back_up_while(&bench, || fs::write(&path, "").unwrap());
    let restored = bench.restore(&report.snapshot.unwrap(), "restored");
    tree::assert_same(&bench.data(), &restored);
}

#[test]
fn f25_a_folder_that_vanishes_while_the_backup_runs_is_a_note() {
    let bench = Workbench::new();
    bench.write("a.bin", vec![1; 30_000_000]);
    for number in 0..5000 {
        bench.write(format!("b/{number}"), "here for now");
    }
    let folder = bench.data().join("b");
    let report = back_up_while(&bench, || fs::remove_dir_all(&folder).unwrap());
    assert!(
        report
            .warnings
            .iter()
            .all(|warning| warning.kind == WarningKind::Vanished),
        "{:?}",
        report.warnings
    );
    let restored = bench.restore(&report.snapshot.unwrap(), "restored");
    assert_eq!(fs::read(restored.join("a.bin")).unwrap().len(), 30_000_000);
}
