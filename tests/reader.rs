//! The format is what `docs/format.md` says: a reader in Python that was written from that page alone reads what we write.
//!
//! The reader is `reader/read.py`. It needs the packages of `reader/requirements.txt` in `target/python`, which `tests/run.sh`
//! puts there; without them these tests say so and do nothing.

use std::path::{Path, PathBuf};
use std::process::Command;

use lifeboat_snapshot::{Filter, Repository, Restore, Unwatched};

use crate::support::{Workbench, outside};

/// The interpreter that has the reader's packages, where there is one.
fn python() -> Option<PathBuf> {
    let python = top().join("target/python/bin/python");
    outside::works(python.to_str()?, &["-c", "import blake3, zstandard"]).then_some(python)
}

fn top() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Runs the reader, which must be content, and gives what it printed.
fn read(python: &Path, arguments: &[&Path]) -> String {
    let output = Command::new(python)
        .arg("-I")
        .arg(top().join("tests/reader/read.py"))
        .args(arguments)
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn s11_the_independent_reader_reads_the_golden_repository() {
    let Some(python) = python() else {
        return;
    };
    let bench = Workbench::new();
    let golden = top().join("tests/formats/v1/repository");
    let repository = Repository::open(&golden).unwrap();
    let latest = repository.find("latest", &Filter::default()).unwrap();
    assert!(read(&python, &[&golden]).contains(&latest.id.to_string()));
    read(&python, &[Path::new("--check"), &golden]);

    let (theirs, ours) = (bench.path("theirs"), bench.path("ours"));
    let id = latest.id.to_string();
    let extract = [Path::new("--extract"), Path::new(&id), &theirs, &golden];
    read(&python, &extract);
    let plan = Restore {
        target: ours.clone(),
        ..Restore::default()
    };
    repository.restore(&latest, &plan, &Unwatched).unwrap();
    for file in ["app.db", "large.bin", "notes.txt", "papers/one.txt"] {
        let [theirs, ours] = [&theirs, &ours].map(|place| std::fs::read(place.join(file)).unwrap());
        assert!(theirs == ours, "{file}");
    }
}
