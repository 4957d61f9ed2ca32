//! What the daemon works by: the config as it was read last, and the jobs in it.

use std::path::{Path, PathBuf};

use super::jobs::{self, Job};
use crate::config::Config;
use crate::context::Context;
use crate::failure::Failure;
use crate::place::Place;

/// All of it. A reload makes a new one, or leaves the old one in force.
pub(super) struct Setup {
    /// The config.
    pub(super) file: PathBuf,
    /// What it said when it was read: what all runs go by.
    pub(super) text: String,
    /// The repository.
    pub(super) place: Place,
    pub(super) jobs: Vec<Job>,
    pub(super) at_once: usize,
    pub(super) nice: i32,
    /// Whether nothing is started while the machine runs on its battery.
    pub(super) spares_battery: bool,
    /// Whether there is somebody to tell.
    pub(super) has_channels: bool,
}

impl Setup {
    /// Reads it.
    ///
    /// # Errors
    /// Where the config is no good, or has nothing to do.
    pub(super) fn load(context: &Context) -> Result<Self, Failure> {
        Self::of(context.config()?, context.place()?)
    }

    /// Of a config of which this is the text now.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub(super) fn again(context: &Context, file: &Path, text: String) -> Result<Self, Failure> {
        let place = context.place_by(Config::of_text(file, text.clone())?)?;
        Self::of(Config::of_text(file, text)?, place)
    }

    fn of(config: Config, place: Place) -> Result<Self, Failure> {
        let Some(file) = config.file.clone() else {
            return Err(nothing("there is no lifeboat.toml from here upwards"));
        };
        if config.sources.is_empty() {
            let file = file.display();
            return Err(nothing(&format!("the config {file} has no [source.NAME]")));
        }
        let schedule = config.schedule();
        Ok(Self {
            file,
            place,
            jobs: jobs::of(&config),
            at_once: schedule.at_once,
            nice: schedule.nice,
            spares_battery: schedule.spares_battery,
            has_channels: !config.notify.channels().is_empty(),
            text: config.text,
        })
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
