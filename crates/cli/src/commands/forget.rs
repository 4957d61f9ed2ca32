//! `lifeboat forget`: snapshots leave the list, by name, by filter or by a policy, and come back with `--undo`.
//!
//! The hazard is a policy, a typo or a clock that takes what somebody needs: a dry run tells the reason of each verdict, the
//! library refuses to leave a source with nothing, and what was forgotten can be brought back until a collection takes it.

use std::num::NonZeroU32;
use std::time::Duration;

use lifeboat_snapshot::retention::{Forget, Policy, Rule, Which};
use lifeboat_snapshot::{Collect, Filter, RunKind};

use super::gc;
use crate::args::Narrow;
use crate::config::Config;
use crate::config::retention::{parse_count, parse_within};
use crate::context::{Context, paths, this_host};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::recorded::{Outcome, recorded};
use crate::suggest;

pub(super) mod told;

/// Drop snapshots from the list, by name or by what a policy keeps
///
/// With rules (--keep-…), what no rule keeps goes, for each host and its sources apart. With names, or with --tag, --source or
/// --host alone, just those go. With nothing of it, what the config says of retention holds for this machine's snapshots. Room
/// is freed by gc only; until then --undo brings back.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Snapshots to forget: ids, their first digits, latest, or latest~1
    #[arg(value_name = "SNAP")]
    names: Vec<String>,
    #[command(flatten)]
    narrow: Narrow,
    #[command(flatten)]
    keep: Keep,
    /// Tell what would be done, and why, and do nothing
    #[arg(long)]
    dry_run: bool,
    /// Forget even the last snapshot of a source, or its last complete one, or one that cannot be read
    #[arg(long)]
    force: bool,
    /// Then free at once what no snapshot needs, as gc does: what was forgotten cannot be brought back
    #[arg(long)]
    gc: bool,
    /// Bring back what was forgotten: the snapshots named, else those that were forgotten last
    #[arg(long, conflicts_with_all = ["dry_run", "force", "gc"])]
    undo: bool,
}

/// Where the help has the rules. Each of them says so by itself: what says it of a whole group says it of all that follow.
const HEADING: &str = "What stays";

/// The rules.
#[derive(Debug, clap::Args)]
struct Keep {
    /// The newest N
    #[arg(long, value_name = "N", value_parser = parse_count, allow_negative_numbers = true, help_heading = HEADING)]
    keep_last: Option<NonZeroU32>,
    /// The newest of each of N hours
    #[arg(long, value_name = "N", value_parser = parse_count, allow_negative_numbers = true, help_heading = HEADING)]
    keep_hourly: Option<NonZeroU32>,
    /// The newest of each of N days
    #[arg(long, value_name = "N", value_parser = parse_count, allow_negative_numbers = true, help_heading = HEADING)]
    keep_daily: Option<NonZeroU32>,
    /// The newest of each of N weeks
    #[arg(long, value_name = "N", value_parser = parse_count, allow_negative_numbers = true, help_heading = HEADING)]
    keep_weekly: Option<NonZeroU32>,
    /// The newest of each of N months
    #[arg(long, value_name = "N", value_parser = parse_count, allow_negative_numbers = true, help_heading = HEADING)]
    keep_monthly: Option<NonZeroU32>,
    /// The newest of each of N years
    #[arg(long, value_name = "N", value_parser = parse_count, allow_negative_numbers = true, help_heading = HEADING)]
    keep_yearly: Option<NonZeroU32>,
    /// All that are at most so much older than the newest, as in 30d
    #[arg(long, value_name = "TIME", value_parser = parse_within, allow_hyphen_values = true, help_heading = HEADING)]
    keep_within: Option<Duration>,
    /// All with this tag; repeat for more
    #[arg(long, value_name = "TAG", help_heading = HEADING)]
    keep_tag: Vec<String>,
}

impl Keep {
    fn policy(&self) -> Policy {
        Policy {
            last: self.keep_last,
            hourly: self.keep_hourly,
            daily: self.keep_daily,
            weekly: self.keep_weekly,
            monthly: self.keep_monthly,
            yearly: self.keep_yearly,
            within: self.keep_within,
            tags: self.keep_tag.clone(),
        }
    }
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let policy = args.keep.policy();
    args.check(&policy)?;
    if args.undo {
        return undo(args, context);
    }
    let config = match args.says_something(&policy) {
        true => Config::default(),
        false => context.config()?,
    };
    let of_config = |sources: &[_]| config.retention_of(&paths(sources)).policy();
    let repository = context.repository()?;
    let filter = args.narrow.filter();
    let (which, rule) = if !args.names.is_empty() {
        let ids = repository.find_ids(&args.names, &filter, args.force)?;
        (Which::Named(ids), Rule::Go)
    } else if !policy.is_empty() {
        (Which::Matching(filter), Rule::Keep(policy))
    } else if !args.narrow.is_empty() {
        (Which::Matching(filter), Rule::Go)
    } else if config.has_retention() {
        // What this machine's config says is no business of other machines' snapshots.
        let host = Some(this_host());
        let mine = Filter { host, ..filter };
        (Which::Matching(mine), Rule::KeepBy(&of_config))
    } else {
        return Err(nothing_said());
    };
    let force = args.force;
    let plan = repository.plan_forget(&Forget { which, rule, force })?;
    told::warn(&plan, &context.ui);
    if !args.dry_run {
        let work = || Ok(repository.forget_planned(&plan)?);
        let outcome = |_: &_| Outcome::of(Exit::Done);
        recorded(context, &repository, RunKind::Forget, &[], work, outcome)?;
    }
    // What was forgotten is forgotten, whatever becomes of the collection.
    let freed = match args.gc && !args.dry_run {
        true => Some(gc::collect(&repository, &Collect::default(), context)),
        false => None,
    };
    let freed = freed.transpose();
    told::tell(
        &plan,
        args.dry_run,
        freed.as_ref().ok().copied().flatten(),
        &context.ui,
    )?;
    freed.map(|_| Exit::Done)
}

impl Args {
    /// Names, rules and undoing do not go together.
    fn check(&self, policy: &Policy) -> Result<(), Failure> {
        let has_rules = !policy.is_empty();
        if !self.names.is_empty() && has_rules {
            return Err(
                contradiction("snapshots are named to go, and rules say what stays").hint(
                    "name the snapshots, or give the rules; --dry-run shows what either would do",
                ),
            );
        }
        if self.undo && (has_rules || !self.narrow.is_empty()) {
            return Err(
                contradiction("--undo takes names of snapshots and nothing else").hint(format!(
                    "{} shows what can be brought back",
                    suggest::command("list --forgotten")
                )),
            );
        }
        Ok(())
    }

    fn says_something(&self, policy: &Policy) -> bool {
        !self.names.is_empty() || !policy.is_empty() || !self.narrow.is_empty()
    }
}

fn contradiction(cause: &str) -> Failure {
    Failure::usage("what to forget is contradictory").because(cause)
}

fn nothing_said() -> Failure {
    Failure::usage("nothing says what to forget")
        .because("no snapshot is named, no rule given, and there is no [retention] in a config")
        .hint(format!(
            "give rules, as in: {}",
            suggest::command("forget --keep-last 10 --keep-daily 30 --dry-run")
        ))
}

fn undo(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let repository = context.repository()?;
    let forgotten = repository.find_forgotten(&args.names)?;
    if forgotten.is_empty() {
        return Err(Failure::usage("there is nothing to bring back")
            .because("no snapshot was forgotten since the last collection"));
    }
    let watch = context.watch();
    repository.bring_back(&forgotten, &watch)?;
    drop(watch);
    told::tell_back(&forgotten, &context.ui)?;
    Ok(Exit::Done)
}
