//! The commands: one room each, with its help, its flags and `run`, which turns words into one library call and back.
//!
//! A loop over the things of the domain does not belong here: a server would have to write it again.

use lifeboat_snapshot::{Loss, Opened, Warning, WarningKind};

use crate::args::Cli;
use crate::context::Context;
use crate::exit::Exit;
use crate::suggest;
use crate::ui::opened;

pub(crate) mod backup;
pub(crate) mod cat;
pub(crate) mod check_live;
pub(crate) mod completions;
pub(crate) mod config;
pub(crate) mod daemon;
pub(crate) mod diff;
pub(crate) mod doctor;
pub(crate) mod drill;
pub(crate) mod export;
pub(crate) mod find;
pub(crate) mod forget;
pub(crate) mod gc;
pub(crate) mod guard;
pub(crate) mod help;
pub(crate) mod history;
pub(crate) mod import;
pub(crate) mod init;
pub(crate) mod list;
pub(crate) mod ls;
pub(crate) mod notify;
pub(crate) mod pin;
pub(crate) mod repair;
pub(crate) mod restore;
pub(crate) mod show;
pub(crate) mod stats;
pub(crate) mod status;
pub(crate) mod undo;
pub(crate) mod unpin;
pub(crate) mod verify;

/// Runs what was typed, and says why if it fails.
pub(crate) fn run(cli: Cli) -> Exit {
    let Cli { globals, command } = cli;
    if let Err(exit) = globals.attended.obey() {
        return exit;
    }
    suggest::like(&globals);
    let context = Context::new(globals, command.shape());
    let result = command.run(&context);
    if let (Err(failure), Some(kind)) = (&result, command.watched()) {
        crate::notify::unrecorded(&context, kind, failure);
    }
    // The answer is an answer when it is out, and not before.
    let finished = context.ui.finish();
    let exit = match result.and_then(|exit| finished.map(|()| exit)) {
        Ok(exit) => exit,
        Err(failure) => {
            context.ui.failure(&failure);
            failure.exit()
        }
    };
    crate::notify::deliver(&context);
    exit
}

/// How work ends that met these on its way: where something is lacking that was asked for, that must not look like success.
/// Where all that is lacking was busy, trying again helps, and the exit code says so.
fn exit_of(warnings: &[Warning]) -> Exit {
    let lost = |warning: &&Warning| warning.kind.is_loss();
    let mut losses = warnings.iter().filter(lost);
    match losses.clone().next() {
        None => Exit::Done,
        Some(_) if losses.all(|loss| loss.kind == WarningKind::Busy) => Exit::SourceBusy,
        Some(_) => Exit::Partial,
    }
}

/// How something ends that restored: lost bytes first, then databases that are not as they were, then what is lacking.
fn exit_of_restore(lost: &[Loss], databases: &[Opened], warnings: &[Warning]) -> Exit {
    match (lost.is_empty(), opened::exit_of(databases)) {
        (false, _) => Exit::Damage,
        (true, Exit::Done) => exit_of(warnings),
        (true, exit) => exit,
    }
}

/// A word to find a snapshot by. One kind is given by imports alone.
fn tag(text: &str) -> Result<String, String> {
    match text.starts_with(lifeboat_snapshot::IMPORTED) {
        true => Err(format!(
            "tags that begin with {} are those of imports",
            lifeboat_snapshot::IMPORTED
        )),
        false => Ok(text.to_owned()),
    }
}

/// A number of threads, of which a machine has few and a slip of the finger many.
fn threads(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(threads @ 1..=256) => Ok(threads),
        _ => Err("a number from 1 to 256 is needed".to_owned()),
    }
}
