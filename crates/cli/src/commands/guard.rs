//! `lifeboat guard`: a snapshot, a command that may go wrong, and the way back if it does.
//!
//! Without a snapshot that holds everything the command is not run. The standard output belongs to the command, and so does
//! the exit code, unless its changes were to be undone and could not be: that must not look like the command's own failure.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use lifeboat_snapshot::store::SnapshotId;
use lifeboat_snapshot::{Repository, Snapshot};
use serde_json::{Map, Value, json};

use super::backup::{self, Opened};
use crate::config::Config;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::hooks::Hooks;
use crate::place::Place;
use crate::signals;
use crate::suggest;
use crate::turns::Turns;
use crate::ui::{facts, words};
use child::Ended;

mod back;
mod before;
mod child;

/// Take a snapshot, run a command, and go back if the command fails
///
/// Without a source, all sources of the config are protected. The command's exit code is passed on, 128 and the signal's number
/// where one ended it. Where it fails, lifeboat asks whether to go back, does so at once with --undo-on-failure, and without
/// a terminal only says how. lifeboat undo brings back what the command had left.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Folders and files to protect, or names of sources of the config
    #[arg(value_name = "SOURCE")]
    sources: Vec<PathBuf>,
    /// Go back without a question if the command fails
    #[arg(long)]
    undo_on_failure: bool,
    /// Run the command also where no whole snapshot can be taken
    #[arg(long, conflicts_with = "undo_on_failure")]
    even_without_snapshot: bool,
    /// Words for people [else the name of the command]
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// Go back although programs have the files open; they go on with the old ones until they are restarted
    #[arg(long)]
    force: bool,
    /// Go back by writing databases through SQLite, for programs that have them open
    #[arg(long, conflicts_with = "force")]
    online: bool,
    /// How long to wait for the locks of other programs
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = words::parse_span)]
    busy_timeout: Duration,
    /// Threads that work [as many as there are cores]
    #[arg(long, value_name = "N", value_parser = super::threads)]
    threads: Option<usize>,
    /// The command and its arguments
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

/// One run of it.
struct Run<'r> {
    args: &'r Args,
    context: &'r Context,
    config: Config,
    repository: Option<Repository>,
    /// The states from before the command.
    snapshots: Vec<Snapshot>,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    signals::note_ignored();
    let mut run = Run {
        args,
        context,
        config: context.config()?,
        repository: None,
        snapshots: Vec::new(),
    };
    if let Err(failure) = run.take_snapshots() {
        run.unpin();
        if !args.even_without_snapshot || signals::requested() {
            return Err(failure);
        }
        run.snapshots.clear();
        context.ui.failure(&failure);
        context
            .ui
            .note("there is no whole snapshot; running the command all the same");
    }
    if signals::requested() {
        run.unpin();
        return Err(Failure::new(
            signals::exit(),
            "stopped before the command was run, as asked",
        ));
    }
    // In this order: no signal falls between the two.
    let listening = child::listen();
    signals::release();
    let ended = listening.and_then(|signals| child::run(&args.command, signals));
    match ended {
        Ok(ended) if ended.is_good() => run.well(),
        Ok(ended) => run.badly(ended),
        Err(error) => {
            run.unpin();
            Err(child::not_run(&args.command, &error))
        }
    }
}

impl Run<'_> {
    /// What is to be backed up, each as it goes into a snapshot.
    fn take_snapshots(&mut self) -> Result<(), Failure> {
        let groups = backup::choose(&self.args.sources, &self.config)?;
        let place = self.context.place()?;
        for group in &groups {
            let hooks = Hooks::of(&self.config, group, &place.path, self.context);
            let turns = hooks.turns(&self.config, group, &place.path, self.context);
            let taken = self.take_snapshot(group, &place, (&hooks, &turns));
            // Where it failed before there was anything to record.
            if let Err(failure) = &taken {
                hooks.end(&failure.into());
            }
            taken?;
        }
        Ok(())
    }

    fn take_snapshot(
        &mut self,
        group: &[PathBuf],
        place: &Place,
        (hooks, turns): (&Hooks<'_>, &Turns<'_>),
    ) -> Result<(), Failure> {
        turns.wait()?;
        // It may be the hook that mounts the disk.
        if hooks.are_any() && place.is_vacant() {
            hooks.begin_without_repository()?;
        }
        let Opened { repository, .. } = backup::open(place, group, true, self.context)?;
        let plan = before::plan(self.args, group, &self.config, &repository);
        let snapshot = before::snapshot(self.args, &plan, hooks, &repository, self.context)?;
        self.snapshots.push(snapshot);
        self.repository = Some(repository);
        Ok(())
    }

    fn well(&self) -> Result<Exit, Failure> {
        self.unpin();
        self.tell(Ended::WELL, &[])?;
        Ok(Exit::Done)
    }

    /// However the way back ends, a program learns how the command did.
    fn badly(&self, ended: Ended) -> Result<Exit, Failure> {
        let facts = self.facts(ended);
        let told = |failure: Failure| {
            let told = |failure: Failure, (name, value): (String, _)| failure.field(&name, value);
            facts.into_iter().fold(failure, told)
        };
        self.go_back(ended).map_err(told)
    }

    fn go_back(&self, ended: Ended) -> Result<Exit, Failure> {
        let program = self.program();
        let failed = format!("{program} {ended}");
        let Some(repository) = self
            .repository
            .as_ref()
            .filter(|_| !self.snapshots.is_empty())
        else {
            return Err(Failure::new(ended.exit(), failed)
                .because("nothing can be put back: there is no snapshot from before it"));
        };
        let back = back::Back {
            args: self.args,
            context: self.context,
            config: &self.config,
            repository,
        };
        self.context.ui.note(&failed);
        if !self.args.undo_on_failure && !back.is_wanted(&self.snapshots)? {
            return Err(Failure::new(ended.exit(), failed)
                .because("nothing was put back")
                .hint(self.way_back()));
        }
        let safeties = back.all(&self.snapshots)?;
        self.unpin();
        self.tell(ended, &safeties)?;
        Ok(ended.exit())
    }

    /// The last line on the standard output, for a program that asked for it.
    fn tell(&self, ended: Ended, safeties: &[SnapshotId]) -> Result<(), Failure> {
        if !self.context.ui.is_json() {
            return Ok(());
        }
        let safeties = safeties.iter().map(ToString::to_string);
        let mut summary = facts::object(json!({
            "event": "summary",
            "restored": !ended.is_good(),
            "safety_snapshots": safeties.collect::<Vec<_>>(),
        }));
        summary.extend(self.facts(ended));
        self.context.ui.event(&summary)
    }

    /// How the command ended, for programs.
    fn facts(&self, ended: Ended) -> Map<String, Value> {
        let ids = self.snapshots.iter();
        let ids = ids.map(|snapshot| snapshot.id.to_string());
        facts::object(json!({
            "command": self.program(),
            "command_exit_code": ended.code(),
            "signal": ended.signal(),
            "snapshots": ids.collect::<Vec<_>>(),
        }))
    }

    /// A snapshot that nobody needs any more goes the way of all others.
    fn unpin(&self) {
        for snapshot in &self.snapshots {
            if let Some(repository) = &self.repository
                && let Err(error) =
                    repository.unpin_own(snapshot.id, &before::reason(&self.program()))
            {
                let why = Failure::from(error).sentence();
                self.context
                    .ui
                    .note(format!("a snapshot stays pinned: {why}"));
            }
        }
    }

    /// The name of the command, without its arguments: they may be secret.
    fn program(&self) -> String {
        program(&self.args.command)
    }

    /// What to type to go back, and what keeps that possible.
    fn way_back(&self) -> String {
        let all = |command: &dyn Fn(String) -> String| -> String {
            let ids = self.snapshots.iter().map(|snapshot| snapshot.id.short());
            let commands: Vec<String> = ids.map(|id| suggest::command(command(id))).collect();
            commands.join(" && ")
        };
        let back = all(&|id| format!("restore {id} --in-place --delete"));
        let unpin = all(&|id| format!("unpin {id}"));
        let pinned = match self.snapshots.len() {
            1 => "it stays pinned",
            _ => "they stay pinned",
        };
        format!("to go back: {back}; {pinned} until {unpin}")
    }
}

fn program(command: &[OsString]) -> String {
    let name = command.first().map(Path::new).and_then(Path::file_name);
    name.map_or_else(String::new, |name| name.to_string_lossy().into_owned())
}
