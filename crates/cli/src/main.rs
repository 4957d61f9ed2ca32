//! The binary `lifeboat`: words in, words out. What they mean is decided in the libraries below.
//!
//! The exit code is half of the answer, so nothing may end the program but the return from here.

use std::process::ExitCode;

mod args;
mod commands;
mod config;
mod context;
mod daemon;
mod exit;
mod failure;
mod files;
mod hooks;
mod limits;
mod notify;
mod place;
mod progress;
mod recorded;
mod signals;
mod state;
mod suggest;
mod turns;
mod ui;

fn main() -> ExitCode {
    limits::raise_open_files();
    limits::do_with_few_threads();
    match args::parse() {
        Ok(cli) => commands::run(cli),
        Err(exit) => exit,
    }
    .into()
}
