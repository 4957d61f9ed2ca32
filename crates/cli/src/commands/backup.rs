//! `lifeboat backup`: a snapshot of folders, files and the databases in them, and the zip of it.
//!
//! It runs unattended at night, so it asks nothing; and what it could not save must not look like success: every loss is
//! named, and the exit code is 3.

use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;
use std::time::Duration;

use chrono::Local;
use lifeboat_snapshot::retention::Policy;
use lifeboat_snapshot::store::Share;
use lifeboat_snapshot::{Backup, Repository, RunKind, SnapshotError, ZipTarget};

use crate::config::{Check, Config, When, parse_parity};
use crate::context::{Context, absolute, real};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::place::Place;
use crate::recorded::recorded;
use crate::signals;
use crate::ui::words;
use aside::{outcome, tell_not_in_force, tell_uncounted};
use summary::Summary;

mod aside;
mod prune;
mod sources;
mod summary;

/// Take a snapshot of folders, and write its zip
///
/// Databases in the folders are found by content and captured whole while other programs write to them. Without a path,
/// the sources of the config are backed up. The first backup creates the repository.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Folders and files to back up; those of the config where none is named
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Word to find the snapshot by; repeat for more
    #[arg(long = "tag", value_name = "T", value_parser = super::tag)]
    tags: Vec<String>,
    /// Words for people
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// What to leave out, as in .gitignore: *.tmp, cache/, /logs/; repeat for more. Files called .lifeboatignore in the folders
    /// say the same
    #[arg(long = "exclude", value_name = "GLOB")]
    excludes: Vec<String>,
    /// Leave out files of more bytes than this, as in 100M; databases are never too large
    #[arg(long, value_name = "SIZE", value_parser = words::parse_size)]
    exclude_larger_than: Option<u64>,
    /// Leave out what is in folders marked as caches by a CACHEDIR.TAG
    #[arg(long)]
    exclude_caches: bool,
    /// Leave out what is on other file systems than the path
    #[arg(long)]
    one_file_system: bool,
    /// Store this database as a plain file: its path, or the last parts of it; repeat for more
    #[arg(long = "no-database", value_name = "PATH")]
    no_database: Vec<PathBuf>,
    /// SQLite's own check of the databases [else check of the config, else auto]
    #[arg(long, value_name = "WHEN")]
    check: Option<Check>,
    /// How long to wait for a database that another program has locked
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = words::parse_span)]
    busy_timeout: Duration,
    /// Do nothing if there is a complete snapshot of the same sources that is younger, as in 1h
    #[arg(long, value_name = "TIME", value_parser = words::parse_span)]
    if_older_than: Option<Duration>,
    /// Make no snapshot that would equal the one before
    #[arg(long)]
    skip_if_unchanged: bool,
    /// Accept sources that are empty now and were not before
    #[arg(long)]
    allow_empty: bool,
    /// How much parity, as a part of what is stored; 0 for none [else parity of the config, else 5%]
    #[arg(long, value_name = "SHARE", value_parser = parse_parity)]
    parity: Option<Share>,
    /// Write no zip
    #[arg(long, conflicts_with = "zip_dir")]
    no_zip: bool,
    /// Write the zip into this folder (else that of the config, else exports/ in the repository)
    #[arg(long, value_name = "DIR")]
    zip_dir: Option<PathBuf>,
    /// Then forget older snapshots of the same sources, as the config says
    #[arg(long)]
    prune: bool,
    /// Threads that work [as many as there are cores]
    #[arg(long, value_name = "N", value_parser = super::threads)]
    threads: Option<usize>,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let config = context.config()?;
    tell_not_in_force(&config, context);
    let place = context.place()?;
    let plan = Backup {
        // On the disk that has room for a backup, and never in a folder of temporary files that is memory in disguise.
        scratch: Some(place.path.clone()),
        ..args.plan(&config)?
    };
    let (repository, created) = open(&place, &plan, context)?;
    if let Some(limit) = args.if_older_than
        && let Some(recent) = repository.recent(&plan.host, &plan.sources, limit)?
    {
        let summary = Summary::recent(&repository, &recent);
        return summary.tell(&context.ui).map(|()| Exit::Done);
    }
    let retention = args.retention(&config, &plan)?;
    super::restore::in_place::settle(&plan.sources, false, context)?;
    let work = || {
        let watch = context.watch();
        let report = repository.backup(&plan, &watch);
        report.map_err(|error| with_room(error, &repository))
    };
    let paths = plan.sources.iter();
    let sources: Vec<Vec<u8>> = paths
        .map(|path| real(path).into_os_string().into_vec())
        .collect();
    let report = recorded(
        context,
        &repository,
        RunKind::Backup,
        &sources,
        work,
        outcome,
    );
    let mut report = report?;
    if args.paths.is_empty() || config.sources.is_empty() {
        tell_uncounted(&mut report, &config, context);
    }
    let pruned =
        retention.and_then(|policy| prune::run(&repository, &mut report, policy, &context.ui));
    let summary = Summary::of(&repository, &report, created);
    summary.pruned(pruned).tell(&context.ui)?;
    // The snapshot was there when the signal came: it stands, and only its zip does not.
    let is_due = plan.zip.is_some() && !plan.zip_daily;
    let is_cut_short = is_due && report.zip.is_none() && signals::requested();
    Ok(match is_cut_short {
        true => signals::exit(),
        false => super::exit_of(&report.warnings),
    })
}

impl Args {
    fn plan(&self, config: &Config) -> Result<Backup, Failure> {
        let (sources, settings) = sources::choose(&self.paths, config)?;
        let zip = self.zip_target(config);
        let mut exclude_folders = Vec::new();
        if let Some(ZipTarget::Folder(folder)) = &zip {
            sources::check_zip_folder(folder, &sources)?;
            exclude_folders.push(folder.clone());
        }
        Ok(Backup {
            sources,
            excludes: [settings.excludes, self.excludes.clone()].concat(),
            exclude_folders,
            exclude_caches: self.exclude_caches || settings.exclude_caches,
            exclude_larger_than: self.exclude_larger_than.or(settings.exclude_larger_than),
            one_file_system: self.one_file_system || settings.one_file_system,
            no_database: self.no_database.clone(),
            tags: self.tags.clone(),
            description: self.description.clone().unwrap_or_default(),
            host: gethostname::gethostname().to_string_lossy().into_owned(),
            offset_minutes: Local::now().offset().local_minus_utc() / 60,
            counts: config.count_queries(),
            check: self.check.unwrap_or(settings.check).into(),
            busy_timeout: self.busy_timeout,
            threads: self.threads,
            allow_empty: self.allow_empty,
            skip_if_unchanged: self.skip_if_unchanged,
            parity: self.parity.unwrap_or_else(|| config.parity()),
            zip,
            // Who names the place has asked for this very zip.
            zip_daily: config.zip.when == When::Daily && self.zip_dir.is_none(),
            zip_keep: Some(config.zip.keep.get()),
            ..Backup::default()
        })
    }

    /// What is to stay of the snapshots of these sources, where that is to be seen to.
    fn retention(&self, config: &Config, plan: &Backup) -> Result<Option<Policy>, Failure> {
        let sources: Vec<_> = plan
            .sources
            .iter()
            .map(|path| path.as_os_str().as_bytes())
            .collect();
        let retention = config.retention_of(&sources);
        let policy = retention.policy();
        if !self.prune && !retention.prune {
            return Ok(None);
        }
        match policy.is_empty() {
            false => Ok(Some(policy)),
            true => Err(prune::without_rules()),
        }
    }

    fn zip_target(&self, config: &Config) -> Option<ZipTarget> {
        if let Some(folder) = &self.zip_dir {
            return Some(ZipTarget::Folder(absolute(folder)));
        }
        if self.no_zip || config.zip.when == When::Never {
            return None;
        }
        let folder = config.zip.dir.clone();
        Some(folder.map_or(ZipTarget::Repository, ZipTarget::Folder))
    }
}

/// The repository, and whether this run has created it: only for sources that are there, lest a typo leave one behind.
fn open(place: &Place, plan: &Backup, context: &Context) -> Result<(Repository, bool), Failure> {
    if !place.is_vacant() {
        return Ok((place.open()?, false));
    }
    for path in &plan.sources {
        path.metadata()
            .map_err(|source| SnapshotError::SourceMissing {
                path: path.clone(),
                source,
            })?;
    }
    let repository = Repository::open_or_create(&place.path)?;
    context
        .ui
        .note(format!("created the repository {}", place.path.display()));
    if let Some(caution) = place.caution() {
        context.ui.note(caution);
    }
    Ok((repository, true))
}

/// A full disk is better mended when one knows how full it is.
fn with_room(error: SnapshotError, repository: &Repository) -> Failure {
    let failure = Failure::from(error);
    match repository.store().free_bytes() {
        Ok(Some(free)) if failure.exit() == Exit::NoSpace => failure.with_free_bytes(free),
        _ => failure,
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Typed {
        #[command(flatten)]
        args: Args,
    }

    fn typed(words: &[&str]) -> Args {
        Typed::parse_from(["backup"].iter().chain(words)).args
    }

    #[test]
    fn the_zip_goes_where_it_is_sent() {
        let mut config = Config::default();
        let target = |words: &[&str], config: &Config| typed(words).zip_target(config);
        let folder = |path: &str| Some(ZipTarget::Folder(path.into()));
        assert_eq!(target(&[], &config), Some(ZipTarget::Repository));
        config.zip.dir = Some("/media/usb".into());
        assert_eq!(target(&[], &config), folder("/media/usb"));
        assert_eq!(target(&["--zip-dir", "/z"], &config), folder("/z"));
        assert_eq!(target(&["--no-zip"], &config), None);
        config.zip.when = When::Never;
        assert_eq!(target(&[], &config), None);
        assert_eq!(target(&["--zip-dir", "/z"], &config), folder("/z"));
    }

    #[test]
    fn what_was_typed_is_planned() {
        let args = typed(&[
            "/srv",
            "--tag",
            "a",
            "--exclude",
            "*.tmp",
            "--check",
            "full",
            "--busy-timeout",
            "2m",
        ]);
        let plan = args.plan(&Config::default()).ok().unwrap();
        assert_eq!(plan.sources, [Path::new("/srv")]);
        assert_eq!(plan.tags, ["a"]);
        assert_eq!(plan.excludes, ["*.tmp"]);
        assert_eq!(plan.check, lifeboat_snapshot::CheckPolicy::Full);
        assert_eq!(plan.busy_timeout, Duration::from_secs(120));
    }
}
