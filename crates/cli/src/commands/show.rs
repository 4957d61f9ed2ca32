//! `lifeboat show`: all that is known of one snapshot.
//!
//! Everything here was read from captured bytes at the time; nothing is looked up in the live sources.

use chrono::Utc;
use lifeboat_snapshot::manifest::{Flag, Flaw};
use lifeboat_snapshot::path::escape;
use lifeboat_snapshot::sqlite::Checked;
use lifeboat_snapshot::{Snapshot, Tree};
use serde_json::{Map, Value, json};
use std::time::Duration;

use crate::args::Pick;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::ui::table::{Cell, Table};
use crate::ui::{Ui, databases, facts, paint, words};

/// Show what is known of a snapshot
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    pick: Pick,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let repository = context.repository()?;
    let snapshot = args.pick.find(&repository)?;
    let is_pinned = repository.pins()?.contains(&snapshot.id);
    let tree = repository.tree(&snapshot)?;
    if context.ui.is_json() {
        let verified = facts::verified(&repository.verified_at()?, snapshot.id);
        let mut document = facts::snapshot(&snapshot, is_pinned, verified);
        document.extend(content(&snapshot, &tree));
        context.ui.document(&document)?;
    } else {
        print(&snapshot, &tree, &context.ui)?;
    }
    Ok(Exit::Done)
}

/// What its record and its manifest say.
fn content(snapshot: &Snapshot, tree: &Tree<'_>) -> Map<String, Value> {
    let manifest = tree.manifest();
    let database = |database| facts::database(&tree.database_path(database).to_bytes(), database);
    let databases: Vec<_> = manifest.databases.iter().map(database).collect();
    let flag = |flag: &Flag| {
        let mut object = facts::with_path("path", &flag.path.to_bytes());
        object.insert("source".to_owned(), json!(flag.source));
        object.insert("flaw".to_owned(), json!(flaw(flag.flaw).0));
        object
    };
    facts::object(json!({
        "parent": snapshot.parent.map(|parent| parent.to_string()),
        "sequence": snapshot.sequence,
        "duration_s": Duration::from_millis(snapshot.duration_ms).as_secs_f64(),
        "new_bytes": snapshot.new_bytes,
        "databases": databases,
        "flaws": manifest.flags.iter().map(flag).collect::<Vec<_>>(),
    }))
}

/// The word for programs, and for people.
fn flaw(flaw: Flaw) -> (&'static str, &'static str) {
    match flaw {
        Flaw::Changed => ("changed", "changed while it was read"),
        Flaw::Missing => ("missing", "could not be read and is missing"),
        Flaw::Damaged => ("damaged", "is a damaged database"),
    }
}

fn print(snapshot: &Snapshot, tree: &Tree<'_>, ui: &Ui) -> Result<(), Failure> {
    ui.table(&head(snapshot))?;
    let manifest = tree.manifest();
    if !manifest.databases.is_empty() {
        ui.line(format!("\n{}", paint::paint(paint::LABEL, "Databases")))?;
        ui.table(&database_table(tree))?;
    }
    for database in &manifest.databases {
        if let Checked::Damaged(findings) = &database.facts.check {
            let path = tree.database_path(database);
            let first = findings.first().map_or("", String::as_str);
            ui.line(format!("  {path}: {}", escape(first.as_bytes())))?;
        }
    }
    if !manifest.flags.is_empty() {
        ui.line(format!(
            "\n{}",
            paint::paint(paint::LABEL, "Not as it should be")
        ))?;
    }
    for flag in &manifest.flags {
        ui.line(format!("  {} {}", flag.path, flaw(flag.flaw).1))?;
    }
    Ok(())
}

fn head(snapshot: &Snapshot) -> Table {
    let age = words::age(snapshot.time(), Utc::now());
    let took = words::took(Duration::from_millis(snapshot.duration_ms));
    let files = words::counted(snapshot.files, "file", "files");
    let mut rows = vec![
        ("snapshot", snapshot.id.to_string()),
        (
            "taken",
            format!(
                "{} ({age}), in {took}, on {}",
                words::local(snapshot.time()),
                snapshot.host
            ),
        ),
    ];
    rows.extend(
        facts::sources(snapshot)
            .into_iter()
            .map(|source| ("source", source)),
    );
    rows.push((
        "content",
        format!("{files}, {}", words::size(snapshot.bytes)),
    ));
    let (stored, new) = (
        words::size(snapshot.stored_bytes),
        words::size(snapshot.new_bytes),
    );
    rows.push(("stored", format!("{stored} for {new} of new data")));
    if let Some(parent) = snapshot.parent {
        rows.push(("parent", parent.short()));
    }
    if !snapshot.tags.is_empty() {
        rows.push(("tags", snapshot.tags.join(", ")));
    }
    if !snapshot.description.is_empty() {
        rows.push(("about", snapshot.description.clone()));
    }
    let mut table = Table::new();
    for (label, text) in rows {
        table.row([Cell::new(label).styled(paint::DIM), Cell::new(text)]);
    }
    table
}

fn database_table(tree: &Tree<'_>) -> Table {
    let mut table = Table::new();
    for database in &tree.manifest().databases {
        let facts = &database.facts;
        table.row([
            Cell::new(""),
            Cell::right(words::size(database.facts.bytes())),
            Cell::new(&facts.journal_mode),
            databases::check(database),
            Cell::new(tree.database_path(database).to_string()),
            Cell::new(databases::contents(facts)),
        ]);
    }
    table
}
