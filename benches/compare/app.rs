//! The data of an application with a vector store: a database, a folder of uploads, and a real Chroma store.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::clinic;
use crate::support::{Scale, cache, files};

/// Patients of its database: some 11 MB.
const PATIENTS: u64 = 1_000;

/// Notes in its vector store, of 384 numbers each: some 15 MB.
const NOTES: u64 = 4_000;

/// The Python of the tests, which has Chroma once `tests/run.sh` ran.
fn python() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/python/bin/python3")
}

/// Whether Chroma can be had.
pub(crate) fn is_possible() -> bool {
    let mut python = Command::new(python());
    let found = python.args(["-c", "import chromadb"]).output();
    found.is_ok_and(|output| output.status.success())
}

/// Makes the folder, or copies the one that was made before. It is always of one size.
pub(crate) fn make(place: &Path, _: Scale) {
    let made = cache().join("app");
    if !made.exists() {
        let building = made.with_extension("part");
        let _ = std::fs::remove_dir_all(&building);
        clinic::copy(PATIENTS, &building);
        files::scans(&building.join("uploads"), 0, 10);
        add_notes(&building, 0, NOTES);
        std::fs::rename(&building, &made).expect("the data set can be put in place");
    }
    files::copy(&made, place);
}

/// Two edits, and so many notes more.
pub(crate) fn change(place: &Path, seed: u64, notes: u64) {
    clinic::edits(&place.join("clinic.db"), 2, seed);
    add_notes(place, 1_000_000 * (seed + 1) + notes, notes);
}

fn add_notes(place: &Path, first: u64, count: u64) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../benches/compare/chroma.py");
    let mut python = Command::new(python());
    python.arg(script).arg(place.join("vectors"));
    let status = python.args([first.to_string(), count.to_string()]).status();
    assert!(status.is_ok_and(|status| status.success()), "Chroma failed");
}
