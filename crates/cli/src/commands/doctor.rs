//! `lifeboat doctor`: what is wrong with the config, the sources, the programs that use them, or the repository; and for each
//! the command that mends it.
//!
//! It only looks. Databases are not opened through SQLite, and nothing is written, not even to the history.

use serde_json::json;

use crate::commands::status::next::Next;
use crate::context::Context;
use crate::daemon;
use crate::exit::Exit;
use crate::failure::Failure;
use finding::{Finding, Weight};
use sources::Sources;

mod databases;
mod finding;
mod library;
mod repository;
mod sources;

/// Find what is wrong with the backups, and say what mends it
///
/// Looks at the config, the sources and the programs that have their databases open, the schedule, the repository and its disk.
/// Exits with 0 where there is at most advice, with 1 where there are warnings, and where something is bad with the code for the
/// worst of it: 2 config, 4 damage, 7 source missing, 8 folder for zips missing, 10 no repository, 20 backups too old or
/// failing or not run, 21 none, 28 low space.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

pub(crate) fn run(_: &Args, context: &Context) -> Result<Exit, Failure> {
    let findings = look(context)?;
    let exit = worst(&findings);
    if context.ui.is_json() {
        let items: Vec<_> = findings.iter().map(Finding::facts).collect();
        let document = json!({"findings": items, "exit_code": exit.code()});
        context.ui.document(&document)?;
        return Ok(exit);
    }
    let (advice, wrong): (Vec<&Finding>, Vec<&Finding>) = findings
        .iter()
        .partition(|finding| finding.weight == Weight::Advice);
    context
        .ui
        .verdict(exit, wrong.into_iter().flat_map(Finding::lines))?;
    context
        .ui
        .summary(advice.into_iter().flat_map(Finding::lines))?;
    if findings.is_empty() {
        context.ui.summary(["Nothing is wrong.".to_owned()])?;
    }
    Ok(exit)
}

/// All that was found, the worst first.
fn look(context: &Context) -> Result<Vec<Finding>, Failure> {
    let config = match context.config() {
        Ok(config) => config,
        Err(failure) => return Ok(vec![Finding::of("config", &failure)]),
    };
    let repository = match context.repository() {
        Ok(repository) => repository,
        Err(failure) => return Ok(vec![Finding::of("repository", &failure)]),
    };
    let history = repository.history(usize::MAX)?;
    let listing = repository.snapshots()?;
    let next = Next::of(&config, &listing.snapshots, &history, daemon::moment());
    let now = repository.clock().now();
    let sources = Sources {
        repository: &repository,
        config: &config,
        history: &history,
        next: &next,
        now,
    };
    let (there, mut findings) = sources.look()?;
    for source in there {
        let excludes = config.settings(&source).excludes;
        findings.extend(databases::look(&source, &excludes, context)?);
    }
    findings.extend(repository::look(&repository, &config, now)?);
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.weight));
    Ok(findings)
}

/// Of several bad things the one that is found first; advice is no reason to fail.
fn worst(findings: &[Finding]) -> Exit {
    let worst = findings.first();
    worst
        .filter(|worst| worst.weight > Weight::Advice)
        .map_or(Exit::Done, |worst| worst.exit)
}
