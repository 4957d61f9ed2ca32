//! Small files of a new target, which are created under their own name: what is there is whole, or the target is marked, and
//! has the mode and the owner of the one backed up however the process or the target would have it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::{MARK, noise};
use crate::support::{Answer, Workbench, struck, tree};

/// Of every sort that is written in another way.
fn with_small_files() -> Workbench {
    let bench = Workbench::with_files();
    bench.write("none.txt", "");
    bench.write("papers/three.bin", noise(60_000, 3));
    bench.write("papers/holes.bin", [noise(10, 1), vec![0; 40_000]].concat());
    bench.write("papers/long.bin", noise(2_000_000, 4));
    bench.backs_up();
    bench
}

/// Every file that stands under its own name is the one that was backed up.
fn assert_whole(bench: &Workbench, target: &Path) {
    for path in tree::looks(&bench.data()).into_keys() {
        if let (Ok(there), Ok(was)) = (
            fs::read(target.join(&path)),
            fs::read(bench.data().join(&path)),
        ) {
            assert_eq!(there, was, "{}", path.display());
        }
    }
}

/// Everything in the target is as it was; the target itself may have been there before.
fn assert_same_within(bench: &Workbench, target: &Path) {
    let (mut expected, mut found) = (tree::looks(&bench.data()), tree::looks(target));
    for looks in [&mut expected, &mut found] {
        looks.remove(Path::new(""));
    }
    assert_eq!(tree::differences(&expected, &found), [""; 0]);
}

#[test]
fn f08_f50_a_write_that_fails_leaves_no_file_that_is_not_whole() {
    if !struck::is_possible() {
        return;
    }
    let bench = with_small_files();
    let mut failed = 0;
    for (call, error) in [
        ("pwrite64", "EIO"),
        ("pwrite64", "ENOSPC"),
        ("utimensat", "EIO"),
        ("fchmod", "EIO"),
    ] {
        for nth in 1.. {
            let target = format!("{call}-{error}-{nth}");
            let args = ["restore", "latest", "--to", &target, "--threads", "1"];
            let how = format!("error={error}");
            let (answer, was_struck) = struck::at(&bench, &args, (call, &how), nth);
            if !was_struck {
                break;
            }
            assert_whole(&bench, &bench.path(&target));
            if answer.code() != Some(0) {
                failed += 1;
                assert!(bench.path(&target).join(MARK).is_file());
                bench.lifeboat(&args).exits(0);
            }
            tree::assert_same(&bench.data(), &bench.path(&target));
        }
    }
    assert!(failed > 10, "only {failed}");
}

#[test]
fn f01_f50_after_a_kill_a_target_is_marked_and_completed_by_the_same_command_or_is_whole() {
    if !struck::is_possible() {
        return;
    }
    let bench = with_small_files();
    let mut completed = 0;
    for call in ["openat", "pwrite64", "utimensat", "mkdirat", "unlinkat"] {
        for nth in 1.. {
            let target = format!("{call}-{nth}");
            let args = ["restore", "latest", "--to", &target, "--threads", "1"];
            if !struck::kill(&bench, &args, call, nth) {
                break;
            }
            // Before the mark there is nothing.
            let is_begun =
                |target: &Path| fs::read_dir(target).is_ok_and(|found| found.count() > 0);
            let is_whole = |target: &Path| is_begun(target) && !target.join(MARK).exists();
            if !is_whole(&bench.path(&target)) {
                completed += 1;
                bench.lifeboat(&args).exits(0);
            }
            assert_same_within(&bench, &bench.path(&target));
        }
    }
    assert!(completed > 20, "only {completed}");
}

#[test]
fn modes_are_those_recorded_whatever_the_process_would_give_to_new_files() {
    let bench = Workbench::with_files();
    for mode in [0o000, 0o400, 0o640, 0o644, 0o666, 0o755, 0o777, 0o1644] {
        let name = format!("modes/{mode:o}");
        bench.write(&name, &name);
        let mode = fs::Permissions::from_mode(mode);
        fs::set_permissions(bench.data().join(&name), mode).unwrap();
    }
    bench.backs_up();
    let program = env!("CARGO_BIN_EXE_lifeboat");
    for umask in ["000", "022", "077", "777"] {
        let with = format!("umask {umask}; exec \"$0\" \"$@\"");
        let by = ["sh", "-c", &with, program];
        let args = ["restore", "latest", "--to", umask];
        Answer::of(&mut bench.command_by(&by, args)).exits(0);
        tree::assert_same(&bench.data(), &bench.path(umask));
    }
}

#[test]
fn f45_files_of_a_target_that_hands_down_its_group_have_the_recorded_group_and_mode() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let bench = Workbench::with_files();
    for (name, mode) in [("secret", 0o640), ("program", 0o750)] {
        bench.write(name, name);
        let mode = fs::Permissions::from_mode(mode);
        fs::set_permissions(bench.data().join(name), mode).unwrap();
    }
    bench.backs_up();
    let target = bench.path("restored");
    fs::create_dir(&target).unwrap();
    std::os::unix::fs::chown(&target, None, Some(12345)).unwrap();
    fs::set_permissions(&target, fs::Permissions::from_mode(0o2755)).unwrap();
    bench
        .lifeboat(&["restore", "latest", "--to", "restored"])
        .exits(0);
    assert_same_within(&bench, &target);
}
