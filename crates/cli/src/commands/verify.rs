//! `lifeboat verify`: whether what was stored is still there.
//!
//! Damage is an answer and not an error of this command: it goes to stdout, names whom it concerns, and exits with 4.

use lifeboat_snapshot::sqlite::Checked;
use lifeboat_snapshot::store::Share;
use lifeboat_snapshot::{DatabaseVerified, RunKind, Verify, VerifyReport};

use crate::args::Narrow;
use crate::config::parse_parity;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::recorded::{Outcome, recorded};

mod answer;

/// Check that the snapshots can be restored
///
/// Without a flag, that everything the snapshots refer to is there and every file of the repository has the shape it
/// should have. With --read-data, that every stored byte is what it was; with --subset, a part of them, another one each
/// time, until all were read. With --databases, that SQLite finds every database in them whole.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Snapshots to check; all of them where none is named
    #[arg(value_name = "SNAP")]
    names: Vec<String>,
    #[command(flatten)]
    narrow: Narrow,
    /// Read and hash every stored byte
    #[arg(long)]
    read_data: bool,
    /// Read and hash a part, as in 5%: what was not read for the longest time
    #[arg(long, value_name = "SHARE", value_parser = parse_subset, conflicts_with = "read_data")]
    subset: Option<Share>,
    /// Let SQLite check every database of the snapshots
    #[arg(long)]
    databases: bool,
    /// Threads that work [as many as there are cores]
    #[arg(long, value_name = "N", value_parser = super::threads)]
    threads: Option<usize>,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let repository = context.repository()?;
    let filter = args.narrow.filter();
    let find = |name: &String| repository.find(name, &filter);
    let named: Vec<_> = args.names.iter().map(find).collect::<Result<_, _>>()?;
    let plan = Verify {
        snapshots: (!named.is_empty()).then_some(named),
        read_data: args.read_data,
        subset: args.subset,
        databases: args.databases,
        threads: args.threads,
    };
    if args.read_data && plan.snapshots.is_none() {
        context.notices.looked_everywhere();
    }
    let work = || Ok(repository.verify(&plan, &context.watch())?);
    let outcome = |report: &VerifyReport| Outcome {
        exit: exit(report),
        // Of a part of the snapshots it is not said that the repository is well.
        snapshot: plan
            .snapshots
            .as_ref()
            .and_then(|named| named.first())
            .map(|first| first.id),
        bytes: report.checked_bytes,
        error: first_damage(report),
    };
    let report = recorded(context, &repository, RunKind::Verify, &[], work, outcome)?;
    if context.ui.is_json() {
        context.ui.event(&answer::summary(&report, &plan))?;
    } else {
        let is_long = context.ui.is_verbose();
        let lines = answer::lines(&report, &plan, is_long);
        context.ui.verdict(exit(&report), lines)?;
    }
    if let Some(reason) = &report.not_remembered {
        context
            .ui
            .detail(format!("what was read is not remembered: {reason}"));
    }
    Ok(exit(&report))
}

fn exit(report: &VerifyReport) -> Exit {
    match is_whole(report) {
        true => Exit::Done,
        false => Exit::Damage,
    }
}

/// The first thing that is damaged, and how many more are.
fn first_damage(report: &VerifyReport) -> Option<String> {
    let (first, more) = report.damaged.split_first()?;
    let more = match more.len() {
        0 => String::new(),
        more => format!(" (and {more} more)"),
    };
    Some(format!("{} is damaged: {}{more}", first.object, first.what))
}

/// A database that is damaged is damage, wherever that came from: nobody asks for the check who does not want to know.
fn is_whole(report: &VerifyReport) -> bool {
    let is_bad = |database: &DatabaseVerified| {
        matches!(database.check, Checked::Damaged(_) | Checked::Unable(_))
    };
    report.damaged.is_empty() && !report.databases.iter().any(is_bad)
}

fn parse_subset(text: &str) -> Result<Share, String> {
    match parse_parity(text) {
        Ok(share) if !share.is_none() => Ok(share),
        _ => Err("a part of what is stored such as 5% is needed".to_owned()),
    }
}
