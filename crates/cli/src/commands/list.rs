//! `lifeboat list`: the snapshots, newest last, so that the newest stands next to the prompt.
//!
//! A record that cannot be read must not hide the others, nor be hidden by them: it is named, and the exit code is 4.

use std::collections::HashMap;
use std::path::PathBuf;

use chrono::{DateTime, Utc};
use lifeboat_snapshot::path::escape;
use lifeboat_snapshot::store::SnapshotId;
use lifeboat_snapshot::{Flaws, Repository, Snapshot, SnapshotError, Tree, ZipTarget};
use serde_json::{Map, Value, json};

use crate::args::Narrow;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::ui::table::{Cell, Table};
use crate::ui::{databases, facts, paint, words};

mod forgotten;

/// List the snapshots, newest last
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    narrow: Narrow,
    /// List what was forgotten and can still be brought back, with forget --undo
    #[arg(long)]
    forgotten: bool,
}

/// Databases named in a line; the others are counted.
const NAMED: usize = 2;

/// Snapshots that are opened at the same time.
const AT_ONCE: usize = 64;

pub(crate) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let repository = context.repository()?;
    if args.forgotten {
        return forgotten::list(&repository, &args.narrow.filter(), &context.ui);
    }
    let mut listing = repository.snapshots()?;
    let filter = args.narrow.filter();
    let refusal = filter.refusal(&listing.snapshots);
    listing.snapshots.retain(|snapshot| filter.admits(snapshot));
    let mut exit = Exit::Done;
    for (_, error) in listing.damaged.into_iter().chain(listing.mendable) {
        context.ui.damage(&error.into());
        exit = Exit::Damage;
    }
    let pins = repository.pins()?;
    let zips = zips(&repository, context)?;
    let verified = repository.verified_at()?;
    let mut rows = Vec::new();
    let trees = listing.snapshots.chunks(AT_ONCE);
    let trees = trees.flat_map(|some| repository.trees(some));
    for (snapshot, tree) in listing.snapshots.iter().zip(trees) {
        let mut found = Found::read(tree);
        found.zip = zips.get(&snapshot.id).cloned();
        found.verified = facts::verified(&verified, snapshot.id);
        if let Some(failure) = &found.damage {
            context.ui.damage(failure);
            exit = Exit::Damage;
        }
        rows.push((snapshot, pins.contains(&snapshot.id), found));
    }
    if context.ui.is_json() {
        let items: Vec<_> = rows
            .into_iter()
            .map(|(snapshot, is_pinned, found)| item(snapshot, is_pinned, found))
            .collect();
        context.ui.document(&items)?;
    } else if rows.is_empty() {
        context.ui.line(none(refusal))?;
    } else {
        context.ui.table(&table(&rows))?;
    }
    Ok(exit)
}

/// Why there is nothing to list.
fn none(refusal: Option<SnapshotError>) -> String {
    match refusal {
        Some(refusal) => {
            let sentence = Failure::from(refusal).sentence().replacen('n', "N", 1);
            escape(format!("{sentence}.").as_bytes())
        }
        None => "There are no snapshots.".to_owned(),
    }
}

/// The databases of a snapshot, for programs and in words; or why its manifest cannot be read.
struct Found {
    items: Option<Vec<Map<String, Value>>>,
    flaws: Option<Flaws>,
    words: String,
    damage: Option<Failure>,
    zip: Option<PathBuf>,
    verified: Option<DateTime<Utc>>,
}

/// Where the snapshots' zips are, as far as the config and the repository know the places.
fn zips(
    repository: &Repository,
    context: &Context,
) -> Result<HashMap<SnapshotId, PathBuf>, Failure> {
    let folders = zip_folders(repository, context)?;
    let zips = folders.iter().flat_map(|folder| repository.zips(folder));
    Ok(zips.map(|zip| (zip.snapshot, zip.path)).collect())
}

/// Where zips may be, as far as the config and the repository know the places.
pub(super) fn zip_folders(
    repository: &Repository,
    context: &Context,
) -> Result<Vec<PathBuf>, Failure> {
    let own = repository.zip_path(&ZipTarget::Repository);
    Ok([vec![own], context.config()?.zip_dirs()].concat())
}

impl Found {
    fn read(tree: Result<Tree<'_>, SnapshotError>) -> Self {
        let tree = match tree {
            Ok(tree) => tree,
            Err(error) => {
                return Self {
                    items: None,
                    flaws: None,
                    words: "(cannot be read)".to_owned(),
                    damage: Some(error.into()),
                    zip: None,
                    verified: None,
                };
            }
        };
        let found = &tree.manifest().databases;
        let path = |database| tree.database_path(database);
        let items = found
            .iter()
            .map(|database| facts::database(&path(database).to_bytes(), database));
        let named = found.iter().take(NAMED);
        let mut named: Vec<String> = named
            .map(|database| match databases::contents(&database.facts) {
                contents if contents.is_empty() => path(database).to_string(),
                contents => format!("{}: {contents}", path(database)),
            })
            .collect();
        if found.len() > NAMED {
            named.push(format!("+{}", found.len() - NAMED));
        }
        Self {
            items: Some(items.collect()),
            flaws: Some(Flaws::of(tree.manifest())),
            words: named.join("; "),
            damage: None,
            zip: None,
            verified: None,
        }
    }
}

fn item(snapshot: &Snapshot, is_pinned: bool, found: Found) -> Map<String, Value> {
    let mut item = facts::snapshot(snapshot, is_pinned, found.verified);
    item.insert("databases".to_owned(), json!(found.items));
    item.extend(facts::flaws(found.flaws.as_ref()));
    let zip = found.zip.as_deref();
    item.insert("zip".to_owned(), Value::Null);
    item.extend(
        zip.map(|zip| facts::with_local_path("zip", zip))
            .unwrap_or_default(),
    );
    item
}

fn table(rows: &[(&Snapshot, bool, Found)]) -> Table {
    let mut table = Table::new();
    let heads = ["ID", "TAKEN"].map(Cell::new).into_iter();
    let numbers = ["AGE", "FILES", "SIZE", "STORED"].map(Cell::right);
    let rest = ["ZIP", "VERIFIED", "SOURCE", "DATABASES"].map(Cell::new);
    table.row(
        heads
            .chain(numbers)
            .chain(rest)
            .map(|cell| cell.styled(paint::DIM)),
    );
    let now = Utc::now();
    for (snapshot, is_pinned, found) in rows {
        table.row([
            Cell::new(snapshot.id.short()).styled(paint::ID),
            Cell::new(words::local(snapshot.time())),
            Cell::right(words::age(snapshot.time(), now)),
            Cell::right(words::count(snapshot.files)),
            Cell::right(words::size(snapshot.bytes)),
            Cell::right(words::size(snapshot.stored_bytes)),
            Cell::new(if found.zip.is_some() { "yes" } else { "" }),
            Cell::new(verified(found.verified, now)),
            Cell::new(label(snapshot, *is_pinned) + &lacking(found)),
            Cell::new(&found.words),
        ]);
    }
    table
}

/// How long ago everything of it was last read.
fn verified(at: Option<DateTime<Utc>>, now: DateTime<Utc>) -> String {
    at.map_or_else(
        || "never".to_owned(),
        |at| words::age(at.fixed_offset(), now),
    )
}

/// That the snapshot lacks something, and what.
fn lacking(found: &Found) -> String {
    match &found.flaws {
        Some(flaws) if !flaws.is_complete() => format!(" (incomplete: {})", words::flaws(flaws)),
        _ => String::new(),
    }
}

/// The first source, how many more there are, and what people have called the snapshot.
fn label(snapshot: &Snapshot, is_pinned: bool) -> String {
    let sources = facts::sources(snapshot);
    let mut label = sources.first().cloned().unwrap_or_default();
    if sources.len() > 1 {
        label.push_str(&format!(" +{}", sources.len() - 1));
    }
    if is_pinned {
        label.push_str(" (pinned)");
    }
    for tag in &snapshot.tags {
        label.push_str(&format!(" #{tag}"));
    }
    if !snapshot.description.is_empty() {
        label.push_str(&format!(" “{}”", snapshot.description));
    }
    label
}
