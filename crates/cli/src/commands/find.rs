//! `lifeboat find`: in which snapshots a file stands, and in which versions.
//!
//! There may be many, so they are told as they are found, in JSON too. What cannot be read is named and costs nothing else.

use std::collections::HashMap;

use lifeboat_snapshot::path::escape;
use lifeboat_snapshot::store::SnapshotId;
use lifeboat_snapshot::{FoundPath, Listing, Repository, Snapshot, Version};
use serde_json::{Map, Value, json};

use crate::args::Narrow;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::ui::{Ui, facts, paint, words};

/// Find files across the snapshots, with every version of each
///
/// Versions with the same bytes are told once, with the first and the last of the snapshots that have them. Folders are
/// found by what is in them.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// What to look for, as in .gitignore: notes.txt anywhere, /papers/ at the root, *.db; more than one is any of them
    #[arg(value_name = "PATTERN", required = true)]
    patterns: Vec<String>,
    /// Only in this snapshot; repeat for more
    #[arg(long = "snapshot", value_name = "SNAP")]
    snapshots: Vec<String>,
    #[command(flatten)]
    narrow: Narrow,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let repository = context.repository()?;
    let ui = &context.ui;
    let listing = args.chosen(&repository)?;
    let mut is_damaged = !listing.damaged.is_empty();
    for (_, error) in listing.damaged {
        ui.damage(&error.into());
    }
    let times = times(&listing.snapshots);
    let mut found = 0_u64;
    let paths = repository.find_paths(&listing.snapshots, &args.patterns)?;
    let mut document = match ui.is_json() {
        true => Some(ui.stream(&Map::new(), "found")?),
        false => None,
    };
    for path in paths {
        match path {
            Ok(path) => {
                found += 1;
                match &mut document {
                    Some(document) => document.item(&item(&path, &times))?,
                    None => tell(&path, &times, ui)?,
                }
            }
            Err(error) => {
                is_damaged = true;
                ui.damage(&error.into());
            }
        }
        if ui.is_unheard() {
            break;
        }
    }
    let looked_at = listing.snapshots.len() as u64;
    if let Some(document) = document {
        document.end(&facts::object(json!({"snapshots": looked_at})))?;
    } else if found == 0 {
        let among = words::counted(looked_at, "snapshot", "snapshots");
        ui.note(format!("nothing in {among} matches"));
    }
    Ok(if is_damaged { Exit::Damage } else { Exit::Done })
}

impl Args {
    /// The snapshots to look into, oldest first.
    fn chosen(&self, repository: &Repository) -> Result<Listing, Failure> {
        let filter = self.narrow.filter();
        if self.snapshots.is_empty() {
            let mut listing = repository.snapshots()?;
            listing.snapshots.retain(|snapshot| filter.admits(snapshot));
            return Ok(listing);
        }
        let find = |name: &String| repository.find(name, &filter);
        let found: Result<Vec<Snapshot>, _> = self.snapshots.iter().map(find).collect();
        let mut listing = Listing {
            snapshots: found?,
            ..Listing::default()
        };
        listing.snapshots.sort_by_key(Snapshot::order);
        listing.snapshots.dedup_by_key(|snapshot| snapshot.id);
        Ok(listing)
    }
}

type Times = HashMap<SnapshotId, (String, String)>;

/// When each snapshot was taken, for people and for programs.
fn times(snapshots: &[Snapshot]) -> Times {
    let time = |snapshot: &Snapshot| (words::local(snapshot.time()), facts::time(snapshot));
    snapshots
        .iter()
        .map(|snapshot| (snapshot.id, time(snapshot)))
        .collect()
}

fn tell(found: &FoundPath, times: &Times, ui: &Ui) -> Result<(), Failure> {
    let path = paint::paint(paint::LABEL, found.path.to_string());
    let source = paint::paint(paint::DIM, format!("of {}", escape(&found.source)));
    ui.line(format!("{path}  {source}"))?;
    found
        .versions
        .iter()
        .try_for_each(|version| ui.line(line(version, times)))
}

fn item(found: &FoundPath, times: &Times) -> Map<String, Value> {
    let mut item = facts::with_path("path", &found.path.to_bytes());
    item.insert("host".to_owned(), json!(found.host));
    item.extend(facts::with_path("source", &found.source));
    let versions: Vec<_> = found
        .versions
        .iter()
        .map(|found| version(found, times))
        .collect();
    item.insert("versions".to_owned(), json!(versions));
    item
}

fn version(version: &Version, times: &Times) -> Map<String, Value> {
    let time = |id: Option<&SnapshotId>| id.and_then(|id| times.get(id)).map(|(_, time)| time);
    let ids: Vec<String> = version.snapshots.iter().map(ToString::to_string).collect();
    facts::object(json!({
        "kind": version.kind,
        "bytes": version.bytes,
        "mtime": facts::entry_time(version.mtime),
        "first_time": time(version.snapshots.first()),
        "last_time": time(version.snapshots.last()),
        "snapshots": ids,
    }))
}

fn line(version: &Version, times: &Times) -> String {
    let size = match version.bytes {
        Some(bytes) => words::size(bytes),
        None => version.kind.to_owned(),
    };
    let changed = words::entry_time(version.mtime);
    let snapshot = |id: &SnapshotId| {
        let time = times.get(id).map_or("", |(time, _)| time.as_str());
        format!("{} ({time})", paint::paint(paint::ID, id.short()))
    };
    let stands = match version.snapshots.as_slice() {
        [] => String::new(),
        [only] => format!("in {}", snapshot(only)),
        [first, .., last] => format!(
            "in {} from {} to {}",
            words::counted(version.snapshots.len() as u64, "snapshot", "snapshots"),
            snapshot(first),
            snapshot(last)
        ),
    };
    format!("  {size:>10}  {changed:16}  {stands}")
}
