//! Which entries of a snapshot are wanted.

use std::path::Path;

use ignore::gitignore::{Gitignore, GitignoreBuilder};

use crate::entry::{Entry, Node};
use crate::error::{Result, SnapshotError};
use crate::path::TreePath;

/// Which entries are wanted.
pub(crate) struct Selection(Option<Gitignore>);

impl Selection {
    pub(crate) fn new(patterns: &[String]) -> Result<Self> {
        if patterns.is_empty() {
            return Ok(Self(None));
        }
        let bad = |pattern: &str, error: ignore::Error| SnapshotError::BadPattern {
            pattern: pattern.to_owned(),
            reason: error.to_string(),
        };
        let mut builder = GitignoreBuilder::new("");
        for pattern in patterns {
            let pattern = pattern.strip_prefix("./").unwrap_or(pattern);
            builder
                .add_line(None, pattern)
                .map_err(|error| bad(pattern, error))?;
        }
        let matcher = builder.build();
        Ok(Self(Some(matcher.map_err(|error| bad("all", error))?)))
    }

    pub(crate) fn admits(&self, path: &TreePath, entry: &Entry) -> bool {
        let Some(patterns) = &self.0 else {
            return true;
        };
        let is_folder = matches!(entry.node, Node::Folder { .. });
        let path = path.below(Path::new(""));
        patterns
            .matched_path_or_any_parents(path, is_folder)
            .is_ignore()
    }
}
