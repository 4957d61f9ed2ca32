//! The `[zip]`: when zips are written, where, and how many stay.

use std::num::NonZeroU32;
use std::path::PathBuf;

use serde::Deserialize;

use super::Config;

/// How many stay where nobody says.
const KEEP: NonZeroU32 = NonZeroU32::MIN.saturating_add(9);

/// A `[zip]`, at the top or of a source. What a source's leaves out is as that at the top says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Zip {
    pub(super) when: Option<When>,
    pub(super) dir: Option<PathBuf>,
    pub(super) keep: Option<NonZeroU32>,
}

/// When a backup writes a zip.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum When {
    #[default]
    Always,
    Daily,
    Never,
}

impl When {
    /// As it is written in the config.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Always => "always",
            Self::Daily => "daily",
            Self::Never => "never",
        }
    }
}

/// What holds for the zips of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ZipRules {
    pub(crate) when: When,
    /// The folder; that in the repository where there is none.
    pub(crate) dir: Option<PathBuf>,
    keep: NonZeroU32,
}

impl ZipRules {
    /// How many zips of the same sources are left at their place.
    pub(crate) fn keep(&self) -> usize {
        self.keep.get() as usize
    }
}

impl Zip {
    /// What holds where this says it, and else as the other does.
    pub(super) fn over(&self, other: &Self) -> ZipRules {
        ZipRules {
            when: self.when.or(other.when).unwrap_or_default(),
            dir: self.dir.clone().or_else(|| other.dir.clone()),
            keep: self.keep.or(other.keep).unwrap_or(KEEP),
        }
    }
}

impl Config {
    /// Every folder that zips go to, but for that in the repository: none of it is data.
    pub(crate) fn zip_dirs(&self) -> Vec<PathBuf> {
        let of_sources = self.sources.values().map(|source| &source.zip.dir);
        let mut dirs: Vec<PathBuf> = of_sources
            .chain([&self.zip.dir])
            .flatten()
            .cloned()
            .collect();
        dirs.sort();
        dirs.dedup();
        dirs
    }
}
