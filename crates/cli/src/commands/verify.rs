//! `lifeboat verify`: whether what was stored is still there.
//!
//! Damage is an answer and not an error of this command: it goes to stdout, names whom it concerns, and exits with 4.

use lifeboat_snapshot::path::escape;
use lifeboat_snapshot::{Damaged, Verify, VerifyReport};
use serde_json::{Value, json};

use crate::args::Narrow;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::ui::{paint, words};

/// Check that the snapshots can be restored
///
/// Without a flag, that everything the snapshots refer to is there and every file of the repository has the shape it
/// should have. With --read-data, that every stored byte is what it was.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Snapshots to check; all of them where none is named
    #[arg(value_name = "SNAP")]
    names: Vec<String>,
    #[command(flatten)]
    narrow: Narrow,
    /// Read and hash every stored byte
    #[arg(long)]
    read_data: bool,
    /// Threads that work [as many as there are cores]
    #[arg(long, value_name = "N", value_parser = super::threads)]
    threads: Option<usize>,
}

/// Paths that are named for a damaged object, unless more is asked for.
const PATHS: usize = 10;

pub(crate) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let repository = context.repository()?;
    let filter = args.narrow.filter();
    let find = |name: &String| repository.find(name, &filter);
    let named: Vec<_> = args.names.iter().map(find).collect::<Result<_, _>>()?;
    let plan = Verify {
        snapshots: (!named.is_empty()).then_some(named),
        read_data: args.read_data,
        threads: args.threads,
    };
    let watch = context.watch();
    let report = repository.verify(&plan, &watch)?;
    drop(watch);
    if context.ui.is_json() {
        context.ui.event(&summary(&report, args.read_data))?;
    } else {
        let paths = if context.ui.is_verbose() {
            usize::MAX
        } else {
            PATHS
        };
        context.ui.summary(lines(&report, args.read_data, paths))?;
    }
    let is_whole = report.damaged.is_empty();
    Ok(if is_whole { Exit::Done } else { Exit::Damage })
}

fn summary(report: &VerifyReport, read_data: bool) -> Value {
    let damaged = |damaged: &Damaged| {
        json!({
            "object": damaged.object,
            "what": damaged.what,
            "snapshots": damaged.snapshots.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "paths": damaged.paths,
        })
    };
    json!({
        "event": "summary",
        "read_data": read_data,
        "snapshots": report.snapshots,
        "checked_chunks": report.checked_chunks,
        "checked_bytes": report.checked_bytes,
        "damaged": report.damaged.iter().map(damaged).collect::<Vec<_>>(),
        "databases": [],
    })
}

fn lines(report: &VerifyReport, read_data: bool, paths: usize) -> Vec<String> {
    let mut lines: Vec<String> = report
        .damaged
        .iter()
        .flat_map(|damaged| damage(damaged, paths))
        .collect();
    let snapshots = words::counted(report.snapshots, "snapshot", "snapshots");
    let chunks = words::counted(report.checked_chunks, "chunk", "chunks");
    let read = match read_data {
        true => format!("{} read and checked", words::size(report.checked_bytes)),
        false => "structure only".to_owned(),
    };
    let result = match report.damaged.len() {
        0 => paint::paint(paint::GOOD, "no damage"),
        many => paint::paint(
            paint::ERROR,
            words::counted(many as u64, "damaged object", "damaged objects"),
        ),
    };
    lines.push(format!("Verified {snapshots}, {chunks}, {read}: {result}"));
    lines
}

fn damage(damaged: &Damaged, paths: usize) -> Vec<String> {
    let object = escape(damaged.object.as_bytes());
    let what = escape(damaged.what.as_bytes());
    let mut lines = vec![format!(
        "{} {object}: {what}",
        paint::paint(paint::ERROR, "damaged")
    )];
    if !damaged.snapshots.is_empty() {
        let ids: Vec<String> = damaged.snapshots.iter().map(|id| id.short()).collect();
        lines.push(format!("  in snapshots {}", ids.join(", ")));
    }
    let named = damaged.paths.iter().take(paths);
    lines.extend(named.map(|path| format!("  {}", escape(path.as_bytes()))));
    if damaged.paths.len() > paths {
        lines.push(format!(
            "  and {} more (--verbose names them)",
            damaged.paths.len() - paths
        ));
    }
    lines
}
