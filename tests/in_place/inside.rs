//! Live folders that are mount points: what lies ready for them stands inside, where it must leave no trace (faults F-49 and
//! F-50).

use std::fs;

use super::{add_to_wal, database, in_place, notes, stages, undo};
use crate::support::Workbench;
use crate::support::small::Small;
use crate::support::tree::{assert_same, differences, looks};

#[test]
fn f49_a_mount_point_has_the_time_of_the_snapshot_and_by_undo_that_of_before() {
    let bench = Workbench::new();
    let Some(_disk) = Small::mount(bench.data(), "32m") else {
        return;
    };
    bench.write("notes.txt", "remember");
    bench.write("papers/one.txt", "first");
    let path = bench.data().join("app.db");
    database(&path, "WAL", 10);
    bench.backs_up();
    bench
        .lifeboat(&["restore", "latest", "--to", "then"])
        .exits(0);
    // Nothing is made or removed right in it, so that only what the restore does there could change its time.
    fs::write(bench.data().join("papers/one.txt"), "later").unwrap();
    in_place(&bench, &["--delete"]).exits(0);
    assert_same(&bench.path("then"), &bench.data());
    bench.write("new.txt", "not there then");
    fs::remove_file(bench.data().join("notes.txt")).unwrap();
    let before = looks(&bench.data());
    in_place(&bench, &["--delete"]).exits(0);
    assert_same(&bench.path("then"), &bench.data());
    undo(&bench).exits(0);
    assert_eq!(differences(&before, &looks(&bench.data())), [""; 0]);
    assert_eq!(stages(&bench), [""; 0]);
    add_to_wal(&path, 3);
    in_place(&bench, &["--delete"]).exits(0);
    assert_eq!(notes(&path), 10);
    assert_same(&bench.path("then"), &bench.data());
}
