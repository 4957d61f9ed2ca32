//! Imports that a kill ends: nothing is lost, the archive is taken in by the next one, and what was unpacked goes (fault F-01;
//! rule R10).

use std::fs;

use super::{app_zip, list, scratch};
use crate::support::{Workbench, outside, struck};

/// Calls that change something on the disk.
const WRITING: [&str; 8] = [
    "mkdir",
    "write",
    "pwrite64",
    "fchmod",
    "symlink",
    "fsync",
    "renameat2",
    "unlinkat",
];

#[test]
fn f01_a_kill_at_any_system_call_that_writes_during_an_import_leaves_all_or_nothing_of_it() {
    if !struck::is_possible() {
        return;
    }
    let bench = Workbench::with_files();
    bench.backs_up();
    let zip = app_zip(
        &bench,
        "backup_2024-05-01_10-00-00.zip",
        "2024-05-01T10:00:00",
        40,
    );
    let import = ["import", zip.to_str().unwrap(), "--threads", "1"];
    fs::rename(bench.place(), bench.path("whole")).unwrap();
    let (mut kills, mut left) = (0, 0);
    for call in WRITING {
        for nth in (1..).step_by(2) {
            let _ = fs::remove_dir_all(bench.place());
            let [from, to] = [bench.path("whole"), bench.place()];
            assert!(outside::works(
                "cp",
                &["-a", from.to_str().unwrap(), to.to_str().unwrap()]
            ));
            if !struck::kill(&bench, &import, call, nth) {
                break;
            }
            kills += 1;
            left += scratch(&bench).len();
            assert!(list(&bench).len() <= 2, "{call} {nth}");
            bench.lifeboat(&import).exits(0);
            assert_eq!(scratch(&bench), [""; 0], "{call} {nth}");
            assert_eq!(list(&bench).len(), 2, "{call} {nth}");
            bench.lifeboat(&["verify", "--read-data"]).exits(0);
            bench.lifeboat(&["gc"]).exits(0);
        }
    }
    assert!(kills > 10 && left > 0, "{kills} kills, {left} left over");
}

#[test]
fn r10_a_collection_removes_what_interrupted_imports_and_exports_have_left() {
    let bench = Workbench::with_files();
    bench.lifeboat(&["backup", "data"]).exits(0);
    let id = bench.repository().store().id().to_string();
    let (mark, place) = (&id[..16], bench.place());
    let own = [
        format!("exports/backup_2026-01-01_00-00-00.zip.{mark}.partial"),
        format!("exports/backup_2026-01-01_00-00-00.zip.{mark}.1.partial"),
        format!("cache/{mark}-{mark}.zip-table.partial"),
        "import-7.partial/inner/file".to_owned(),
    ];
    let foreign = [
        "exports/mine.zip.partial",
        "import-8.partial/file",
        "import-9/file",
    ];
    for name in own.iter().map(String::as_str).chain(foreign) {
        let path = place.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "left").unwrap();
    }
    // In nobody's way.
    fs::create_dir(place.join(format!("exports/backup_2026.zip.{mark}.partial"))).unwrap();
    // At work.
    let locked = fs::File::open(place.join("import-8.partial")).unwrap();
    locked.lock().unwrap();
    bench.lifeboat(&["gc", "--dry-run"]).exits(0);
    assert!(own.iter().all(|name| place.join(name).exists()));
    bench.lifeboat(&["gc"]).exits(0);
    let left: Vec<&String> = own
        .iter()
        .filter(|name| place.join(name).exists())
        .collect();
    assert!(left.is_empty(), "{left:?}");
    assert!(!place.join("import-7.partial").exists());
    assert!(foreign.iter().all(|name| place.join(name).exists()));
    // Not by dropping it: a process that another test is starting may have it as well for a moment.
    locked.unlock().unwrap();
    bench.lifeboat(&["gc"]).exits(0);
    assert!(!place.join("import-8.partial").exists());
}
