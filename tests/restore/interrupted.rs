//! A restore that is cut short is gone on with by running it again, and until then nothing in its folder can be taken for
//! what it is not.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use lifeboat_snapshot::{Monitor, Progress, Repository, Restore, Snapshot, Unwatched};

use super::{MARK, noise};
use crate::support::{Workbench, struck, tree};

/// Wants to stop after so many bytes.
struct StopAfter(u64, AtomicU64);

impl Progress for StopAfter {
    fn advance(&self, bytes: u64) {
        self.1.fetch_add(bytes, Ordering::Relaxed);
    }

    fn cancelled(&self) -> bool {
        self.1.load(Ordering::Relaxed) >= self.0
    }
}

impl Monitor for StopAfter {}

fn with_large_files() -> (Workbench, Repository, Snapshot) {
    let bench = Workbench::with_files();
    bench.write("a/first.bin", noise(2_000_000, 1));
    bench.write("b/second.bin", noise(30_000_000, 2));
    bench.write("c/third.bin", noise(500_000, 3));
    let snapshot = bench.backup().snapshot.unwrap();
    let repository = bench.repository();
    (bench, repository, snapshot)
}

fn plan(target: &Path) -> Restore {
    Restore {
        target: target.to_owned(),
        ..Restore::default()
    }
}

#[test]
fn f50_an_interrupted_restore_is_completed_by_running_it_again() {
    let (bench, repository, snapshot) = with_large_files();
    let plan = plan(&bench.path("restored"));
    for bytes in [1_000_000, 10_000_000, 25_000_000] {
        let stop = StopAfter(bytes, AtomicU64::new(0));
        let error = repository.restore(&snapshot, &plan, &stop).unwrap_err();
        assert!(error.is_cancelled(), "{error}");
        assert!(plan.target.join(MARK).is_file());
        // No file stands under its name that is not the whole file.
        for name in ["a/first.bin", "b/second.bin", "c/third.bin"] {
            if let Ok(bytes) = fs::read(plan.target.join(name)) {
                assert_eq!(bytes, fs::read(bench.data().join(name)).unwrap(), "{name}");
            }
        }
    }
    let report = repository.restore(&snapshot, &plan, &Unwatched).unwrap();
    assert!(report.kept >= 1, "{report:?}");
    assert_eq!(report.warnings, []);
    tree::assert_same(&bench.data(), &plan.target);
}

#[test]
fn a_marked_folder_is_taken_for_its_own_snapshot_only() {
    let (bench, repository, snapshot) = with_large_files();
    let plan = plan(&bench.path("restored"));
    let stop = StopAfter(1_000_000, AtomicU64::new(0));
    repository.restore(&snapshot, &plan, &stop).unwrap_err();
    bench.write("notes.txt", "something else");
    let other = bench.backup().snapshot.unwrap();
    let error = repository.restore(&other, &plan, &Unwatched).unwrap_err();
    assert!(error.to_string().contains("not empty"), "{error}");
    repository.restore(&snapshot, &plan, &Unwatched).unwrap();
    assert_eq!(
        fs::read(plan.target.join("notes.txt")).unwrap(),
        b"remember"
    );
}

#[test]
fn f50_what_a_power_cut_left_of_a_file_is_not_believed_for_its_length_and_time() {
    let (bench, repository, snapshot) = with_large_files();
    let plan = plan(&bench.path("restored"));
    repository.restore(&snapshot, &plan, &Unwatched).unwrap();
    // The names were durable and the bytes were not, in a folder that was still marked.
    let path = plan.target.join("a/first.bin");
    let modified = fs::metadata(&path).unwrap().modified().unwrap();
    fs::write(&path, vec![0; 2_000_000]).unwrap();
    fs::File::options()
        .write(true)
        .open(&path)
        .unwrap()
        .set_modified(modified)
        .unwrap();
    let text = format!(
        "This folder is being restored by lifeboat and is not complete.\n\
         The same restore, run again, goes on where it ended.\n\
         snapshot {}\nfolder new\n",
        snapshot.id
    );
    fs::write(plan.target.join(MARK), text).unwrap();
    let report = repository.restore(&snapshot, &plan, &Unwatched).unwrap();
    assert_eq!(report.kept, report.files - 1);
    tree::assert_same(&bench.data(), &plan.target);
}

#[test]
fn f50_a_restore_that_is_stopped_says_that_the_same_command_goes_on() {
    if !struck::is_possible() {
        return;
    }
    let (bench, ..) = with_large_files();
    let args = ["restore", "latest", "--to", "restored"];
    let strike = ("pwrite64", "signal=TERM");
    let (answer, was_struck) = struck::at(&bench, &args, strike, 5);
    assert!(was_struck);
    answer.exits(143).complains(&["the same command"]);
    assert!(bench.path("restored").join(MARK).is_file());
    bench.lifeboat(&args).exits(0);
    tree::assert_same(&bench.data(), &bench.path("restored"));
}

#[test]
fn f08_a_mode_or_a_time_that_the_disk_fails_to_set_ends_the_restore() {
    if !struck::is_possible() {
        return;
    }
    let bench = Workbench::with_files();
    bench.backs_up();
    let mut failed = 0;
    for call in ["fchmod", "utimensat"] {
        for nth in 1.. {
            let target = format!("{call}-{nth}");
            let args = ["restore", "latest", "--to", &target, "--threads", "1"];
            let (answer, was_struck) = struck::at(&bench, &args, (call, "error=EIO"), nth);
            if !was_struck {
                break;
            }
            if answer.code() != Some(0) {
                failed += 1;
                answer.exits(1).complains(&["Input/output error"]);
                bench.lifeboat(&args).exits(0);
            }
            tree::assert_same(&bench.data(), &bench.path(&target));
        }
    }
    assert!(failed > 3, "only {failed}");
}
