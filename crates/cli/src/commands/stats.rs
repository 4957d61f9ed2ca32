//! `lifeboat stats`: what the snapshots cost, and what they would cost as copies.
//!
//! Packs are what counts; exports and the index cache are disposable and not part of the ratio.

use lifeboat_snapshot::Snapshot;
use serde_json::json;

use costs::Told;

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::ui::table::{Cell, Table};
use crate::ui::{facts, paint, words};

/// Tell how much is stored, and how well
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Tell as well what each source and snapshot costs, and what gc would free: this reads all descriptions
    #[arg(long)]
    costs: bool,
}

mod costs;

pub(crate) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let repository = context.repository()?;
    let listing = repository.snapshots()?;
    let stored = repository.store().pack_bytes()?;
    let sum = |of: fn(&Snapshot) -> u64| {
        listing
            .snapshots
            .iter()
            .map(of)
            .fold(0, u64::saturating_add)
    };
    let (plain, new) = (
        sum(|snapshot| snapshot.bytes),
        sum(|snapshot| snapshot.new_bytes),
    );
    let newest = listing.snapshots.last();
    let costs = args.costs.then(|| Told::find(&repository, context));
    let costs = costs.transpose()?;
    if context.ui.is_json() {
        let mut answer = facts::with_local_path("repository", &repository.place());
        answer.extend(facts::object(json!({
            "id": repository.store().id().to_string(),
            "snapshots": listing.snapshots.len(),
            "damaged_snapshots": listing.damaged.len(),
            "newest_bytes": newest.map(|snapshot| snapshot.bytes),
            "snapshots_bytes": plain,
            "unique_bytes": new,
            "stored_bytes": stored,
        })));
        if let Some(costs) = &costs {
            answer.extend(costs.fields());
        }
        context.ui.document(&answer)?;
        return Ok(Exit::Done);
    }
    let mut table = Table::new();
    let mut row = |label: &str, value: String, about: &str| {
        let cells = [
            Cell::new(label).styled(paint::DIM),
            Cell::right(value),
            Cell::new(about),
        ];
        table.row(cells);
    };
    row(
        "snapshots",
        words::count(listing.snapshots.len() as u64),
        "",
    );
    row(
        "newest",
        words::size(newest.map_or(0, |snapshot| snapshot.bytes)),
        "in the last snapshot",
    );
    row("all", words::size(plain), "if each snapshot were a copy");
    row("unique", words::size(new), "of different data among them");
    row("stored", words::size(stored), &ratio(plain, stored));
    context.ui.table(&table)?;
    if let Some(costs) = &costs {
        costs.tell(&context.ui)?;
    }
    Ok(Exit::Done)
}

fn ratio(plain: u64, stored: u64) -> String {
    match stored {
        0 => String::new(),
        _ => format!("on disk: 1 to {:.1}", plain as f64 / stored as f64),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_has_no_ratio() {
        assert_eq!(ratio(0, 0), "");
        assert_eq!(ratio(1000, 100), "on disk: 1 to 10.0");
    }
}
