//! Bad input of every sort that the program meets so far: each has its exit code and a message that names it, and does no
//! harm. The number in a test's name is the row of the list in `docs/testing.md`.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use lifeboat_store::random::noise;

use crate::support::answer::shown;
use crate::support::{Answer, Workbench};

/// What the system gives the process little of.
mod limits;
/// Targets, space, and where the answer goes.
mod output;
/// Repositories that are none, damaged, newer or not ours to write.
mod repository;
/// Names of snapshots, and damaged records.
mod snapshots;
/// Sources that are missing, odd or not ours to read.
mod source;
/// A stdout that is gone or full.
mod stdout;

/// With a repository that holds one snapshot.
fn backed_up() -> Workbench {
    let bench = Workbench::with_files();
    bench.backs_up();
    bench
}

/// How many snapshots there are.
fn count(bench: &Workbench) -> usize {
    let listed = bench.lifeboat(&["list", "--json"]).exits(0).json();
    listed.as_array().unwrap().len()
}

/// The one record of a repository with one snapshot.
fn record(bench: &Workbench) -> std::path::PathBuf {
    let entries = fs::read_dir(bench.place().join("snapshots")).unwrap();
    let mut paths = entries.map(|entry| entry.unwrap().path());
    paths
        .find(|path| path.extension().is_some_and(|ending| ending == "snapshot"))
        .unwrap()
}

/// Runs a copy of the program, which that user can reach, as nobody.
pub(crate) fn as_nobody(bench: &Workbench, args: &[&str]) -> Answer {
    let program = bench.path("lifeboat");
    if !program.exists() {
        // By another process: a file that this one has open for writing may be inherited by what other tests start, and
        // cannot be run meanwhile.
        let copy = ["cp", env!("CARGO_BIN_EXE_lifeboat")];
        Answer::of(&mut bench.command_by(&copy, [&program])).exits(0);
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        fs::set_permissions(bench.folder(), fs::Permissions::from_mode(0o755)).unwrap();
    }
    let program = shown(&program);
    let setpriv = [
        "setpriv",
        "--reuid=65534",
        "--regid=65534",
        "--clear-groups",
        &program,
    ];
    Answer::of(&mut bench.command_by(&setpriv, args))
}
