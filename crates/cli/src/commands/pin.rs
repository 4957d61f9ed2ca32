//! `lifeboat pin`: a snapshot that is to stay, whatever the rules of retention say.

use serde_json::json;

use crate::args::Pick;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;

/// Keep a snapshot until it is unpinned, whatever forget and its rules say
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    pick: Pick,
    /// Why, for people
    #[arg(long, value_name = "TEXT", default_value = "")]
    reason: String,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let repository = context.repository()?;
    let snapshot = args.pick.find(&repository)?;
    let is_new = repository.pin(snapshot.id, &args.reason)?;
    if context.ui.is_json() {
        context.ui.document(&json!({
            "snapshot": snapshot.id.to_string(),
            "pinned": true,
            "changed": is_new,
        }))?;
    } else {
        let id = snapshot.id.short();
        context.ui.summary([match is_new {
            true => format!("Pinned snapshot {id}"),
            false => format!("Snapshot {id} was pinned already"),
        }])?;
    }
    Ok(Exit::Done)
}
