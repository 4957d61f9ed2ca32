//! Looking at snapshots without restoring them: what differs between two, or from the live files, and where a file stands.
//!
//! Both answers come from walks that step over most of what there is, so they are compared with slow ones that step over
//! nothing.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use lifeboat_snapshot::entry::{Entry, Node};
use lifeboat_snapshot::path::is_plain;
use lifeboat_snapshot::{
    Backup, Change, ChangeKind, Live, Repository, Snapshot, SnapshotError, TreePath, Unwatched,
};

use crate::support::Workbench;

/// Between two snapshots, and with the live files.
mod diff;
/// Across all snapshots.
mod find;

/// Numbers that look random and are the same in every run.
struct Rng(u64);

impl Rng {
    fn below(&mut self, limit: u64) -> u64 {
        // The constants are Knuth's.
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005);
        self.0 = self.0.wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

/// Changes, adds and removes some files; folders come and go with them, and one file in a while becomes a folder.
fn disturb(bench: &Workbench, rng: &mut Rng, files: u64) {
    for _ in 0..1 + rng.below(12) {
        let number = rng.below(files);
        let name = format!("part{}/sub{}/file{number}", number % 3, number % 7);
        let path = bench.data().join(&name);
        match rng.below(8) {
            0 | 1 => drop(std::fs::remove_file(&path)),
            2 => drop(std::fs::remove_dir_all(path.parent().unwrap())),
            3 => {
                drop(std::fs::remove_file(&path));
                bench.write(format!("{name}/inside"), "now a folder");
            }
            _ if path.is_dir() => {}
            _ => bench.write(&name, format!("{number} {}", rng.below(5))),
        }
    }
}

/// Every entry of a snapshot, read one by one.
fn entries(repository: &Repository, snapshot: &Snapshot) -> BTreeMap<TreePath, Entry> {
    let tree = repository.tree(snapshot).unwrap();
    tree.walk().map(Result::unwrap).collect()
}

/// Whether there are other bytes, another target or another sort of thing.
fn has_other_content(a: &Entry, b: &Entry) -> bool {
    match (&a.node, &b.node) {
        (Node::Folder { .. }, Node::Folder { .. }) => false,
        (Node::File { content: a, .. }, Node::File { content: b, .. }) => a != b,
        (Node::Database { content: a, .. }, Node::Database { content: b, .. }) => a != b,
        (a, b) => a != b,
    }
}

/// All differences between two snapshots.
fn diff(repository: &Repository, before: &Snapshot, after: &Snapshot) -> Vec<Change> {
    let mut changes = Vec::new();
    let mut take = |change: Result<Change, SnapshotError>| {
        changes.push(change.unwrap());
        ControlFlow::Continue(())
    };
    repository.diff(before, after, &mut take).unwrap();
    changes
}

/// All differences of the live files from a snapshot.
fn diff_live(repository: &Repository, before: &Snapshot, live: &Live) -> Vec<Change> {
    let mut changes = Vec::new();
    let mut take = |change: Result<Change, SnapshotError>| {
        changes.push(change.unwrap());
        ControlFlow::Continue(())
    };
    let totals = repository
        .diff_live(before, live, &Unwatched, &mut take)
        .unwrap();
    assert_eq!(totals.unreadable, 0);
    changes
}

/// Differences as marks and paths.
fn marks(changes: &[Change]) -> Vec<(&'static str, String)> {
    let mark = |change: &Change| (change.kind.word(), change.path.to_string());
    changes.iter().map(mark).collect()
}

/// Differences but for those in metadata alone.
fn in_content(changes: &[Change]) -> Vec<(&'static str, String)> {
    let content = changes
        .iter()
        .filter(|change| change.kind != ChangeKind::Metadata);
    marks(&content.cloned().collect::<Vec<_>>())
}

/// Backs up by the library and gives the snapshot.
fn snapshot(bench: &Workbench) -> Snapshot {
    bench.backup().snapshot.unwrap()
}

/// Backs these folders up by the library.
fn snapshot_of(bench: &Workbench, names: &[&str]) -> Snapshot {
    let plan = Backup {
        sources: names.iter().map(|name| bench.path(name)).collect(),
        ..bench.plan()
    };
    let report = bench.repository().backup(&plan, &Unwatched).unwrap();
    report.snapshot.unwrap()
}

#[test]
fn bad_35_names_in_json_cannot_drive_a_terminal() {
    let name = "a\u{9b}31m\u{202e}fdp.exe";
    let bench = Workbench::with_files();
    bench.backs_up();
    bench.write(name, "x");
    bench.backs_up();
    let told: [(&[&str], &str); 3] = [
        (&["ls", "latest", "-R"], "entries"),
        (&["find", "*.exe"], "found"),
        (&["diff", "latest~1", "latest"], "changes"),
    ];
    for (args, list) in told {
        let answer = bench.lifeboat(&[args, &["--json"]].concat()).exits(0);
        let is_safe = |character| character == '\n' || is_plain(character);
        assert!(answer.text().chars().all(is_safe), "{answer}");
        let answer = answer.json();
        let items = answer[list].as_array().unwrap().iter();
        let mut paths = items.filter_map(|item| item["path"].as_str());
        assert!(paths.any(|path| path.ends_with(name)), "{answer}");
    }
}
