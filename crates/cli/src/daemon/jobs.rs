//! What the config has the daemon do: a backup of the sources that go into one snapshot, just as if somebody had typed it, and
//! the upkeep.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::time::Duration;

use lifeboat_snapshot::RunKind;
use lifeboat_snapshot::history::HookMoment;

use super::engine::Plan;
use super::timing::Timing;
use crate::config::{Chore, Config};
use crate::context::all_real_soon;

/// A job of the daemon: when, and what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Job {
    pub(crate) plan: Plan,
    pub(crate) work: Work,
    /// The sources it is about, as the history has them: by their real paths, as far as their disks answered.
    pub(crate) sources: Vec<Vec<u8>>,
    /// How long it may take before it is asked to stop.
    pub(crate) limit: Option<Duration>,
    /// How long the hooks after its work may take, which are run when it is stopped too.
    pub(crate) tidying: Duration,
}

/// What is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Work {
    /// A snapshot of these sources.
    Backup(Vec<PathBuf>),
    /// Something for the repository as a whole.
    Upkeep(Chore),
}

impl Work {
    /// As the history calls it.
    pub(crate) const fn kind(&self) -> RunKind {
        match self {
            Self::Backup(_) => RunKind::Backup,
            Self::Upkeep(Chore::Prune) => RunKind::Forget,
            Self::Upkeep(Chore::Collect { .. }) => RunKind::Collect,
            Self::Upkeep(Chore::Verify(_)) => RunKind::Verify,
            Self::Upkeep(Chore::Drill(_)) => RunKind::Drill,
        }
    }

    /// What a person would type for it.
    pub(crate) fn args(&self) -> Vec<OsString> {
        let words = |words: &[&str]| words.iter().map(OsString::from).collect::<Vec<_>>();
        match self {
            Self::Backup(paths) => {
                let mut args = words(&["backup", "--no-create"]);
                args.push("--".into());
                args.extend(paths.iter().map(OsString::from));
                args
            }
            Self::Upkeep(Chore::Prune) => words(&["forget"]),
            Self::Upkeep(Chore::Collect { grace, max_repack }) => {
                let mut args = words(&["gc", "--grace", &format!("{}s", grace.as_secs())]);
                let most = max_repack.map(|bytes| bytes.to_string());
                args.extend(most.iter().flat_map(|most| words(&["--max-repack", most])));
                args
            }
            Self::Upkeep(Chore::Verify(share)) => {
                let (whole, tenth) = (share.get() / 10, share.get() % 10);
                words(&["verify", "--subset", &format!("{whole}.{tenth}%")])
            }
            Self::Upkeep(Chore::Drill(scratch)) => {
                let mut args = words(&["drill"]);
                if let Some(scratch) = scratch {
                    args.extend(["--scratch".into(), scratch.into()]);
                }
                args
            }
        }
    }

    /// Whether this exit code is that of work that was done. Damage that was found is bad news, and no reason to look again
    /// at once.
    pub(crate) const fn is_done(&self, exit: u8) -> bool {
        match self {
            Self::Backup(_) => matches!(exit, 0 | 3),
            Self::Upkeep(_) => matches!(exit, 0 | 3 | 4 | 5),
        }
    }
}

/// All jobs of a config.
pub(crate) fn of(config: &Config) -> Vec<Job> {
    let paths = config.source_paths();
    let real: BTreeMap<PathBuf, PathBuf> =
        paths.iter().cloned().zip(all_real_soon(&paths)).collect();
    let backup = |group: Vec<PathBuf>| {
        let of = |path: &PathBuf| config.source(path).map(|(name, _)| name.clone());
        let names: Vec<String> = group.iter().filter_map(of).collect();
        let settings = group.first().map(|path| config.settings(path))?;
        let plan = Plan {
            name: format!("backup {}", names.join(", ")),
            timing: settings.timing,
            is_upkeep: false,
        };
        let real = group.iter().filter_map(|path| real.get(path));
        Some(Job {
            plan,
            tidying: tidying(config, &group),
            sources: real
                .map(|path| path.as_os_str().as_bytes().to_vec())
                .collect(),
            work: Work::Backup(group),
            limit: settings.time_limit,
        })
    };
    let chore = |(chore, timing): (Chore, Timing)| {
        let name = chore.word();
        let work = Work::Upkeep(chore);
        let plan = Plan {
            name: name.to_owned(),
            timing,
            is_upkeep: true,
        };
        let limit = config.chore_limit();
        let sources = Vec::new();
        Job {
            plan,
            work,
            sources,
            limit,
            tidying: Duration::ZERO,
        }
    };
    let groups = config.groups(&paths);
    let backups = groups.into_iter().filter_map(backup);
    backups
        .chain(config.chores().into_iter().map(chore))
        .collect()
}

/// The time of all hooks after the work: one that is cut may leave an application stopped.
fn tidying(config: &Config, group: &[PathBuf]) -> Duration {
    let groups = config.hooks_of(group);
    let hooks = groups.iter().flat_map(|group| &group.hooks);
    let later = hooks.filter(|hook| hook.moment != HookMoment::Before);
    later.map(|hook| hook.timeout).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_done_is_what_a_person_would_type() {
        let text = "[source.data]\npath = '/srv/data'\n[retention]\nlast = 3\n\
                    [upkeep]\ngc_max_repack = '1G'\nverify_subset = '2.5%'\ndrill = 'every 30d'\ntime_limit = '2h'";
        let config: Config = toml::from_str(text).unwrap();
        let shown = |job: &Job| {
            let args: Vec<String> = job
                .work
                .args()
                .iter()
                .map(|arg| arg.to_string_lossy().into())
                .collect();
            format!("{}: {}", job.plan.name, args.join(" "))
        };
        let jobs = of(&config);
        let typed: Vec<String> = jobs.iter().map(shown).collect();
        assert_eq!(
            typed,
            [
                "backup data: backup --no-create -- /srv/data",
                "prune: forget",
                "gc: gc --grace 604800s --max-repack 1073741824",
                "verify: verify --subset 2.5%",
                "drill: drill",
            ]
        );
        let hours = |job: &Job| job.limit.map(|limit| limit.as_secs() / 3600);
        assert_eq!((hours(&jobs[0]), hours(&jobs[1])), (Some(24), Some(2)));
    }

    #[test]
    fn the_hooks_after_the_work_have_their_time_when_a_run_is_ended() {
        let text = "[source.a]\npath = '/srv/a'\n[source.b]\npath = '/srv/b'\n\
                    [source.b.hooks]\nafter = ''\n\
                    [hooks]\nbefore = 'stop'\nafter = { run = 'x', timeout = '10s' }\n\
                    on_failure = { run = 'x', timeout = '20s' }\nfinally = 'start'";
        let config: Config = toml::from_str(text).unwrap();
        let jobs = of(&config);
        assert_eq!(jobs[0].sources.len(), 2);
        let (of_a, of_b) = (10 + 20 + 300, 20 + 300);
        assert_eq!(jobs[0].tidying, Duration::from_secs(of_a + of_b));
        assert_eq!(jobs[1].tidying, Duration::ZERO);
    }
}
