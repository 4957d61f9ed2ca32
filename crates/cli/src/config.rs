//! `lifeboat.toml`: where it is, and what it says.
//!
//! Optional everywhere, and strict: a key that nobody knows is a mistake with a line and a column, because a typo in
//! `exclude` must not be found out at the restore. Relative paths in it are relative to the file, wherever one stands.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use lifeboat_snapshot::store::Share;
use serde::Deserialize;

use crate::context::absolute;
use crate::failure::Failure;

use counts::Counts;
pub(crate) use file::{MAX_LEN, NAME};
pub(crate) use parity::parse as parse_parity;
use retention::Retention;
use schedule::Schedule;
pub(crate) use source::{Check, Settings, Source};
pub(crate) use told::Told;
pub(crate) use upkeep::Chore;
use upkeep::Upkeep;
use zip::Zip;
pub(crate) use zip::{When, ZipRules};

pub(crate) mod command;
mod counts;
mod file;
pub(crate) mod hooks;
pub(crate) mod notify;
mod parity;
pub(crate) mod retention;
mod schedule;
mod size;
mod source;
#[cfg(test)]
mod tests;
mod told;
mod trust;
mod twins;
mod upkeep;
mod warn;
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
    /// All that it says, as it stands there.
    #[serde(skip)]
    pub(crate) text: String,
    pub(crate) repo: Option<PathBuf>,
    exclude: Option<Vec<String>>,
    exclude_caches: Option<bool>,
    exclude_larger_than: Option<size::Size>,
    one_file_system: Option<bool>,
    check: Option<Check>,
    parity: Option<parity::Parity>,
    counts: Counts,
    #[serde(rename = "source")]
    pub(crate) sources: BTreeMap<String, Source>,
    zip: Zip,
    pub(crate) retention: Retention,
    hooks: hooks::Hooks,
    pub(crate) notify: notify::Notify,
    schedule: Option<Schedule>,
    upkeep: Upkeep,
    warn_after: Option<retention::Span>,
}

impl Config {
    /// The config that `--config`, `LIFEBOAT_CONFIG` or a folder above the working directory names; else an empty one.
    pub(crate) fn load(named: Option<&Path>) -> Result<Self, Failure> {
        let variable = std::env::var_os(VARIABLE).filter(|value| !value.is_empty());
        let named = named.map(Path::to_owned).or(variable.map(PathBuf::from));
        let found = match named {
            Some(file) => Some(file),
            None => file::search()?,
        };
        match found {
            Some(file) => file::read(&file),
            None => Ok(Self::default()),
        }
    }

    /// The config that a file would be if it said this.
    pub(crate) fn of_text(file: &Path, text: String) -> Result<Self, Failure> {
        file::of_text(absolute(file), text)
    }

    /// What the file says now that was loaded before. One that nobody named must still be ours.
    pub(crate) fn text_now(file: &Path, is_named: bool) -> Result<String, Failure> {
        match is_named {
            true => file::text(file),
            false => file::trusted(file).and_then(|()| file::text(file)),
        }
    }

    /// Whether the config is one that somebody named, with this on the command line.
    pub(crate) fn is_named(flag: Option<&Path>) -> bool {
        flag.is_some() || std::env::var_os(VARIABLE).is_some_and(|value| !value.is_empty())
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
        self.parity.unwrap_or_default().0
    }

    /// How much parity is written, and who says so.
    pub(crate) fn parity_told(&self) -> (String, &'static str) {
        let per_mille = self.parity().get();
        let share = match per_mille % 10 {
            0 => format!("{}%", per_mille / 10),
            tenth => format!("{}.{tenth}%", per_mille / 10),
        };
        let from = if self.parity.is_some() {
            "the top"
        } else {
            "by default"
        };
        (share, from)
    }

    /// Relative paths become relative to the folder of the file.
    fn anchor(&mut self, folder: &Path) {
        let anchored = |path: &mut PathBuf| *path = folder.join(&*path);
        for source in self.sources.values_mut() {
            anchored(&mut source.path);
            source.zip.dir.iter_mut().for_each(anchored);
        }
        self.repo.iter_mut().for_each(anchored);
        self.zip.dir.iter_mut().for_each(anchored);
        self.upkeep.drill_scratch.iter_mut().for_each(anchored);
        self.notify.anchor(folder);
    }
}
