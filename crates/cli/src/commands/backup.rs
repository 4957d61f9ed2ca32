//! `lifeboat backup`: a snapshot of folders, files and the databases in them, and the zip of it.
//!
//! It runs unattended at night, so it asks nothing; and what it could not save must not look like success: every loss is
//! named, and the exit code is 3.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::time::Duration;

use lifeboat_snapshot::store::Share;

use crate::config::{Check, parse_parity};
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::ui::words;
pub(super) use one::{Opened, capture, open};
pub(super) use plan::configured;
pub(super) use sources::choose;

use one::One;

mod apart;
mod aside;
mod foreseen;
mod one;
mod plan;
mod prune;
mod room;
mod several;
mod sources;
mod summary;

/// Take a snapshot of folders, and write its zip
///
/// Databases in the folders are found by content and captured whole while other programs write to them. Without a path,
/// the sources of the config are backed up. The first backup creates the repository.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Folders and files to back up; those of the config where none is named
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Word to find the snapshot by; repeat for more
    #[arg(long = "tag", value_name = "T", value_parser = super::tag)]
    tags: Vec<String>,
    /// Words for people
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// What to leave out, as in .gitignore: *.tmp, cache/, /logs/; repeat for more. Files called .lifeboatignore in the folders
    /// say the same
    #[arg(long = "exclude", value_name = "GLOB")]
    excludes: Vec<String>,
    /// Leave out files of more bytes than this, as in 100M; databases are never too large
    #[arg(long, value_name = "SIZE", value_parser = words::parse_size)]
    exclude_larger_than: Option<u64>,
    /// Leave out what is in folders marked as caches by a CACHEDIR.TAG
    #[arg(long)]
    exclude_caches: bool,
    /// Leave out what is on other file systems than the path
    #[arg(long)]
    one_file_system: bool,
    /// Store this database as a plain file: its path, or the last parts of it; repeat for more
    #[arg(long = "no-database", value_name = "PATH")]
    no_database: Vec<PathBuf>,
    /// SQLite's own check of the databases [else check of the config, else auto]
    #[arg(long, value_name = "WHEN")]
    check: Option<Check>,
    /// How long to wait for a database that another program has locked
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = words::parse_span)]
    busy_timeout: Duration,
    /// Only say what would be stored and what cannot be read; nothing is written, run or sent. No file is read to its end: what
    /// does not look as it did counts as changed, and a locked or damaged database is not foreseen
    #[arg(long)]
    dry_run: bool,
    /// Do nothing if there is a complete snapshot of the same sources that is younger, as in 1h
    #[arg(long, value_name = "TIME", value_parser = words::parse_span)]
    if_older_than: Option<Duration>,
    /// Make no snapshot that would equal the one before
    #[arg(long)]
    skip_if_unchanged: bool,
    /// Each source in a snapshot of its own, as it is done for those of one snapshot where one of them is missing
    #[arg(long)]
    each: bool,
    /// Fail with exit code 10 where there is no repository, rather than create it: its disk may not be mounted
    #[arg(long)]
    no_create: bool,
    /// Accept sources that are empty now and were not before
    #[arg(long)]
    allow_empty: bool,
    /// Begin also where it is unlikely that there is room
    #[arg(long)]
    no_space_check: bool,
    /// How much parity, as a part of what is stored; 0 for none [else parity of the config, else 5%]
    #[arg(long, value_name = "SHARE", value_parser = parse_parity)]
    parity: Option<Share>,
    /// Write no zip
    #[arg(long, conflicts_with = "zip_dir")]
    no_zip: bool,
    /// Write the zip into this folder (else that of the config, else exports/ in the repository)
    #[arg(long, value_name = "DIR")]
    zip_dir: Option<PathBuf>,
    /// Then forget older snapshots of the same sources, as the config says
    #[arg(long)]
    prune: bool,
    /// Threads that work [as many as there are cores]
    #[arg(long, value_name = "N", value_parser = super::threads)]
    threads: Option<usize>,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let config = context.config()?;
    let groups = choose(&args.paths, &config)?.into_iter();
    let is_apart = |group: &[PathBuf]| args.each || apart::lacks_any(group);
    let groups = groups.flat_map(|group| match is_apart(&group) {
        true => apart::each(&group),
        false => vec![group],
    });
    let groups: VecDeque<Vec<PathBuf>> = groups.collect();
    let run = One {
        args,
        config: &config,
        place: &context.place()?,
        context,
    };
    match groups.front() {
        Some(only) if groups.len() == 1 => match run.back_up(only) {
            Err(failure) if apart::helps(&failure, only) => {
                several::run(&run, apart::each(only).into())
            }
            done => {
                let done = done?;
                done.summary.tell(&context.ui).map(|()| done.exit)
            }
        },
        _ => several::run(&run, groups),
    }
}
