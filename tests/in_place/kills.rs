//! F-50: a restore in place that is killed at any system call that writes, or of which one fails. The next command finds the
//! data wholly old or wholly new, finishing what had begun where it must; on one disk and on two.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use super::{add_to_wal, database, in_place, notes, undo};
use crate::support::small::Small;
use crate::support::tree::{Look, differences, looks};
use crate::support::{Answer, Workbench, struck};

type Looks = BTreeMap<PathBuf, Look>;

const RESTORE: [&str; 7] = [
    "restore",
    "latest",
    "--in-place",
    "--delete",
    "--yes",
    "--threads",
    "1",
];

/// Calls that change something on the disk.
const WRITING: [&str; 8] = [
    "renameat2",
    "rename",
    "fsync",
    "syncfs",
    "unlink",
    "unlinkat",
    "mkdir",
    "write",
];

/// Folders with a database in each, and the snapshot of them that is restored again and again.
struct Case {
    bench: Workbench,
    folders: Vec<PathBuf>,
    new: Vec<Looks>,
}

impl Case {
    /// With a snapshot of what is in these folders, and a database in each.
    fn of(bench: Workbench, folders: &[&str]) -> Self {
        let folders: Vec<PathBuf> = folders.iter().map(|name| bench.path(name)).collect();
        for folder in &folders {
            database(&folder.join("app.db"), "WAL", 10);
            fs::write(folder.join("kind"), "a file").unwrap();
        }
        let mut case = Self {
            new: Vec::new(),
            bench,
            folders,
        };
        case.backs_up().exits(0);
        case.new = case.settled();
        case
    }

    fn backs_up(&self) -> Answer {
        let folders = self.folders.iter().map(|folder| folder.to_str().unwrap());
        let args: Vec<&str> = ["backup", "--no-zip"].into_iter().chain(folders).collect();
        self.bench.lifeboat(&args)
    }

    /// The looks without the side files of the databases, which are another way to hold the same.
    fn settled(&self) -> Vec<Looks> {
        let look = |folder: &PathBuf| {
            let mut looks = looks(folder);
            looks.retain(|path, _| !path.display().to_string().starts_with("app.db"));
            looks
        };
        self.folders.iter().map(look).collect()
    }

    fn notes(&self) -> Vec<i64> {
        let databases = self.folders.iter().map(|folder| folder.join("app.db"));
        databases.map(|database| notes(&database)).collect()
    }

    /// Changes everything in some way.
    fn change(&self) -> (Vec<Looks>, Vec<i64>) {
        for folder in &self.folders {
            fs::write(folder.join("notes.txt"), "old").unwrap();
            fs::create_dir_all(folder.join("extra")).unwrap();
            fs::write(folder.join("extra/file.txt"), "old").unwrap();
            fs::remove_file(folder.join("papers/one.txt")).unwrap();
            fs::remove_file(folder.join("kind")).unwrap();
            fs::create_dir_all(folder.join("kind/deep")).unwrap();
            fs::write(folder.join("kind/deep/file.txt"), "old").unwrap();
            add_to_wal(&folder.join("app.db"), 7);
        }
        (self.settled(), self.notes())
    }

    /// Restores after a change, with this done to the nth such call; how it ended, or that it did not get so far.
    fn strike(&self, strike: (&str, &str), nth: usize) -> Option<Ended> {
        let old = self.change();
        let (answer, was_struck) = struck::at(&self.bench, &RESTORE, strike, nth);
        let what = format!("{strike:?} {nth}: {answer}");
        assert!(!answer.stderr().contains("panicked"), "{what}");
        // Any command that relies on the folders puts them right before it does anything.
        if nth.is_multiple_of(2) {
            let first = self.folders[0].to_str().unwrap();
            self.bench.lifeboat(&["check-live", first]).exits(0);
        }
        self.backs_up().exits(0);
        let now = (self.settled(), self.notes());
        let is_old = same(&old.0, &now.0) && old.1 == now.1;
        let is_new = same(&self.new, &now.0) && now.1.iter().all(|notes| *notes == 10);
        assert!(
            is_old || is_new,
            "{what}\n{:?}\n{:?}\nnotes {:?} {:?}",
            differing(&old.0, &now.0),
            differing(&self.new, &now.0),
            old.1,
            now.1
        );
        assert!(
            answer.code() != Some(0) || is_new,
            "a false success: {what}"
        );
        for folder in &self.folders {
            self.nothing_is_left(folder, &answer, &what);
        }
        // The backup just made is not the state to return to.
        forget_newest(&self.bench);
        in_place(&self.bench, &["--delete"]).exits(0);
        assert!(same(&self.new, &self.settled()), "{what}");
        was_struck.then_some(Ended {
            is_new,
            code: answer.code(),
        })
    }
}

impl Case {
    /// Kills the restore at each of these calls in turn.
    fn is_killed_at_each_of(&self, calls: &[&str]) {
        let (mut kills, mut ends) = (0, BTreeSet::new());
        for call in calls {
            for nth in 1.. {
                let Some(ended) = self.strike((call, "signal=KILL"), nth) else {
                    break;
                };
                kills += 1;
                ends.insert(ended.is_new);
            }
        }
        assert_eq!(ends.len(), 2, "both ends were met");
        assert!(kills > 20, "only {kills} kills");
    }

    /// Nothing is left in or beside a folder, but for what could not be looked at in the moment of a fault: that is kept,
    /// and told.
    fn nothing_is_left(&self, folder: &Path, answer: &Answer, what: &str) {
        for left in stages_beside(folder) {
            let is_told = left.contains("-kept-") && answer.stderr().contains(&left);
            assert!(is_told && answer.code() == Some(3), "{left}: {what}");
            fs::remove_dir_all(folder.with_file_name(left)).unwrap();
        }
    }
}

/// How a restore that was struck has ended, once the next command was run.
struct Ended {
    is_new: bool,
    code: Option<i32>,
}

fn same(one: &[Looks], other: &[Looks]) -> bool {
    differing(one, other).is_empty()
}

fn differing(one: &[Looks], other: &[Looks]) -> Vec<String> {
    let pairs = one.iter().zip(other);
    pairs
        .flat_map(|(one, other)| differences(one, other))
        .collect()
}

fn stages_beside(folder: &Path) -> Vec<String> {
    let beside = [folder, folder.parent().unwrap()];
    let entries = beside
        .iter()
        .flat_map(|folder| fs::read_dir(folder).unwrap());
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names
        .filter(|name| name.starts_with(".lifeboat-restore"))
        .collect()
}

/// Takes the newest backup away, so that the one before is the latest again.
fn forget_newest(bench: &Workbench) {
    let newest = bench
        .repository()
        .find("latest", &lifeboat_snapshot::Filter::default())
        .unwrap();
    bench.repository().forget(&[newest.id]).unwrap();
}

#[test]
fn f50_f51_a_kill_at_any_system_call_that_writes_ends_as_old_or_as_new() {
    if !struck::is_possible() {
        return;
    }
    let case = Case::of(Workbench::with_files(), &["data"]);
    case.is_killed_at_each_of(&WRITING);
    case.bench.lifeboat(&["verify", "--read-data"]).exits(0);
    undo(&case.bench).exits(0);
}

/// Two sources, each on a disk of its own.
fn on_two_disks() -> Option<(Case, [Small; 2])> {
    let bench = Workbench::new();
    let names = ["disks/one", "disks/two"];
    let [one, two] = names.map(|name| Small::mount(bench.path(name), "32m"));
    let disks = [one?, two?];
    let folders = ["disks/one/data", "disks/two/data"];
    for folder in folders {
        let folder = bench.path(folder);
        fs::create_dir_all(folder.join("papers")).unwrap();
        for name in ["notes.txt", "papers/one.txt", "papers/two.txt"] {
            fs::write(folder.join(name), name).unwrap();
        }
    }
    Some((Case::of(bench, &folders), disks))
}

#[test]
fn f50_on_two_disks_a_kill_anywhere_ends_both_as_old_or_both_as_new() {
    if !struck::is_possible() {
        return;
    }
    let Some((case, _disks)) = on_two_disks() else {
        return;
    };
    case.is_killed_at_each_of(&["renameat2", "fsync", "unlink", "syncfs"]);
}

/// Fails each of these calls in turn, every `step`th of them; how many did.
fn fail(case: &Case, faults: &[(&str, &str)], step: usize) -> usize {
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
    failed
}

#[test]
fn f05_f08_f50_a_call_that_fails_during_a_restore_in_place_ends_as_old_or_as_new() {
    if !struck::is_possible() {
        return;
    }
    let case = Case::of(Workbench::with_files(), &["data"]);
    let failed = fail(
        &case,
        &[
            ("renameat2", "EIO"),
            ("syncfs", "EIO"),
            ("fsync", "EIO"),
            ("pwrite64", "ENOSPC"),
        ],
        2,
    );
    assert!(failed > 10, "only {failed}");
}

/// `cargo test -p lifeboat --test suite -- --ignored --nocapture of_a_restore_in_place`
#[test]
#[ignore = "a quarter of an hour; see docs/testing.md"]
fn f05_f08_f50_every_system_call_of_a_restore_in_place_fails_in_turn() {
    if !struck::is_possible() {
        return;
    }
    let case = Case::of(Workbench::with_files(), &["data"]);
    let failed = fail(
        &case,
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
    println!("{failed} system calls failed in turn");
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
