//! What is left out of a backup: patterns that are typed, patterns in the source, caches, large files, other file systems.

use std::fs;
use std::process::Command;

use serde_json::Value;

use crate::support::answer::shown;
use crate::support::{Workbench, outside};

/// Backs up and gives the summary and the paths that are in the snapshot.
fn stored(bench: &Workbench, more: &[&str]) -> (Value, Vec<String>) {
    let args = [&["backup", "data", "--no-zip", "--json"], more].concat();
    let summary = bench.lifeboat(&args).exits(0).summary();
    let listed = bench
        .lifeboat(&["ls", "latest", "-R", "--json"])
        .exits(0)
        .json();
    let entries = listed["entries"].as_array().unwrap().iter();
    let paths = entries.map(|entry| entry["path"].as_str().unwrap().to_owned());
    (summary, paths.collect())
}

#[test]
fn patterns_in_the_source_hold_for_their_folder_and_below() {
    let bench = Workbench::new();
    for name in [
        "a.tmp",
        "keep.tmp",
        "logs/1",
        "sub/logs/2",
        "sub/b.tmp",
        "sub/keep.tmp",
        "sub/only-here",
        "only-here",
        "sub/deep/c.tmp",
        "build/x",
    ] {
        bench.write(name, name);
    }
    bench.write(
        ".lifeboatignore",
        "# what comes and goes\n*.tmp\n!keep.tmp\n/logs/\nbuild\n",
    );
    bench.write("sub/.lifeboatignore", "keep.tmp\nonly-here\n!c.tmp\n");
    let (summary, paths) = stored(&bench, &[]);
    let expected = [
        ".lifeboatignore",
        "keep.tmp",
        "only-here",
        "sub",
        "sub/.lifeboatignore",
        "sub/deep",
        "sub/deep/c.tmp",
        "sub/logs",
        "sub/logs/2",
    ];
    assert_eq!(paths, expected);
    assert_eq!(summary["excluded"], 6, "{summary}");
    let text = bench
        .lifeboat(&["backup", "data", "--no-zip"])
        .exits(0)
        .text();
    assert!(
        text.contains("left out") && text.contains("6 entries"),
        "{text}"
    );
}

#[test]
fn what_is_typed_counts_more_than_what_stands_in_the_source() {
    let bench = Workbench::new();
    for name in ["a.tmp", "b.tmp", "c.txt"] {
        bench.write(name, name);
    }
    bench.write(".lifeboatignore", "*.tmp\n!c.txt\n");
    let (_, paths) = stored(&bench, &["--exclude", "c.txt", "--exclude", "!b.tmp"]);
    assert_eq!(paths, [".lifeboatignore", "b.tmp"]);
}

#[test]
fn a_file_of_patterns_that_makes_no_sense_leaves_nothing_out_and_is_told() {
    let bench = Workbench::with_files();
    bench.write(".lifeboatignore", "{a,b\npapers/\n");
    let answer = bench.lifeboat(&["backup", "data", "--no-zip"]).exits(0);
    answer.says_aside(&[".lifeboatignore", "not in force"]);
    let (_, paths) = stored(&bench, &[]);
    assert!(!paths.contains(&"papers".to_owned()), "{paths:?}");
    // A pipe of that name would never give a line.
    fs::remove_file(bench.data().join(".lifeboatignore")).unwrap();
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    rustix::fs::mkfifoat(rustix::fs::CWD, bench.data().join(".lifeboatignore"), mode).unwrap();
    let (_, paths) = stored(&bench, &[]);
    assert!(paths.contains(&"papers/one.txt".to_owned()), "{paths:?}");
}

#[test]
fn caches_are_left_out_on_request_and_only_where_the_tag_is_one() {
    let bench = Workbench::new();
    let tag = "Signature: 8a477f597d28d172789f06886806bc55\n# made by a program\n";
    bench.write("cache/CACHEDIR.TAG", tag);
    bench.write("cache/a/b", "can be made again");
    bench.write("cache/c", "so can this");
    bench.write("other/CACHEDIR.TAG", "not the signature");
    bench.write("other/kept", "kept");
    let (summary, paths) = stored(&bench, &["--exclude-caches"]);
    let expected = [
        "cache",
        "cache/CACHEDIR.TAG",
        "other",
        "other/CACHEDIR.TAG",
        "other/kept",
    ];
    assert_eq!(paths, expected);
    assert_eq!(summary["excluded"], 2);
    assert_eq!(stored(&bench, &[]).1.len(), 8);
}

#[test]
fn large_files_are_left_out_and_databases_never_are() {
    let bench = Workbench::new();
    bench.write("small", [1; 100_000]);
    bench.write("video.mp4", [1; 200_000]);
    let app = rusqlite::Connection::open(bench.data().join("app.db")).unwrap();
    app.execute_batch("CREATE TABLE t (x); INSERT INTO t VALUES (zeroblob(500000))")
        .unwrap();
    drop(app);
    let (summary, paths) = stored(&bench, &["--exclude-larger-than", "150k"]);
    assert_eq!(paths, ["app.db", "small"]);
    assert_eq!(summary["excluded"], 1);
    let config =
        "exclude_larger_than = \"50k\"\nexclude = [\"none\"]\n[source.data]\npath = \"data\"\n";
    fs::write(bench.path("lifeboat.toml"), config).unwrap();
    assert_eq!(stored(&bench, &[]).1, ["app.db"]);
    bench
        .lifeboat(&["backup", "data", "--exclude-larger-than", "much"])
        .exits(2)
        .complains(&["much", "size"]);
}

#[test]
fn other_file_systems_are_empty_folders_on_request() {
    let bench = Workbench::with_files();
    let mounted = bench.data().join("disk");
    fs::create_dir(&mounted).unwrap();
    let mount = ["-t", "tmpfs", "lifeboat-test", &shown(&mounted)];
    if !(outside::is_root() && outside::works("mount", &mount)) {
        return;
    }
    fs::write(mounted.join("far"), "away").unwrap();
    let (summary, paths) = stored(&bench, &["--one-file-system"]);
    let with = stored(&bench, &[]).1;
    let _ = Command::new("umount").arg("-l").arg(&mounted).status();
    assert!(paths.contains(&"disk".to_owned()) && !paths.contains(&"disk/far".to_owned()));
    assert!(with.contains(&"disk/far".to_owned()));
    assert_eq!(summary["excluded"], 1);
}

#[test]
fn a_file_of_patterns_that_is_too_long_is_told_and_no_part_of_it_is_in_force() {
    let bench = Workbench::with_files();
    // Cut in the middle, the last pattern would leave out a folder that nobody wanted left out.
    let filler = "#".repeat(1000) + "\n";
    let long =
        filler.repeat(32) + &"#".repeat((32 << 10) - 32 * 1001 - 8) + "\npapers/nothing.tmp\n";
    bench.write(".lifeboatignore", &long);
    bench
        .lifeboat(&["backup", "data", "--no-zip"])
        .exits(0)
        .says_aside(&[".lifeboatignore", "too long"]);
    let listed = bench.lifeboat(&["ls", "-R", "latest"]).exits(0).text();
    assert!(listed.contains("papers/one.txt"), "{listed}");
}
