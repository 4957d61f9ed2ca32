//! `lifeboat repair`: mends what is damaged, and says exactly what stays lost.
//!
//! It shows its plan unless told to apply it, so that nobody who is frightened by a damaged repository does more than they
//! meant to.

use lifeboat_snapshot::store::Share;
use lifeboat_snapshot::{Backup, Repair, RepairReport, RunKind};

use super::backup::configured;
use crate::config::{Config, parse_parity};
use crate::context::{Context, all_real_soon};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::recorded::{Outcome, recorded};

mod answer;

/// Mend what is damaged
///
/// Shows what it would do; --apply does it. Damaged files are mended from their parity, from other copies, or from the
/// sources where those still have the same bytes. What nothing gives back is listed by path and range of bytes, and
/// everything else stays as it is. Nothing is deleted: damaged files are moved to quarantine/.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Do it
    #[arg(long, visible_alias = "yes")]
    apply: bool,
    /// Write parity for packs that have none
    #[arg(long)]
    add_parity: bool,
    /// How much parity, as a part of the packs [else parity of the config, else 5%]
    #[arg(long, value_name = "SHARE", value_parser = parse_parity)]
    parity: Option<Share>,
    /// Take nothing from the sources
    #[arg(long)]
    no_sources: bool,
    /// Threads that work [as many as there are cores]
    #[arg(long, value_name = "N", value_parser = super::threads)]
    threads: Option<usize>,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let config = context.config()?;
    let repository = context.repository()?;
    let plan = args.plan(&config, &repository.place());
    if args.add_parity && plan.parity.is_none() {
        return Err(Failure::usage("there is no parity to add: its share is 0")
            .hint("say how much: --parity 5%"));
    }
    let work = || Ok(repository.repair(&plan, &context.watch())?);
    let outcome = |report: &RepairReport| Outcome::of(exit_of(report));
    // Saying what would be done is not doing it.
    let report = match args.apply {
        true => recorded(context, &repository, RunKind::Repair, &[], work, outcome)?,
        false => work()?,
    };
    if context.ui.is_json() {
        context.ui.event(&answer::summary(&report))?;
    } else {
        let is_long = context.ui.is_verbose();
        let lines = answer::lines(&report, args.add_parity, is_long);
        context.ui.verdict(exit_of(&report), lines)?;
    }
    Ok(exit_of(&report))
}

impl Args {
    fn plan(&self, config: &Config, place: &std::path::Path) -> Repair {
        // Sources are read again as they are backed up; what is none of them, as the top says.
        let top = config.top_settings();
        Repair {
            apply: self.apply,
            without_sources: self.no_sources,
            add_parity: self.add_parity,
            parity: self.parity.unwrap_or_else(|| config.parity()),
            capture: Backup {
                excludes: top.excludes,
                scratch: Some(place.to_owned()),
                ..configured(&all_real_soon(&config.source_paths()), config)
            },
            threads: self.threads,
        }
    }
}

/// Damage that is there when the command ends is 4, whether it cannot be mended or was not to be mended yet.
fn exit_of(report: &RepairReport) -> Exit {
    if report.is_clean() {
        Exit::Done
    } else if report.applied && !report.stays() {
        Exit::Repaired
    } else {
        Exit::Damage
    }
}
