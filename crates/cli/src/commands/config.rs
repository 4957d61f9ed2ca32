//! `lifeboat config`: whether the config is good, and what is in force and from where.

use serde_json::{Map, Value, json};

use crate::config::{Config, Source, Told};
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::place::Place;
use crate::ui::table::{Cell, Table};
use crate::ui::{facts, paint};

/// Check the config, or show what is in force
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Tell whether the config is good: exits with 2 where it is not, with 7 where a source is missing
    Check,
    /// Show what is in force, and from where
    Show,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let config = context.config()?;
    match args.what {
        What::Check => check(&config, context),
        What::Show => show(&config, &context.place()?, context),
    }
}

fn check(config: &Config, context: &Context) -> Result<Exit, Failure> {
    let missing: Vec<String> = config
        .sources
        .values()
        .filter(|source| source.path.symlink_metadata().is_err())
        .map(|source| facts::shown(&source.path))
        .collect();
    let file = config.file.as_deref().map(facts::shown);
    if context.ui.is_json() {
        context.ui.document(&json!({
            "config": file,
            "sources": config.sources.len(),
            "missing_sources": missing,
        }))?;
    } else {
        let good = match &file {
            Some(file) => format!("{file} is good: {} sources", config.sources.len()),
            None => "There is no config from here upwards, and none is needed".to_owned(),
        };
        context.ui.line(good)?;
        for path in &missing {
            context
                .ui
                .line(format!("{path} is a source and does not exist"))?;
        }
    }
    Ok(if missing.is_empty() {
        Exit::Done
    } else {
        Exit::SourceBad
    })
}

fn show(config: &Config, place: &Place, context: &Context) -> Result<Exit, Failure> {
    let ui = &context.ui;
    if ui.is_json() {
        ui.document(&document(config, place))?;
        return Ok(Exit::Done);
    }
    let file = config.file.as_deref();
    let mut table = Table::new();
    let mut row = |label: &str, value: &str, from: &str| {
        table.row([
            Cell::new(label).styled(paint::DIM),
            Cell::new(value),
            Cell::new(from).styled(paint::DIM),
        ]);
    };
    row("config", &file.map_or("none".to_owned(), facts::shown), "");
    row("repository", &facts::shown(&place.path), &place.named_by());
    let (parity, from) = config.parity_told();
    row("parity", &parity, from);
    for count in config.count_queries() {
        let query = format!("{} in {}", count.query, count.database.display());
        row(&format!("count {}", count.name), &query, "");
    }
    for told in config.told_of_upkeep() {
        row(&format!("upkeep {}", told.key), &told.words, &told.from);
    }
    for (name, told) in config.told_of_channels() {
        row(&format!("notify {name}"), &told.words, &told.from);
    }
    ui.table(&table)?;
    for (name, source) in &config.sources {
        ui.line("")?;
        let path = facts::shown(&source.path);
        ui.line(paint::paint(paint::LABEL, format!("source {name}: {path}")))?;
        let hooks = config.told_of_hooks(Some((name, source)));
        ui.table(&rows(&config.told(Some((name, source))), &hooks))?;
    }
    if config.sources.is_empty() {
        ui.line("")?;
        ui.line(paint::paint(paint::LABEL, "any path"))?;
        ui.table(&rows(&config.told(None), &config.told_of_hooks(None)))?;
    }
    Ok(Exit::Done)
}

/// Settings and hooks, one a line.
fn rows(settings: &[Told], hooks: &[Told]) -> Table {
    let mut table = Table::new();
    // Programs are told the unit, and people see it.
    let label = |key: &str| key.strip_suffix("_s").unwrap_or(key).to_owned();
    let settings = settings.iter().map(|told| (label(told.key), told));
    let hooks = hooks
        .iter()
        .map(|told| (format!("hook {}", told.key), told));
    let all = settings.chain(hooks);
    for (key, told) in all.filter(|(_, told)| !told.words.is_empty()) {
        table.row([
            Cell::new(format!("  {key}")).styled(paint::DIM),
            Cell::new(&told.words),
            Cell::new(&told.from).styled(paint::DIM),
        ]);
    }
    table
}

fn document(config: &Config, place: &Place) -> Map<String, Value> {
    let source = |(name, source): (&String, &Source)| {
        let mut object = facts::with_local_path("path", &source.path);
        object.insert("name".to_owned(), json!(name));
        object.extend(settings(&config.told(Some((name, source)))));
        let hooks = settings(&config.told_of_hooks(Some((name, source))));
        object.insert("hooks".to_owned(), Value::Object(hooks));
        object
    };
    let count = |count: lifeboat_snapshot::CountQuery| {
        let database = count.database.display().to_string();
        json!({"database": database, "name": count.name, "query": count.query})
    };
    let mut document = facts::with_local_path("repository", &place.path);
    let file = config.file.as_deref().map(facts::shown);
    document.extend(facts::object(json!({
        "repository_named_by": place.named_by(),
        "config": file,
        "parity": config.parity_told().0,
        "sources": config.sources.iter().map(source).collect::<Vec<_>>(),
        "counts": config.count_queries().into_iter().map(count).collect::<Vec<_>>(),
    })));
    let upkeep = settings(&config.told_of_upkeep());
    document.insert("upkeep".to_owned(), Value::Object(upkeep));
    let channels = config.told_of_channels().into_iter();
    let channels: Vec<Value> = channels.map(|(_, told)| told.value).collect();
    document.insert("notify".to_owned(), json!(channels));
    let hooks = settings(&config.told_of_hooks(None));
    document.insert("hooks".to_owned(), Value::Object(hooks));
    // What holds for any other path stands beside them.
    document.extend(settings(&config.told(None)));
    document
}

fn settings(told: &[Told]) -> Map<String, Value> {
    let from = told
        .iter()
        .map(|told| (told.key.to_owned(), json!(told.from)));
    let from: Map<String, Value> = from.collect();
    let values = told
        .iter()
        .map(|told| (told.key.to_owned(), told.value.clone()));
    let mut settings: Map<String, Value> = values.collect();
    settings.insert("from".to_owned(), Value::Object(from));
    settings
}
