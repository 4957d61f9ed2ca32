//! `lifeboat init`: a repository, made on purpose, and a config to begin with.
//!
//! Neither is needed before a backup; it is for those who want to know that the place is good before anything depends on it,
//! and who do not want to type the same every time. A config that is there is never written over.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use lifeboat_snapshot::Repository;
use serde_json::json;

use crate::context::{Context, absolute};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::files;
use crate::place::Place;
use crate::suggest;
use crate::ui::{Ui, facts};

mod example;

/// Create an empty repository, and a config for folders
///
/// The first backup makes a repository by itself. With folders, a lifeboat.toml that names them is written here, or where
/// --config says, with every other setting in it as a comment. At a terminal without folders it asks for one; --yes asks nothing.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Folders and files that the config is to name as sources
    #[arg(value_name = "SOURCE")]
    sources: Vec<PathBuf>,
    /// Ask nothing
    #[arg(short, long)]
    yes: bool,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let file = context.config_to_be();
    let place = match file.exists() {
        true => context.place()?,
        false => context.place_before_config()?,
    };
    let mut sources = args.sources.clone();
    if sources.is_empty() && !file.exists() && !args.yes && context.ui.is_attended() {
        sources.extend(ask(&context.ui)?);
    }
    if sources.is_empty() {
        let repository = Repository::create(&place.path)?;
        return tell(&repository, true, None, &context.ui);
    }
    let sources: Vec<PathBuf> = sources.iter().map(|path| absolute(path)).collect();
    let text = example::text(&place.path, &sources)?;
    let (repository, created) = prepare(&file, &place, &sources)?;
    write(&file, &text)?;
    tell(&repository, created, Some(&file), &context.ui)
}

/// What is to be backed up; an empty answer is none.
fn ask(ui: &Ui) -> Result<Option<PathBuf>, Failure> {
    let answer = ui.ask("Which folder is to be backed up? [none, and no config]");
    let answer = answer.map_err(|error| Failure::io("cannot ask at the terminal", &error))?;
    Ok((!answer.is_empty()).then(|| PathBuf::from(answer)))
}

/// The repository, and whether it is new. Nothing is made where the config could not be written.
fn prepare(file: &Path, place: &Place, sources: &[PathBuf]) -> Result<(Repository, bool), Failure> {
    if file.symlink_metadata().is_ok() {
        return Err(is_there(file));
    }
    for source in sources {
        source.symlink_metadata().map_err(|error| {
            let what = format!("cannot look at the source {}", source.display());
            Failure::io(what, &error).path(source)
        })?;
    }
    match place.is_vacant() {
        true => Ok((Repository::create(&place.path)?, true)),
        false => Ok((place.open()?, false)),
    }
}

fn is_there(file: &Path) -> Failure {
    Failure::new(Exit::Target, format!("{} is there already", file.display()))
        .because("a config is never written over")
        .path(file)
        .hint("lifeboat help config shows what can be added to it")
}

/// For its owner alone: it may name commands that are run with their rights.
fn write(file: &Path, text: &str) -> Result<(), Failure> {
    files::create(file, 0o600, text.as_bytes()).map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => is_there(file),
        _ => Failure::io(format!("cannot write {}", file.display()), &error).path(file),
    })
}

fn tell(
    repository: &Repository,
    created: bool,
    config: Option<&Path>,
    ui: &Ui,
) -> Result<Exit, Failure> {
    if ui.is_json() {
        let mut answer = facts::with_local_path("repository", &repository.place());
        answer.insert("id".to_owned(), json!(repository.store().id().to_string()));
        answer.insert("created".to_owned(), json!(created));
        answer.insert("config".to_owned(), json!(config.map(facts::shown)));
        ui.document(&answer)?;
        return Ok(Exit::Done);
    }
    let place = facts::shown(&repository.place());
    let head = match created {
        true => format!("Created a repository at {place}"),
        false => format!("There is a repository at {place}"),
    };
    let config = config.map(|file| {
        let file = facts::shown(file);
        let (backup, daemon) = (suggest::command("backup"), suggest::command("daemon"));
        format!("Wrote {file}; now {backup} takes the first snapshot, and {daemon} all others")
    });
    ui.summary([head].into_iter().chain(config))?;
    Ok(Exit::Done)
}
