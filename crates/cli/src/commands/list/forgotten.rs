//! `lifeboat list --forgotten`: what can still be brought back.

use chrono::{DateTime, Utc};
use lifeboat_snapshot::{Filter, ForgottenSnapshot, Repository};
use serde_json::{Map, Value, json};

use super::label;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::ui::table::{Cell, Table};
use crate::ui::{Ui, facts, paint, words};

/// Lists them, oldest first. Whether all of a snapshot is still there, only bringing it back finds out.
pub(super) fn list(repository: &Repository, filter: &Filter, ui: &Ui) -> Result<Exit, Failure> {
    let mut listing = repository.forgotten()?;
    listing.items.retain(|item| filter.admits(&item.snapshot));
    let mut exit = Exit::Done;
    let mendable = listing.mendable.into_iter().map(|(_, error)| error);
    let damaged = listing.damaged.into_iter().map(|(_, error)| error);
    for error in damaged.chain(mendable) {
        ui.damage(&error.into());
        exit = Exit::Damage;
    }
    if ui.is_json() {
        let pins = repository.pins()?;
        let is_pinned = |item: &ForgottenSnapshot| pins.contains(&item.snapshot.id);
        let looks = repository.verified_at()?;
        let verified = |item: &ForgottenSnapshot| facts::verified(&looks, item.snapshot.id);
        let items = listing.items.iter();
        let items: Vec<_> = items
            .map(|one| item(one, is_pinned(one), verified(one)))
            .collect();
        ui.document(&items)?;
    } else if listing.items.is_empty() {
        ui.line("There are no forgotten snapshots.")?;
    } else {
        ui.table(&table(&listing.items))?;
    }
    Ok(exit)
}

fn at(item: &ForgottenSnapshot) -> DateTime<Utc> {
    let at_ms = i64::try_from(item.at_ms).unwrap_or(i64::MAX);
    facts::moment(at_ms).unwrap_or_default()
}

fn item(
    one: &ForgottenSnapshot,
    is_pinned: bool,
    verified: Option<DateTime<Utc>>,
) -> Map<String, Value> {
    let mut item = facts::snapshot(&one.snapshot, is_pinned, verified);
    item.insert("forgotten_at".to_owned(), json!(facts::utc(at(one))));
    item
}

fn table(items: &[ForgottenSnapshot]) -> Table {
    let mut table = Table::new();
    let heads = ["ID", "TAKEN"].map(Cell::new).into_iter();
    let heads = heads.chain([Cell::right("FORGOTTEN"), Cell::right("SIZE")]);
    let heads = heads.chain([Cell::new("SOURCE")]);
    table.row(heads.map(|cell| cell.styled(paint::DIM)));
    let now = Utc::now();
    for item in items {
        let snapshot = &item.snapshot;
        table.row([
            Cell::new(snapshot.id.short()).styled(paint::ID),
            Cell::new(words::local(snapshot.time())),
            Cell::right(words::age(at(item).fixed_offset(), now)),
            Cell::right(words::size(snapshot.bytes)),
            Cell::new(label(snapshot, false)),
        ]);
    }
    table
}
