//! Which entries of a snapshot are wanted.

use std::collections::BTreeSet;
use std::path::Path;

use ignore::gitignore::{Gitignore, GitignoreBuilder};

use crate::entry::{Entry, Node};
use crate::error::{Result, SnapshotError};
use crate::path::TreePath;

/// Which entries are wanted.
pub(crate) struct Selection {
    patterns: Option<Gitignore>,
    only: Option<BTreeSet<TreePath>>,
}

impl Selection {
    /// What one of the patterns matches; everything where there are none.
    pub(crate) fn new(patterns: &[String]) -> Result<Self> {
        let everything = Self {
            patterns: None,
            only: None,
        };
        if patterns.is_empty() {
            return Ok(everything);
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
        let matcher = builder.build().map_err(|error| bad("all", error))?;
        Ok(Self {
            patterns: Some(matcher),
            ..everything
        })
    }

    /// Of these, only the named entries, each with everything in it.
    pub(crate) fn narrowed(self, only: Option<BTreeSet<TreePath>>) -> Self {
        Self { only, ..self }
    }

    /// Whether an entry is wanted.
    pub(crate) fn admits(&self, path: &TreePath, entry: &Entry) -> bool {
        self.admits_path(path, matches!(entry.node, Node::Folder { .. }))
    }

    /// The same of an entry of which only that is known.
    pub(crate) fn admits_path(&self, path: &TreePath, is_folder: bool) -> bool {
        self.is_named(path) && self.is_matched(path, is_folder)
    }

    fn is_matched(&self, path: &TreePath, is_folder: bool) -> bool {
        let Some(patterns) = &self.patterns else {
            return true;
        };
        let path = path.below(Path::new(""));
        patterns
            .matched_path_or_any_parents(path, is_folder)
            .is_ignore()
    }

    /// Whether the entry, or a folder that it is in, is one of the named.
    fn is_named(&self, path: &TreePath) -> bool {
        let Some(only) = &self.only else {
            return true;
        };
        let mut above = TreePath::root();
        path.parts().iter().any(|part| {
            above = above.join(part);
            only.contains(&above)
        })
    }
}
