//! Folders that make room for something else: what is written into one after the saving is not lost with it (faults F-50 and
//! F-51).

use std::fs;
use std::path::{Path, PathBuf};

use lifeboat_snapshot::{InPlace, InPlaceError, SnapshotError};

use super::meanwhile::restored_with;
use super::{add_to_wal, database, in_place, notes, stages, undo};
use crate::support::tree::{differences, looks};
use crate::support::{Process, Workbench, struck};

/// A file was backed up where a folder stands by now, with a folder and a database in it.
fn bench() -> (Workbench, PathBuf) {
    let bench = Workbench::new();
    bench.write("x", "a file");
    bench.backs_up();
    fs::remove_file(bench.data().join("x")).unwrap();
    bench.write("x/sub/one", "in the folder");
    let path = bench.data().join("x/app.db");
    database(&path, "WAL", 10);
    add_to_wal(&path, 3);
    (bench, path)
}

/// A restore with `--delete`, with something else going on once everything is saved.
fn assert_refused(bench: &Workbench, act: &(dyn Fn() + Sync)) {
    let options = InPlace {
        delete: true,
        host: "host".into(),
        ..InPlace::default()
    };
    let result = restored_with(bench, &options, None, act);
    let refused = matches!(
        result,
        Err(SnapshotError::InPlace(
            InPlaceError::ChangedMeanwhile { .. }
        ))
    );
    assert!(refused, "{result:?}");
    assert_eq!(stages(bench), [""; 0]);
}

#[test]
fn f49_a_folder_gives_way_to_a_file_and_undo_brings_it_back_with_its_databases() {
    let (bench, path) = bench();
    let mut before = looks(&bench.data());
    let summary = in_place(&bench, &["--delete"]).exits(0).summary();
    assert_eq!(summary["kept"], serde_json::json!([]));
    assert_eq!(fs::read(bench.data().join("x")).unwrap(), b"a file");
    undo(&bench).exits(0);
    assert_eq!(notes(&path), 13);
    let mut after = looks(&bench.data());
    for looks in [&mut before, &mut after] {
        // What was in the WAL is in the database itself.
        looks.retain(|path, _| !path.display().to_string().contains("app.db"));
        looks.remove(Path::new("x"));
    }
    assert_eq!(differences(&before, &after), [""; 0]);
    assert_eq!(stages(&bench), [""; 0]);
}

#[test]
fn f50_a_file_made_in_a_nested_folder_after_the_saving_stops_the_restore() {
    let (bench, _) = bench();
    assert_refused(&bench, &|| {
        bench.write("x/sub/new", "in no snapshot");
    });
    let new = fs::read(bench.data().join("x/sub/new")).unwrap();
    assert_eq!(new, b"in no snapshot");
}

#[test]
fn f51_a_commit_after_the_saving_into_a_database_in_a_folder_that_goes_stops_the_restore() {
    let (bench, path) = bench();
    // It stays in the WAL: neither the database nor the folder changes.
    let wal = path.with_file_name("app.db-wal");
    let before = fs::read(&wal).unwrap();
    let elsewhere = bench.path("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    let copy = elsewhere.join("app.db");
    fs::copy(&path, &copy).unwrap();
    fs::write(elsewhere.join("app.db-wal"), &before).unwrap();
    add_to_wal(&copy, 1);
    let longer = fs::read(elsewhere.join("app.db-wal")).unwrap();
    assert!(longer.starts_with(&before) && longer.len() > before.len());
    assert_refused(&bench, &|| fs::write(&wal, &longer).unwrap());
    assert_eq!(notes(&path), 14);
}

#[test]
fn f51_a_database_in_use_in_a_folder_that_goes_is_not_replaced_and_its_holder_named() {
    for role in ["idle", "reading", "writing"] {
        let (bench, path) = bench();
        let holder = Process::start(role, &path);
        let answer = in_place(&bench, &["--delete"]).exits(11);
        let event = answer.events().pop().unwrap();
        assert_eq!(event["pids"][0], holder.id(), "{answer}");
        assert_eq!(stages(&bench), [""; 0]);
        drop(holder);
        assert!(notes(&path) >= 13);
    }
}

/// A database that is gone, with a WAL that is left, and what its restore kept.
fn restored_beside_a_wal(source: &str) -> (Workbench, PathBuf, Vec<u8>, Vec<PathBuf>) {
    let bench = Workbench::new();
    let path = bench.data().join("app.db");
    database(&path, "WAL", 10);
    bench.lifeboat(&["backup", source, "--no-zip"]).exits(0);
    add_to_wal(&path, 3);
    fs::remove_file(&path).unwrap();
    let wal = path.with_file_name("app.db-wal");
    let bytes = fs::read(&wal).unwrap();
    let summary = in_place(&bench, &[]).summary();
    assert_eq!(notes(&path), 10, "{summary}");
    assert!(!wal.exists());
    let kept = summary["kept"].as_array().unwrap().iter();
    let kept = kept.map(|kept| PathBuf::from(kept.as_str().unwrap()));
    (bench, path, bytes, kept.collect())
}

#[test]
fn f51_a_wal_without_its_database_is_saved_before_that_comes_back() {
    let (bench, path, bytes, kept) = restored_beside_a_wal("data");
    assert!(kept.is_empty(), "{kept:?}");
    undo(&bench).exits(0);
    assert!(!path.exists());
    assert_eq!(fs::read(path.with_file_name("app.db-wal")).unwrap(), bytes);
}

#[test]
fn f51_a_wal_beside_a_source_that_is_a_single_database_and_gone_is_kept() {
    let (_bench, path, bytes, kept) = restored_beside_a_wal("data/app.db");
    let said = fs::read_to_string(kept[0].join("keep")).unwrap();
    assert!(said.contains(&path.display().to_string()), "{said}");
    assert_eq!(fs::read(kept[0].join("old/0-wal")).unwrap(), bytes);
}

/// Stops a restore right behind its journal, with nothing replaced yet: killed when it makes durable that side files have
/// left. They are those of another database, which is taken away as such, and is given.
fn stop_behind_the_journal(bench: &Workbench) -> PathBuf {
    let other = bench.data().join("other.db");
    database(&other, "WAL", 10);
    add_to_wal(&other, 1);
    let args = ["restore", "latest", "--in-place", "--delete", "--yes"];
    let strike = ("syncfs", "signal=KILL");
    for nth in 1.. {
        let (answer, was_struck) = struck::at(bench, &args, strike, nth);
        assert!(was_struck && answer.code() != Some(0), "{answer}");
        let mut stages = stages(bench).into_iter();
        if stages.any(|stage| bench.path(stage).join("journal").exists()) {
            break;
        }
    }
    assert!(bench.data().join("x").is_dir());
    other
}

#[test]
fn f50_f51_what_programs_write_while_a_restore_lies_stopped_is_kept_and_told() {
    if !struck::is_possible() {
        return;
    }
    let (bench, path) = bench();
    let other = stop_behind_the_journal(&bench);
    bench.write("x/sub/new", "in no snapshot");
    add_to_wal(&path, 1);
    add_to_wal(&other, 4);
    // The newest snapshot is that of before the restore, and has the other database.
    let answer = bench.lifeboat(&["check-live", "data"]).exits(7);
    assert!(
        answer.stderr().contains("stopped in its middle"),
        "{answer}"
    );
    assert!(bench.data().join("x").is_dir());
    let answer = bench.lifeboat(&["backup", "data", "--no-zip"]).exits(0);
    assert!(answer.stderr().contains("no snapshot has"), "{answer}");
    assert_eq!(fs::read(bench.data().join("x")).unwrap(), b"a file");
    let kept = stages(&bench);
    assert_eq!(kept.len(), 1, "{kept:?}");
    let kept = bench.path(&kept[0]);
    let new = fs::read(kept.join("new/x/sub/new")).unwrap();
    assert_eq!(new, b"in no snapshot");
    assert_eq!(notes(&kept.join("new/x/app.db")), 14);
    let says = fs::read_to_string(kept.join("keep")).unwrap();
    let line = says
        .lines()
        .find(|line| line.ends_with("other.db"))
        .unwrap();
    let old = kept.join(line.split_once(" was ").unwrap().0);
    assert_eq!(notes(&old), 11);
    // What a program committed since, to what it found without its WAL.
    let made = fs::read(format!("{}-wal.1", old.display())).unwrap();
    fs::write(format!("{}-wal", old.display()), made).unwrap();
    assert_eq!(notes(&old), 14);
}

#[test]
fn f50_an_import_leaves_a_stopped_restore_of_what_it_takes_in_as_it_is() {
    if !struck::is_possible() {
        return;
    }
    let (bench, _) = bench();
    stop_behind_the_journal(&bench);
    let described = r#"{"created_at": "2024-01-01T00:00:00", "version": "1.0"}"#;
    fs::write(bench.data().join("backup_manifest.json"), described).unwrap();
    let stopped = stages(&bench);
    bench.lifeboat(&["import", "data"]).exits(0);
    assert!(bench.data().join("x").is_dir());
    assert_eq!(stages(&bench), stopped);
}

#[test]
fn f50_a_stopped_restore_that_another_process_is_at_is_left_to_it() {
    if !struck::is_possible() {
        return;
    }
    let (bench, _) = bench();
    stop_behind_the_journal(&bench);
    let stopped = stages(&bench);
    let other = fs::File::open(bench.data()).unwrap();
    other.lock().unwrap();
    for command in [
        &["check-live", "data"][..],
        &["backup", "data", "--no-zip"],
        &["restore", "latest", "--in-place", "--yes"],
    ] {
        let answer = bench.lifeboat(command).exits(11);
        assert!(answer.stderr().contains("wait for it to end"), "{answer}");
        assert!(bench.data().join("x").is_dir(), "{command:?}");
        assert_eq!(stages(&bench), stopped, "{command:?}");
    }
    other.unlock().unwrap();
    bench.lifeboat(&["backup", "data", "--no-zip"]).exits(0);
    assert_eq!(fs::read(bench.data().join("x")).unwrap(), b"a file");
    assert_eq!(stages(&bench), [""; 0]);
}
