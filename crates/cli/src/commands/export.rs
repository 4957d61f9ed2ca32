//! `lifeboat export`: a snapshot as a zip that any unzip opens, for the day on which there is no lifeboat at hand.
//!
//! A file that exists is never replaced: what stands there may be somebody's only copy.

use std::path::PathBuf;

use lifeboat_snapshot::{ZipReport, ZipTarget};
use serde_json::{Map, Value, json};

use crate::args::Pick;
use crate::context::{Context, absolute};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::ui::{facts, words};

/// Write a snapshot as a zip that any program opens
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    pick: Pick,
    /// The zip to write, or a folder for it [else [zip] dir of the config, else exports/ in the repository]
    #[arg(long, value_name = "FILE|DIR")]
    zip: Option<PathBuf>,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let target = target(args, context)?;
    let repository = context.repository()?;
    let snapshot = repository.find(&args.pick.name, &args.pick.narrow.filter())?;
    let watch = context.watch();
    let report = repository.export_zip(&snapshot, &target, &watch)?;
    drop(watch);
    let flaws = repository.flaws(&snapshot)?;
    if !flaws.is_complete() {
        let (id, lacking) = (snapshot.id.short(), words::flaws(&flaws));
        context.ui.note(format!(
            "snapshot {id} is incomplete, and so is its zip: {lacking}"
        ));
    }
    if context.ui.is_json() {
        let mut summary = facts::object(json!({
            "event": "summary",
            "snapshot": snapshot.id.to_string(),
            "zip": zip(&report),
        }));
        summary.extend(zip(&report));
        summary.extend(facts::flaws(Some(&flaws)));
        context.ui.event(&summary)?;
    } else {
        let (path, size) = (facts::shown(&report.path), words::size(report.bytes));
        context.ui.summary([format!(
            "Wrote {path}, {size}, of snapshot {}",
            snapshot.id.short()
        )])?;
    }
    Ok(Exit::Done)
}

fn target(args: &Args, context: &Context) -> Result<ZipTarget, Failure> {
    let Some(typed) = &args.zip else {
        let folder = context.config()?.zip.dir;
        return Ok(folder.map_or(ZipTarget::Repository, ZipTarget::Folder));
    };
    // A slash at the end means a folder even where there is none: that is then the error.
    let is_folder = typed.as_os_str().as_encoded_bytes().ends_with(b"/") || typed.is_dir();
    let path = absolute(typed);
    Ok(if is_folder {
        ZipTarget::Folder(path)
    } else {
        ZipTarget::File(path)
    })
}

/// What a program learns of a zip.
pub(super) fn zip(report: &ZipReport) -> Map<String, Value> {
    let mut zip = facts::with_local_path("path", &report.path);
    zip.extend(facts::object(json!({
        "bytes": report.bytes,
        "copied_bytes": report.copied_bytes,
        "compressed_bytes": report.compressed_bytes,
        "removed": report.removed.len(),
    })));
    zip
}
