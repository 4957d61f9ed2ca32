//! `lifeboat config`: whether the config is good, and what is in force and from where.

use serde_json::{Map, Value, json};

use crate::config::{Check, Config, When};
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
    let waiting = config.not_in_force();
    let file = config.file.as_deref().map(facts::shown);
    if context.ui.is_json() {
        context.ui.document(&json!({
            "config": file,
            "sources": config.sources.len(),
            "missing_sources": missing,
            "not_in_force": waiting,
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
        for key in waiting {
            context
                .ui
                .line(format!("{key} is understood, but not in force yet"))?;
        }
    }
    Ok(if missing.is_empty() {
        Exit::Done
    } else {
        Exit::SourceBad
    })
}

fn show(config: &Config, place: &Place, context: &Context) -> Result<Exit, Failure> {
    if context.ui.is_json() {
        context.ui.document(&document(config, place))?;
        return Ok(Exit::Done);
    }
    let file = config
        .file
        .as_deref()
        .map_or("none".to_owned(), facts::shown);
    let zips = match (config.zip.when, &config.zip.dir) {
        (When::Never, _) => "none is written".to_owned(),
        (_, Some(dir)) => format!(
            "in {}, the newest {}",
            facts::shown(dir),
            config.zip.keep.get()
        ),
        (_, None) => format!(
            "in exports/ of the repository, the newest {}",
            config.zip.keep.get()
        ),
    };
    let repository = format!("{} ({})", facts::shown(&place.path), place.named_by());
    let mut rows = vec![
        ("config".to_owned(), file),
        ("repository".to_owned(), repository),
        ("zips".to_owned(), zips),
    ];
    for (name, source) in &config.sources {
        let settings = config.settings(&source.path);
        let excludes = match settings.excludes.is_empty() {
            true => String::new(),
            false => format!(", without {}", settings.excludes.join(" ")),
        };
        let check = word(settings.check);
        let about = format!("{}{excludes}, check {check}", facts::shown(&source.path));
        rows.push((format!("source {name}"), about));
    }
    for count in config.count_queries() {
        let (database, name) = (count.database.display(), &count.name);
        rows.push((
            format!("count {name}"),
            format!("{} in {database}", count.query),
        ));
    }
    let mut table = Table::new();
    for (label, text) in rows {
        table.row([Cell::new(label).styled(paint::DIM), Cell::new(text)]);
    }
    context.ui.table(&table)?;
    Ok(Exit::Done)
}

fn document(config: &Config, place: &Place) -> Map<String, Value> {
    let source = |(name, source): (&String, &crate::config::Source)| {
        let settings = config.settings(&source.path);
        let mut object = facts::with_local_path("path", &source.path);
        object.insert("name".to_owned(), json!(name));
        object.insert("exclude".to_owned(), json!(settings.excludes));
        object.insert("check".to_owned(), json!(word(settings.check)));
        object
    };
    let count = |count: lifeboat_snapshot::CountQuery| json!({"database": count.database.display().to_string(), "name": count.name, "query": count.query});
    let mut document = facts::with_local_path("repository", &place.path);
    let file = config.file.as_deref().map(facts::shown);
    document.extend(facts::object(json!({
        "repository_named_by": place.named_by(),
        "config": file,
        "sources": config.sources.iter().map(source).collect::<Vec<_>>(),
        "counts": config.count_queries().into_iter().map(count).collect::<Vec<_>>(),
        "zip": {
            "dir": config.zip.dir.as_deref().map(facts::shown),
            "keep": config.zip.keep.get(),
            "written": config.zip.when != When::Never,
        },
        "not_in_force": config.not_in_force(),
    })));
    document
}

/// As it is written in the config.
fn word(check: Check) -> &'static str {
    match check {
        Check::None => "none",
        Check::Auto => "auto",
        Check::Quick => "quick",
        Check::Full => "full",
    }
}
