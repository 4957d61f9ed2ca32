//! What the config has the daemon do: a backup for each source, so that one that is missing stops no other, and the upkeep.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::time::Duration;

use lifeboat_snapshot::RunKind;

use super::engine::Plan;
use crate::config::Config;
use crate::context::real;

/// A job of the daemon: when, and what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Job {
    pub(crate) plan: Plan,
    pub(crate) work: Work,
    /// How long it may take before it is asked to stop.
    pub(crate) limit: Option<Duration>,
}

/// What is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Work {
    /// A snapshot of a source.
    Backup(PathBuf),
}

impl Work {
    /// As the history calls it.
    pub(crate) const fn kind(&self) -> RunKind {
        match self {
            Self::Backup(_) => RunKind::Backup,
        }
    }

    /// The sources it is about, as the history has them.
    pub(crate) fn sources(&self) -> Vec<Vec<u8>> {
        match self {
            Self::Backup(path) => vec![real(path).as_os_str().as_bytes().to_vec()],
        }
    }

    /// What a person would type for it.
    pub(crate) fn args(&self) -> Vec<OsString> {
        let words = |words: &[&str]| words.iter().map(OsString::from).collect::<Vec<_>>();
        match self {
            Self::Backup(path) => {
                let mut args = words(&["backup", "--no-create", "--"]);
                args.push(path.into());
                args
            }
        }
    }

    /// Whether this exit code is that of work that was done. Damage that was found is bad news, and no reason to look again
    /// at once.
    pub(crate) const fn is_done(&self, exit: u8) -> bool {
        match self {
            Self::Backup(_) => matches!(exit, 0 | 3),
        }
    }
}

/// All jobs of a config.
pub(crate) fn of(config: &Config) -> Vec<Job> {
    let backup = |(name, source): (&String, &crate::config::Source)| Job {
        plan: Plan {
            name: format!("backup {name}"),
            timing: config.timing_of(source),
            is_upkeep: false,
        },
        work: Work::Backup(source.path.clone()),
        limit: None,
    };
    config.sources.iter().map(backup).collect()
}
