//! The part of `lifeboat restore` and `lifeboat undo` that goes over live data: the preview, the question, the work.

use std::path::PathBuf;
use std::time::Duration;

use chrono::Local;
use lifeboat_snapshot::{
    ExcludeRules, InPlace, InPlaceReport, Plan, Repository, RunKind, SAFETY_TAG, Settled, Snapshot,
    finish_interrupted,
};
use serde_json::{Value, json};

use crate::config::{Config, Settings};
use crate::context::{Context, paths, this_host};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::recorded::{Outcome, losses, recorded};
use crate::signals;
use crate::state;
use crate::suggest;
use crate::ui::{Ui, facts, opened, words};

mod preview;

/// Where the help has these flags. Each of them says so by itself: what says it of a whole group says it of all that follow.
const HEADING: &str = "In place";

/// Flags of work over live data.
#[derive(Debug, clap::Args)]
pub(crate) struct Over {
    /// Ask nothing
    #[arg(short, long, requires = "in_place", help_heading = HEADING)]
    yes: bool,
    /// Go on although programs have the files open; they go on with the old ones until they are restarted
    #[arg(long, requires = "in_place", help_heading = HEADING)]
    force: bool,
    /// Write databases back through SQLite, for programs that have them open and go on with the restored data
    #[arg(long, requires = "in_place", conflicts_with = "force", help_heading = HEADING)]
    online: bool,
    /// How long to wait for the locks of other programs
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = words::parse_span, help_heading = HEADING)]
    busy_timeout: Duration,
}

/// What is to be restored over live data.
pub(crate) struct Wish<'a> {
    pub(crate) over: &'a Over,
    pub(crate) paths: &'a [String],
    pub(crate) delete: bool,
    pub(crate) is_undo: bool,
    pub(crate) setuid: bool,
    pub(crate) dry_run: bool,
    pub(crate) full_check: bool,
    pub(crate) threads: Option<usize>,
}

impl Over {
    /// The flags that an undo shares.
    pub(crate) const fn new(yes: bool, force: bool, online: bool, busy_timeout: Duration) -> Self {
        Self {
            yes,
            force,
            online,
            busy_timeout,
        }
    }
}

/// Previews, asks, restores.
pub(crate) fn run(
    wish: &Wish<'_>,
    context: &Context,
    repository: &Repository,
    snapshot: &Snapshot,
) -> Result<Exit, Failure> {
    let config = context.config()?;
    let (options, plan) = prepare(wish, &config, context, repository, snapshot)?;
    if wish.dry_run || plan.is_empty() {
        return tell_plan(wish, context, snapshot, &plan);
    }
    if !context.ui.is_json() {
        preview::tell(&context.ui, snapshot, &plan)?;
    }
    ask(wish.over.yes, context)?;
    let report = carry_out(&options, plan, context, repository, snapshot)?;
    tell(&context.ui, snapshot, &report)
}

/// What the restore would do.
pub(crate) fn prepare(
    wish: &Wish<'_>,
    config: &Config,
    context: &Context,
    repository: &Repository,
    snapshot: &Snapshot,
) -> Result<(InPlace, Plan), Failure> {
    let sources = paths(&snapshot.sources);
    let options = options(wish, config, &sources);
    settle(&sources, wish.dry_run, context)?;
    let watch = context.watch();
    let plan = repository.plan_in_place(snapshot, &options, &watch);
    drop(watch);
    Ok((options, plan?))
}

/// Does it, and leaves it in the history.
pub(crate) fn carry_out(
    options: &InPlace,
    plan: Plan,
    context: &Context,
    repository: &Repository,
    snapshot: &Snapshot,
) -> Result<InPlaceReport, Failure> {
    let work = || Ok(repository.restore_in_place(snapshot, options, plan, &context.watch())?);
    let outcome = |report: &InPlaceReport| Outcome {
        exit: exit(report),
        snapshot: Some(snapshot.id),
        bytes: report.plan.bytes,
        error: losses(&report.warnings),
    };
    recorded(context, repository, RunKind::Restore, &[], work, outcome)
}

fn options(wish: &Wish<'_>, config: &Config, sources: &[PathBuf]) -> InPlace {
    // An undo is exact: what is left out of backups was saved all the same.
    let sources = sources.iter().filter(|_| !wish.is_undo);
    let settings: Vec<Settings> = sources.map(|source| config.settings(source)).collect();
    let protect = config.zip_dirs();
    InPlace {
        paths: wish.paths.to_vec(),
        delete: wish.delete,
        force: wish.over.force,
        online: wish.over.online,
        rules: rules(&settings),
        excludes: settings.into_iter().flat_map(|of| of.excludes).collect(),
        full_check: wish.full_check,
        setuid: wish.setuid,
        protect,
        counts: config.count_queries(),
        host: this_host(),
        offset_minutes: Local::now().offset().local_minus_utc() / 60,
        busy_timeout: wish.over.busy_timeout,
        state: state::folder(),
        threads: wish.threads,
    }
}

/// What any of the sources leaves out of backups; nothing where there are none.
fn rules(settings: &[Settings]) -> ExcludeRules {
    ExcludeRules {
        ignore_files: !settings.is_empty(),
        caches: settings.iter().any(|of| of.exclude_caches),
        larger_than: settings
            .iter()
            .filter_map(|of| of.exclude_larger_than)
            .min(),
        one_file_system: settings.iter().any(|of| of.one_file_system),
    }
}

/// Finishes what a crash has left half done in these places, so that what follows finds one state.
pub(crate) fn settle(paths: &[PathBuf], dry_run: bool, context: &Context) -> Result<(), Failure> {
    if dry_run {
        return Ok(());
    }
    let settled = finish_interrupted(paths, state::folder().as_deref())?;
    for kept in &settled.kept {
        let kept = facts::shown(kept);
        context.ui.note(format!(
            "{kept} holds what a stopped restore replaced and no snapshot has: its file 'keep' says what is what"
        ));
    }
    for warning in settled.warnings() {
        let path = facts::shown(&warning.path);
        context.ui.note(format!("{path} {}", warning.message));
    }
    tell_finished(&settled, context);
    Ok(())
}

/// Tells what was finished so; what is kept is told by others.
pub(crate) fn tell_finished(settled: &Settled, context: &Context) {
    for folder in &settled.finished {
        let folder = facts::shown(folder);
        context.ui.note(format!(
            "finished the restore of {folder} that was stopped in its middle"
        ));
    }
}

/// Nobody restores over live data by accident.
fn ask(yes: bool, context: &Context) -> Result<(), Failure> {
    if yes {
        return Ok(());
    }
    let refused = || Failure::usage("nothing was changed: the restore was not confirmed");
    if !context.ui.is_attended() {
        return Err(refused().because("there is no terminal to ask at").hint(
            "add --yes to restore without being asked, or --dry-run to see what would happen",
        ));
    }
    match context.ui.agrees("Go on?") {
        true => Ok(()),
        false if signals::requested() => Err(Failure::new(
            signals::exit(),
            "nothing was changed: stopped at the question, as asked",
        )),
        false => Err(refused()),
    }
}

/// The answer of a run that changes nothing.
fn tell_plan(
    wish: &Wish<'_>,
    context: &Context,
    snapshot: &Snapshot,
    plan: &Plan,
) -> Result<Exit, Failure> {
    if context.ui.is_json() {
        let mut summary = preview::facts(snapshot, plan);
        summary.insert("dry_run".to_owned(), json!(wish.dry_run));
        summary.insert("safety_snapshot".to_owned(), Value::Null);
        context.ui.event(&summary)?;
    } else {
        preview::tell(&context.ui, snapshot, plan)?;
        if plan.is_empty() {
            context
                .ui
                .summary(["Nothing differs; nothing was changed.".to_owned()])?;
        }
    }
    Ok(super::super::exit_of(&plan.warnings))
}

fn tell(ui: &Ui, snapshot: &Snapshot, report: &InPlaceReport) -> Result<Exit, Failure> {
    let safety = report.safety.as_ref().map(|safety| safety.id);
    if ui.is_json() {
        let mut summary = preview::facts(snapshot, &report.plan);
        let kept = report.kept.iter().map(|path| facts::shown(path));
        summary.extend(facts::object(json!({
            "dry_run": false,
            "safety_snapshot": safety.map(|id| id.to_string()),
            "kept": kept.collect::<Vec<_>>(),
            "restored_databases": report.databases.iter().map(opened::facts).collect::<Vec<_>>(),
            "duration_s": report.duration.as_secs_f64(),
            "warnings": report.warnings.iter().map(facts::warning).collect::<Vec<_>>(),
        })));
        ui.event(&summary)?;
    } else {
        let plan = &report.plan;
        let size = words::size(plan.bytes);
        let took = words::took(report.duration);
        let taken = words::local(snapshot.time());
        let id = snapshot.id.short();
        let changed = words::counted(plan.added + plan.replaced, "file", "files");
        let mut lines = vec![format!(
            "Restored snapshot {id} ({taken}) in place: {changed}, {size}, in {took}"
        )];
        lines.extend(opened::lines(&report.databases));
        lines.extend(safety.map(|id| {
            let id = id.short();
            let undo = suggest::command("undo");
            format!("What was there before is snapshot {id} ({SAFETY_TAG}); {undo} brings it back")
        }));
        ui.summary(lines)?;
    }
    Ok(exit(report))
}

/// How a restore ends that went so.
pub(crate) fn exit(report: &InPlaceReport) -> Exit {
    match opened::exit_of(&report.databases) {
        Exit::Done => super::super::exit_of(&report.warnings),
        exit => exit,
    }
}
