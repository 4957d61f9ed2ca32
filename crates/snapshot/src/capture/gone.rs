//! Databases that the snapshot before has, and that are not there any more: a folder without its database is backed up as well
//! as any other, and somebody should hear of it.

use std::collections::HashSet;
use std::io::ErrorKind::{NotADirectory, NotFound};
use std::path::{Path, PathBuf};

use super::settings::Settings;
use crate::path::TreePath;

impl Settings<'_> {
    /// Those of these sources, where they were; of what was taken, the number of its source and its path there. What is there and
    /// was left out, or is no database any more, is not gone.
    pub(super) fn gone<'t>(
        &self,
        sources: &[PathBuf],
        taken: impl Iterator<Item = (u32, &'t TreePath)>,
    ) -> Vec<PathBuf> {
        // Of data of the past that was unpacked to be read, the snapshot before tells nothing.
        if self.plan.past.is_some() {
            return Vec::new();
        }
        let taken: HashSet<_> = taken.collect();
        let before = self.before.iter();
        let lacking = before.filter(|old| !taken.contains(&(old.source, &old.path)));
        lacking
            .filter_map(|old| Some(old.path.below(sources.get(old.source as usize)?)))
            .filter(|path| is_gone(path))
            .collect()
    }
}

fn is_gone(path: &Path) -> bool {
    let look = path.symlink_metadata();
    look.is_err_and(|error| matches!(error.kind(), NotFound | NotADirectory))
}
