//! `lifeboat undo`: the state from before the last restore in place, exactly.
//!
//! It is a restore in place itself, of the safety snapshot, with everything removed that was not there; and it takes a
//! safety snapshot of its own, so that the next undo takes this one back.

use std::path::PathBuf;
use std::time::Duration;

use lifeboat_snapshot::path::real;

use crate::context::{Context, this_host};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::ui::words;

use super::restore::in_place::{self, Over, Wish};

/// Put back what the last restore in place replaced
///
/// Everything in the restored folders becomes what it was before, also what has changed since. Another undo takes that
/// back in turn.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Only a restore of this source: its path, or the last parts of it
    #[arg(long, value_name = "PATH")]
    source: Option<PathBuf>,
    /// Only say what would be done
    #[arg(long)]
    dry_run: bool,
    /// Ask nothing
    #[arg(short, long)]
    yes: bool,
    /// Go on although programs have the files open; they go on with the old ones until they are restarted
    #[arg(long)]
    force: bool,
    /// Write databases back through SQLite, for programs that have them open and go on with the restored data
    #[arg(long, conflicts_with = "force")]
    online: bool,
    /// How long to wait for the locks of other programs
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = words::parse_span)]
    busy_timeout: Duration,
    /// Threads that work [as many as there are cores]
    #[arg(long, value_name = "N", value_parser = super::threads)]
    threads: Option<usize>,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let repository = context.repository()?;
    let host = this_host();
    let source = args.source.as_deref().map(real);
    let snapshot = repository.last_safety(&host, source.as_deref())?;
    let wish = Wish {
        over: &Over::new(args.yes, args.force, args.online, args.busy_timeout),
        paths: &[],
        delete: true,
        is_undo: true,
        // What was there before had them.
        setuid: true,
        dry_run: args.dry_run,
        full_check: false,
        threads: args.threads,
    };
    in_place::run(&wish, context, &repository, &snapshot)
}
