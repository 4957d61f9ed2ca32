//! A repository on a disk that may be pulled out.

use std::fs;
use std::path::Path;

use crate::support::small::Small;
use crate::support::{Answer, Workbench, struck, tree};

/// Backs up until the index cache has a file, and tells how often reading a file of the snapshot maps it.
fn maps(bench: &Workbench, repository: &Path) -> usize {
    let repository = repository.to_str().unwrap();
    for number in 0..20 {
        bench.write("notes.txt", format!("note {number}"));
        let args = ["-r", repository, "backup", "data", "--no-zip"];
        bench.lifeboat(&args).exits(0);
    }
    let cache = tree::names(Path::new(repository).join("cache"));
    assert!(cache.iter().any(|name| name.ends_with(".index")));
    let log = bench.path("strace.log");
    let by = ["strace", "-f", "-y", "-e", "trace=mmap", "-o"];
    let by = [
        &by[..],
        &[log.to_str().unwrap(), env!("CARGO_BIN_EXE_lifeboat")],
    ]
    .concat();
    let args = ["-r", repository, "cat", "latest", "notes.txt"];
    let answer = Answer::of(&mut bench.command_by(&by, args)).exits(0);
    assert_eq!(answer.text(), "note 19");
    let log = fs::read_to_string(log).unwrap();
    log.lines().filter(|line| line.contains(".index>")).count()
}

#[test]
fn f25_the_index_cache_on_a_disk_that_may_go_away_is_read_and_not_mapped() {
    if !struck::is_possible() {
        return;
    }
    let bench = Workbench::with_files();
    assert!(
        maps(&bench, &bench.place()) > 0,
        "what this looks for is there"
    );
    // Any FUSE file system may be a stick.
    if let Some(stick) = Small::ignoring_case(bench.path("stick")) {
        assert_eq!(maps(&bench, &stick.0.join("repository")), 0);
    }
}
