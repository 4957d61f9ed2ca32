//! A `[source.NAME]`, and what holds for a path: what its source says, else what stands at the top.

use std::path::{Path, PathBuf};
use std::time::Duration;

use lifeboat_snapshot::{CheckPolicy, CountQuery};
use serde::Deserialize;

use super::Config;
use super::counts::Counts;
use super::hooks::Hooks;
use super::retention::Retention;
use super::schedule::SourceSchedule;
use super::size::Size;
use super::zip::{Zip, ZipRules};
use crate::context::real_soon;
use crate::daemon::timing::Timing;

/// A `[source.NAME]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Source {
    pub(crate) path: PathBuf,
    pub(super) exclude: Option<Vec<String>>,
    pub(super) exclude_caches: Option<bool>,
    pub(super) exclude_larger_than: Option<Size>,
    pub(super) one_file_system: Option<bool>,
    pub(super) check: Option<Check>,
    #[serde(default)]
    pub(super) counts: Counts,
    #[serde(default)]
    pub(super) zip: Zip,
    pub(super) retention: Option<Retention>,
    pub(super) warn_after: Option<super::retention::Span>,
    pub(super) hooks: Option<Hooks>,
    pub(super) schedule: Option<SourceSchedule>,
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

impl Check {
    /// As it is written in the config.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Auto => "auto",
            Self::Quick => "quick",
            Self::Full => "full",
        }
    }
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
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Settings {
    pub(crate) excludes: Vec<String>,
    pub(crate) exclude_caches: bool,
    pub(crate) exclude_larger_than: Option<u64>,
    pub(crate) one_file_system: bool,
    pub(crate) check: Check,
    pub(crate) counts: Vec<CountQuery>,
    pub(crate) zip: ZipRules,
    pub(crate) retention: Retention,
    /// When the daemon backs it up.
    pub(crate) timing: Timing,
    /// How long it may take then; `None` for ever.
    pub(crate) time_limit: Option<Duration>,
}

impl Settings {
    /// Whether both sources may be in one snapshot: what is said of a snapshot as a whole must be the same.
    fn goes_with(&self, other: &Self) -> bool {
        self.retention == other.retention
            && self.zip == other.zip
            && self.timing == other.timing
            && self.time_limit == other.time_limit
    }
}

impl Config {
    /// The `[source.NAME]` that a path is, and its name.
    pub(crate) fn source(&self, path: &Path) -> Option<(&String, &Source)> {
        let mut sources = self.sources.iter();
        // Its disk, and that of another one, may not answer.
        let is_typed = |(_, source): &(&String, &Source)| source.path == path;
        sources.find(is_typed).or_else(|| {
            let path = real_soon(path);
            let mut sources = self.sources.iter();
            sources.find(|(_, source)| real_soon(&source.path) == path)
        })
    }

    /// What holds for a path: the settings of the source that it is, or those at the top.
    pub(crate) fn settings(&self, path: &Path) -> Settings {
        self.settings_of(self.source(path).map(|(_, source)| source))
    }

    /// What holds for a path that is no source.
    pub(crate) fn top_settings(&self) -> Settings {
        self.settings_of(None)
    }

    /// What holds for a source, or at the top.
    pub(super) fn settings_of(&self, source: Option<&Source>) -> Settings {
        let excludes = source.and_then(|source| source.exclude.as_ref());
        let larger = source.and_then(|source| source.exclude_larger_than);
        let flag = |of: fn(&Source) -> Option<bool>| source.and_then(of);
        let check = source.and_then(|source| source.check);
        let zip = source.map_or(&self.zip, |source| &source.zip);
        Settings {
            exclude_caches: flag(|source| source.exclude_caches)
                .or(self.exclude_caches)
                .unwrap_or(false),
            exclude_larger_than: larger.or(self.exclude_larger_than).map(|size| size.0),
            one_file_system: flag(|source| source.one_file_system)
                .or(self.one_file_system)
                .unwrap_or(false),
            excludes: excludes
                .or(self.exclude.as_ref())
                .cloned()
                .unwrap_or_default(),
            check: check.or(self.check).unwrap_or_default(),
            counts: self.counts_of(source),
            zip: zip.over(&self.zip),
            retention: source
                .and_then(|source| source.retention.clone())
                .unwrap_or_else(|| self.retention.clone()),
            timing: self.timing_of(source),
            time_limit: self.time_limit_of(source),
        }
    }

    /// Sources as they go into snapshots: those together of which the same is said for the snapshot as a whole, in the order
    /// in which they were given.
    pub(crate) fn groups(&self, paths: &[PathBuf]) -> Vec<Vec<PathBuf>> {
        let mut groups: Vec<(Settings, Vec<PathBuf>)> = Vec::new();
        for path in paths {
            let settings = self.settings(path);
            let mut fitting = groups.iter_mut();
            match fitting.find(|(group, _)| group.goes_with(&settings)) {
                Some((_, group)) => group.push(path.clone()),
                None => groups.push((settings, vec![path.clone()])),
            }
        }
        groups.into_iter().map(|(_, group)| group).collect()
    }
}
