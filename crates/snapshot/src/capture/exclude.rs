//! What is left out of a backup: patterns in gitignore's syntax, and the repository itself.

use std::path::{Path, PathBuf};

use ignore::gitignore::{Gitignore, GitignoreBuilder};

use crate::error::{Result, SnapshotError};

/// Decides for the paths of one source.
pub(crate) struct Excludes {
    root: PathBuf,
    patterns: Gitignore,
    /// Folders that are left out whatever the patterns say.
    folders: Vec<PathBuf>,
}

impl Excludes {
    /// Patterns relative to the source's root; `folders` are absolute and canonical.
    pub(crate) fn new(root: &Path, patterns: &[String], folders: Vec<PathBuf>) -> Result<Self> {
        let mut builder = GitignoreBuilder::new(root);
        for pattern in patterns {
            let bad = |error: ignore::Error| SnapshotError::BadPattern {
                pattern: pattern.clone(),
                reason: error.to_string(),
            };
            builder.add_line(None, pattern).map_err(bad)?;
        }
        let bad = |error: ignore::Error| SnapshotError::BadPattern {
            pattern: patterns.join(", "),
            reason: error.to_string(),
        };
        Ok(Self {
            root: root.to_owned(),
            patterns: builder.build().map_err(bad)?,
            folders,
        })
    }

    /// The source's path.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Whether the user asked to leave this out.
    pub(crate) fn by_pattern(&self, path: &Path, is_dir: bool) -> bool {
        self.patterns.matched(path, is_dir).is_ignore()
    }

    /// Whether it is a folder that a backup must not hold: its own repository, its zips, or what a restore in place has
    /// laid ready.
    pub(crate) fn is_own(&self, path: &Path) -> bool {
        self.folders.iter().any(|folder| folder == path) || crate::inplace::is_stage(path)
    }
}
