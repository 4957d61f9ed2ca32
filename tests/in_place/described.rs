//! Extended attributes, access lists among them, of what stays where it is.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use rustix::fs::XattrFlags;

use super::{in_place, undo};
use crate::support::tree::{assert_same, differences, looks};
use crate::support::{Workbench, evil};

/// Takes an attribute away.
fn remove(path: &Path, name: &str) {
    rustix::fs::lremovexattr(path, name).unwrap();
}

/// Files and a folder with attributes; `None` where the file system takes none.
fn attributed() -> Option<Workbench> {
    let bench = Workbench::with_files();
    bench.write("access.txt", "with an access list");
    let data = bench.data();
    let set = [
        evil::set(&data.join("notes.txt"), "user.kept", b"1"),
        evil::set(&data.join("notes.txt"), "user.changed", b"then"),
        evil::set(&data.join("papers"), "user.of-folder", b"then"),
        evil::set(&data, "user.of-root", b"then"),
        evil::set(&data.join("access.txt"), ACCESS, &evil::access_list()),
        evil::set(&data.join("empty"), DEFAULT, &evil::access_list()),
    ];
    set.iter().all(|set| *set).then_some(bench)
}

const ACCESS: &str = "system.posix_acl_access";
const DEFAULT: &str = "system.posix_acl_default";

#[test]
fn f49_attributes_of_what_stays_are_those_of_the_snapshot_and_undo_brings_back_the_others() {
    let Some(bench) = attributed() else { return };
    bench.backs_up();
    bench
        .lifeboat(&["restore", "latest", "--to", "then"])
        .exits(0);
    let data = bench.data();
    let inode = |name: &str| data.join(name).metadata().unwrap().ino();
    let before_inodes = [inode("notes.txt"), inode("papers"), inode("access.txt")];
    evil::set(&data.join("notes.txt"), "user.changed", b"now");
    evil::set(&data.join("notes.txt"), "user.new", b"now");
    evil::set(&data.join("papers/one.txt"), "user.new", b"now");
    remove(&data.join("papers"), "user.of-folder");
    evil::set(&data, "user.of-root", b"now");
    remove(&data.join("access.txt"), ACCESS);
    remove(&data.join("empty"), DEFAULT);
    let mode = fs::Permissions::from_mode(0o640);
    fs::set_permissions(data.join("access.txt"), mode).unwrap();
    let before = looks(&data);
    let summary = in_place(&bench, &["--delete"]).exits(0).summary();
    assert_eq!(summary["attributes"], 6, "{summary}");
    assert_eq!(summary["warnings"], serde_json::json!([]), "{summary}");
    assert_same(&bench.path("then"), &data);
    let inodes = [inode("notes.txt"), inode("papers"), inode("access.txt")];
    assert_eq!(inodes, before_inodes);
    undo(&bench).exits(0);
    assert_eq!(differences(&before, &looks(&data)), [""; 0]);
    undo(&bench).exits(0);
    assert_same(&bench.path("then"), &data);
    let again = in_place(&bench, &["--delete"]).exits(0).summary();
    assert_eq!(again["attributes"], 0, "{again}");
}

#[test]
fn f53_capabilities_of_what_stays_are_set_on_request_only_and_by_undo() {
    let bench = Workbench::with_files();
    let program = bench.data().join("notes.txt");
    if !evil::set(&program, RIGHTS, &evil::capability()) {
        return;
    }
    bench.backs_up();
    let with = looks(&bench.data());
    remove(&program, RIGHTS);
    let without = looks(&bench.data());
    in_place(&bench, &[]).exits(0);
    assert_eq!(differences(&without, &looks(&bench.data())), [""; 0]);
    in_place(&bench, &["--setuid"]).exits(0);
    assert_eq!(differences(&with, &looks(&bench.data())), [""; 0]);
    undo(&bench).exits(0);
    assert_eq!(differences(&without, &looks(&bench.data())), [""; 0]);
    undo(&bench).exits(0);
    assert_eq!(differences(&with, &looks(&bench.data())), [""; 0]);
    // What the live file lends already it goes on lending.
    let mode = fs::Permissions::from_mode(0o600);
    fs::set_permissions(&program, mode).unwrap();
    in_place(&bench, &[]).exits(0);
    assert_eq!(differences(&with, &looks(&bench.data())), [""; 0]);
}

const RIGHTS: &str = "security.capability";

#[test]
fn attributes_and_owners_of_links_come_back() {
    let bench = Workbench::with_files();
    let link = bench.data().join("link");
    if !evil::set(&link, "trusted.lifeboat", b"then") {
        return;
    }
    bench.backs_up();
    let then = looks(&bench.data());
    rustix::fs::lsetxattr(&link, "trusted.lifeboat", b"now", XattrFlags::empty()).unwrap();
    let before = looks(&bench.data());
    in_place(&bench, &[]).exits(0);
    assert_eq!(differences(&then, &looks(&bench.data())), [""; 0]);
    undo(&bench).exits(0);
    assert_eq!(differences(&before, &looks(&bench.data())), [""; 0]);
}
