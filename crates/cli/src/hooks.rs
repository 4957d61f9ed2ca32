//! Commands around a backup, as the `[hooks]` of the config say: `before` it, `after` it or `on_failure`, and `finally`.
//!
//! What began is ended: once a hook `before` was tried, `finally` is run whatever happens to the work, a panic included.
//! Only a hook that is `required` can stop a backup, and none can hold one up for longer than its time.

use std::cell::{Cell, RefCell};
use std::path::{Path, PathBuf};

use lifeboat_snapshot::history::HookMoment;
use lifeboat_snapshot::path::escape;
use lifeboat_snapshot::{HookEnd, HookRun};

use crate::config::Config;
use crate::config::hooks::{HookGroup, Planned};
use crate::context::{Context, this_host};
use crate::exit::Exit;
use crate::failure::{Failure, one_line};
use crate::recorded::Outcome;
use crate::signals;
use crate::suggest;
use crate::turns::Turns;
use facts::Scene;
use process::Job;

pub(crate) mod facts;
pub(crate) mod process;

/// The hooks of one run.
pub(crate) struct Hooks<'a> {
    /// Whom to tell; `None` where there is nothing to run.
    context: Option<&'a Context>,
    groups: Vec<HookGroup>,
    scene: Scene,
    /// How many groups were begun with.
    begun: Cell<usize>,
    is_over: Cell<bool>,
    ran: RefCell<Vec<HookRun>>,
}

impl<'a> Hooks<'a> {
    fn new(context: Option<&'a Context>, groups: Vec<HookGroup>, scene: Scene) -> Self {
        Self {
            context,
            groups,
            scene,
            begun: Cell::new(0),
            is_over: Cell::new(false),
            ran: RefCell::default(),
        }
    }

    /// Of a run that has none.
    pub(crate) fn none() -> Self {
        Self::new(None, Vec::new(), Scene::default())
    }

    /// Those that the config has for a backup of these sources. A backup that a hook runs has none: it would never end.
    pub(crate) fn of(
        config: &Config,
        sources: &[PathBuf],
        repository: &Path,
        context: &'a Context,
    ) -> Self {
        let groups = config.hooks_of(sources);
        if groups.is_empty() {
            return Self::none();
        }
        if std::env::var_os(facts::EVENT).is_some() {
            context.ui.detail("no hooks: this is run by one");
            return Self::none();
        }
        let scene = Scene {
            repository: repository.to_owned(),
            config: config.file.clone(),
            host: this_host(),
        };
        Self::new(Some(context), groups, scene)
    }

    /// The turns of the backup that these are around.
    pub(crate) fn turns<'c>(
        &self,
        config: &Config,
        sources: &[PathBuf],
        repository: &Path,
        context: &'c Context,
    ) -> Turns<'c> {
        let hooks = config.file.as_deref().filter(|_| self.are_any());
        Turns::of(sources, repository, hooks, context)
    }

    /// Whether there are any.
    pub(crate) fn are_any(&self) -> bool {
        !self.groups.is_empty()
    }

    /// Whether the end of the run was dealt with.
    pub(crate) fn are_over(&self) -> bool {
        self.is_over.get()
    }

    /// Runs `before`, unless that was done.
    ///
    /// # Errors
    /// Where one failed that is required, or the run was asked to stop.
    pub(crate) fn begin(&self) -> Result<(), Failure> {
        if self.begun.get() > 0 || self.groups.is_empty() {
            return Ok(());
        }
        signals::install();
        for group in &self.groups {
            self.begun.set(self.begun.get() + 1);
            let Some(hook) = hook_at(group, HookMoment::Before) else {
                continue;
            };
            let end = self.run(group, hook, None);
            if end == HookEnd::Stopped {
                return Err(Failure::new(signals::exit(), "interrupted"));
            }
            if hook.required && end != HookEnd::Exited(0) {
                return Err(refused(group, &end));
            }
        }
        Ok(())
    }

    /// The same where there is no repository yet: none keeps what a hook said, but for what is told at once.
    ///
    /// # Errors
    /// As of [`Self::begin`].
    pub(crate) fn begin_without_repository(&self) -> Result<(), Failure> {
        let failed = |failure: Failure| match failure.exit() {
            Exit::Failed => failure.hint(
                "mend what it complains of; there is no repository yet that could keep all it said",
            ),
            _ => failure,
        };
        self.begin().map_err(failed)
    }

    /// Runs what comes after the work, in the opposite order, unless that was done; and gives all that was run.
    pub(crate) fn end(&self, outcome: &Outcome) -> Vec<HookRun> {
        if !self.is_over.replace(true) {
            let begun = self.groups.iter().take(self.begun.get());
            let is_good = outcome.exit == Exit::Done;
            for group in begun.rev() {
                let second = if is_good {
                    HookMoment::After
                } else {
                    HookMoment::OnFailure
                };
                for moment in [second, HookMoment::Finally] {
                    if let Some(hook) = hook_at(group, moment) {
                        self.run(group, hook, Some(outcome));
                    }
                }
            }
        }
        self.ran.borrow().clone()
    }

    fn run(&self, group: &HookGroup, hook: &Planned, outcome: Option<&Outcome>) -> HookEnd {
        let moment = hook.moment;
        let file = self.scene.config.as_deref();
        let is_before = moment == HookMoment::Before;
        let ended = process::run(&Job {
            command: &hook.command,
            folder: file.and_then(|file| file.parent()),
            variables: facts::variables(&self.scene, moment, &group.sources, outcome),
            timeout: hook.timeout,
            // What comes after the work tidies up, and is the more needed the earlier the work ends.
            stop: &|| is_before && signals::requested(),
            with_stderr: true,
            keep: HookRun::MAX_OUTPUT,
        });
        let run = HookRun {
            moment,
            end: ended.end.clone(),
            duration_ms: u64::try_from(ended.took.as_millis()).unwrap_or(u64::MAX),
            output: String::from_utf8_lossy(&ended.output).into_owned(),
        };
        self.tell(&run);
        self.ran.borrow_mut().push(run);
        ended.end
    }

    fn tell(&self, run: &HookRun) {
        let Some(context) = self.context else { return };
        match run.is_good() {
            true => context.ui.detail(told(run)),
            false => context
                .ui
                .damage(&Failure::new(Exit::Failed, told(run)).field("hook", run.moment.word())),
        }
    }
}

impl Drop for Hooks<'_> {
    /// Where the work ended in a way that nobody foresaw, what was begun is ended all the same.
    fn drop(&mut self) {
        self.end(&Outcome {
            error: Some("the run ended before its work was done".to_owned()),
            ..Outcome::of(Exit::Failed)
        });
    }
}

fn hook_at(group: &HookGroup, moment: HookMoment) -> Option<&Planned> {
    group.hooks.iter().find(|hook| hook.moment == moment)
}

fn refused(group: &HookGroup, end: &HookEnd) -> Failure {
    let sources: Vec<String> = group
        .sources
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    Failure::new(
        Exit::Failed,
        format!("no backup was made of {}", sources.join(", ")),
    )
    .because(format!("the hook before it is required and {}", words(end)))
    .hint(format!(
        "{} tells what it said",
        suggest::command("history")
    ))
}

/// What became of a hook, with its last words where it failed.
pub(crate) fn told(run: &HookRun) -> String {
    let what = format!("the hook {} {}", run.moment.word(), words(&run.end));
    match last_line(&run.output) {
        Some(line) if !run.is_good() => format!("{what}: {line}"),
        _ => what,
    }
}

/// How it ended, in words.
pub(crate) fn words(end: &HookEnd) -> String {
    match end {
        HookEnd::Exited(0) => "went well".to_owned(),
        HookEnd::Exited(code) => format!("exited with {code}"),
        HookEnd::Signalled(number) => format!("was ended by signal {number}"),
        HookEnd::TimedOut => "took too long and was ended".to_owned(),
        HookEnd::Stopped => "was stopped with the run".to_owned(),
        HookEnd::NotStarted(why) => format!("could not be started: {}", one_line(why)),
    }
}

/// The last words of some output, fit to be shown.
fn last_line(output: &str) -> Option<String> {
    let mut lines = output.lines().map(str::trim);
    let line = lines.rfind(|line| !line.is_empty())?;
    let (shown, _) = line.split_at(line.floor_char_boundary(200));
    Some(escape(shown.as_bytes()))
}

#[cfg(test)]
mod tests;
