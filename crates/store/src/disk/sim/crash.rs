//! The states that a power cut may leave: for each prefix of the log, every effect that was not made
//! durable is lost or kept, each for itself.
//!
//! A file's unsynced bytes fall by blocks of 4 KiB: old, new, garbage or zero. Its length is the old one, the new one or
//! one between. Every created, renamed or removed name of a folder that was not synced since is there or not. What was
//! in the middle of being done is covered by the state after it, where its effects are in doubt all the same.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use super::SimDisk;
use super::choices::{Budget, Choices, Chooser};
use super::log::Operation;
use super::moment::Moment;
use super::replay::Replay;
use super::state::State;

impl SimDisk {
    /// Every state that a power cut may leave, from before the first logged operation to after the last; many
    /// operations have more of them than can be tried, and then the budget tells how many are.
    ///
    /// A state that can arise at several operations comes once for each [`SimDisk::mark`] it is after. So tests decide
    /// by [`CrashState::is_after`] what must be there, and not by the number of the operation.
    ///
    /// The death of a process alone is not among them: see [`SimDisk::killed_after`].
    pub fn crash_states(&self, budget: &Budget) -> CrashStates {
        CrashStates::new(&self.state(), budget)
    }
}

/// What a power cut left.
pub struct CrashState {
    /// How many operations of the log were begun before the cut: at the first opportunity for this state.
    pub after_operation: usize,
    /// The disk as the next start finds it, with a log of its own.
    pub disk: SimDisk,
    operation: String,
    marks: Arc<[String]>,
    chooser: Arc<Chooser>,
    choices: Choices,
}

impl CrashState {
    /// Whether the cut came after this mark, so that what it stands for must hold.
    pub fn is_after(&self, mark: &str) -> bool {
        self.marks.iter().any(|passed| passed == mark)
    }
}

/// What was lost and what was kept: to be printed where a test fails on the state.
impl fmt::Display for CrashState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = self.chooser.describe(&self.choices);
        let Self {
            after_operation,
            operation,
            ..
        } = self;
        write!(
            f,
            "power cut after operation {after_operation} ({operation}): {what}"
        )
    }
}

impl fmt::Debug for CrashState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Iterator over [`CrashState`]s, built one at a time.
pub struct CrashStates {
    log: Vec<Operation>,
    marks: Vec<(usize, String)>,
    budget: Budget,
    replay: Replay,
    /// Operations replayed.
    at: usize,
    moment: Moment,
    turn: u64,
    passed: Arc<[String]>,
    /// States that came since the last mark.
    seen: HashSet<u128>,
}

impl CrashStates {
    fn new(state: &State, budget: &Budget) -> Self {
        let mut replay = Replay::from_image(&state.start);
        let skipped = state.log.iter().take(budget.from);
        skipped.for_each(|operation| replay.apply(operation));
        let at = budget.from.min(state.log.len());
        let mut states = Self {
            log: state.log.clone(),
            marks: state.marks.clone(),
            budget: budget.clone(),
            moment: Moment::new(&replay, budget, at),
            replay,
            at,
            turn: 0,
            passed: Arc::new([]),
            seen: HashSet::new(),
        };
        states.pass_marks();
        states
    }

    fn advance(&mut self) -> Option<()> {
        self.replay.apply(self.log.get(self.at)?);
        self.at += 1;
        self.moment = Moment::new(&self.replay, &self.budget, self.at);
        self.turn = 0;
        self.pass_marks();
        Some(())
    }

    fn pass_marks(&mut self) {
        let passed = self.marks.iter().filter(|(at, _)| *at <= self.at);
        let passed: Arc<[String]> = passed.map(|(_, what)| what.clone()).collect();
        if passed.len() > self.passed.len() {
            self.seen.clear();
        }
        self.passed = passed;
    }
}

impl Iterator for CrashStates {
    type Item = CrashState;

    fn next(&mut self) -> Option<CrashState> {
        loop {
            let Some(choices) = self.moment.chooser.choices(self.turn) else {
                self.advance()?;
                continue;
            };
            self.turn += 1;
            if !self
                .seen
                .insert(self.moment.fingerprint(&self.replay, &choices))
            {
                continue;
            }
            let last = self.at.checked_sub(1).and_then(|last| self.log.get(last));
            return Some(CrashState {
                after_operation: self.at,
                disk: SimDisk::from_image(self.moment.image(&self.replay, &choices)),
                operation: last.map_or_else(|| "the start".to_owned(), Operation::to_string),
                marks: Arc::clone(&self.passed),
                chooser: Arc::clone(&self.moment.chooser),
                choices,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::io;

    use super::*;
    use crate::disk::{Disk, NewFile};

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
    fn unsynced_bytes_come_old_new_zero_garbage_or_short() {
        let disk = SimDisk::new();
        let bytes: Vec<u8> = (0..10_000_u32)
            .map(|number| number.to_le_bytes()[0] | 1)
            .collect();
        write(&disk, "a", &bytes);
        let found: Vec<Vec<u8>> = last_files(&disk)
            .iter()
            .filter_map(|files| files.get("a").cloned())
            .collect();
        let has = |check: &dyn Fn(&[u8]) -> bool| found.iter().any(|file| check(file));
        assert!(
            has(&|file| file.is_empty()),
            "renamed or created, and no bytes yet"
        );
        assert!(has(&|file| file == bytes));
        assert!(has(&|file| file == [0; 10_000]));
        assert!(
            has(&|file| !file.is_empty() && file.len() < 10_000 && *file == bytes[..file.len()]),
            "torn"
        );
        let torn_inside = |file: &[u8]| {
            file.len() == 10_000
                && file[..4096] == bytes[..4096]
                && file[4096..8192] == [0; 4096]
                && file[8192..] == bytes[8192..]
        };
        assert!(has(&torn_inside), "the middle block is lost");
        let garbage = |file: &[u8]| {
            file.len() == 10_000
                && file[8192..] != bytes[8192..]
                && file[8192..].iter().any(|byte| *byte != 0)
        };
        assert!(has(&garbage));
        // Empty; and of the new and the torn length, every block three ways (how many blocks the torn one has
        // depends on the seed).
        assert_eq!(
            last_files(&disk)
                .iter()
                .filter(|files| files.is_empty())
                .count(),
            1
        );
        assert!(
            [28 + 3, 28 + 9, 28 + 27].contains(&found.len()),
            "{}",
            found.len()
        );
    }

    #[test]
    fn overwritten_bytes_may_be_the_old_ones() {
        let disk = SimDisk::new();
        let mut file = write(&disk, "a", &[1; 100]);
        file.sync().unwrap();
        disk.sync_dir("").unwrap();
        file.write_all_at(&[2; 10], 50).unwrap();
        let found = last_files(&disk);
        let middles: Vec<u8> = found.iter().map(|files| files["a"][50]).collect();
        assert_eq!(found.len(), 4);
        assert!([0, 1, 2].iter().all(|byte| middles.contains(byte)));
        let around = |files: &Files| files["a"][..50] == [1; 50] && files["a"][60..] == [1; 40];
        assert!(found.iter().all(around), "what was synced is safe");
        file.sync().unwrap();
        assert_eq!(last_files(&disk), [disk.files()]);
    }

    #[test]
    fn names_are_lost_or_kept_each_for_itself() {
        let disk =
            SimDisk::from_files([("a".to_owned(), vec![1]), ("b".to_owned(), vec![2])].into());
        disk.rename_new("a", "c").unwrap();
        disk.remove("b").unwrap();
        let found = last_files(&disk);
        let mut found: Vec<_> = found.iter().map(names).collect();
        found.sort();
        let expected: [&[&str]; 6] = [
            &["a"],
            &["a", "b"],
            &["a", "b", "c"],
            &["a", "c"],
            &["b", "c"],
            &["c"],
        ];
        assert_eq!(found, expected);
        disk.sync_dir("").unwrap();
        assert_eq!(
            last_files(&disk).iter().map(names).collect::<Vec<_>>(),
            [["c"]]
        );
    }

    #[test]
    fn a_move_leaves_one_name_and_a_rename_one_or_both() {
        let start = SimDisk::from_files([("a".to_owned(), vec![1])].into());
        let (moved, renamed) = (start.copy(), start);
        moved.move_file("a", "b").unwrap();
        renamed.rename_new("a", "b").unwrap();
        let mut found: Vec<_> = last_files(&moved);
        found.sort();
        assert_eq!(found.iter().map(names).collect::<Vec<_>>(), [["a"], ["b"]]);
        assert!(
            last_files(&renamed)
                .iter()
                .any(|files| names(files) == ["a", "b"])
        );
        assert_eq!(moved.operations()[0].to_string(), "move a -> b");
        assert!(moved.move_file("a", "c").is_err());
    }

    #[test]
    fn a_file_renamed_twice_is_never_without_a_name() {
        let disk = SimDisk::from_files([("a".to_owned(), vec![1])].into());
        disk.rename_new("a", "b").unwrap();
        disk.rename_new("b", "c").unwrap();
        let found = last_files(&disk);
        assert!(found.iter().all(|files| !files.is_empty()), "{found:?}");
        assert!(
            found
                .iter()
                .all(|files| files.values().all(|bytes| *bytes == [1]))
        );
        assert!(found.iter().any(|files| names(files) == ["a"]));
        assert!(found.iter().any(|files| names(files) == ["c"]));
    }

    #[test]
    fn a_rename_between_folders_is_durable_with_the_folder_it_leads_to() {
        let disk = SimDisk::new();
        disk.create_dir("tmp").unwrap();
        disk.create_dir("packs").unwrap();
        disk.sync_dir("").unwrap();
        write(&disk, "tmp/a", &[1; 10]).sync().unwrap();
        disk.rename_new("tmp/a", "packs/a").unwrap();
        disk.sync_dir("tmp").unwrap();
        let found = last_files(&disk);
        assert!(found.iter().any(|files| names(files) == ["tmp/a"]));
        assert!(found.iter().any(|files| names(files) == ["packs/a"]));
        disk.sync_dir("packs").unwrap();
        assert_eq!(last_files(&disk), [disk.files()]);
    }

    #[test]
    fn a_folder_takes_its_entries_with_it_unless_its_own_name_is_synced() {
        let disk = SimDisk::new();
        disk.create_dir("packs").unwrap();
        write(&disk, "packs/a", &[1; 10]).sync().unwrap();
        disk.sync_dir("packs").unwrap();
        let found = last_files(&disk);
        assert!(found.contains(&Files::new()), "fault F-04");
        disk.sync_dir("").unwrap();
        assert_eq!(last_files(&disk), [disk.files()]);
    }

    #[test]
    fn a_name_used_again_does_not_confuse_the_two_files() {
        let disk = SimDisk::from_files([("a".to_owned(), vec![1])].into());
        disk.remove("a").unwrap();
        write(&disk, "a", &[2]).sync().unwrap();
        disk.rename_new("a", "b").unwrap();
        let found = last_files(&disk);
        for files in &found {
            assert!(
                files.get("b").is_none_or(|bytes| *bytes == [2]),
                "{files:?}"
            );
        }
        assert!(found.contains(&Files::new()));
        disk.sync_dir("").unwrap();
        assert_eq!(last_files(&disk), [disk.files()]);
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
        let lost =
            |state: &CrashState| state.is_after("relied on") && state.disk.files().is_empty();
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
}
