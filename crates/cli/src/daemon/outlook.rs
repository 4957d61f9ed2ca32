//! What comes next, for those who read along and for the service manager.

use std::time::Duration;

use super::engine::Moment;
use super::run::Daemon;
use super::tell;
use crate::ui::words;

impl Daemon<'_> {
    pub(super) fn greet(&self) {
        let count = words::counted(self.setup.jobs.len() as u64, "job", "jobs");
        let (file, place) = (self.setup.file.display(), self.setup.place.path.display());
        let text = format!("{count} of {file}, into {place}");
        tell::said(&self.context.ui, "ready", &text);
        let place = self.setup.place.clone();
        let looked = self.repository.ask(move || place.open().map(drop));
        if let Some(Err(failure)) = looked {
            tell::wrong(&self.context.ui, &failure);
        }
    }

    /// The job that comes next, and in how long.
    fn next(&self, now: Moment) -> Option<(Duration, &str)> {
        let names = self.setup.jobs.iter().map(|job| job.plan.name.as_str());
        let waits = names.filter_map(|name| Some((self.engine.until(name, now)?, name)));
        waits.min()
    }

    pub(super) fn tell_next(&self, now: Moment) {
        let next = self.next(now);
        let at = next.map(|(wait, name)| (now.wall + wait, name));
        tell::waiting(&self.context.ui, now.wall, self.current.len(), at);
    }

    pub(super) fn outlook(&self, now: Moment) -> String {
        let running: Vec<&str> = self.current.keys().map(String::as_str).collect();
        match (running.is_empty(), self.next(now)) {
            (false, _) => format!("{} runs", running.join(", ")),
            (true, Some((wait, name))) => format!("{name} in {}", words::took(wait)),
            (true, None) => "nothing is planned".to_owned(),
        }
    }
}
