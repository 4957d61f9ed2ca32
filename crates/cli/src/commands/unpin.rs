//! `lifeboat unpin`: a snapshot for which the rules of retention hold again.

use serde_json::json;

use crate::args::Pick;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;

/// Let forget and its rules have a snapshot again
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    pick: Pick,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let repository = context.repository()?;
    let snapshot = args.pick.find(&repository)?;
    let was_pinned = repository.unpin(snapshot.id)?;
    if context.ui.is_json() {
        context.ui.document(&json!({
            "snapshot": snapshot.id.to_string(),
            "pinned": false,
            "changed": was_pinned,
        }))?;
    } else {
        let id = snapshot.id.short();
        context.ui.summary([match was_pinned {
            true => format!("Unpinned snapshot {id}"),
            false => format!("Snapshot {id} was not pinned"),
        }])?;
    }
    Ok(Exit::Done)
}
