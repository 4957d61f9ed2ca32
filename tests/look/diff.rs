//! Differences: none is missed, none is made up, and nothing live is changed by being looked at.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use lifeboat_snapshot::diff::Aspect;
use rusqlite::Connection;

use super::*;
use crate::bad_input::as_nobody;
use crate::support::tree::looks;

#[test]
fn snapshots_differ_in_what_was_done_between_them() {
    let bench = Workbench::with_files();
    let before = snapshot(&bench);
    bench.write("notes.txt", "other words");
    bench.write("new/deep/file", "new");
    fs::remove_file(bench.data().join("papers/one.txt")).unwrap();
    let two = bench.data().join("papers/two.txt");
    fs::set_permissions(&two, fs::Permissions::from_mode(0o600)).unwrap();
    fs::remove_file(bench.data().join("link")).unwrap();
    std::os::unix::fs::symlink("papers", bench.data().join("link")).unwrap();
    let after = snapshot(&bench);
    let expected = [
        ("changed", "link"),
        ("added", "new"),
        ("added", "new/deep"),
        ("added", "new/deep/file"),
        ("changed", "notes.txt"),
        ("removed", "papers/one.txt"),
        ("metadata", "papers/two.txt"),
    ];
    let expected = expected.map(|(mark, path)| (mark, path.to_owned()));
    let changes = diff(&bench.repository(), &before, &after);
    assert_eq!(marks(&changes), expected);
    assert_eq!(changes[6].aspects, [Aspect::Mode]);
    let live = Live::default();
    let changes = diff_live(&bench.repository(), &before, &live);
    assert_eq!(marks(&changes), expected, "live, compared with the first");
    assert_eq!(diff_live(&bench.repository(), &after, &live), []);
    assert_eq!(diff(&bench.repository(), &after, &after), []);
}

#[test]
fn no_difference_is_missed_and_none_is_made_up() {
    let bench = Workbench::with_files();
    let repository = bench.repository();
    let mut rng = Rng(7);
    // Enough for several nodes in one folder.
    for number in 0..900 {
        bench.write(format!("many/{number:04}"), number.to_string());
    }
    let mut taken = vec![snapshot(&bench)];
    for _ in 0..12 {
        disturb(&bench, &mut rng, 60);
        let number = rng.below(1000);
        bench.write(format!("many/{number:04}"), rng.below(9).to_string());
        let _ = fs::remove_file(bench.data().join(format!("many/{:04}", rng.below(1000))));
        let latest = snapshot(&bench);
        for earlier in &taken {
            assert_diff(&repository, earlier, &latest);
            assert_diff(&repository, &latest, earlier);
        }
        taken.push(latest);
    }
    for earlier in &taken {
        let latest = taken.last().unwrap();
        let live = diff_live(&repository, earlier, &Live::default());
        let stored = diff(&repository, earlier, latest);
        assert_eq!(in_content(&live), in_content(&stored));
    }
}

/// Compares a diff with one by two whole walks.
fn assert_diff(repository: &Repository, before: &Snapshot, after: &Snapshot) {
    let (old, new) = (entries(repository, before), entries(repository, after));
    let mut expected = Vec::new();
    for (path, entry) in &old {
        match new.get(path) {
            None => expected.push(("removed", path.to_string())),
            Some(now) if has_other_content(entry, now) => {
                expected.push(("changed", path.to_string()))
            }
            Some(_) => {}
        }
    }
    let added = new.keys().filter(|path| !old.contains_key(path));
    expected.extend(added.map(|path| ("added", path.to_string())));
    let mut found = in_content(&diff(repository, before, after));
    expected.sort();
    found.sort();
    assert_eq!(found, expected);
}

/// A database of patients, kept open as by an application, with its last rows in the WAL only.
fn clinic(bench: &Workbench) -> Connection {
    let app = Connection::open(bench.data().join("clinic.db")).unwrap();
    app.pragma_update(None, "journal_mode", "wal").unwrap();
    app.execute_batch(
        "CREATE TABLE patients (id INTEGER PRIMARY KEY, name TEXT);
         CREATE TABLE old (x);
         INSERT INTO patients (name) VALUES ('Ann'), ('Ben'), ('Cem');",
    )
    .unwrap();
    app
}

/// How all files look but the one with SQLite's locks, in which each reader leaves its mark.
fn unlocked(bench: &Workbench) -> BTreeMap<std::path::PathBuf, crate::support::tree::Look> {
    let mut looks = looks(&bench.data());
    assert!(looks.remove(Path::new("clinic.db-shm")).is_some());
    looks
}

#[test]
fn of_databases_the_tables_are_told_whose_rows_became_more_or_fewer() {
    let bench = Workbench::with_files();
    let app = clinic(&bench);
    let before = snapshot(&bench);
    assert_eq!(
        diff_live(&bench.repository(), &before, &Live::default()),
        []
    );
    app.execute_batch(
        "INSERT INTO patients (name) VALUES ('Dan'), ('Eve');
         DROP TABLE old; CREATE TABLE visits (day); INSERT INTO visits VALUES (1);",
    )
    .unwrap();
    let files = unlocked(&bench);
    let live = diff_live(&bench.repository(), &before, &Live::default());
    assert!(unlocked(&bench) == files, "nothing is changed by looking");
    let after = snapshot(&bench);
    let stored = diff(&bench.repository(), &before, &after);
    for changes in [live, stored] {
        assert_eq!(in_content(&changes), [("changed", "clinic.db".to_owned())]);
        let inside = changes.iter().find_map(|change| change.database.clone());
        let inside = inside.unwrap();
        assert_eq!(inside.tables_added, [("visits".to_owned(), 1)].into());
        assert_eq!(inside.tables_removed, [("old".to_owned(), 0)].into());
        assert_eq!(
            inside.tables_changed,
            [("patients".to_owned(), (3, 5))].into()
        );
        assert_eq!(inside.schema_changed, Some(true));
    }
    drop(app);
}

#[test]
fn what_was_restored_does_not_differ_from_the_snapshot_until_it_is_changed() {
    let bench = Workbench::with_files();
    drop(clinic(&bench));
    fs::create_dir(bench.path("other")).unwrap();
    fs::write(bench.path("other/file"), "elsewhere").unwrap();
    for taken in [snapshot(&bench), snapshot_of(&bench, &["data", "other"])] {
        let name = format!("restored-{}", taken.sources.len());
        let target = bench.restore(&taken, &name);
        let live = Live {
            path: Some(target.clone()),
            ..Live::default()
        };
        assert_eq!(diff_live(&bench.repository(), &taken, &live), []);
        let inside = if taken.sources.len() == 1 {
            "notes.txt"
        } else {
            "data/notes.txt"
        };
        // As long as it was: only its bytes tell.
        let bytes = fs::read(target.join(inside)).unwrap();
        fs::write(target.join(inside), vec![b'x'; bytes.len()]).unwrap();
        let changes = diff_live(&bench.repository(), &taken, &live);
        assert_eq!(in_content(&changes), [("changed", inside.to_owned())]);
    }
}

#[test]
fn a_part_of_a_source_is_compared_with_its_part_of_the_snapshot() {
    let bench = Workbench::with_files();
    let taken = snapshot(&bench);
    bench.write("notes.txt", "outside of the part");
    bench.write("papers/three.txt", "in it");
    let at = |path: &str| Live {
        path: Some(bench.data().join(path)),
        ..Live::default()
    };
    let repository = bench.repository();
    let papers = diff_live(&repository, &taken, &at("papers"));
    assert_eq!(marks(&papers), [("added", "papers/three.txt".to_owned())]);
    let notes = diff_live(&repository, &taken, &at("notes.txt"));
    assert_eq!(in_content(&notes), [("changed", "notes.txt".to_owned())]);
}

#[test]
fn what_is_left_out_is_neither_new_nor_gone() {
    let bench = Workbench::with_files();
    bench.write("cache/deep/one", "stored once");
    let taken = snapshot(&bench);
    bench.write("x.tmp", "never stored");
    fs::remove_dir_all(bench.data().join("cache")).unwrap();
    let live = Live {
        excludes: vec!["*.tmp".into(), "cache/".into()],
        ..Live::default()
    };
    assert_eq!(diff_live(&bench.repository(), &taken, &live), []);
}

#[test]
fn sources_are_compared_with_those_of_the_same_path() {
    let bench = Workbench::with_files();
    fs::create_dir(bench.path("more")).unwrap();
    fs::write(bench.path("more/file"), "more").unwrap();
    let alone = snapshot_of(&bench, &["data"]);
    let both = snapshot_of(&bench, &["data", "more"]);
    let repository = bench.repository();
    let expected = [
        ("added", "more".to_owned()),
        ("added", "more/file".to_owned()),
    ];
    assert_eq!(in_content(&diff(&repository, &alone, &both)), expected);
    // A folder that was moved is the same folder, where there is no other.
    fs::rename(bench.path("data"), bench.path("moved")).unwrap();
    let moved = snapshot_of(&bench, &["moved"]);
    assert_eq!(in_content(&diff(&repository, &alone, &moved)), []);
}

#[test]
fn f44_what_cannot_be_read_is_a_warning_and_no_difference() {
    let bench = Workbench::with_files();
    bench.backs_up();
    for path in [bench.folder(), &bench.place(), &bench.data()] {
        open_to_all(path);
    }
    let secret = bench.data().join("papers");
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o700)).unwrap();
    bench.write("notes.txt", "other, and as nobody may read it");
    fs::set_permissions(
        bench.data().join("notes.txt"),
        fs::Permissions::from_mode(0o644),
    )
    .unwrap();
    let answer = as_nobody(&bench, &["diff", "latest", "--json"]).exits(3);
    let told = answer.json();
    assert_eq!(told["unreadable"], 1, "{answer}");
    assert_eq!(told["removed"], 0, "{answer}");
    assert_eq!(told["changed"], 1, "{answer}");
    answer.says_aside(&["papers"]);
}

fn open_to_all(path: &Path) {
    for entry in fs::read_dir(path).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            open_to_all(&path);
        }
        if !path.is_symlink() {
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
    }
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn a_name_is_a_snapshot_and_a_path_a_path() {
    let bench = Workbench::with_files();
    bench.backs_up();
    bench.write("new.txt", "new");
    bench.age_data();
    bench.backs_up();
    let diff = |args: &[&str]| {
        let all = [&["diff"], args, &["--json"]].concat();
        bench.lifeboat(&all).exits(0).json()
    };
    assert_eq!(diff(&["latest~1", "latest"])["added"], 1);
    assert_eq!(diff(&["latest", "latest~1"])["removed"], 1);
    assert_eq!(diff(&["latest~1"])["added"], 1);
    assert_eq!(diff(&["latest~1", "data"])["added"], 1);
    fs::create_dir(bench.path("latest")).unwrap();
    assert_eq!(diff(&["latest~1", "latest"])["added"], 1, "the snapshot");
    assert_ne!(diff(&["latest~1", "./latest"])["removed"], 0, "the folder");
    let missing = bench.lifeboat(&["diff", "latest", "nowhere"]).exits(2);
    missing.complains(&["nowhere"]);
    let missing = bench.lifeboat(&["diff", "latest", "./nowhere"]).exits(7);
    missing.complains(&["nowhere", "No such file"]);
}
