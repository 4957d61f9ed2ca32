//! `lifeboat completions`: what a shell needs to finish a half-typed command.
//!
//! Made from the parser itself, so it cannot know flags that the program does not.

use clap::CommandFactory;
use clap_complete::Shell;

use crate::args::Cli;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;

/// Print a completion script for your shell
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The shell
    shell: Shell,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    // Through memory: the generator panics where its writer fails.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "lifeboat", &mut script);
    context.ui.part(String::from_utf8_lossy(&script))?;
    Ok(Exit::Done)
}
