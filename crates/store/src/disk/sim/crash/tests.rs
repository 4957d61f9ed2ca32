//! Power cuts: wrong orders are found, each state comes once, and a cut during recovery is one more.

use std::collections::BTreeMap;
use std::io;

use super::*;
use crate::disk::{Disk, NewFile};

mod left;

type Files = BTreeMap<String, Vec<u8>>;

fn states(disk: &SimDisk) -> Vec<CrashState> {
    disk.crash_states(&Budget::default()).collect()
}

/// The files of the states that may arise after the whole log.
fn last_files(disk: &SimDisk) -> Vec<Files> {
    let end = format!("end of {}", disk.operations().len());
    disk.mark(&end);
    let states = disk.crash_states(&Budget::default());
    states
        .filter(|state| state.is_after(&end))
        .map(|state| state.disk.files())
        .collect()
}

fn names(files: &Files) -> Vec<&str> {
    files.keys().map(String::as_str).collect()
}

fn write(disk: &SimDisk, path: &str, bytes: &[u8]) -> Box<dyn NewFile> {
    let mut file = disk.create_new(path).unwrap();
    file.write_all_at(bytes, 0).unwrap();
    file
}

/// A toy of a durable write, with the steps that a fool might leave out.
struct Publish {
    sync: bool,
    rename_first: bool,
    sync_dir: bool,
}

const RIGHT: Publish = Publish {
    sync: true,
    rename_first: false,
    sync_dir: true,
};

impl Publish {
    fn run(&self, disk: &SimDisk, path: &str, bytes: &[u8]) -> io::Result<()> {
        let mut file = disk.create_new("new.tmp")?;
        file.write_all_at(bytes, 0)?;
        if self.sync && !self.rename_first {
            file.sync()?;
        }
        disk.rename_new("new.tmp", path)?;
        if self.sync && self.rename_first {
            file.sync()?;
        }
        if self.sync_dir {
            disk.sync_dir("")?;
        }
        disk.mark(path);
        Ok(())
    }

    /// Publishes two files and tells what is wrong after some power cut.
    fn failures(&self) -> Vec<String> {
        let disk = SimDisk::new();
        let bytes = vec![7; 5000];
        self.run(&disk, "one", &bytes).unwrap();
        self.run(&disk, "two", &bytes).unwrap();
        let wrong = |state: &CrashState| {
            let files = state.disk.files();
            ["one", "two"]
                .into_iter()
                .any(|path| match files.get(path) {
                    Some(found) => *found != bytes,
                    None => state.is_after(path),
                })
        };
        states(&disk)
            .iter()
            .filter(|state| wrong(state))
            .map(ToString::to_string)
            .collect()
    }
}

#[test]
fn the_right_publish_survives_every_power_cut() {
    assert_eq!(RIGHT.failures(), [""; 0]);
}

#[test]
fn planted_bugs_are_found() {
    for wrong in [
        Publish {
            sync: false,
            ..RIGHT
        },
        Publish {
            rename_first: true,
            ..RIGHT
        },
        Publish {
            sync_dir: false,
            ..RIGHT
        },
    ] {
        assert!(!wrong.failures().is_empty());
    }
    let early = Publish {
        rename_first: true,
        ..RIGHT
    }
    .failures();
    assert!(
        early.contains(
            &"power cut after operation 3 (rename new.tmp -> one): create new.tmp: lost; \
              rename new.tmp -> one: kept; length of one 0..5000: old; block 0 of one: old; block 1 of one: old"
                .to_owned()
        ),
        "{early:#?}"
    );
}

#[test]
fn equal_states_come_once_for_each_mark() {
    let disk = SimDisk::new();
    disk.create_new("a").unwrap();
    disk.sync_dir("").unwrap();
    assert_eq!(states(&disk).len(), 2, "with the file and without");
    disk.mark("acknowledged");
    let after: Vec<_> = states(&disk)
        .into_iter()
        .filter(|state| state.is_after("acknowledged"))
        .collect();
    assert_eq!(after.len(), 1, "the state with the file, held to the mark");
    assert_eq!(after[0].after_operation, 2);
    assert_eq!(states(&disk).len(), 3);
    assert!(!states(&disk)[0].is_after("acknowledged"));
}

#[test]
fn a_crash_during_recovery_is_the_same_once_more() {
    let disk = SimDisk::new();
    write(&disk, "a", &[1; 10]).sync().unwrap();
    let mut depth_two = 0;
    for state in states(&disk) {
        let _ = state.disk.remove("a");
        write(&state.disk, "b", &[2; 10]);
        for second in states(&state.disk) {
            depth_two += 1;
            let files = second.disk.files();
            let left = files.get("a");
            assert!(
                left.is_none()
                    || left == state.disk.copy().files().get("a")
                    || second.after_operation < 4
            );
        }
    }
    assert!(depth_two > 20, "{depth_two}");
}

#[test]
fn states_before_a_given_operation_are_left_out() {
    let disk = SimDisk::new();
    write(&disk, "a", &[1; 10]).sync().unwrap();
    disk.sync_dir("").unwrap();
    write(&disk, "b", &[2; 10]);
    let budget = Budget {
        from: 4,
        ..Budget::default()
    };
    let states: Vec<_> = disk.crash_states(&budget).collect();
    assert!(states.iter().all(|state| state.after_operation >= 4));
    assert!(
        states
            .iter()
            .all(|state| state.disk.files()["a"] == [1; 10])
    );
    assert!(
        states
            .iter()
            .any(|state| state.disk.files().contains_key("b"))
    );
}

#[test]
fn what_a_killed_process_did_is_there_and_not_yet_durable() {
    let disk = SimDisk::new();
    disk.create_dir("packs").unwrap();
    disk.sync_dir("").unwrap();
    let mut file = write(&disk, "packs/a.tmp", &[1; 10]);
    file.try_lock().unwrap();
    file.sync().unwrap();
    disk.rename_new("packs/a.tmp", "packs/a").unwrap();
    disk.mark("renamed");
    disk.sync_dir("packs").unwrap();
    disk.remove("packs/a").unwrap();

    for (operations, expected) in [
        (1, vec![]),
        (4, vec!["packs/a.tmp"]),
        (6, vec!["packs/a"]),
        (8, vec![]),
    ] {
        assert_eq!(
            names(&disk.killed_after(operations).files()),
            expected,
            "{operations}"
        );
    }
    let killed = disk.killed_after(6);
    assert!(
        killed.try_lock("packs/a").unwrap().is_some(),
        "its locks went with it"
    );
    assert_eq!(killed.operations(), disk.operations()[..6]);
    killed.mark("relied on");
    let lost = |state: &CrashState| state.is_after("relied on") && state.disk.files().is_empty();
    assert!(states(&killed).iter().any(lost));
    killed.sync_dir("packs").unwrap();
    killed.mark("synced");
    let kept = |state: &CrashState| state.disk.files() == killed.files();
    assert!(
        states(&killed)
            .iter()
            .filter(|state| state.is_after("synced"))
            .all(kept)
    );
    write(&killed, "packs/b", &[2; 10]);
    assert_eq!(killed.files().len(), 2);
    assert!(killed.killed_after(3).create_new("packs/b").is_ok());
}

#[test]
fn a_large_log_is_sampled_and_the_same_seed_gives_the_same_states() {
    let disk = SimDisk::new();
    for number in 0..12 {
        write(&disk, &number.to_string(), &[number; 9000]);
    }
    let budget = |seed| Budget {
        exhaustive: 64,
        random: 16,
        seed,
        from: 0,
    };
    let run = |seed| -> Vec<String> {
        disk.crash_states(&budget(seed))
            .map(|state| state.to_string())
            .collect()
    };
    let first = run(1);
    assert!(first.len() > 500, "{}", first.len());
    assert_eq!(first, run(1));
    assert_ne!(first, run(2));
    let all: BTreeMap<_, _> = disk.files();
    let budget = budget(1);
    assert!(
        disk.crash_states(&budget)
            .any(|state| state.disk.files() == all)
    );
    let only_names = |files: &Files| files.len() == 12 && files.values().all(Vec::is_empty);
    assert!(
        disk.crash_states(&budget)
            .any(|state| only_names(&state.disk.files()))
    );
}
