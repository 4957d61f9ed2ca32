//! Eight processes at a time, of every sort that changes a repository or reads it; some are killed, some stopped and let go
//! on later. When they do so is counted by the ends of others, so that a seed says all but what the scheduler does.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::sync::mpsc;

use super::model::{FOLDERS, KEPT, Model, Random, is_thinned, name};
use super::running::{Fate, Running};
use crate::support::{Answer, Workbench};

/// Processes at a time.
const AT_ONCE: usize = 8;

/// Most that may be stopped at a time.
const STOPPED: usize = 3;

/// Most that may wait for others to end. With those that are stopped they leave some whose ends are counted.
const WAITING: usize = 2;

/// What a process is started for.
#[derive(Clone, Copy)]
pub(super) enum Job {
    /// Of this number in the model.
    Backup(usize),
    Forget,
    /// Whether it waits for as long as others are at work.
    Collect(bool),
    /// A backup of this number in the model.
    Restore(usize),
    Verify,
}

/// The number of a process, and how it ended.
type End = (usize, Answer);

/// How many ended in which way.
type Counts = BTreeMap<&'static str, usize>;

struct Stress {
    bench: Workbench,
    random: Random,
    model: Model,
    running: BTreeMap<usize, Running>,
    started: usize,
    /// The way by which each tells its end, and what comes by it.
    ends: (mpsc::Sender<End>, mpsc::Receiver<End>),
    counts: Counts,
}

impl Stress {
    fn new(seed: u64) -> Self {
        let bench = Workbench::new();
        bench.lifeboat(&["init"]).exits(0);
        let mut random = Random(seed);
        Self {
            model: Model::new(&bench, &mut random),
            bench,
            random,
            running: BTreeMap::new(),
            started: 0,
            ends: mpsc::channel(),
            counts: Counts::new(),
        }
    }

    /// Runs so many processes to their ends.
    fn run(&mut self, count: usize) {
        while self.started < count || !self.running.is_empty() {
            while self.started < count && self.running.len() < AT_ONCE {
                self.start();
            }
            let is_last = self.started == count;
            for process in self.running.values_mut().filter(|_| is_last) {
                process.go_on();
            }
            let (number, answer) = self.ends.1.recv().unwrap();
            let ended = self.running.remove(&number).unwrap();
            self.judge(ended.job, &answer, &format!("scratch-{number}"));
            let mut stopped = self.running.values().filter(|one| one.is_stopped()).count();
            for process in self.running.values_mut() {
                let before = process.is_stopped();
                process.advance(stopped < STOPPED);
                stopped = stopped + usize::from(process.is_stopped()) - usize::from(before);
            }
        }
    }

    fn start(&mut self) {
        let number = self.started;
        self.started += 1;
        let (job, args) = self.job(&format!("scratch-{number}"));
        println!("{number}: {}", args.join(" "));
        let mut command = self.bench.command(&args);
        // As if each were another user's: those of one user take turns, and would wait for one that is stopped.
        command.env("XDG_STATE_HOME", self.bench.path(format!("state-{number}")));
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command.spawn().unwrap();
        let after = self.random.below(6) as usize;
        let fate = match self.random.below(8) {
            0 | 1 => Fate::Killed { after },
            2 | 3 => {
                let then = 1 + self.random.below(30) as usize;
                Fate::Stopped { after, then }
            }
            _ => Fate::Left,
        };
        self.running.insert(number, Running::new(&child, job, fate));
        let ends = self.ends.0.clone();
        std::thread::spawn(move || ends.send((number, Answer::of_child(child))));
    }

    /// What comes next, and how it is asked for.
    fn job(&mut self, scratch: &str) -> (Job, Vec<String>) {
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        match self.random.below(20) {
            0..3 => {
                let which = self.whom_to_forget();
                (Job::Forget, words(&format!("forget {which}")))
            }
            3..7 => {
                let waits = |one: &&Running| matches!(one.job, Job::Collect(true));
                let waiting = self.running.values().filter(waits).count();
                let waits = waiting < WAITING && self.random.below(3) == 0;
                let wait = if waits { "1h" } else { "0s" };
                let args = format!("gc --json --wait {wait}");
                (Job::Collect(waits), words(&args))
            }
            7..10 => match self.random.one_of(&self.model.newest()) {
                None => (Job::Verify, words("verify")),
                Some(number) => {
                    let id = self.model.backups[number].id.clone().unwrap();
                    let args = format!("restore {id} --to {scratch}");
                    (Job::Restore(number), words(&args))
                }
            },
            10 => (Job::Verify, words("verify")),
            11 => (Job::Verify, words("verify --read-data")),
            _ => {
                let folder = self.random.below(FOLDERS as u64) as usize;
                self.model.change(&self.bench, folder, &mut self.random);
                let (tag, folder) = (self.model.begin(folder), name(folder));
                let args = format!("backup {folder} --no-zip --json --tag {tag}");
                (Job::Backup(tag), words(&args))
            }
        }
    }

    /// A snapshot by its name, or all of a folder but the newest.
    fn whom_to_forget(&mut self) -> String {
        let named = self.random.one_of(&self.model.forgettable());
        match named.filter(|_| self.random.below(3) > 0) {
            Some(number) => {
                let backup = &mut self.model.backups[number];
                backup.is_named = true;
                backup.id.clone().unwrap()
            }
            None => {
                let thinned: Vec<usize> = (0..FOLDERS).filter(|&one| is_thinned(one)).collect();
                let folder = name(self.random.one_of(&thinned).unwrap());
                format!("--keep-last {KEPT} --source {folder}")
            }
        }
    }

    /// How a process ended is how it may end.
    fn judge(&mut self, job: Job, answer: &Answer, scratch: &str) {
        println!("{scratch} ended: {:?} {:?}", answer.code(), answer.signal());
        let is_killed = answer.signal() == Some(9);
        let is_done = answer.code() == Some(0);
        let target = self.bench.path(scratch);
        match job {
            Job::Backup(number) => {
                let id = || answer.summary()["snapshot"].as_str().map(str::to_owned);
                self.model.end(number, is_done.then(id).flatten());
            }
            // Without the snapshot there is no half of it either.
            Job::Restore(number) if answer.code() == Some(2) => {
                assert!(
                    !self.model.must_stay(number) && !target.exists(),
                    "{answer}"
                );
                return self.count("snapshots gone before their restore");
            }
            // One that was stopped meanwhile may have been asked to forget what is a folder's last now.
            Job::Forget if answer.code() == Some(2) => {
                assert!(answer.stderr().contains("would forget every"), "{answer}");
                return self.count("last ones that were not forgotten");
            }
            Job::Restore(number) if is_done => self.model.assert_same(number, &target),
            Job::Restore(_) | Job::Forget | Job::Collect(_) | Job::Verify => {}
        }
        let _ = fs::remove_dir_all(target);
        assert!(is_done || is_killed, "{answer}");
        self.count(if is_killed { "killed" } else { "done" });
    }

    fn count(&mut self, what: &'static str) {
        *self.counts.entry(what).or_default() += 1;
    }

    /// Now that nobody is at work, all is there that must be, and nothing that need not.
    fn settle(&mut self) {
        super::gc(&self.bench);
        let listed = self.bench.lifeboat(&["list", "--json"]).exits(0).json();
        let mut ids = Vec::new();
        for snapshot in listed.as_array().unwrap() {
            let id = snapshot["id"].as_str().unwrap();
            let tag = snapshot["tags"][0].as_str().unwrap();
            self.bench.lifeboat(&["restore", id, "--to", id]).exits(0);
            let target = self.bench.path(id);
            self.model.assert_same(tag.parse().unwrap(), &target);
            fs::remove_dir_all(target).unwrap();
            ids.push(id.to_owned());
        }
        for number in self.model.acknowledged() {
            let id = self.model.backups[number].id.as_ref().unwrap();
            let is_lost = self.model.must_stay(number) && !ids.contains(id);
            assert!(!is_lost, "backup {number}, snapshot {id}, is lost");
        }
        self.bench.lifeboat(&["verify", "--read-data"]).exits(0);
        let further = super::gc(&self.bench);
        assert_eq!(further["freed_bytes"], 0, "{further}");
        assert_eq!(orphans(&self.bench.place()), [""; 0]);
        self.counts.insert("snapshots in the end", ids.len());
    }
}

/// Names of files that nobody needs any more.
fn orphans(place: &Path) -> Vec<String> {
    let names = |folder: &str| {
        let entries = fs::read_dir(place.join(folder)).into_iter().flatten();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.collect::<Vec<String>>()
    };
    let mut orphans = Vec::new();
    for folder in names("").iter().map(String::as_str).chain([""]) {
        let mut names = names(folder);
        names.retain(|name| {
            let stem = name.strip_suffix(".parity").filter(|_| folder == "parity");
            let is_lone = |stem| !place.join(format!("packs/{stem}.pack")).exists();
            let endings = [".pending", ".evicted", ".partial", ".forgotten"];
            endings.iter().any(|ending| name.ends_with(ending)) || stem.is_some_and(is_lone)
        });
        orphans.append(&mut names);
    }
    orphans
}

/// So many processes; gives how they ended.
fn stress(seed: u64, count: usize) -> Counts {
    println!("seed {seed}");
    let mut stress = Stress::new(seed);
    stress.run(count);
    stress.settle();
    std::mem::take(&mut stress.counts)
}

#[test]
fn f16_f18_f19_f20_eight_processes_killed_and_stopped_at_any_time_lose_nothing() {
    println!("{:?}", stress(1, 400));
}

/// `LIFEBOAT_SEED` for other seeds than those from 1.
#[test]
#[ignore = "ten minutes or so"]
fn eight_processes_killed_and_stopped_for_ten_minutes() {
    let first = std::env::var("LIFEBOAT_SEED").map_or(1, |seed| seed.parse().unwrap());
    for seed in first..first + 20 {
        println!("seed {seed}: {:?}", stress(seed, 1000));
    }
}
