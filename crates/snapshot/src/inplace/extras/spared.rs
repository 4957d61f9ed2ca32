//! What is not deleted although the snapshot lacks it: what backups leave out, and lifeboat's own folders.

use std::ffi::OsStr;
use std::fs::Metadata;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use ignore::gitignore::Gitignore;

use super::{Comparison, Level, need};
use crate::capture::exclude::{self, Excludes};
use crate::content::read_all;
use crate::error::{Result, SnapshotError};

impl Level {
    /// With what files of patterns say of it.
    pub(super) fn spared(self, comparison: &Comparison<'_>, path: &Path) -> Self {
        if !comparison.options.rules.ignore_files {
            return self;
        }
        let is_there = path.join(OsStr::from_bytes(exclude::IGNORE)).exists();
        let live = is_there.then(|| exclude::read_patterns(path).0).flatten();
        let then = self.stored(comparison, path);
        Self { live, then, ..self }
    }

    /// What the snapshot's file says. One that cannot be read says nothing.
    fn stored(&self, comparison: &Comparison<'_>, path: &Path) -> Option<Gitignore> {
        let content = comparison.patterns.get(&self.place)?;
        let bytes = read_all(comparison.repository.store(), content).ok()?;
        let text = String::from_utf8(bytes).ok()?;
        exclude::patterns(path, &text).0
    }
}

/// Whether an entry of the innermost folder is left out of backups, or is lifeboat's own.
pub(super) fn is_spared(
    excludes: &Excludes,
    levels: &[Level],
    path: &Path,
    stat: &Metadata,
) -> bool {
    let live = levels.iter().filter_map(|level| level.live.as_ref());
    let then = levels.iter().filter_map(|level| level.then.as_ref());
    excludes.is_own(path)
        || excludes.is_elsewhere(stat)
        || excludes.by_patterns(live, path, stat.is_dir())
        || excludes.by_patterns(then, path, stat.is_dir())
        || stat.is_dir() && excludes.is_cache(path)
}

/// What is spared stays, and every folder above it. Where one of those must go, nothing can be done.
pub(super) fn keep(levels: &mut [Level], path: &Path) -> Result<()> {
    if levels.last().is_some_and(|level| level.goes) {
        return Err(SnapshotError::TargetUnusable {
            path: path.to_owned(),
            reason: "backups leave it out, and it would go with the folder that it is in"
                .to_owned(),
        });
    }
    need(levels);
    Ok(())
}
