//! That what was forged is refused, by each command that meets it.

use lifeboat_snapshot::Snapshot;
use lifeboat_snapshot::content::Content;
use lifeboat_snapshot::entry::Entry;

use super::forge::{self, Forge};
use crate::support::Workbench;
use crate::support::tree::{differences, looks, names};

/// Restores and verifies what was forged: refused with 9 and damage with 4, and nothing outside the target has changed.
/// Gives what was said.
pub(super) fn refused(make: impl FnOnce(&Forge<'_>) -> Content) -> String {
    let bench = Workbench::with_files();
    let before = looks(&bench.data());
    forge::repository(&bench.place(), make);
    let said = bench
        .lifeboat(&["restore", "latest", "--to", "restored"])
        .exits(9)
        .complains(&["not acceptable"])
        .stderr()
        .to_owned();
    bench.lifeboat(&["verify"]).exits(4);
    bench.lifeboat(&["ls", "-R", "latest"]).exits(9);
    let after = looks(&bench.data());
    assert_eq!(differences(&before, &after), [""; 0]);
    let known = ["data", "home", "repository", "restored"];
    for name in names(bench.folder()) {
        assert!(known.contains(&name.as_str()), "{name} was written");
    }
    said
}

/// A folder with one entry.
pub(super) fn holding(forge: &Forge<'_>, entry: Entry) -> Content {
    let folder = forge.folder(&[entry]);
    forge.of_root(folder)
}

/// A repository with one record, which is changed.
pub(super) fn with_record(change: impl FnOnce(&mut Snapshot)) -> Workbench {
    let bench = Workbench::with_files();
    let make = |forge: &Forge<'_>| forge.of_root(forge.folder(&[]));
    forge::recorded(&bench.place(), make, change);
    bench
}
