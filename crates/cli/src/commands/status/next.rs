//! When the next backup of a source is due, by the schedule of the config and what the repository remembers.
//!
//! The daemon decides by the same engine, so what is told is what it does, but for a run that failed and is tried again sooner.

use std::collections::HashMap;
use std::time::Duration;

use lifeboat_snapshot::{History, Snapshot};

use crate::config::Config;
use crate::context::this_host;
use crate::daemon::engine::{Engine, Moment};
use crate::daemon::jobs;
use crate::daemon::past::Memory;
use crate::daemon::{is_running, seed};

/// What is to come.
#[derive(Debug, Default)]
pub(in crate::commands) struct Next {
    /// How long until each source is backed up, by its path; none where nothing says when.
    until: HashMap<Vec<u8>, Duration>,
    /// Whether a daemon sees to it, where that is planned and can be told.
    pub(in crate::commands) is_attended: Option<bool>,
}

impl Next {
    /// By this config, after these runs.
    pub(in crate::commands) fn of(
        config: &Config,
        snapshots: &[Snapshot],
        history: &History,
        now: Moment,
    ) -> Self {
        if !config.has_schedule() {
            return Self::default();
        }
        let host = this_host();
        let memory = Memory {
            host: &host,
            snapshots,
            history,
            now: now.wall,
        };
        let jobs = jobs::of(config);
        let plans = jobs.iter().map(|job| (job.plan.clone(), memory.of(job)));
        let engine = Engine::new(plans.collect(), 1, seed(&host), now);
        let mut until = HashMap::new();
        for job in &jobs {
            if let Some(wait) = engine.until(&job.plan.name, now) {
                let sources = job.sources.iter().cloned();
                until.extend(sources.map(|source| (source, wait)));
            }
        }
        let file = config.file.as_deref();
        Self {
            until,
            is_attended: file.and_then(is_running),
        }
    }

    /// Whether any backup is due.
    pub(in crate::commands) fn is_due(&self) -> bool {
        self.until.values().any(Duration::is_zero)
    }

    /// Of this source of this machine.
    pub(super) fn until(&self, source: &[u8]) -> Option<Duration> {
        self.until.get(source).copied()
    }
}
