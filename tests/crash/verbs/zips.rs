//! Exports to the repository's own folder on the simulated disk, and imports of a zip that another repository has made. The
//! zip itself is a real file, and so is what is unpacked of it: an import relies on neither once it has ended.

use std::collections::BTreeMap;
use std::fs;

use lifeboat_snapshot::{
    CheckPolicy, Import, Repository, Snapshot, SnapshotError, TreePath, Unwatched, ZipTarget,
};
use lifeboat_store::disk::Disk;
use lifeboat_store::disk::sim::SimDisk;
use lifeboat_store::random::noise;

use super::super::stage::{FIRST, Known, create, open, words};
use super::all::{After, Stage};
use crate::support::snapshots::{Contents, contents};

/// The folder of exports.
const ZIPS: &str = "exports";

/// The zip to be imported.
const FOREIGN: &str = "foreign.zip";

/// Exports the older snapshot to the first name that is free.
pub(super) fn export(
    stage: &Stage,
    repository: &Repository,
    disk: &SimDisk,
) -> Result<(), SnapshotError> {
    let zips = disk.below(ZIPS);
    for number in 1.. {
        let name = format!("backup_{number}.zip");
        if zips.open(&name).is_ok() {
            continue;
        }
        let snapshot = &stage.older.snapshot;
        let made = repository.export_zip_on(snapshot, (disk, &zips), &name, &Unwatched)?;
        if made.is_some() {
            break;
        }
    }
    Ok(())
}

/// What has the name of a zip is one to the last byte, and one that was acknowledged is there.
pub(super) fn exports_are_whole(stage: &Stage, after: &After<'_>) -> Result<(), String> {
    // The bytes of a zip are made of the snapshot alone.
    let clean = stage.disk.killed_after(0);
    export(stage, &open(&clean, 30).map_err(words)?, &clean).map_err(words)?;
    let expected = clean.files().remove("exports/backup_1.zip");
    let zips = after.disk.files().into_iter();
    let zips = zips.filter(|(path, _)| path.starts_with(ZIPS) && path.ends_with(".zip"));
    let mut count = 0;
    for (path, bytes) in zips {
        count += 1;
        if Some(bytes) != expected {
            return Err(format!("{path} is not the zip of its snapshot"));
        }
    }
    after.is(count > 0 || !after.is_done)
}

/// Makes the zip of another repository, with the same sources and a file more.
pub(super) fn make_foreign(stage: &Stage) {
    let other = SimDisk::without_root();
    let repository = create(&other, 40).unwrap();
    let bench = &stage.sources.bench;
    bench.write("foreign.bin", noise(120_000, 1));
    let known = Known::back_up(&other, 41, FIRST, &stage.sources);
    fs::remove_file(bench.data().join("foreign.bin")).unwrap();
    let target = ZipTarget::File(bench.path(FOREIGN));
    let made = repository.export_zip(&known.snapshot, &target, &Unwatched);
    made.unwrap();
    stage.foreign.set(known.contents).unwrap();
}

/// Takes it in.
pub(super) fn import(
    stage: &Stage,
    repository: &Repository,
    _: &SimDisk,
) -> Result<(), SnapshotError> {
    let bench = &stage.sources.bench;
    let plan = Import {
        paths: vec![bench.path(FOREIGN)],
        source: bench.data(),
        host: "bench".to_owned(),
        tags: Vec::new(),
        counts: Vec::new(),
        check: CheckPolicy::None,
        offset_minutes: |_| 0,
        scratch: Some(bench.folder().to_owned()),
        dry_run: false,
        threads: Some(1),
    };
    repository.import(&plan, &Unwatched).map(drop)
}

/// It is there once or not at all, with the bytes of what it was made of, and nothing that was unpacked is left.
pub(super) fn is_imported_once(stage: &Stage, after: &After<'_>) -> Result<(), String> {
    let listed = after.repository.snapshots().map_err(words)?.snapshots;
    let imported: Vec<&Snapshot> = listed.iter().filter(|one| one.is_imported()).collect();
    let expected = stage.foreign.get().map(bytes);
    for one in &imported {
        let found = contents(after.repository, one).map_err(words)?;
        if Some(bytes(&found)) != expected {
            return Err("what was imported is something else".to_owned());
        }
    }
    after.is(imported.len() <= 1 && (imported.len() == 1 || !after.is_done))
}

/// Without what a zip does not keep to the letter.
fn bytes(contents: &Contents) -> BTreeMap<TreePath, (&'static str, Vec<u8>)> {
    let entries = contents.iter();
    let entries = entries.map(|(path, (_, kind, bytes))| (path.clone(), (*kind, bytes.clone())));
    entries.collect()
}
