//! F-50: a restore in place that is killed at any system call that writes. The next command finds the
//! data wholly old or wholly new, finishing what had begun where it must; on one disk and on two.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::{add_to_wal, database, in_place, notes, undo};
use crate::support::small::Small;
use crate::support::tree::{Look, differences, looks};
use crate::support::{Answer, Workbench, outside, struck, tree};

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
pub(super) struct Case {
    bench: Workbench,
    folders: Vec<PathBuf>,
    new: Vec<Looks>,
    /// The stage stands in the folder: a kill between the making of it and the setting of the folder's time is seen by that.
    is_inside: bool,
}

impl Case {
    /// With a snapshot of what is in these folders, and a database in each.
    pub(super) fn of(bench: Workbench, folders: &[&str]) -> Self {
        let folders: Vec<PathBuf> = folders.iter().map(|name| bench.path(name)).collect();
        for folder in &folders {
            database(&folder.join("app.db"), "WAL", 10);
            fs::write(folder.join("kind"), "a file").unwrap();
        }
        let mut case = Self {
            new: Vec::new(),
            is_inside: folders.iter().any(|folder| is_mount_point(folder)),
            bench,
            folders,
        };
        case.backs_up().exits(0);
        case.new = case.settled();
        fs::rename(case.bench.place(), case.bench.path("whole")).unwrap();
        case
    }

    /// Puts the repository back as it was after the first backup: what each strike leaves in it would be more and more calls to
    /// strike.
    fn renews_repository(&self) {
        let _ = fs::remove_dir_all(self.bench.place());
        let [from, to] = ["whole", "repository"].map(|name| self.bench.path(name));
        let copied = ["-a", from.to_str().unwrap(), to.to_str().unwrap()];
        assert!(outside::works("cp", &copied));
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
            if self.is_inside {
                looks.remove(Path::new(""));
            }
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
    pub(super) fn strike(&self, strike: (&str, &str), nth: usize) -> Option<Ended> {
        self.renews_repository();
        let old = self.change();
        let (answer, was_struck) = struck::at(&self.bench, &RESTORE, strike, nth);
        let what = format!("{strike:?} {nth}: {answer}");
        assert!(!answer.stderr().contains("panicked"), "{what}");
        // What only looks says that a restore lies stopped, or finds all well, and leaves it as it is.
        if nth.is_multiple_of(2) {
            let first = self.folders[0].to_str().unwrap();
            let answer = self.bench.lifeboat(&["check-live", first]);
            let is_told = answer.stderr().contains("was stopped in its middle");
            assert_eq!(answer.code(), Some(if is_told { 7 } else { 0 }), "{answer}");
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
pub(super) struct Ended {
    pub(super) is_new: bool,
    pub(super) code: Option<i32>,
}

fn is_mount_point(folder: &Path) -> bool {
    let device = |path: &Path| path.metadata().unwrap().dev();
    device(folder) != device(folder.parent().unwrap())
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
    let names = beside.into_iter().flat_map(tree::names);
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

#[test]
fn f50_f51_a_kill_while_the_stage_stands_in_the_live_folder_ends_as_old_or_as_new() {
    let bench = Workbench::new();
    let Some(_disk) = Small::mount(bench.data(), "32m").filter(|_| struck::is_possible()) else {
        return;
    };
    bench.write("papers/one.txt", "first");
    bench.write("papers/two.txt", "second");
    let case = Case::of(bench, &["data"]);
    assert!(case.is_inside);
    case.is_killed_at_each_of(&[
        "renameat2",
        "mkdir",
        "fsync",
        "syncfs",
        "utimensat",
        "rmdir",
    ]);
}
