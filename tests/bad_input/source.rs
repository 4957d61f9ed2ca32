//! Sources that are missing, odd, or not ours to read.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::{as_nobody, backed_up, count};
use crate::support::answer::shown;
use crate::support::{Workbench, outside, tree};

#[test]
fn bad_29_a_source_that_is_missing_or_has_become_empty() {
    let bench = Workbench::with_files();
    let missing = shown(&bench.path("nowhere"));
    bench
        .lifeboat(&["backup", "nowhere"])
        .exits(7)
        .complains(&[&missing]);
    assert!(
        !bench.place().exists(),
        "a slip of the finger leaves no repository behind"
    );
    bench.backs_up();
    bench
        .lifeboat(&["backup", "nowhere"])
        .exits(7)
        .complains(&[&missing]);
    fs::remove_dir_all(bench.data()).unwrap();
    fs::create_dir(bench.data()).unwrap();
    bench.lifeboat(&["backup", "data"]).exits(7).complains(&[
        "empty",
        "--allow-empty",
        &shown(&bench.data()),
    ]);
    assert_eq!(count(&bench), 1);
    bench
        .lifeboat(&["backup", "data", "--allow-empty", "--no-zip"])
        .exits(0);
}

#[test]
fn bad_29_f48_a_source_that_has_become_empty_is_noticed_whatever_it_was_backed_up_with() {
    let bench = Workbench::with_files();
    let disk = bench.path("disk");
    fs::create_dir(&disk).unwrap();
    fs::write(disk.join("one"), "1").unwrap();
    bench
        .lifeboat(&["backup", "data", "disk", "--no-zip"])
        .exits(0);
    fs::remove_file(disk.join("one")).unwrap();
    let alone: &[&str] = &["backup", "disk", "--no-zip"];
    for sources in [alone, &["backup", "disk", "data", "--no-zip"]] {
        let told = ["empty", "--allow-empty", &shown(&disk)];
        bench.lifeboat(sources).exits(7).complains(&told);
    }
    let of_disk = ["list", "--json", "--source", "disk"];
    let of_disk = bench.lifeboat(&of_disk).exits(0).json();
    assert_eq!(of_disk.as_array().unwrap().len(), 1);
    let meant = ["backup", "disk", "--allow-empty", "--no-zip"];
    bench.lifeboat(&meant).exits(0);
    // Once it was meant, it is how the source is.
    bench.lifeboat(alone).exits(0);
}

#[test]
fn bad_29_f48_of_several_sources_those_that_are_there_are_saved_and_the_other_is_an_alarm() {
    let bench = Workbench::with_files();
    let more = bench.path("more");
    fs::create_dir(&more).unwrap();
    fs::write(more.join("x"), "x").unwrap();
    let both = ["backup", "data", "more", "--no-zip", "--json"];
    let sources = |number: usize| {
        let listed = bench.lifeboat(&["list", "--json"]).exits(0).json();
        listed[number]["sources"].clone()
    };
    bench.lifeboat(&both).exits(0);
    assert_eq!(sources(0), serde_json::json!([bench.data(), more]));
    for is_there in [false, true] {
        // Not mounted, and mounted without what was in it.
        let elsewhere = bench.path("elsewhere");
        fs::rename(&more, &elsewhere).unwrap();
        if is_there {
            fs::create_dir(&more).unwrap();
        }
        let before = count(&bench);
        let answer = bench.lifeboat(&both).exits(7);
        assert_eq!(answer.summary()["failed"], 1, "{answer}");
        assert_eq!(count(&bench), before + 1, "and none of what is missing");
        assert_eq!(sources(before), serde_json::json!([bench.data()]));
        bench
            .lifeboat(&both[..4])
            .exits(7)
            .complains(&[&shown(&more)]);
        let _ = fs::remove_dir(&more);
        fs::rename(&elsewhere, &more).unwrap();
    }
    let all = count(&bench);
    bench.lifeboat(&both).exits(0);
    assert_eq!(sources(all), serde_json::json!([bench.data(), more]));
}

#[test]
fn bad_29_an_empty_source_is_fine_the_first_time() {
    let bench = Workbench::new();
    let summary = bench.backs_up();
    assert_eq!(summary["files"], 0);
    bench
        .lifeboat(&["restore", "latest", "--to", "restored"])
        .exits(0);
    tree::assert_same(&bench.data(), &bench.path("restored"));
}

#[test]
fn bad_30_a_source_inside_the_repository_and_the_reverse() {
    let bench = backed_up();
    let packs = shown(&bench.place().join("packs"));
    for source in [&packs, &shown(&bench.place())] {
        bench
            .lifeboat(&["backup", source])
            .exits(2)
            .complains(&[source, &shown(&bench.place())]);
    }
    // The whole bench holds the repository: it is left out, with a word.
    let folder = shown(bench.folder());
    bench
        .lifeboat(&["backup", &folder])
        .exits(0)
        .says_aside(&[&shown(&bench.place())]);
    let listed = bench.lifeboat(&["ls", "latest", "--json"]).exits(0).json();
    let names: Vec<&str> = listed["entries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| e["path"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["data", "home"]);
}

#[test]
fn bad_30_a_repository_inside_another_is_not_created() {
    let bench = backed_up();
    let before = tree::looks(&bench.place());
    std::os::unix::fs::symlink("repository/packs", bench.path("by-link")).unwrap();
    for place in ["repository/sub", "repository/packs/a/b", "by-link/c"] {
        for args in [
            &["init", "--repo", place][..],
            &["backup", "data", "--repo", place],
            &["backup", "data", "--dry-run", "--repo", place],
        ] {
            let answer = bench.lifeboat(args).exits(8);
            answer.complains(&["inside the repository", &shown(&bench.place()), "hint:"]);
        }
    }
    let after = tree::looks(&bench.place());
    assert_eq!(tree::differences(&before, &after), [""; 0]);
    // A file called config makes no repository of a folder, and one that is there already is used.
    fs::create_dir(bench.path("other")).unwrap();
    fs::write(bench.path("other/config"), "of another program").unwrap();
    let inner = ["--repo", "other/repository"];
    bench.lifeboat(&[&["init"], &inner[..]].concat()).exits(0);
    fs::rename(bench.path("other/repository"), bench.place().join("moved")).unwrap();
    bench
        .lifeboat(&["backup", "data", "--no-zip", "--repo", "repository/moved"])
        .exits(0);
}

#[test]
fn bad_31_an_unreadable_file_is_named_and_the_rest_is_saved() {
    if !(outside::is_root() && outside::has("setpriv")) {
        return;
    }
    let bench = Workbench::with_files();
    let secret = bench.data().join("secret.txt");
    let closed = bench.data().join("closed");
    fs::write(&secret, "for root").unwrap();
    fs::create_dir(&closed).unwrap();
    for path in [&secret, &closed] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o000)).unwrap();
    }
    fs::create_dir(bench.place()).unwrap();
    fs::set_permissions(bench.place(), fs::Permissions::from_mode(0o777)).unwrap();
    let answer = as_nobody(&bench, &["backup", "data", "--no-zip"]).exits(3);
    answer.says_aside(&[&shown(&secret), &shown(&closed)]);
    as_nobody(&bench, &["restore", "latest", "--to", "/tmp"]).exits(8);
    bench
        .lifeboat(&["restore", "latest", "--to", "restored"])
        .exits(0);
    for name in ["notes.txt", "papers/one.txt"] {
        assert!(bench.path("restored").join(name).exists(), "{name}");
    }
    assert!(!bench.path("restored/secret.txt").exists());
}

#[test]
fn bad_32_pipes_and_sockets_are_not_opened() {
    let bench = Workbench::with_files();
    let pipe = bench.data().join("pipe");
    rustix::fs::mkfifoat(
        rustix::fs::CWD,
        &pipe,
        rustix::fs::Mode::from_raw_mode(0o600),
    )
    .unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(bench.data().join("socket")).unwrap();
    bench.backs_up();
    let listed = bench
        .lifeboat(&["ls", "latest", "--json"])
        .exits(0)
        .json()
        .to_string();
    assert!(
        listed.contains("\"fifo\"") && listed.contains("\"socket\""),
        "{listed}"
    );
    bench
        .lifeboat(&["restore", "latest", "--to", "restored"])
        .exits(0)
        .says_aside(&["pipe", "socket"]);
}

#[test]
fn bad_32_a_pipe_beside_a_database_is_named_and_holds_no_backup_up() {
    for ending in ["wal", "journal"] {
        let bench = Workbench::with_files();
        let database = rusqlite::Connection::open(bench.data().join("app.db")).unwrap();
        database
            .execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE t (x)")
            .unwrap();
        drop(database);
        let pipe = bench.data().join(format!("app.db-{ending}"));
        let mode = rustix::fs::Mode::from_raw_mode(0o600);
        rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, mode).unwrap();
        let answer = bench.lifeboat(&["backup", "data", "--no-zip"]);
        answer.exits(3).says_aside(&[&shown(&pipe)]);
    }
}

#[test]
fn bad_33_a_root_that_is_a_loop_of_links() {
    let bench = Workbench::new();
    std::os::unix::fs::symlink("loop", bench.path("loop")).unwrap();
    bench
        .lifeboat(&["backup", "loop"])
        .exits(7)
        .complains(&[&shown(&bench.path("loop"))]);
    assert!(
        !bench.place().exists(),
        "a source that cannot be looked at leaves no repository behind"
    );
}
