//! What can be typed: the flags of every command, and the commands. The help is made of the comments here and there.
//!
//! Names and flags are a contract that scripts rely on; wording is not.

use std::io::ErrorKind;
use std::path::{Component, Path, PathBuf};

use clap::{Args, Parser, Subcommand};
use lifeboat_snapshot::path::real;
use lifeboat_snapshot::{Filter, Repository, RunKind, Snapshot, SnapshotError};

use crate::commands::{
    backup, cat, check_live, completions, config, daemon, diff, doctor, drill, export, find,
    forget, gc, guard, help, history, import, init, list, ls, notify, pin, repair, restore, show,
    stats, status, undo, unpin, verify,
};
use crate::context::Context;
use crate::daemon::attended::Attended;
use crate::exit::Exit;
use crate::failure::{self, Failure};
use crate::ui::{Shape, Ui, paint};

/// Backup for applications that keep their data in SQLite and files
///
/// A repository holds snapshots of your folders; databases in them are captured whole while they are in use. The first
/// backup makes the repository: lifeboat backup /srv/data, then lifeboat list.
#[derive(Debug, Parser)]
#[command(name = "lifeboat", version, styles = paint::HELP, disable_help_subcommand = true)]
#[command(
    after_help = "More: lifeboat help COMMAND, lifeboat help config, lifeboat help exit-codes"
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) globals: Globals,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Flags of every command.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Everywhere")]
pub(crate) struct Globals {
    /// The repository [else LIFEBOAT_REPO, else the config, else one in your data folder]
    #[arg(short, long, global = true, value_name = "PATH")]
    pub(crate) repo: Option<PathBuf>,
    /// The config [else LIFEBOAT_CONFIG, else the nearest lifeboat.toml from here upwards]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Answer in JSON: queries with one document, long work with a line per event
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Say only what is wrong
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// Say more
    #[arg(short, long, global = true)]
    pub(crate) verbose: bool,
    /// Draw no progress bar
    #[arg(long, global = true)]
    pub(crate) no_progress: bool,
    /// Colours; auto asks the terminal and NO_COLOR
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: clap::ColorChoice,
    #[command(flatten)]
    pub(crate) attended: Attended,
}

/// The commands, in the order of the help.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Backup(backup::Args),
    Guard(guard::Args),
    #[command(visible_alias = "snapshots")]
    List(list::Args),
    Show(show::Args),
    Ls(ls::Args),
    Cat(cat::Args),
    Find(find::Args),
    Diff(diff::Args),
    Restore(restore::Args),
    Undo(undo::Args),
    Drill(drill::Args),
    CheckLive(check_live::Args),
    Verify(verify::Args),
    Repair(repair::Args),
    Export(export::Args),
    Import(import::Args),
    Forget(forget::Args),
    Gc(gc::Args),
    Pin(pin::Args),
    Unpin(unpin::Args),
    Daemon(daemon::Args),
    Status(status::Args),
    Doctor(doctor::Args),
    History(history::Args),
    Stats(stats::Args),
    Config(config::Args),
    Notify(notify::Args),
    Init(init::Args),
    Completions(completions::Args),
    Help(help::Args),
}

impl Command {
    /// How its answer is shaped for a program.
    pub(crate) fn shape(&self) -> Shape {
        match self {
            Self::Backup(_)
            | Self::Guard(_)
            | Self::Restore(_)
            | Self::Undo(_)
            | Self::Drill(_)
            | Self::Verify(_)
            | Self::Repair(_)
            | Self::Export(_)
            | Self::Forget(_)
            | Self::Gc(_)
            | Self::Import(_)
            | Self::Daemon(_) => Shape::Lines,
            _ => Shape::Document,
        }
    }

    /// The kind of run that somebody is to know of where it could not even begin; a backup tells of itself.
    pub(crate) fn watched(&self) -> Option<RunKind> {
        match self {
            Self::Verify(_) => Some(RunKind::Verify),
            Self::Gc(_) => Some(RunKind::Collect),
            Self::Drill(_) => Some(RunKind::Drill),
            Self::Repair(_) => Some(RunKind::Repair),
            _ => None,
        }
    }

    /// Does it.
    pub(crate) fn run(&self, context: &Context) -> Result<Exit, Failure> {
        match self {
            Self::Backup(args) => backup::run(args, context),
            Self::Guard(args) => guard::run(args, context),
            Self::List(args) => list::run(args, context),
            Self::Show(args) => show::run(args, context),
            Self::Ls(args) => ls::run(args, context),
            Self::Cat(args) => cat::run(args, context),
            Self::Find(args) => find::run(args, context),
            Self::Diff(args) => diff::run(args, context),
            Self::Restore(args) => restore::run(args, context),
            Self::Undo(args) => undo::run(args, context),
            Self::Drill(args) => drill::run(args, context),
            Self::CheckLive(args) => check_live::run(args, context),
            Self::Verify(args) => verify::run(args, context),
            Self::Repair(args) => repair::run(args, context),
            Self::Export(args) => export::run(args, context),
            Self::Import(args) => import::run(args, context),
            Self::Forget(args) => forget::run(args, context),
            Self::Gc(args) => gc::run(args, context),
            Self::Pin(args) => pin::run(args, context),
            Self::Unpin(args) => unpin::run(args, context),
            Self::Daemon(args) => daemon::run(args, context),
            Self::Status(args) => status::run(args, context),
            Self::Doctor(args) => doctor::run(args, context),
            Self::History(args) => history::run(args, context),
            Self::Config(args) => config::run(args, context),
            Self::Notify(args) => notify::run(args, context),
            Self::Stats(args) => stats::run(args, context),
            Self::Init(args) => init::run(args, context),
            Self::Completions(args) => completions::run(args, context),
            Self::Help(args) => help::run(args, context),
        }
    }
}

/// One snapshot, by name.
#[derive(Debug, Args)]
pub(crate) struct Pick {
    /// An id, its first digits, latest, or latest~1 for the one before
    #[arg(value_name = "SNAP")]
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) narrow: Narrow,
}

impl Pick {
    /// The snapshot that is meant.
    pub(crate) fn find(&self, repository: &Repository) -> Result<Snapshot, SnapshotError> {
        repository.find(&self.name, &self.narrow.filter())
    }
}

/// Which snapshots are meant at all.
#[derive(Debug, Args)]
pub(crate) struct Narrow {
    /// Only snapshots with this tag
    #[arg(long, value_name = "TAG")]
    tag: Option<String>,
    /// Only snapshots of this source: its path, or the last parts of it
    #[arg(long, value_name = "PATH")]
    source: Option<PathBuf>,
    /// Only snapshots of this machine
    #[arg(long, value_name = "NAME")]
    host: Option<String>,
}

impl Narrow {
    /// Whether it says nothing.
    pub(crate) fn is_empty(&self) -> bool {
        self.tag.is_none() && self.source.is_none() && self.host.is_none()
    }

    /// The library's word for it.
    pub(crate) fn filter(&self) -> Filter {
        Filter {
            tag: self.tag.clone(),
            source: self.source.as_deref().map(source),
            host: self.host.clone(),
        }
    }
}

/// `.` and its kin mean a folder of this machine; anything else may be the end of a path anywhere.
fn source(path: &Path) -> PathBuf {
    match path.components().next() {
        Some(Component::CurDir | Component::ParentDir) => real(path),
        _ => path.to_owned(),
    }
}

/// What was typed; else how the run ends, everything having been said.
pub(crate) fn parse() -> Result<Cli, Exit> {
    Cli::try_parse().map_err(|error| refuse(&error))
}

fn refuse(error: &clap::Error) -> Exit {
    let failure = match failure::from_clap(error) {
        Some(failure) => failure,
        None => match error.print() {
            Ok(()) if error.use_stderr() => return Exit::Usage,
            Ok(()) => return Exit::Done,
            // Whoever asked for the help has seen enough of it.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => return Exit::Done,
            Err(error) => Failure::stdout(&error),
        },
    };
    let json = std::env::args_os().any(|arg| arg == "--json");
    let globals = Globals {
        json,
        ..Globals::default()
    };
    Ui::new(&globals, Shape::Lines).failure(&failure);
    failure.exit()
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_parser_agrees_with_itself() {
        Cli::command().debug_assert();
    }

    #[test]
    fn global_flags_stand_anywhere() {
        let before = Cli::try_parse_from(["lifeboat", "--json", "-r", "/r", "list"]).unwrap();
        let after = Cli::try_parse_from(["lifeboat", "snapshots", "-r", "/r", "--json"]).unwrap();
        for cli in [before, after] {
            assert!(cli.globals.json);
            assert_eq!(cli.globals.repo, Some(PathBuf::from("/r")));
            assert!(matches!(cli.command, Command::List(_)));
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for bad in [
            &["list", "--fooo"][..],
            &["restore"],
            &["list", "-q", "-v"],
            &["frobnicate"],
        ] {
            let args = ["lifeboat"].iter().chain(bad);
            let error = Cli::try_parse_from(args).unwrap_err();
            assert_eq!(
                failure::from_clap(&error).unwrap().exit(),
                Exit::Usage,
                "{bad:?}"
            );
        }
    }
}
