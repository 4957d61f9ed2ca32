//! Several backups at once, readers beside them, and backups that end in the middle (faults F-01, F-16, F-17, F-19, F-75;
//! rules R2, R3, R10).

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::Mutex;

use lifeboat_snapshot::monitor::Progress;
use lifeboat_snapshot::{Monitor, Repository, Verify};

use crate::support::snapshots::contents;
use crate::support::{Answer, Ledger, Process, Workbench, outside, struck, tree};

/// Starts so many backups of as many folders at the same time; all succeed, and each folder comes back.
fn back_up_at_once(bench: &Workbench, count: usize) {
    let folders: Vec<String> = (0..count)
        .map(|number| format!("folder-{number}"))
        .collect();
    for folder in &folders {
        fs::create_dir(bench.path(folder)).unwrap();
        fs::write(bench.path(folder).join("own.txt"), folder).unwrap();
        fs::write(bench.path(folder).join("shared.bin"), [7; 300_000]).unwrap();
    }
    let start = |folder: &String| {
        let mut command = bench.command(["backup", folder, "--no-zip", "--json"]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().unwrap()
    };
    let started: Vec<Child> = folders.iter().map(start).collect();
    let ends: Vec<Answer> = started.into_iter().map(Answer::of_child).collect();
    for (folder, end) in folders.iter().zip(ends) {
        let summary = end.exits(0).summary();
        let snapshot = summary["snapshot"].as_str().unwrap();
        let target = format!("restored-{folder}");
        bench
            .lifeboat(&["restore", snapshot, "--to", &target])
            .exits(0);
        tree::assert_same(&bench.path(folder), &bench.path(&target));
    }
    let listed = bench.lifeboat(&["list", "--json"]).exits(0).json();
    assert_eq!(listed.as_array().unwrap().len(), count);
    bench.lifeboat(&["verify", "--read-data"]).exits(0);
}

#[test]
fn f17_two_first_backups_at_once_create_one_repository() {
    // The race is for the creation, so it is run more than once.
    for _ in 0..8 {
        back_up_at_once(&Workbench::new(), 2);
    }
}

#[test]
fn f17_eight_backups_at_once_into_one_repository() {
    let bench = Workbench::new();
    bench.lifeboat(&["init"]).exits(0);
    back_up_at_once(&bench, 8);
}

#[test]
fn f17_eight_first_backups_of_one_folder_at_once() {
    let bench = Workbench::with_files();
    let start = |_| {
        let mut command = bench.command(["backup", "data", "--json"]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().unwrap()
    };
    let started: Vec<Child> = (0..8).map(start).collect();
    let mut zips = BTreeSet::new();
    for child in started {
        let summary = Answer::of_child(child).exits(0).summary();
        zips.insert(summary["zip"]["path"].as_str().unwrap().to_owned());
    }
    assert_eq!(zips.len(), 8, "each wrote a zip of its own: {zips:?}");
    for number in 0..8 {
        let target = format!("restored-{number}");
        bench
            .lifeboat(&["restore", &format!("latest~{number}"), "--to", &target])
            .exits(0);
        tree::assert_same(&bench.data(), &bench.path(target));
    }
}

/// Looks at the repository from outside at every step of a backup.
struct Reader<'a> {
    place: &'a Path,
    seen: Mutex<Vec<usize>>,
}

impl Reader<'_> {
    fn look(&self) {
        let repository = Repository::open(self.place).unwrap();
        let listing = repository.snapshots().unwrap();
        assert!(listing.damaged.is_empty());
        for snapshot in &listing.snapshots {
            contents(&repository, snapshot).unwrap();
        }
        let report = repository
            .verify(&Verify::default(), &lifeboat_snapshot::Unwatched)
            .unwrap();
        assert_eq!(report.damaged, []);
        self.seen.lock().unwrap().push(listing.snapshots.len());
    }
}

impl Progress for Reader<'_> {
    fn advance(&self, _: u64) {
        self.look();
    }
}

impl Monitor for Reader<'_> {}

#[test]
fn f19_a_reader_during_a_backup_sees_committed_snapshots_only() {
    let bench = Workbench::with_files();
    bench.backup();
    Ledger::create(&bench.data().join("app.db"), "PRAGMA journal_mode = WAL");
    bench.write("large.bin", vec![1; 3_000_000]);
    bench.write("papers/two.txt", "second, revised");
    let place = bench.place();
    let reader = Reader {
        place: &place,
        seen: Mutex::default(),
    };
    bench.repository().backup(&bench.plan(), &reader).unwrap();
    let seen = reader.seen.into_inner().unwrap();
    assert!(seen.len() >= 3, "{seen:?}");
    assert!(seen.iter().all(|count| *count == 1), "{seen:?}");
    assert_eq!(bench.repository().snapshots().unwrap().snapshots.len(), 2);
}

/// A backup that waits in its middle for a database that somebody else holds.
struct Stuck {
    bench: Workbench,
    holder: Process,
    backup: Child,
}

impl Stuck {
    fn new() -> Self {
        let bench = Workbench::with_files();
        bench.backs_up();
        let path = bench.data().join("zz.db");
        Ledger::create(&path, "PRAGMA journal_mode = DELETE");
        let holder = Process::start("holder", &path);
        let mut command = bench.command(["backup", "data", "--no-zip", "--busy-timeout", "100s"]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut backup = command.spawn().unwrap();
        let descriptors = format!("/proc/{}/fd", backup.id());
        let waits = || {
            let open = fs::read_dir(&descriptors).into_iter().flatten().flatten();
            open.flat_map(|entry| fs::read_link(entry.path()))
                .any(|file| file == path)
        };
        while !waits() {
            assert!(backup.try_wait().unwrap().is_none(), "it ended by itself");
            std::thread::yield_now();
        }
        Self {
            bench,
            holder,
            backup,
        }
    }

    /// Sends a signal to the backup and waits for its end.
    fn end(self, signal: rustix::process::Signal) -> (Workbench, Answer) {
        let id = rustix::process::Pid::from_child(&self.backup);
        rustix::process::kill_process(id, signal).unwrap();
        let answer = Answer::of_child(self.backup);
        self.holder.end();
        (self.bench, answer)
    }
}

fn is_pending(bench: &Workbench) -> bool {
    let entries = fs::read_dir(bench.place().join("snapshots")).unwrap();
    entries.flatten().any(|entry| {
        entry
            .path()
            .extension()
            .is_some_and(|ending| ending == "pending")
    })
}

/// Everything is as before the backup that was ended, and the next one works without help.
fn assert_goes_on(bench: &Workbench) {
    assert_eq!(
        bench
            .lifeboat(&["list", "--json"])
            .exits(0)
            .json()
            .as_array()
            .unwrap()
            .len(),
        1
    );
    bench.lifeboat(&["verify", "--read-data"]).exits(0);
    fs::remove_file(bench.data().join("zz.db")).unwrap();
    bench.backs_up();
    bench
        .lifeboat(&["restore", "latest", "--to", "restored"])
        .exits(0);
    tree::assert_same(&bench.data(), &bench.path("restored"));
    bench.lifeboat(&["verify", "--read-data"]).exits(0);
}

#[test]
fn f16_a_killed_backup_leaves_no_lock_and_the_next_works_at_once() {
    let (bench, answer) = Stuck::new().end(rustix::process::Signal::KILL);
    assert_eq!(answer.signal(), Some(9));
    assert_goes_on(&bench);
}

#[test]
fn f75_bad_67_ctrl_c_in_mid_backup_exits_130_and_the_next_works_at_once() {
    let (bench, answer) = Stuck::new().end(rustix::process::Signal::INT);
    answer.exits(130).complains(&["stopped"]);
    assert!(!is_pending(&bench), "an orderly end closes its session");
    assert_goes_on(&bench);
}

#[test]
fn f75_bad_67_sigterm_in_mid_backup_exits_143_and_the_next_works_at_once() {
    let (bench, answer) = Stuck::new().end(rustix::process::Signal::TERM);
    answer.exits(143).complains(&["stopped"]);
    assert_goes_on(&bench);
}

#[test]
fn f75_a_terminal_that_is_closed_in_mid_backup_ends_it_in_order() {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    if u64::from_str_radix(ignored.unwrap().trim(), 16).unwrap() & 1 == 1 {
        return outside::without("SIGHUP, which these tests were started to ignore");
    }
    let (bench, answer) = Stuck::new().end(rustix::process::Signal::HUP);
    answer.exits(143).complains(&["stopped"]);
    assert!(!is_pending(&bench), "an orderly end closes its session");
    assert_goes_on(&bench);
}

#[test]
fn f75_a_second_ctrl_c_does_not_wait() {
    let stuck = Stuck::new();
    let id = rustix::process::Pid::from_child(&stuck.backup);
    rustix::process::kill_process(id, rustix::process::Signal::INT).unwrap();
    let (bench, answer) = stuck.end(rustix::process::Signal::INT);
    assert_eq!(answer.code(), Some(130), "{answer}");
    assert_goes_on(&bench);
}

#[test]
fn f01_a_kill_at_any_system_call_that_writes_harms_nothing() {
    if !struck::is_possible() {
        return;
    }
    let bench = Workbench::with_files();
    bench.backs_up();
    let mut kills = 0;
    for call in [
        "fsync",
        "fdatasync",
        "renameat2",
        "rename",
        "pwrite64",
        "unlink",
    ] {
        for nth in 1.. {
            bench.write("papers/two.txt", format!("{call} {nth}"));
            let args = ["backup", "data", "--no-zip", "--threads", "1"];
            if !struck::kill(&bench, &args, call, nth) {
                break;
            }
            kills += 1;
            bench.lifeboat(&["verify", "--read-data"]).exits(0);
            bench.backs_up();
            bench
                .lifeboat(&["cat", "latest", "papers/two.txt"])
                .exits(0);
        }
    }
    bench
        .lifeboat(&["restore", "latest", "--to", "restored"])
        .exits(0);
    tree::assert_same(&bench.data(), &bench.path("restored"));
    assert!(kills > 10, "only {kills} kills");
}
