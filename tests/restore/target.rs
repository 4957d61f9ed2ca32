//! Targets that are no place for a restore, or stop being one while it runs.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use lifeboat_snapshot::{Monitor, Progress, Restore, SnapshotError};

use super::{noise, over, with_snapshot};
use crate::support::answer::shown;
use crate::support::small::Small;
use crate::support::{Workbench, evil, tree};

#[test]
fn bad_43_a_target_inside_the_live_data_or_around_it_is_refused() {
    let bench = with_snapshot();
    let before = tree::looks(&bench.data());
    bench
        .lifeboat(&["restore", "latest", "--to", "data/restored"])
        .exits(8)
        .complains(&["live data", &shown(&bench.data())]);
    for target in ["data", "."] {
        bench
            .lifeboat(&["restore", "latest", "--to", target, "--overwrite", "always"])
            .exits(8)
            .complains(&[]);
    }
    assert_eq!(
        tree::differences(&before, &tree::looks(&bench.data())),
        [""; 0]
    );
    bench
        .lifeboat(&[
            "restore",
            "latest",
            "--to",
            "data/restored",
            "--inside-source",
        ])
        .exits(0);
    // Where the data was lost, its own place is the best one.
    fs::remove_dir_all(bench.data()).unwrap();
    bench
        .lifeboat(&["restore", "latest", "--to", "data"])
        .exits(0);
    assert_eq!(
        tree::differences(&before, &tree::looks(&bench.data())),
        [""; 0]
    );
}

#[test]
fn a_selection_of_nothing_is_an_error_and_leaves_no_folder() {
    let bench = with_snapshot();
    bench
        .lifeboat(&["restore", "latest", "--to", "restored", "--path", "no/such"])
        .exits(2)
        .complains(&["no/such"]);
    assert!(!bench.path("restored").exists());
}

#[test]
fn of_a_selection_the_folders_above_it_come_with_their_attributes() {
    let bench = with_snapshot();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o750);
    fs::set_permissions(bench.data().join("papers"), mode).unwrap();
    bench.backs_up();
    bench
        .lifeboat(&[
            "restore",
            "latest",
            "--to",
            "restored",
            "--path",
            "papers/one.txt",
        ])
        .exits(0);
    let mut expected = tree::looks(&bench.data());
    expected.retain(|path, _| {
        ["", "papers", "papers/one.txt"]
            .iter()
            .any(|kept| path == Path::new(kept))
    });
    assert_eq!(
        tree::differences(&expected, &tree::looks(&bench.path("restored"))),
        [""; 0]
    );
}

/// Puts a link in place of a folder of the target when the restore comes to a file in it.
struct Swap {
    folder: PathBuf,
    link_to: PathBuf,
    done: AtomicBool,
}

impl Progress for Swap {}

impl Monitor for Swap {
    fn item(&self, path: &Path) {
        if path.starts_with(&self.folder) && !self.done.swap(true, Ordering::Relaxed) {
            fs::rename(&self.folder, self.folder.with_extension("away")).unwrap();
            symlink(&self.link_to, &self.folder).unwrap();
        }
    }
}

#[test]
fn f53_bad_45_a_folder_that_becomes_a_link_while_it_is_restored_does_not_lead_out() {
    let bench = with_snapshot();
    let canary = bench.path("canary");
    fs::create_dir(&canary).unwrap();
    let snapshot = bench.backup().snapshot.unwrap();
    for swapped in ["papers", ""] {
        let target = bench.path(format!("restored-{swapped}"));
        let plan = Restore {
            target: target.clone(),
            ..Restore::default()
        };
        let swap = Swap {
            folder: if swapped.is_empty() {
                target
            } else {
                target.join(swapped)
            },
            link_to: canary.clone(),
            done: AtomicBool::new(false),
        };
        let error = bench
            .repository()
            .restore(&snapshot, &plan, &swap)
            .unwrap_err();
        assert!(
            matches!(error, SnapshotError::TargetSwapped { .. }),
            "{error}"
        );
        assert!(swap.done.into_inner());
        assert_eq!(fs::read_dir(&canary).unwrap().count(), 0);
    }
}

#[test]
fn bad_44_room_is_counted_for_what_is_selected_and_not_for_holes() {
    let bench = Workbench::with_files();
    bench.write("large.bin", noise(8_000_000, 1));
    fs::File::create(bench.data().join("hole"))
        .unwrap()
        .set_len(50_000_000)
        .unwrap();
    bench.backs_up();
    let Some(small) = Small::mount(bench.path("small"), "4m") else {
        return;
    };
    let target = |name: &str| shown(&small.0.join(name));
    bench
        .lifeboat(&["restore", "latest", "--to", &target("all")])
        .exits(28)
        .complains(&[&target("all")]);
    assert!(!small.0.join("all").exists());
    for (name, path) in [("papers", "papers/"), ("hole", "hole")] {
        bench
            .lifeboat(&["restore", "latest", "--to", &target(name), "--path", path])
            .exits(0);
    }
    assert_eq!(
        fs::metadata(small.0.join("hole/hole")).unwrap().len(),
        50_000_000
    );
}

#[test]
fn bad_44_too_few_inodes_are_told_before_anything_is_written() {
    let bench = Workbench::new();
    for number in 0..50 {
        bench.write(format!("{number}"), "x");
    }
    bench.backs_up();
    let Some(small) = Small::with(bench.path("small"), "nr_inodes=20") else {
        return;
    };
    let target = shown(&small.0.join("new"));
    bench
        .lifeboat(&["restore", "latest", "--to", &target])
        .exits(28)
        .complains(&["files"]);
    assert!(!Path::new(&target).exists());
}

#[test]
fn a_name_that_the_target_does_not_take_does_not_keep_the_others_from_being_restored() {
    let bench = with_snapshot();
    // Where a folder should be, a file that may not be replaced.
    fs::create_dir(bench.path("there")).unwrap();
    fs::write(bench.path("there/papers"), "in the way").unwrap();
    over(&bench, "never", &[]).exits(3).says_aside(&["papers"]);
    assert_eq!(fs::read(bench.path("there/papers")).unwrap(), b"in the way");
    assert_eq!(
        fs::read(bench.path("there/notes.txt")).unwrap(),
        b"remember"
    );
    // Where a file should be, a folder with something in it.
    fs::remove_file(bench.path("there/notes.txt")).unwrap();
    fs::create_dir_all(bench.path("there/notes.txt/full")).unwrap();
    over(&bench, "always", &[])
        .exits(3)
        .says_aside(&["notes.txt"]);
    assert_eq!(
        fs::read(bench.path("there/papers/one.txt")).unwrap(),
        b"first"
    );
    assert!(bench.path("there/notes.txt/full").exists());
}

#[test]
fn bad_46_names_that_differ_in_case_alone_are_refused_where_case_is_ignored() {
    let bench = Workbench::new();
    for number in 0..12 {
        bench.write(format!("papers/File {number}"), "one");
        bench.write(format!("papers/FILE {number}"), "other");
    }
    bench.write("plain/file", "alone");
    bench.write("plain/folder/file", "in another folder");
    bench.backs_up();
    let Some(odd) = Small::ignoring_case(bench.path("odd")) else {
        return;
    };
    let target = |name: &str| shown(&odd.0.join(name));
    let answer = bench
        .lifeboat(&["restore", "latest", "--to", &target("all")])
        .exits(8)
        .complains(&["papers/FILE 0 and papers/File 0", "--path"]);
    assert_eq!(
        answer.stderr().matches(" and papers/").count(),
        10,
        "{answer}"
    );
    assert_eq!(fs::read_dir(odd.0.join("all")).unwrap().count(), 0);
    // What does not collide is restored.
    bench.lifeboat(&[
        "restore",
        "latest",
        "--to",
        &target("some"),
        "--path",
        "/plain/",
    ]);
    let restored = odd.0.join("some/plain");
    assert_eq!(fs::read(restored.join("file")).unwrap(), b"alone");
    assert_eq!(
        fs::read(restored.join("folder/file")).unwrap(),
        b"in another folder"
    );
}

#[test]
fn f45_what_a_target_hands_down_to_new_files_is_taken_away() {
    let bench = with_snapshot();
    let target = bench.path("restored");
    fs::create_dir(&target).unwrap();
    let default = "system.posix_acl_default";
    if !evil::set(&target, default, &evil::access_list()) {
        return;
    }
    bench
        .lifeboat(&["restore", "latest", "--to", "restored"])
        .exits(0);
    let (mut expected, mut found) = (tree::looks(&bench.data()), tree::looks(&target));
    for looks in [&mut expected, &mut found] {
        looks.remove(Path::new(""));
    }
    assert_eq!(tree::differences(&expected, &found), [""; 0]);
}
