//! `lifeboat daemon`: the schedule of the config, kept.

use crate::context::Context;
use crate::daemon;
use crate::daemon::install::{Install, Manager};
use crate::exit::Exit;
use crate::failure::Failure;

/// Back up by the schedule of the config, until it is ended
///
/// Stays in the foreground: a service manager keeps it running, see lifeboat daemon install. Each source of the config is
/// backed up by its schedule, or every four hours; what was missed while the machine slept or was off is made up for once.
/// SIGHUP has it read the config again; SIGTERM ends it, and what runs ends cleanly. It creates no repository: lifeboat init
/// does.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Write the files by which systemd or launchd keeps the daemon running
    Install(InstallArgs),
}

/// How they are written.
#[derive(Debug, clap::Args)]
struct InstallArgs {
    /// For this user alone, without root
    #[arg(long)]
    user: bool,
    /// Who is to keep it running [else what this system has]
    #[arg(long = "as", value_name = "MANAGER")]
    manager: Option<Manager>,
    /// Show the files and write nothing
    #[arg(long)]
    dry_run: bool,
    /// Replace files that say something else
    #[arg(long)]
    force: bool,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let Some(What::Install(install)) = &args.what else {
        return daemon::run(context);
    };
    let plan = Install {
        user: install.user,
        manager: install.manager,
        dry_run: install.dry_run,
        force: install.force,
    };
    daemon::install::install(&plan, context)
}
