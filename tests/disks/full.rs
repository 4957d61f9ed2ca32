//! A real file system that has no room left (fault F-05).

use std::fs;

use lifeboat_store::random::noise;

use crate::support::small::Small;
use crate::support::tree::{differences, looks};
use crate::support::{Answer, Workbench, outside};

/// Mounts it anew with another size.
fn resize(small: &Small, bytes: u64) {
    let options = format!("remount,size={bytes}");
    assert!(outside::works(
        "mount",
        &["-o", &options, small.0.to_str().unwrap()]
    ));
}

fn used(small: &Small) -> u64 {
    let stat = rustix::fs::statvfs(&small.0).unwrap();
    (stat.f_blocks - stat.f_bfree) * stat.f_frsize
}

/// Files, and a disk of 64 MiB for their repository; `None` where none may be mounted.
fn on_a_small_disk() -> Option<(Workbench, Small)> {
    let bench = Workbench::with_files();
    let small = Small::mount(bench.path("small"), "64m")?;
    Some((bench, small))
}

/// Runs the program on the repository on that disk.
fn run_on(bench: &Workbench, small: &Small, args: &[&str]) -> Answer {
    let place = small.0.join("repository");
    bench.lifeboat(&[&["--repo", place.to_str().unwrap()], args].concat())
}

#[test]
fn f05_a_disk_that_is_full_at_any_moment_of_a_backup_is_told_and_harms_nothing() {
    let Some((bench, small)) = on_a_small_disk() else {
        return;
    };
    let run = |args: &[&str]| run_on(&bench, &small, args);
    run(&["backup", "data", "--no-zip"]).exits(0);
    let before = looks(&bench.data());
    bench.write("large.bin", noise(3_000_000, 0));
    let mut failed = 0;
    // From no room at all to enough, in steps of an odd number of pages.
    for step in 0.. {
        resize(&small, used(&small) + step * 29 * 4096 + 4096);
        let answer = run(&["backup", "data", "--no-zip", "--json"]);
        if answer.code() == Some(0) {
            break;
        }
        failed += 1;
        let events = answer.exits(28).events();
        let error = events.last().unwrap();
        assert!(
            error["free_bytes"].is_u64() || error["needed_bytes"].is_u64(),
            "{error}"
        );
        assert!(error["hint"].as_str().unwrap().contains("room"), "{error}");
        run(&["verify", "--read-data"]).exits(0);
        let target = format!("restored-{step}");
        run(&["restore", "latest", "--to", &target]).exits(0);
        assert_eq!(differences(&before, &looks(&bench.path(&target))), [""; 0]);
        fs::remove_dir_all(bench.path(&target)).unwrap();
        // What the failed backup left is in nobody's way, and here it is room that is missing.
        resize(&small, 64 << 20);
    }
    assert!(failed > 5, "{failed}");
    println!("{failed} sizes of a full disk");
    let listed = run(&["list", "--json"]).exits(0).json();
    assert_eq!(listed.as_array().unwrap().len(), 2);
}

#[test]
fn f05_forget_and_gc_make_room_on_a_full_disk_and_then_a_backup_fits() {
    let Some((bench, small)) = on_a_small_disk() else {
        return;
    };
    let run = |args: &[&str]| run_on(&bench, &small, args);
    // So many that there is an index cache, which is all that can go.
    for seed in 0..10 {
        let other: Vec<u8> = noise(2_000_000, 0).iter().map(|byte| byte ^ seed).collect();
        bench.write("large.bin", other);
        run(&["backup", "data", "--no-zip"]).exits(0);
    }
    let expected = looks(&bench.data());
    resize(&small, used(&small) + (64 << 10));
    bench.write("third.bin", noise(3_500_000, 0).split_off(2_500_000));
    run(&["backup", "data", "--no-zip"]).exits(28);
    run(&["forget", "latest~1", "latest~2"]).exits(0);
    let is_index = |entry: &fs::DirEntry| entry.path().extension() == Some("index".as_ref());
    let cache = fs::read_dir(small.0.join("repository/cache")).unwrap();
    assert!(cache.flatten().any(|entry| is_index(&entry)));
    // Not one page is free.
    resize(&small, used(&small));
    run(&["gc"]).exits(0);
    run(&["verify", "--read-data"]).exits(0);
    run(&["restore", "latest", "--to", "restored"]).exits(0);
    assert_eq!(
        differences(&expected, &looks(&bench.path("restored"))),
        [""; 0]
    );
    run(&["backup", "data", "--no-zip"]).exits(0);
    run(&["verify", "--read-data"]).exits(0);
}
