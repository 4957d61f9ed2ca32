//! A `[source.NAME]`, and what holds for a path: what its source says, else what stands at the top.

use std::path::{Path, PathBuf};

use lifeboat_snapshot::CheckPolicy;
use serde::Deserialize;

use super::Config;
use super::retention::Retention;
use super::size::Size;
use crate::context::real;

/// A `[source.NAME]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Source {
    pub(crate) path: PathBuf,
    exclude: Option<Vec<String>>,
    exclude_caches: Option<bool>,
    exclude_larger_than: Option<Size>,
    one_file_system: Option<bool>,
    check: Option<Check>,
    pub(super) retention: Option<Retention>,
}

/// When SQLite's own check is run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Check {
    /// Never
    None,
    /// At first sight, after a change of the schema, and once a day
    #[default]
    Auto,
    /// The quick check, at each backup
    Quick,
    /// The full integrity check, at each backup
    Full,
}

impl From<Check> for CheckPolicy {
    fn from(check: Check) -> Self {
        match check {
            Check::None => Self::None,
            Check::Auto => Self::Auto,
            Check::Quick => Self::Quick,
            Check::Full => Self::Full,
        }
    }
}

/// What holds for a source.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Settings {
    pub(crate) excludes: Vec<String>,
    pub(crate) exclude_caches: bool,
    pub(crate) exclude_larger_than: Option<u64>,
    pub(crate) one_file_system: bool,
    pub(crate) check: Check,
    pub(crate) retention: Retention,
}

impl Config {
    /// What holds for a path: the settings of the source that it is, or those at the top.
    pub(crate) fn settings(&self, path: &Path) -> Settings {
        let path = real(path);
        let source = self
            .sources
            .values()
            .find(|source| real(&source.path) == path);
        let excludes = source.and_then(|source| source.exclude.as_ref());
        let larger = source.and_then(|source| source.exclude_larger_than);
        let flag = |of: fn(&Source) -> Option<bool>| source.and_then(of);
        Settings {
            exclude_caches: flag(|source| source.exclude_caches).unwrap_or(self.exclude_caches),
            exclude_larger_than: larger.or(self.exclude_larger_than).map(|size| size.0),
            one_file_system: flag(|source| source.one_file_system).unwrap_or(self.one_file_system),
            excludes: excludes.unwrap_or(&self.exclude).clone(),
            check: source.and_then(|source| source.check).unwrap_or(self.check),
            retention: source
                .and_then(|source| source.retention.clone())
                .unwrap_or_else(|| self.retention.clone()),
        }
    }
}
