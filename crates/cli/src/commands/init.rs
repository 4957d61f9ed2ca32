//! `lifeboat init`: a repository, made on purpose.
//!
//! Not needed before a backup; it is for those who want to know that the place is good before anything depends on it.

use lifeboat_snapshot::Repository;
use serde_json::json;

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::ui::facts;

/// Create an empty repository (the first backup does so by itself)
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

pub(crate) fn run(_: &Args, context: &Context) -> Result<Exit, Failure> {
    let place = context.place()?;
    let repository = Repository::create(&place.path)?;
    let id = repository.store().id().to_string();
    if context.ui.is_json() {
        let mut answer = facts::with_local_path("repository", &place.path);
        answer.insert("id".to_owned(), json!(id));
        context.ui.document(&answer)?;
    } else {
        let shown = facts::shown(&place.path);
        context
            .ui
            .summary([format!("Created a repository at {shown}")])?;
    }
    Ok(Exit::Done)
}
