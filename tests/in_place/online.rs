//! Databases that are written back while programs have them open: who holds one goes on with the restored data, and nobody
//! ever sees a mixture (fault F-51).

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rusqlite::Connection;

use super::{add, database, in_place, notes};
use crate::support::tree::{differences, looks};
use crate::support::{Ledger, Process, Workbench, struck};

pub(super) const ONLINE: [&str; 3] = ["--online", "--busy-timeout", "0s"];

/// A database of ten notes that was backed up, and has three more since, beside a file that changed.
pub(super) fn bench(mode: &str) -> Workbench {
    let bench = Workbench::new();
    let path = bench.data().join("app.db");
    database(&path, mode, 10);
    bench.write("notes.txt", "then");
    bench.backs_up();
    database(&path, mode, 3);
    bench.write("notes.txt", "now");
    bench
}

#[test]
fn f51_online_holders_go_on_with_the_restored_data() {
    // What each sees in the transaction it is in, and in the next one.
    for (mode, role, sees) in [
        ("WAL", "idle", "10 then 10 ok"),
        ("WAL", "reading", "13 then 10 ok"),
        ("DELETE", "idle", "10 then 10 ok"),
    ] {
        let bench = bench(mode);
        let path = bench.data().join("app.db");
        let inode = path.metadata().unwrap().ino();
        let holder = Process::start(role, &path);
        let summary = in_place(&bench, &ONLINE).exits(0).summary();
        assert_eq!(summary["restored_databases"][0]["row_counts"]["notes"], 10);
        assert_eq!(holder.says(), sees, "{mode} {role}");
        assert_eq!(notes(&path), 10, "{mode} {role}");
        assert_eq!(path.metadata().unwrap().ino(), inode);
        assert_eq!(fs::read(bench.data().join("notes.txt")).unwrap(), b"then");
        let holder = Process::start("idle", &path);
        bench.lifeboat(&["undo", "--yes", "--online"]).exits(0);
        assert_eq!(holder.says(), "13 then 13 ok", "{mode} {role}");
        assert_eq!(fs::read(bench.data().join("notes.txt")).unwrap(), b"now");
    }
}

#[test]
fn f51_online_a_lock_that_is_held_is_waited_for_and_then_its_holder_named() {
    for (mode, role, sees) in [
        ("WAL", "writing", "14 then 14 ok"),
        ("DELETE", "reading", "13 then 13 ok"),
        ("DELETE", "writing", "14 then 14 ok"),
    ] {
        let bench = bench(mode);
        let path = bench.data().join("app.db");
        let holder = Process::start(role, &path);
        let before = looks(&bench.data());
        let answer = in_place(&bench, &ONLINE).exits(11);
        assert_eq!(
            answer.events().pop().unwrap()["pids"][0],
            holder.id(),
            "{answer}"
        );
        assert_eq!(
            differences(&before, &looks(&bench.data())),
            [""; 0],
            "{mode} {role}"
        );
        assert_eq!(holder.says(), sees, "{mode} {role}");
        in_place(&bench, &ONLINE).exits(0);
        assert_eq!(notes(&path), 10);
    }
}

#[test]
fn f51_online_other_page_sizes_are_written_or_refused_with_the_reason() {
    for (mode, code) in [("DELETE", 0), ("WAL", 8)] {
        for (then, now) in [(1024, 4096), (8192, 1024)] {
            let bench = Workbench::new();
            let path = bench.data().join("app.db");
            let sized = |size: u32, notes: i64| {
                let connection = Connection::open(&path).unwrap();
                let pragma = format!("PRAGMA page_size = {size}");
                connection.execute_batch(&pragma).unwrap();
                drop(connection);
                let connection = Connection::open(&path).unwrap();
                connection.execute_batch(&pragma).unwrap();
                connection
                    .execute_batch(&format!(
                        "PRAGMA journal_mode = {mode};
                         CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT)"
                    ))
                    .unwrap();
                add(&connection, notes);
            };
            sized(then, 700);
            bench.backs_up();
            fs::remove_file(&path).unwrap();
            sized(now, 900);
            let holder = Process::start("idle", &path);
            let answer = in_place(&bench, &ONLINE).exits(code);
            match code {
                0 => {
                    assert_eq!(holder.says(), "700 then 700 ok", "{then} {now}");
                    assert_eq!(notes(&path), 700);
                }
                _ => {
                    assert!(answer.text().contains("pages of"), "{answer}");
                    assert_eq!(holder.says(), "900 then 900 ok");
                    in_place(&bench, &[]).exits(0);
                    assert_eq!(notes(&path), 700);
                }
            }
        }
    }
}

/// Notes as any program sees them that opens the database after a crash, which rolls back what was not committed.
fn recovered(path: &Path) -> (i64, String) {
    let connection = Connection::open(path).unwrap();
    let ask = |query: &str| connection.query_row(query, [], |row| row.get(0));
    let check = connection
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .unwrap();
    (ask("SELECT count(*) FROM notes").unwrap(), check)
}

#[test]
fn f51_online_a_kill_at_any_write_leaves_the_old_or_the_restored_database() {
    if !struck::is_possible() {
        return;
    }
    for mode in ["WAL", "DELETE"] {
        let bench = Workbench::new();
        let path = bench.data().join("app.db");
        database(&path, mode, 2000);
        bench.backs_up();
        let (mut old, mut new) = (0, 0);
        for nth in (1..).step_by(3) {
            database(&path, mode, 100);
            let (before, _) = recovered(&path);
            let args = ["restore", "latest", "--in-place", "--online", "--yes"];
            let was_killed = struck::kill(&bench, &args, "pwrite64", nth);
            let (after, check) = recovered(&path);
            assert_eq!(check, "ok", "{mode} {nth}");
            assert!(
                after == before || after == 2000,
                "{mode} {nth}: {before} {after}"
            );
            match after == 2000 {
                true => new += 1,
                false => old += 1,
            }
            if !was_killed {
                break;
            }
        }
        assert!(old > 3 && new > 0, "{mode}: {old} old, {new} new");
    }
}

/// The ledger is in one committed state: money is neither made nor lost, and the log has a line for each count.
fn assert_whole(path: &Path) {
    let connection = Connection::open(path).unwrap();
    connection
        .busy_timeout(std::time::Duration::from_secs(60))
        .unwrap();
    let whole: bool = connection
        .query_row(
            "SELECT (SELECT sum(balance) FROM accounts) = 100 * 1000
                AND (SELECT count(*) FROM log) = (SELECT n FROM counter)",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert!(whole);
    let check: String = connection
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .unwrap();
    assert_eq!(check, "ok");
}

#[test]
fn f51_online_beside_a_committing_writer_nothing_is_mixed_and_no_commit_is_lost_unsaved() {
    for mode in ["WAL", "DELETE"] {
        let bench = Workbench::new();
        let path = bench.data().join("ledger.db");
        let ledger = Ledger::create(&path, &format!("PRAGMA journal_mode = {mode}"));
        bench.backs_up();
        let mut writer = ledger.writer();
        for _ in 0..4 {
            ledger.wait_for_more(&mut writer);
            let args = ["--online", "--busy-timeout", "2s"];
            // A commit between the saving and the writing refuses the restore; else it happens.
            let answer = in_place(&bench, &args);
            assert!(
                [0, 6, 11].contains(&answer.code().unwrap()),
                "{mode}: {answer}"
            );
            assert_whole(&path);
        }
        writer.end();
        in_place(&bench, &["--online"]).exits(0);
        assert_whole(&path);
    }
}
