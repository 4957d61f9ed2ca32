//! What the daemon works by: the config as it was read last, and the jobs in it.

use std::path::PathBuf;

use super::jobs::{self, Job};
use crate::config::Config;
use crate::context::Context;
use crate::failure::Failure;
use crate::place::Place;

/// All of it. A reload makes a new one, or leaves the old one in force.
pub(super) struct Setup {
    /// The config.
    pub(super) file: PathBuf,
    /// The repository.
    pub(super) place: Place,
    pub(super) jobs: Vec<Job>,
    pub(super) at_once: usize,
    pub(super) nice: i32,
    /// Whether there is somebody to tell.
    pub(super) has_channels: bool,
}

impl Setup {
    /// Reads it.
    ///
    /// # Errors
    /// Where the config is no good, or has nothing to do.
    pub(super) fn load(context: &Context) -> Result<Self, Failure> {
        let config = context.config()?;
        let Some(file) = config.file.clone() else {
            return Err(nothing("there is no lifeboat.toml from here upwards"));
        };
        if config.sources.is_empty() {
            let file = file.display();
            return Err(nothing(&format!("the config {file} has no [source.NAME]")));
        }
        Ok(Self::of(&config, file, context.place()?))
    }

    fn of(config: &Config, file: PathBuf, place: Place) -> Self {
        let schedule = config.schedule();
        Self {
            file,
            place,
            jobs: jobs::of(config),
            at_once: schedule.at_once,
            nice: schedule.nice,
            has_channels: !config.notify.channels().is_empty(),
        }
    }

    /// The job of this name.
    pub(super) fn job(&self, name: &str) -> Option<&Job> {
        self.jobs.iter().find(|job| job.plan.name == name)
    }
}

fn nothing(cause: &str) -> Failure {
    Failure::usage("the daemon has nothing to back up")
        .because(cause)
        .hint("lifeboat help config shows how sources and their schedule are written")
}
