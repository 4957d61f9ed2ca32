//! Restores into a folder: what a snapshot's entries are there, and what the target, the repository or a crash does to them
//! (faults F-43, F-49, F-50, F-53; rule R7).

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use lifeboat_store::random::noise;

use crate::support::{Answer, Workbench, outside, tree};

/// Restores that are cut short, and run again.
mod interrupted;
/// Chunks that are lost, and everything else that is not.
mod lost;
/// What is there already.
mod over;
/// Small files of a new target.
mod small;
/// What is in the way at the target.
mod target;

/// The mark of a folder that is not complete.
const MARK: &str = ".lifeboat-restore";

/// With a snapshot of a few files, small and large.
fn with_snapshot() -> Workbench {
    let bench = Workbench::with_files();
    bench.write("large.bin", noise(3_000_000, 1));
    bench.backs_up();
    bench
}

/// Restores over what is there.
fn over(bench: &Workbench, when: &str, more: &[&str]) -> Answer {
    let to = ["restore", "latest", "--to", "there", "--overwrite", when];
    bench.lifeboat(&[&to, more].concat())
}

#[test]
fn f43_holes_stay_holes() {
    let bench = Workbench::new();
    let path = bench.data().join("sparse");
    let file = fs::File::create(&path).unwrap();
    for at in [5_000_000, 40_000_000, 90_000_000] {
        std::os::unix::fs::FileExt::write_all_at(&file, &noise(5_000, 3), at).unwrap();
    }
    file.set_len(100_000_000).unwrap();
    drop(file);
    let report = bench.backup();
    let restored = bench.restore(&report.snapshot.unwrap(), "restored");
    tree::assert_same(&bench.data(), &restored);
    let blocks = |path: &Path| fs::metadata(path).unwrap().blocks();
    let (before, after) = (blocks(&path), blocks(&restored.join("sparse")));
    assert!(
        after <= before + before / 100,
        "{before} blocks became {after}"
    );
}

#[test]
fn bits_that_lend_rights_are_set_on_request_only() {
    let bench = Workbench::new();
    for (name, mode) in [
        ("run-as-me", 0o4755),
        ("as-group", 0o2755),
        ("plain", 0o755),
    ] {
        bench.write(name, "#!");
        let mode = fs::Permissions::from_mode(mode);
        fs::set_permissions(bench.data().join(name), mode).unwrap();
    }
    bench.backs_up();
    let mode = |path: &str| fs::metadata(bench.path(path)).unwrap().mode() & 0o7777;
    bench
        .lifeboat(&["restore", "latest", "--to", "without"])
        .exits(0)
        .says_aside(&["run-as-me", "as-group", "setuid"]);
    assert_eq!(
        (mode("without/run-as-me"), mode("without/as-group")),
        (0o755, 0o755)
    );
    bench
        .lifeboat(&["restore", "latest", "--to", "with", "--setuid"])
        .exits(0)
        .quietly();
    assert_eq!(
        (mode("with/run-as-me"), mode("with/as-group")),
        (0o4755, 0o2755)
    );
}

#[test]
fn f41_pipes_sockets_and_devices_are_made_on_request_only() {
    let bench = Workbench::new();
    let here = rustix::fs::CWD;
    let mode = rustix::fs::Mode::from_raw_mode(0o640);
    rustix::fs::mkfifoat(here, bench.data().join("pipe"), mode).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(bench.data().join("socket")).unwrap();
    let device = rustix::fs::makedev(1, 3);
    let kind = rustix::fs::FileType::CharacterDevice;
    if outside::is_root() {
        rustix::fs::mknodat(here, bench.data().join("null"), kind, mode, device).unwrap();
    }
    bench.backs_up();
    bench
        .lifeboat(&["restore", "latest", "--to", "without"])
        .exits(0)
        .says_aside(&["pipe", "socket", "on request"]);
    assert_eq!(fs::read_dir(bench.path("without")).unwrap().count(), 0);
    bench
        .lifeboat(&["restore", "latest", "--to", "with", "--special-files"])
        .exits(0)
        .quietly();
    tree::assert_same(&bench.data(), &bench.path("with"));
    if outside::is_root() {
        assert_eq!(
            fs::metadata(bench.path("with/null")).unwrap().rdev(),
            device
        );
    }
}

#[test]
fn what_a_snapshot_lacks_is_said_at_its_restore() {
    let bench = Workbench::with_files();
    let app = rusqlite::Connection::open(bench.data().join("app.db")).unwrap();
    app.execute_batch("CREATE TABLE t (x); BEGIN EXCLUSIVE")
        .unwrap();
    bench
        .lifeboat(&["backup", "data", "--no-zip", "--busy-timeout", "0s"])
        .exits(6);
    bench
        .lifeboat(&["restore", "latest", "--to", "restored"])
        .exits(0)
        .says_aside(&["app.db", "when the snapshot was taken"]);
    bench
        .lifeboat(&["restore", "latest", "--to", "part", "--path", "papers/"])
        .exits(0)
        .quietly();
}
