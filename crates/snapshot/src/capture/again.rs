//! Sources read again for a repair: the same walk and the same cuts as those of a backup, into a session that keeps only what
//! is missing. No snapshot comes of it.

use std::collections::BTreeMap;
use std::fs::Metadata;
use std::path::Path;

use lifeboat_store::Session;

use super::own::SourceRules;
use super::plan::{Backup, CheckPolicy};
use super::settings::Settings;
use super::tally::Tally;
use super::{database, file};
use crate::error::Result;
use crate::monitor::Monitor;
use crate::repository::Repository;
use crate::sqlite::CaptureOptions;

/// Puts everything below a folder.
pub(crate) fn folder(
    repository: &Repository,
    session: &Session<'_>,
    plan: &Backup,
    path: &Path,
    monitor: &dyn Monitor,
) -> Result<()> {
    let mut sources = plan.sources.iter();
    let index = sources.position(|source| path.starts_with(source));
    let rules = index.and_then(|index| plan.own.get(&index));
    let rules = rules.cloned().unwrap_or_else(|| SourceRules {
        excludes: plan.excludes.clone(),
        exclude_caches: plan.exclude_caches,
        exclude_larger_than: plan.exclude_larger_than,
        one_file_system: plan.one_file_system,
        ..SourceRules::default()
    });
    let plan = Backup {
        excludes: rules.excludes,
        exclude_caches: rules.exclude_caches,
        exclude_larger_than: rules.exclude_larger_than,
        one_file_system: rules.one_file_system,
        check: CheckPolicy::None,
        counts: Vec::new(),
        own: BTreeMap::new(),
        ..plan.clone()
    };
    let settings = Settings::new(&plan, None, repository.clock().now());
    let mut tally = Tally::default();
    repository
        .capture_source(session, &settings, path, None, &mut tally, monitor)
        .map(drop)
}

/// Puts the bytes of a file; `false` where it is a database, of which the file is not all.
pub(crate) fn file(
    session: &Session<'_>,
    path: &Path,
    seen: &Metadata,
    monitor: &dyn Monitor,
) -> Result<bool> {
    let stored = file::store(session, monitor, path, seen, None, true)?;
    Ok(stored.is_some())
}

/// Puts the bytes of a database at its present commit.
pub(crate) fn database(
    session: &Session<'_>,
    path: &Path,
    options: &CaptureOptions,
    monitor: &dyn Monitor,
) -> Result<()> {
    database::store(session, monitor, path, options, None).map(drop)
}
