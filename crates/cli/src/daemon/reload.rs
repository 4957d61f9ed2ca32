//! The config is read again: when somebody asks for it, and when its file was changed. One that is no good leaves the old one in
//! force, and somebody is told: the next start of the daemon would fail by it.

use std::time::Duration;

use lifeboat_snapshot::{NewRun, RunKind};

use super::engine::Moment;
use super::run::{Daemon, moment};
use super::setup::Setup;
use super::watched::News;
use super::{past, service, tell};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::notify::Seen;

impl Daemon<'_> {
    /// Reads the config again, whatever it says.
    pub(super) fn reload(&mut self) {
        service::reloading();
        let said = self.watched.read(&self.setup.file);
        self.take_up(said.unwrap_or_else(|| Err(silent(&self.setup))));
        service::ready();
    }

    /// Reads it again where it has changed.
    pub(super) fn watch(&mut self, now: Moment) {
        let setup = &self.setup;
        let news = self.watched.look(&setup.file, &setup.text, now.steady);
        match news {
            News::Nothing => {}
            News::Other(said) => self.take_up(said),
            News::Back => {
                let text = "the config says again what is in force";
                tell::said(&self.context.ui, "reloaded", text);
                self.config_is_good();
            }
        }
    }

    fn take_up(&mut self, said: Result<String, Failure>) {
        let (context, file) = (self.context, &self.setup.file);
        let setup = match &said {
            Ok(text) => Setup::again(context, file, text.clone()),
            Err(failure) => Err(failure.clone()),
        };
        match setup {
            Ok(setup) => {
                self.setup = setup;
                self.watched.take_up();
                self.plan();
                tell::said(&self.context.ui, "reloaded", "read the config again");
                self.config_is_good();
            }
            Err(failure) => {
                self.watched.refuse(&said);
                tell::wrong(&self.context.ui, &failure);
                let text = "the config is left as it was read before";
                tell::said(&self.context.ui, "kept", text);
                self.config_is_bad(&failure);
            }
        }
    }

    fn config_is_good(&mut self) {
        self.context.notices.saw(Seen::Config { why: None });
        self.pass_on();
    }

    /// It is in the history, as a run that could not be.
    fn config_is_bad(&mut self, failure: &Failure) {
        let why = failure.sentence();
        self.context.notices.saw(Seen::Config {
            why: Some(why.clone()),
        });
        self.pass_on();
        let run = NewRun {
            kind: RunKind::Backup,
            began: moment().wall,
            host: self.host.clone(),
            sources: Vec::new(),
            snapshot: None,
            exit: Exit::Usage.code(),
            bytes: 0,
            error: Some(format!("{why}; the config is left as it was read before")),
            hooks: Vec::new(),
        };
        self.book.owe(run, Duration::ZERO);
        self.settle();
    }

    /// Gives the engine the jobs and what the repository tells of their past, where it tells anything.
    pub(super) fn plan(&mut self) {
        let (place, host) = (self.setup.place.clone(), self.host.clone());
        let jobs = self.setup.jobs.clone();
        let known = self.repository.ask(move || {
            let repository = place.open().ok()?;
            past::of_all(&repository, &jobs, &host).ok()
        });
        let known = known.flatten();
        self.knows_past = known.is_some();
        let (now, at_once) = (moment(), self.setup.at_once);
        let plans = self.setup.jobs.iter().map(|job| job.plan.clone());
        match known {
            Some(pasts) => self
                .engine
                .replace(plans.zip(pasts).collect(), at_once, now),
            None => self.engine.replace_blindly(plans.collect(), at_once, now),
        }
    }
}

fn silent(setup: &Setup) -> Failure {
    let file = setup.file.display();
    Failure::usage(format!("cannot read the config {file}")).because("its disk does not answer")
}
