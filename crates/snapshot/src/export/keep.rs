//! Which zips are there, whether one is due, and which may go.
//!
//! The folder may be somebody's stick with their own archives on it, some of them named like ours. A zip counts as ours
//! if it has the mark of this repository, and is removed only if its name, its mark and the description inside agree.

use std::path::{Path, PathBuf};

use lifeboat_store::SnapshotId;
use serde_json::Value;

use super::MANIFEST_NAME;
use super::mark::Mark;
use super::place::{BEGIN, END};
use crate::monitor::{Warning, WarningKind};
use crate::record::Snapshot;
use crate::repository::Repository;
use crate::zip::{Limits, ZipReader};

/// Longest description that is read to make sure whose zip it is.
const MAX_DESCRIPTION: u64 = 256 << 20;

/// A zip of one of the repository's snapshots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundZip {
    /// Where it is.
    pub path: PathBuf,
    /// The snapshot that it was made from, which may have been forgotten since.
    pub snapshot: SnapshotId,
}

impl Repository {
    /// The zips of this repository's snapshots in a folder, the newest last; none where it cannot be listed.
    pub fn zips(&self, folder: &Path) -> Vec<FoundZip> {
        let found = |(path, mark): (PathBuf, Mark)| {
            let snapshot = mark.snapshot_id()?;
            Some(FoundZip { path, snapshot })
        };
        self.marked(folder).into_iter().filter_map(found).collect()
    }

    /// Whether the folder has a zip of the same sources from the same day.
    pub(crate) fn has_zip_of_day(&self, folder: &Path, snapshot: &Snapshot) -> bool {
        let own = Mark::of(snapshot);
        let is_same = |mark: &Mark| mark.set == own.set && mark.day == own.day;
        self.marked(folder).iter().any(|(_, mark)| is_same(mark))
    }

    /// Removes all but the newest zips of the snapshot's sources that backups have written to the folder.
    pub(crate) fn prune_zips(
        &self,
        folder: &Path,
        snapshot: &Snapshot,
        keep: usize,
    ) -> (Vec<PathBuf>, Vec<Warning>) {
        let own = Mark::of(snapshot);
        let mut zips = self.marked(folder);
        zips.retain(|(path, mark)| mark.set == own.set && has_our_name(path));
        let (mut removed, mut warnings) = (Vec::new(), Vec::new());
        let old = zips.len().saturating_sub(keep.max(1));
        for (path, mark) in zips.into_iter().take(old) {
            if !is_described(&path, &mark) {
                continue;
            }
            match std::fs::remove_file(&path) {
                Ok(()) => removed.push(path),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => warnings.push(Warning {
                    message: format!("this old zip could not be removed: {error}"),
                    kind: WarningKind::Skipped,
                    path,
                }),
            }
        }
        (removed, warnings)
    }

    /// Files with our mark, in the order of their snapshots.
    fn marked(&self, folder: &Path) -> Vec<(PathBuf, Mark)> {
        let listed = std::fs::read_dir(folder).into_iter().flatten().flatten();
        let mut zips: Vec<(PathBuf, Mark)> = listed
            .map(|entry| entry.path())
            .filter(|path| path.extension().is_some_and(|ending| ending == "zip"))
            .filter_map(|path| Mark::read(&path).map(|mark| (path, mark)))
            .filter(|(_, mark)| mark.is_of(self.store().id()))
            .collect();
        zips.sort_by(|(a, x), (b, y)| (x.sequence, a).cmp(&(y.sequence, b)));
        zips
    }
}

/// `backup_YYYY-MM-DD_HH-MM-SS.zip`, or with a number at its end. What a person has renamed is theirs.
fn has_our_name(path: &Path) -> bool {
    let name = path.file_name().and_then(std::ffi::OsStr::to_str);
    let time = name.and_then(|name| name.strip_prefix(BEGIN)?.strip_suffix(END));
    time.is_some_and(|time| {
        let (time, number) = time.split_at_checked(19).unwrap_or((time, ""));
        let number = number.strip_prefix('_').unwrap_or(number);
        let is_time = chrono::NaiveDateTime::parse_from_str(time, "%Y-%m-%d_%H-%M-%S").is_ok();
        is_time && number.bytes().all(|digit| digit.is_ascii_digit())
    })
}

/// Whether the description in the zip is of the same snapshot as its mark.
fn is_described(path: &Path, mark: &Mark) -> bool {
    let description = || -> Option<Value> {
        let zip = ZipReader::open(std::fs::File::open(path).ok()?, &Limits::default()).ok()?;
        let entry = zip.find(MANIFEST_NAME.as_bytes())?;
        let bytes = zip.bytes(entry, MAX_DESCRIPTION).ok()?;
        serde_json::from_slice(&bytes).ok()
    };
    description().is_some_and(|description| {
        let ours = |key: &str| description.get("lifeboat")?.get(key)?.as_str();
        ours("snapshot") == Some(&mark.snapshot) && ours("repository") == Some(&mark.repository)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_a_backup_gives_are_ours() {
        for name in [
            "backup_2026-11-21_03-04-05.zip",
            "backup_2026-11-21_03-04-05_12.zip",
        ] {
            assert!(has_our_name(Path::new(name)), "{name}");
        }
        for name in [
            "backup_2026-11-21_03-04-05-before-the-move.zip",
            "backup_2026-13-21_03-04-05.zip",
            "backup_.zip",
            "backup_ää.zip",
            "mine.zip",
            "backup_2026-11-21_03-04-05.zip.old",
        ] {
            assert!(!has_our_name(Path::new(name)), "{name}");
        }
    }
}
