//! `lifeboat stats`: what the snapshots cost, and what they would cost as copies.
//!
//! Packs are what counts; zips and the index cache are disposable and not part of the ratio.

use costs::Told;
use sizes::Sizes;

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;

/// Tell how much is stored, and how well
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Tell as well what each source and snapshot costs, and what gc would free: this reads all descriptions
    #[arg(long)]
    costs: bool,
}

mod costs;
mod sizes;

pub(crate) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let repository = context.repository()?;
    let sizes = Sizes::find(&repository, context)?;
    let costs = args.costs.then(|| Told::find(&repository, context));
    let costs = costs.transpose()?;
    if context.ui.is_json() {
        let mut answer = sizes.fields(&repository);
        answer.extend(costs.as_ref().map(Told::fields).unwrap_or_default());
        context.ui.document(&answer)?;
    } else {
        sizes.tell(&context.ui)?;
        if let Some(costs) = &costs {
            costs.tell(&context.ui)?;
        }
    }
    Ok(Exit::Done)
}
