//! F-50: a restore in place that is killed at any system call that writes. The next command finds the data wholly old or
//! wholly new, finishing what had begun where it must.

use std::collections::BTreeSet;
use std::fs;

use super::{add_to_wal, database, in_place, notes, stages, undo};
use crate::support::tree::{Look, differences, looks};
use crate::support::{Answer, Workbench, outside};

type Looks = std::collections::BTreeMap<std::path::PathBuf, Look>;

/// Kills a restore at the `nth` call of this kind; whether it got so far.
fn kill_at(bench: &Workbench, call: &str, nth: usize) -> bool {
    let inject = format!("inject={call}:signal=KILL:when={nth}");
    let program = env!("CARGO_BIN_EXE_lifeboat");
    let strace = [
        "strace",
        "-f",
        "-qq",
        "-o",
        "/dev/null",
        "-e",
        &inject,
        program,
    ];
    let args = [
        "restore",
        "latest",
        "--in-place",
        "--delete",
        "--yes",
        "--threads",
        "1",
    ];
    Answer::of(&mut bench.command_by(&strace, args)).code() != Some(0)
}

/// The looks without the side files of the database, which are another way to hold the same.
fn settled(bench: &Workbench) -> Looks {
    let mut looks = looks(&bench.data());
    looks.retain(|path, _| !path.display().to_string().starts_with("app.db"));
    looks
}

#[test]
fn f50_f51_a_kill_at_any_system_call_that_writes_ends_as_old_or_as_new() {
    if !outside::works(
        "strace",
        &["-e", "inject=fsync:signal=KILL:when=1000", "true"],
    ) {
        return;
    }
    let bench = Workbench::with_files();
    let path = bench.data().join("app.db");
    database(&path, "WAL", 10);
    bench.backs_up();
    let new = settled(&bench);
    let (mut kills, mut ends) = (0, BTreeSet::new());
    for call in [
        "renameat2",
        "rename",
        "fsync",
        "syncfs",
        "unlink",
        "unlinkat",
        "mkdir",
        "write",
    ] {
        for nth in 1.. {
            bench.write("notes.txt", "old");
            bench.write("extra/file.txt", "old");
            fs::remove_file(bench.data().join("papers/one.txt")).unwrap();
            add_to_wal(&path, 7);
            let (old, old_notes) = (settled(&bench), notes(&path));
            if !kill_at(&bench, call, nth) {
                break;
            }
            kills += 1;
            // Any command that relies on the folder puts it right before it does anything.
            if nth % 2 == 0 {
                bench.lifeboat(&["check-live", "data"]).exits(0);
            }
            let answer = bench.lifeboat(&["backup", "data", "--no-zip"]).exits(0);
            let (is_old, is_new) = (
                differences(&old, &settled(&bench)).is_empty() && notes(&path) == old_notes,
                differences(&new, &settled(&bench)).is_empty() && notes(&path) == 10,
            );
            assert!(
                is_old || is_new,
                "{call} {nth}: {answer}\n{:?}",
                differences(&new, &settled(&bench))
            );
            assert_eq!(stages(&bench), [""; 0], "{call} {nth}");
            ends.insert(is_new);
            // The backup just made is not the state to return to.
            forget_newest(&bench);
            in_place(&bench, &["--delete"]).exits(0);
            assert_eq!(differences(&new, &settled(&bench)), [""; 0]);
        }
    }
    assert_eq!(ends.len(), 2, "both ends were met");
    assert!(kills > 20, "only {kills} kills");
    bench.lifeboat(&["verify", "--read-data"]).exits(0);
    undo(&bench).exits(0);
}

/// Takes the newest backup away, so that the one before is the latest again.
fn forget_newest(bench: &Workbench) {
    let newest = bench
        .repository()
        .find("latest", &lifeboat_snapshot::Filter::default())
        .unwrap();
    bench.repository().forget(&[newest.id]).unwrap();
}
