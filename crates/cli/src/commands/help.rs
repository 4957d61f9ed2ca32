//! `lifeboat help`: the help of a command, and topics that no single command has.
//!
//! The tables here are contracts; they are made from the code that keeps them, or tested against it.

use clap::CommandFactory;
use serde_json::json;

use crate::args::Cli;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::ui::paint;
use crate::ui::table::{Cell, Table};

/// Help on a command, or on the topics config and exit-codes
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A command, config, or exit-codes
    #[arg(value_name = "TOPIC")]
    topic: Option<String>,
}

/// A whole config, explained: words to the first empty line, and TOML from there on.
pub(super) const CONFIG: &str = include_str!("help/config.txt");

pub(crate) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    match args.topic.as_deref() {
        None => command_help(&mut Cli::command(), context)?,
        Some("exit-codes") => exit_codes(context)?,
        Some("config") => context.ui.part(CONFIG)?,
        Some(topic) => {
            let mut cli = Cli::command().bin_name("lifeboat");
            // Global flags reach the commands below when the whole is built.
            cli.build();
            let command = cli
                .find_subcommand_mut(topic)
                .ok_or_else(|| unknown(topic))?;
            command_help(command, context)?;
        }
    }
    Ok(Exit::Done)
}

fn command_help(command: &mut clap::Command, context: &Context) -> Result<(), Failure> {
    context
        .ui
        .line(command.render_long_help().ansi().to_string().trim_end())
}

fn unknown(topic: &str) -> Failure {
    Failure::usage(format!("there is no help on '{topic}'"))
        .hint("lifeboat help lists the commands; there is also help on config and exit-codes")
}

fn exit_codes(context: &Context) -> Result<(), Failure> {
    if context.ui.is_json() {
        let row = |(code, word, meaning)| json!({"code": code, "kind": word, "meaning": meaning});
        return context
            .ui
            .document(&Exit::table().map(row).collect::<Vec<_>>());
    }
    let mut table = Table::new();
    for (code, word, meaning) in Exit::table() {
        let code = Cell::right(code.to_string()).styled(paint::LABEL);
        table.row([code, Cell::new(word), Cell::new(meaning)]);
    }
    context.ui.table(&table)
}
