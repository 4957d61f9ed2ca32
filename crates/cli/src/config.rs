//! `lifeboat.toml`: where it is, and what it says.
//!
//! Optional everywhere, and strict: a key that nobody knows is a mistake with a line and a column, because a typo in
//! `exclude` must not be found out at the restore. Relative paths in it are relative to the file, wherever one stands.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use lifeboat_snapshot::store::Share;
use serde::Deserialize;

use crate::failure::Failure;

use counts::Counts;
pub(crate) use parity::parse as parse_parity;
use retention::Retention;
use schedule::Schedule;
pub(crate) use source::{Check, Settings, Source};
pub(crate) use zip::{When, Zip};

mod counts;
mod file;
mod parity;
pub(crate) mod retention;
mod schedule;
mod size;
mod source;
#[cfg(test)]
mod tests;
mod zip;

/// Names the file, unless `--config` does.
const VARIABLE: &str = "LIFEBOAT_CONFIG";

/// What the file says. Each table is a struct of its own, in a room of its own.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Config {
    /// The file itself, for messages.
    #[serde(skip)]
    pub(crate) file: Option<PathBuf>,
    pub(crate) repo: Option<PathBuf>,
    exclude: Vec<String>,
    exclude_caches: bool,
    exclude_larger_than: Option<size::Size>,
    one_file_system: bool,
    check: Check,
    parity: parity::Parity,
    counts: Counts,
    #[serde(rename = "source")]
    pub(crate) sources: BTreeMap<String, Source>,
    pub(crate) zip: Zip,
    pub(crate) retention: Retention,
    schedule: Option<Schedule>,
}

impl Config {
    /// The config that `--config`, `LIFEBOAT_CONFIG` or a folder above the working directory names; else an empty one.
    pub(crate) fn load(named: Option<&Path>) -> Result<Self, Failure> {
        let variable = std::env::var_os(VARIABLE).filter(|value| !value.is_empty());
        let named = named.map(Path::to_owned).or(variable.map(PathBuf::from));
        match named.or_else(file::search) {
            Some(file) => file::read(&file),
            None => Ok(Self::default()),
        }
    }

    /// The paths of all sources, in the order of their names.
    pub(crate) fn source_paths(&self) -> Vec<PathBuf> {
        self.sources
            .values()
            .map(|source| source.path.clone())
            .collect()
    }

    /// How much parity is written.
    pub(crate) fn parity(&self) -> Share {
        self.parity.0
    }

    /// Keys that are understood and have no effect yet.
    pub(crate) fn not_in_force(&self) -> Vec<&'static str> {
        let keys = [("[schedule]", self.schedule.is_some())];
        keys.into_iter()
            .filter_map(|(key, is_there)| is_there.then_some(key))
            .collect()
    }

    /// Relative paths become relative to the folder of the file.
    fn anchor(&mut self, folder: &Path) {
        let sources = self.sources.values_mut().map(|source| &mut source.path);
        for path in sources.chain(&mut self.repo).chain(&mut self.zip.dir) {
            *path = folder.join(&*path);
        }
    }
}
