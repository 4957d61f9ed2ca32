//! An export that is written into what is backed up would be in the next backup, and in the export of that once more.

use std::fs;

use crate::support::Workbench;
use crate::support::answer::shown;

/// Exports by this, and gives whether it was told that the next backup takes it in.
#[track_caller]
fn told(bench: &Workbench, args: &[&str]) -> bool {
    let answer = bench.lifeboat(&[&["export", "latest"], args].concat());
    let stderr = answer.exits(0).stderr();
    assert!(
        stderr.is_empty() || stderr.starts_with("warning: "),
        "{stderr}"
    );
    stderr.contains("the next backup takes it in") && stderr.contains("--exclude")
}

#[test]
fn an_export_into_a_source_is_told_unless_backups_leave_it_out() {
    let bench = Workbench::with_files();
    bench.backs_up();
    fs::create_dir(bench.data().join("zips")).unwrap();
    assert!(told(&bench, &["--zip", "data/all.zip"]));
    assert!(told(&bench, &["--zip", "data/zips"]));
    assert!(told(&bench, &["--tar", "data/papers/all.tar"]));
    assert!(!told(&bench, &["--zip", "elsewhere.zip"]));
    assert!(!told(&bench, &[]), "the repository's own place");
    let zip = shown(&bench.data().join("named.zip"));
    let answer = bench.lifeboat(&["export", "latest", "--zip", &zip, "--json"]);
    let events = answer.exits(0).events();
    let kinds: Vec<_> = events.iter().map(|event| &event["kind"]).collect();
    assert!(kinds.iter().any(|kind| **kind == "in-source"), "{events:?}");
    // It is no idle word.
    let summary = bench.backs_up();
    assert_eq!(summary["files_new"], 4, "{summary}");
    fs::write(bench.data().join(".lifeboatignore"), "*.zip\n").unwrap();
    assert!(!told(&bench, &["--zip", "data/left-out.zip"]));
    assert!(told(&bench, &["--tar", "data/more.tar"]));
}

#[test]
fn an_export_to_where_the_config_has_its_zips_is_not_told() {
    let bench = Workbench::with_files();
    fs::create_dir(bench.data().join("zips")).unwrap();
    let config =
        "[source.data]\npath = \"data\"\nexclude = [\"*.tar\"]\n[zip]\ndir = \"data/zips\"\n";
    fs::write(bench.path("lifeboat.toml"), config).unwrap();
    bench.lifeboat(&["backup"]).exits(0);
    assert!(!told(&bench, &["--zip", "data/zips/more.zip"]));
    assert!(!told(&bench, &["--tar", "data/all.tar"]));
    assert!(told(&bench, &["--zip", "data/all.zip"]));
}
