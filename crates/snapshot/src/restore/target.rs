//! Looking at the place to restore to, before anything is written there.

use std::path::Path;

use crate::error::{IoContext, Result, SnapshotError};

/// The target is missing or empty, and no part of the repository.
pub(super) fn check_target(target: &Path, repository: &Path) -> Result<()> {
    let unusable = |reason: &str| SnapshotError::TargetUnusable {
        path: target.to_owned(),
        reason: reason.to_owned(),
    };
    if target.as_os_str().is_empty() {
        return Err(unusable("no folder was named"));
    }
    let absolute = std::path::absolute(target).context("find", target)?;
    let existing = absolute
        .ancestors()
        .find_map(|ancestor| ancestor.canonicalize().ok())
        .unwrap_or_default();
    if repository
        .canonicalize()
        .is_ok_and(|repository| existing.starts_with(repository))
    {
        return Err(unusable("it is inside the repository"));
    }
    match std::fs::read_dir(target) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::NotADirectory => {
            Err(unusable("it is no folder"))
        }
        Err(error) => Err(error).context("list", target),
        Ok(mut entries) => match entries.next() {
            None => Ok(()),
            Some(_) => Err(SnapshotError::TargetNotEmpty {
                path: target.to_owned(),
            }),
        },
    }
}

/// Better no file than half of them.
pub(super) fn check_space(target: &Path, needed_bytes: u64) -> Result<()> {
    let Some(existing) = target.ancestors().find(|ancestor| ancestor.exists()) else {
        return Ok(());
    };
    let Ok(stat) = rustix::fs::statvfs(existing) else {
        return Ok(());
    };
    let free_bytes = stat.f_bavail.saturating_mul(stat.f_frsize);
    if free_bytes >= needed_bytes {
        return Ok(());
    }
    Err(SnapshotError::NoSpace {
        path: target.to_owned(),
        needed_bytes,
        free_bytes,
    })
}
