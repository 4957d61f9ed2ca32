//! `lifeboat export`: a snapshot as a zip or a tar that any program opens, for the day on which there is no lifeboat at hand.
//!
//! A file that exists is never replaced: what stands there may be somebody's only copy.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use lifeboat_snapshot::{
    Repository, RunKind, Snapshot, TarReport, Warning, WarningKind, ZipReport, ZipTarget,
};
use serde_json::{Map, Value, json};

use super::backup::configured;
use crate::args::Pick;
use crate::context::{Context, absolute, paths, this_host};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::progress::Watch;
use crate::recorded::{Outcome, losses, recorded};
use crate::ui::{facts, words};

/// Write a snapshot as a zip or a tar that any program opens
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    pick: Pick,
    /// The zip to write, a folder for it, or - for stdout [else [zip] dir of the config, else exports/ in the repository]
    #[arg(long, value_name = "FILE|DIR|-")]
    zip: Option<PathBuf>,
    /// The tar to write, or - for stdout: with owners, attributes and nanoseconds
    #[arg(long, value_name = "FILE|-", conflicts_with = "zip")]
    tar: Option<PathBuf>,
}

/// What was written, whatever it is.
struct Written {
    what: &'static str,
    path: PathBuf,
    bytes: u64,
    facts: Map<String, Value>,
    warnings: Vec<Warning>,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let streams = [&args.zip, &args.tar]
        .into_iter()
        .flatten()
        .any(|path| is_stdout(path));
    if streams {
        check_stdout(context)?;
    }
    let repository = context.repository()?;
    let snapshot = args.pick.find(&repository)?;
    let work = || {
        let watch = context.watch();
        match streams {
            true => stream(args, &repository, &snapshot, context, &watch),
            false => write(args, &repository, &snapshot, context, &watch),
        }
    };
    let outcome = |written: &Written| Outcome {
        exit: super::exit_of(&written.warnings),
        snapshot: Some(snapshot.id),
        bytes: written.bytes,
        error: losses(&written.warnings),
    };
    let written = recorded(context, &repository, RunKind::Export, &[], work, outcome)?;
    let exit = super::exit_of(&written.warnings);
    if let Some(warning) = in_source(context, &repository, &snapshot, &written.path) {
        context.ui.warning(&warning);
    }
    tell(context, &repository, &snapshot, written, streams)?;
    Ok(exit)
}

/// What is to be told of an archive in a live source that backups do not leave out: the next one would hold it, and the archive
/// of that once more.
fn in_source(
    context: &Context,
    repository: &Repository,
    snapshot: &Snapshot,
    path: &Path,
) -> Option<Warning> {
    let (config, _) = context.quietly()?;
    let mut sources = config.source_paths();
    if snapshot.host == this_host() {
        sources.extend(paths(&snapshot.sources));
    }
    let plan = configured(&sources, &config);
    plan.takes_in(&repository.place(), path).then(|| Warning {
        path: path.to_owned(),
        kind: WarningKind::InSource,
        message: "it is in a folder that is backed up, and the next backup takes it in; write it elsewhere, or leave it out with --exclude"
            .to_owned(),
    })
}

fn tell(
    context: &Context,
    repository: &Repository,
    snapshot: &Snapshot,
    written: Written,
    streams: bool,
) -> Result<(), Failure> {
    let flaws = repository.flaws(snapshot)?;
    if !flaws.is_complete() {
        let (id, lacking) = (snapshot.id.short(), words::flaws(&flaws));
        context.ui.note(format!(
            "snapshot {id} is incomplete, and so is its {}: {lacking}",
            written.what
        ));
    }
    if context.ui.is_json() {
        let mut summary = facts::object(json!({
            "event": "summary",
            "snapshot": snapshot.id.to_string(),
        }));
        summary.insert(written.what.to_owned(), json!(written.facts));
        summary.extend(written.facts);
        summary.extend(facts::flaws(Some(&flaws)));
        context.ui.event(&summary)?;
    } else {
        let (path, size) = (facts::shown(&written.path), words::size(written.bytes));
        let line = format!("Wrote {path}, {size}, of snapshot {}", snapshot.id.short());
        match streams {
            true => context.ui.detail(line),
            false => context.ui.summary([line])?,
        }
    }
    Ok(())
}

fn is_stdout(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// Bytes for a program must not meet words for people, nor a terminal.
fn check_stdout(context: &Context) -> Result<(), Failure> {
    let reason = if context.ui.is_json() {
        "--json speaks there as well"
    } else if std::io::stdout().is_terminal() {
        "it is a terminal"
    } else {
        return Ok(());
    };
    Err(
        Failure::usage("an archive cannot be written to the standard output")
            .because(reason)
            .hint("name a file, or send the output to a program"),
    )
}

fn stream(
    args: &Args,
    repository: &Repository,
    snapshot: &Snapshot,
    context: &Context,
    watch: &Watch<'_>,
) -> Result<Written, Failure> {
    let place = Path::new("the standard output");
    let mut out = context.ui.raw();
    let written = match args.tar {
        Some(_) => repository
            .export_tar_to(snapshot, &mut out, place, watch)
            .map(|report| of_tar(place, report)),
        None => repository
            .export_zip_to(snapshot, &mut out, place, watch)
            .map(|report| of_zip(&report)),
    };
    match out.end() {
        Some(failure) => Err(failure),
        None => Ok(written?),
    }
}

fn write(
    args: &Args,
    repository: &Repository,
    snapshot: &Snapshot,
    context: &Context,
    watch: &Watch<'_>,
) -> Result<Written, Failure> {
    match &args.tar {
        Some(typed) => {
            let path = absolute(typed);
            let report = repository.export_tar(snapshot, &path, watch)?;
            Ok(of_tar(&path, report))
        }
        None => {
            let target = target(args, snapshot, context)?;
            let report = repository.export_zip(snapshot, &target, watch)?;
            Ok(of_zip(&report))
        }
    }
}

fn of_zip(report: &ZipReport) -> Written {
    Written {
        what: "zip",
        path: report.path.clone(),
        bytes: report.bytes,
        facts: zip(report),
        warnings: Vec::new(),
    }
}

fn of_tar(path: &Path, report: TarReport) -> Written {
    let mut tar = facts::with_local_path("path", path);
    let (bytes, entries) = (report.bytes, report.entries);
    tar.extend(facts::object(json!({"bytes": bytes, "entries": entries})));
    Written {
        what: "tar",
        path: path.to_owned(),
        bytes,
        facts: tar,
        warnings: report.warnings,
    }
}

fn target(args: &Args, snapshot: &Snapshot, context: &Context) -> Result<ZipTarget, Failure> {
    let Some(typed) = &args.zip else {
        let source = paths(&snapshot.sources)
            .into_iter()
            .next()
            .unwrap_or_default();
        let folder = context.config()?.settings(&source).zip.dir;
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
