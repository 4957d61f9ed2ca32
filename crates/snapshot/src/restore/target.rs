//! Looking at the place to restore to, before anything is written there; and the mark that it carries until it is whole.

use std::path::{Path, PathBuf};

use lifeboat_store::SnapshotId;

use super::{Overwrite, Restore};
use crate::error::{IoContext, Result, SnapshotError};
use crate::path::of_bytes;
use crate::record::Snapshot;

/// The file that stands at the top of a folder for as long as a restore into it is not complete.
pub const MARK: &str = ".lifeboat-restore";

/// A longer file is none of ours.
const MARK_MAX: u64 = 4096;

/// What was found at the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Target {
    /// What may be replaced; `None` where there is nothing yet.
    pub(super) overwrite: Option<Overwrite>,
    /// The folder itself is made by this restore, or was by an earlier run of it: it gets the recorded attributes.
    pub(super) is_ours: bool,
}

/// Whether the target can be restored to: missing or empty, or left by an interrupted restore of the same snapshot, or to
/// be overwritten; and no part of the repository or of the live data.
pub(super) fn look_at(plan: &Restore, snapshot: &Snapshot, repository: &Path) -> Result<Target> {
    let target = plan.target.as_path();
    if target.as_os_str().is_empty() {
        return Err(unusable(target, "no folder was named"));
    }
    let absolute = std::path::absolute(target).context("find", target)?;
    let existing = absolute
        .ancestors()
        .find_map(|ancestor| ancestor.canonicalize().ok())
        .unwrap_or_default();
    let repository = repository.canonicalize().ok();
    if repository
        .as_ref()
        .is_some_and(|repository| existing.starts_with(repository))
    {
        return Err(unusable(target, "it is inside the repository"));
    }
    let is_missing = match std::fs::read_dir(target) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => true,
        Err(error) if error.kind() == std::io::ErrorKind::NotADirectory => {
            return Err(unusable(target, "it is no folder"));
        }
        Err(error) => return Err(error).context("list", target),
        Ok(mut entries) => match entries.next() {
            None => false,
            Some(_) => return look_at_contents(plan, snapshot, &existing, repository),
        },
    };
    if !plan.inside_source {
        check_sources(target, &existing, snapshot, false)?;
    }
    Ok(Target {
        overwrite: None,
        is_ours: is_missing,
    })
}

fn look_at_contents(
    plan: &Restore,
    snapshot: &Snapshot,
    target: &Path,
    repository: Option<PathBuf>,
) -> Result<Target> {
    if let Some(is_ours) = read_mark(target, snapshot.id) {
        let overwrite = match plan.overwrite {
            // Times and lengths of what was cut short prove nothing.
            Overwrite::Refuse | Overwrite::Never | Overwrite::IfChanged => Overwrite::Always,
            asked => asked,
        };
        return Ok(Target {
            overwrite: Some(overwrite),
            is_ours,
        });
    }
    if plan.overwrite == Overwrite::Refuse {
        return Err(SnapshotError::TargetNotEmpty {
            path: plan.target.clone(),
        });
    }
    if target.parent().is_none() {
        return Err(unusable(target, "it is the root of this machine"));
    }
    if !plan.inside_source {
        check_sources(target, target, snapshot, true)?;
    }
    if repository.is_some_and(|repository| repository.starts_with(target)) {
        return Err(unusable(target, "the repository is inside it"));
    }
    Ok(Target {
        overwrite: Some(plan.overwrite),
        is_ours: false,
    })
}

/// What is restored into live data would be backed up with it; and what is restored over it is for a restore in place,
/// which keeps what it replaces.
fn check_sources(
    target: &Path,
    existing: &Path,
    snapshot: &Snapshot,
    overwrites: bool,
) -> Result<()> {
    for source in &snapshot.sources {
        let source = of_bytes(source);
        let Ok(live) = source.canonicalize() else {
            continue;
        };
        let is_live = std::fs::read_dir(&live).is_ok_and(|mut entries| entries.next().is_some());
        // Everything is inside the root.
        if !is_live || live.parent().is_none() {
            continue;
        }
        let is_inside = existing.starts_with(&live);
        if is_inside || (overwrites && live.starts_with(existing)) {
            let how = if is_inside { "it is in" } else { "it holds" };
            let reason = format!("{how} {}, the live data of this snapshot", live.display());
            return Err(unusable(target, &reason));
        }
    }
    Ok(())
}

/// Better no file than half of them. `bound` is more than is needed, and cheap to know; `exact` is asked where that is too
/// much, with the length of a block. `files` is how many there will be more.
pub(crate) fn check_room(
    target: &Path,
    files: u64,
    bound: u64,
    exact: impl FnOnce(u64) -> Result<u64>,
) -> Result<()> {
    let Some(existing) = target.ancestors().find(|ancestor| ancestor.exists()) else {
        return Ok(());
    };
    let Ok(stat) = rustix::fs::statvfs(existing) else {
        return Ok(());
    };
    // A file system without a fixed number of files says that it has none at all.
    if stat.f_files > 0 && stat.f_favail < files {
        return Err(SnapshotError::NoFiles {
            path: target.to_owned(),
            needed: files,
            free: stat.f_favail,
        });
    }
    let free_bytes = stat.f_bavail.saturating_mul(stat.f_frsize);
    let block = stat.f_frsize.max(1);
    if free_bytes >= bound.saturating_add(files.saturating_mul(block)) {
        return Ok(());
    }
    let needed_bytes = exact(block)?;
    if free_bytes >= needed_bytes {
        return Ok(());
    }
    Err(SnapshotError::NoSpace {
        path: target.to_owned(),
        needed_bytes,
        free_bytes,
    })
}

fn unusable(target: &Path, reason: &str) -> SnapshotError {
    SnapshotError::TargetUnusable {
        path: target.to_owned(),
        reason: reason.to_owned(),
    }
}

/// What the mark says, to people first.
pub(super) fn mark(snapshot: SnapshotId, is_ours: bool) -> String {
    let folder = if is_ours { "new" } else { "old" };
    format!(
        "This folder is being restored by lifeboat and is not complete.\n\
         The same restore, run again, goes on where it ended.\n\
         snapshot {snapshot}\nfolder {folder}\n"
    )
}

/// Whether the folder was made by the restore that has marked it; `None` where no restore of this snapshot has.
fn read_mark(target: &Path, snapshot: SnapshotId) -> Option<bool> {
    let path = target.join(MARK);
    let stat = path.symlink_metadata().ok()?;
    if !stat.is_file() || stat.len() > MARK_MAX {
        return None;
    }
    let text = std::fs::read_to_string(path).ok()?;
    [true, false]
        .into_iter()
        .find(|&is_ours| text == mark(snapshot, is_ours))
}
