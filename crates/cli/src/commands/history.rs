//! `lifeboat history`: what was done with the repository and how it ended, newest last.

use std::time::Duration;

use anstyle::Style;
use lifeboat_snapshot::path::escape;
use lifeboat_snapshot::{HookEnd, HookRun, Run, RunKind};
use serde_json::{Map, Value, json};

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::hooks;
use crate::ui::table::{Cell, Table};
use crate::ui::{facts, paint, words};

/// List what was done and how it ended, newest last
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// How many runs, from the newest back
    #[arg(short = 'n', long, value_name = "N", default_value_t = 20)]
    number: usize,
    /// Only runs of this kind: backup, verify, gc, restore, drill, export, repair, forget
    #[arg(long, value_name = "KIND", value_parser = kind)]
    kind: Option<RunKind>,
    /// Only runs that did not go well
    #[arg(long)]
    failed: bool,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let repository = context.repository()?;
    let history = repository.history(usize::MAX)?;
    let mut exit = Exit::Done;
    for error in history.damaged {
        context.ui.damage(&error.into());
        exit = Exit::Damage;
    }
    let mut runs = history.runs;
    runs.retain(|run| args.admits(run));
    let skip = runs.len().saturating_sub(args.number);
    let runs = runs.get(skip..).unwrap_or_default();
    if context.ui.is_json() {
        context
            .ui
            .document(&runs.iter().map(item).collect::<Vec<_>>())?;
    } else if runs.is_empty() {
        context.ui.line("There are no runs.")?;
    } else {
        context.ui.table(&table(runs))?;
    }
    Ok(exit)
}

impl Args {
    fn admits(&self, run: &Run) -> bool {
        let is_kind = self.kind.is_none_or(|kind| run.kind == kind);
        is_kind && !(self.failed && run.is_good())
    }
}

/// The kind that is called so.
fn kind(text: &str) -> Result<RunKind, String> {
    let mut all = RunKind::ALL.into_iter();
    all.find(|kind| kind.word() == text).ok_or_else(|| {
        let words = RunKind::ALL.map(RunKind::word);
        format!("one of {} is needed", words.join(", "))
    })
}

/// For programs.
fn item(run: &Run) -> Map<String, Value> {
    let took = Duration::from_millis(run.duration_ms);
    let sources: Vec<String> = run.sources.iter().map(|source| escape(source)).collect();
    facts::object(json!({
        "id": run.id.to_string(),
        "kind": run.kind.word(),
        "start": facts::utc(run.began()),
        "end": facts::utc(run.began() + took),
        "duration_s": took.as_secs_f64(),
        "host": run.host,
        "sources": sources,
        "snapshot": run.snapshot.map(|snapshot| snapshot.to_string()),
        "exit_code": run.exit,
        "result": Exit::word_of(run.exit),
        "bytes": run.bytes,
        "error": run.error,
        "hooks": run.hooks.iter().map(hook).collect::<Vec<_>>(),
    }))
}

/// For programs.
fn hook(hook: &HookRun) -> Value {
    let (result, code) = match &hook.end {
        HookEnd::Exited(0) => ("ok", Some(0)),
        HookEnd::Exited(code) => ("failed", Some(*code)),
        HookEnd::Signalled(_) => ("signalled", None),
        HookEnd::TimedOut => ("timed-out", None),
        HookEnd::Stopped => ("stopped", None),
        HookEnd::NotStarted(_) => ("not-started", None),
    };
    json!({
        "hook": hook.moment.word(),
        "result": result,
        "exit_code": code,
        "told": hooks::words(&hook.end),
        "duration_s": Duration::from_millis(hook.duration_ms).as_secs_f64(),
        "output": hook.output,
    })
}

fn table(runs: &[Run]) -> Table {
    let mut table = Table::new();
    for run in runs {
        let style = if run.is_good() {
            paint::GOOD
        } else {
            paint::BAD
        };
        let result = if run.is_good() {
            "ok"
        } else {
            Exit::word_of(run.exit)
        };
        let sources: Vec<String> = run.sources.iter().map(|source| escape(source)).collect();
        let about = [sources.join(", "), run.error.clone().unwrap_or_default()];
        let failed = run.hooks.iter().filter(|hook| !hook.is_good());
        let about = about.into_iter().chain(failed.map(hooks::told));
        let about = about.filter(|text| !text.is_empty());
        table.row([
            Cell::new(words::local(run.began().fixed_offset())),
            Cell::new(run.kind.word()).styled(Style::new().bold()),
            Cell::new(result).styled(style),
            Cell::right(words::took(Duration::from_millis(run.duration_ms))),
            Cell::right(words::size(run.bytes)),
            Cell::new(run.snapshot.map_or_else(String::new, |id| id.short())).styled(paint::ID),
            Cell::new(about.collect::<Vec<_>>().join(": ")),
        ]);
    }
    table
}
