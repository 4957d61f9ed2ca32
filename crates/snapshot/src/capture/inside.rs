//! Whether a backup would take in one file: asked of what was written just now, which may lie in what is backed up.

use std::path::Path;

use ignore::gitignore::Gitignore;

use super::exclude::{Excludes, read_patterns};
use super::plan::Backup;
use super::roots::excludes_of;
use crate::path::real;

impl Backup {
    /// Whether a backup by this plan, to the repository at `place`, would take in the file at this path. What cannot be looked
    /// at is not taken in.
    pub fn takes_in(&self, place: &Path, path: &Path) -> bool {
        let path = real(path);
        (0..).zip(&self.sources).any(|(number, source)| {
            let plan = self.of_source(number);
            takes_in(&plan, place, &real(source), &path).unwrap_or(false)
        })
    }
}

/// `None` where it is not in the source, or cannot be looked at.
fn takes_in(plan: &Backup, place: &Path, source: &Path, path: &Path) -> Option<bool> {
    let below = path.strip_prefix(source).ok()?;
    let root = source.symlink_metadata().ok()?;
    let excludes = excludes_of(place, plan, source, &root).ok()?;
    let (mut files, mut at) = (Vec::new(), source.to_owned());
    for part in below {
        files.extend(patterns_in(&excludes, &at));
        if excludes.is_cache(&at) {
            return Some(false);
        }
        at.push(part);
        let stat = at.symlink_metadata().ok()?;
        let is_left_out = excludes.is_own(&at)
            || excludes.is_elsewhere(&stat)
            || excludes.is_large(&stat)
            || excludes.by_patterns(files.iter(), &at, stat.is_dir());
        if is_left_out {
            return Some(false);
        }
    }
    Some(true)
}

fn patterns_in(excludes: &Excludes, folder: &Path) -> Option<Gitignore> {
    excludes.heeds_files().then(|| read_patterns(folder).0)?
}
