//! `lifeboat daemon`: the schedule of the config, kept.

use crate::context::Context;
use crate::daemon;
use crate::exit::Exit;
use crate::failure::Failure;

/// Back up by the schedule of the config, until it is ended
///
/// Stays in the foreground: a service manager keeps it running. Each source of the config is backed up by its schedule, or
/// every four hours; what was missed while the machine slept or was off is made up for once. SIGHUP has it read the config
/// again; SIGTERM ends it, and what runs ends cleanly. It creates no repository: lifeboat init does.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

pub(crate) fn run(_args: &Args, context: &Context) -> Result<Exit, Failure> {
    daemon::run(context)
}
