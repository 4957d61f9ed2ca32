//! Chroma stores: vectors in files beside a database, backed up while an application writes to both.
//!
//! Chroma writes its index files first, then notes in the database how far they reach, and forgets the queue of what they
//! hold. Files and database of different moments are not whole: queries fail, or find the wrong neighbours.
//!
//! The application is `chroma/store.py`. It needs the packages of `chroma/requirements.txt` in `target/python`, which
//! `tests/run.sh` puts there; without them the tests of real stores say so and do nothing.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::{Answer, Workbench, outside};

/// What is told of a store that is captured again.
mod again;
/// Stores that keep moving, or move once, at chosen moments.
mod moved;

/// Backups of the whole of which are asked for, and how many may be taken to get them.
const WHOLE: usize = 6;
const TAKEN: usize = 40;

/// How long the application may take to write on.
const PATIENCE: Duration = Duration::from_secs(120);

/// The interpreter that has Chroma, where there is one.
fn python() -> Option<PathBuf> {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let python = top.join("target/python/bin/python");
    outside::works(python.to_str()?, &["--version"]).then_some(python)
}

fn store_py(python: &Path, arguments: &[&Path]) -> Command {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/chroma/store.py");
    let mut command = Command::new(python);
    command.arg("-I").arg(script).args(arguments);
    command
}

/// An application that adds to a store all the time.
struct Application {
    child: Child,
    note: PathBuf,
}

impl Application {
    /// Starts it, and returns when its index was written a few times.
    fn start(python: &Path, bench: &Workbench) -> Self {
        let note = bench.path("acknowledged");
        let store = bench.data().join("app/chroma");
        let mut child = store_py(python, &[Path::new("write"), &store, &note])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.as_mut().unwrap()).lines();
        let ready = lines.any(|line| line.is_ok_and(|line| line == "ready"));
        assert!(ready, "the application did not start");
        Self { child, note }
    }

    /// How many embeddings Chroma has acknowledged.
    fn acknowledged(&self) -> u64 {
        fs::read_to_string(&self.note).unwrap().parse().unwrap()
    }

    fn wait_for_more(&mut self) {
        let (before, began) = (self.acknowledged(), Instant::now());
        while self.acknowledged() == before {
            assert!(self.child.try_wait().unwrap().is_none(), "it died");
            assert!(began.elapsed() < PATIENCE, "it stands still");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    fn end(mut self) -> u64 {
        drop(self.child.stdin.take());
        assert!(self.child.wait().unwrap().success());
        self.acknowledged()
    }
}

impl Drop for Application {
    fn drop(&mut self) {
        // A test that fails leaves nobody behind.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A backup by the program: its snapshot, and whether it says that the store is whole.
fn back_up(bench: &Workbench) -> (String, bool) {
    let answer = bench.lifeboat(&["backup", "data", "--no-zip", "--json"]);
    let summary = answer.summary();
    let mut whole = true;
    for warning in summary["warnings"].as_array().unwrap() {
        let path = warning["path"].as_str().unwrap();
        match warning["kind"].as_str().unwrap() {
            "changed" => whole = false,
            // A transaction ended between two looks.
            "vanished" if path.ends_with("-journal") => {}
            _ => panic!("{answer}"),
        }
    }
    assert_eq!(answer.code(), Some(if whole { 0 } else { 3 }), "{answer}");
    (summary["snapshot"].as_str().unwrap().to_owned(), whole)
}

/// Restores a snapshot, lets Chroma open and search it, and gives how many embeddings are there.
fn ask_restored(python: &Path, bench: &Workbench, snapshot: &str, least: u64) -> u64 {
    bench
        .lifeboat(&["restore", snapshot, "--to", "restored"])
        .exits(0);
    let restored = bench.path("restored");
    let least = PathBuf::from(least.to_string());
    let store = restored.join("app/chroma");
    let answer = Answer::of(&mut store_py(python, &[Path::new("ask"), &store, &least])).exits(0);
    fs::remove_dir_all(restored).unwrap();
    let text = answer.text();
    let found = text.trim().strip_prefix("found ").map(str::parse);
    found.unwrap_or_else(|| panic!("{answer}")).unwrap()
}

#[test]
fn a_chroma_store_backed_up_under_its_application_is_whole_when_restored() {
    let Some(python) = python() else { return };
    let bench = Workbench::with_files();
    let mut application = Application::start(&python, &bench);
    let mut whole = Vec::new();
    let mut flagged = 0;
    while whole.len() < WHOLE {
        assert!(flagged < TAKEN - WHOLE, "the store is never still");
        application.wait_for_more();
        let before = application.acknowledged();
        match back_up(&bench) {
            (snapshot, true) => whole.push((snapshot, before)),
            (_, false) => flagged += 1,
        }
        application.wait_for_more();
    }
    let acknowledged = application.end();
    for (snapshot, before) in &whole {
        ask_restored(&python, &bench, snapshot, *before);
    }
    let (last, still) = back_up(&bench);
    assert!(still, "nobody writes any more");
    let found = ask_restored(&python, &bench, &last, acknowledged);
    assert_eq!(found, acknowledged);
    eprintln!("{WHOLE} whole and {flagged} flagged under the application");
}
