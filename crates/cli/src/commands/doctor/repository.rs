//! Whether the repository is fit to be restored from: verified, tried out, readable by its owner alone, with room to grow.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use chrono::{DateTime, TimeDelta, Utc};
use lifeboat_snapshot::growth_per_day;
use lifeboat_snapshot::{Listing, Repository};

use super::finding::Finding;
use crate::config::Config;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::suggest;
use crate::ui::words::quoted;
use crate::ui::{facts, words};

/// After so many days without a verification one is missed.
const VERIFY_DAYS: i64 = 30;

/// After so many days without a drill one is missed.
const DRILL_DAYS: i64 = 90;

/// A repository that is full in fewer days needs a look now.
const FULL_DAYS: u64 = 14;

/// Looks at it.
pub(super) fn look(
    repository: &Repository,
    config: &Config,
    now: DateTime<Utc>,
) -> Result<Vec<Finding>, Failure> {
    let listing = repository.snapshots()?;
    let mut findings = Vec::new();
    findings.extend(records(&listing));
    findings.extend(verified(repository, &listing, now)?);
    findings.extend(drilled(repository, &listing, now)?);
    findings.extend(readable(&repository.place()));
    findings.extend(room(repository, config, &listing, now));
    for folder in config.zip_dirs() {
        match folder.is_dir() {
            true => findings.extend(readable(&folder)),
            false => findings.push(no_folder(&folder)),
        }
    }
    Ok(findings)
}

fn records(listing: &Listing) -> Option<Finding> {
    let damaged = listing.damaged.len() as u64;
    (damaged > 0).then(|| {
        let records = words::counted(damaged, "record", "records");
        let what = format!("{records} of the repository cannot be read");
        Finding::bad("damage", Exit::Damage, what).mend(suggest::command("repair --apply"))
    })
}

/// Whether what is older than this many days has been looked at within them.
fn is_overdue(last: Option<i64>, listing: &Listing, days: i64, now: DateTime<Utc>) -> bool {
    let limit = (now - TimeDelta::days(days)).timestamp_millis();
    let is_old = listing
        .snapshots
        .iter()
        .any(|snapshot| snapshot.time_ms < limit);
    last.map_or(is_old, |last| last < limit)
}

fn verified(
    repository: &Repository,
    listing: &Listing,
    now: DateTime<Utc>,
) -> Result<Option<Finding>, Failure> {
    let last = repository.verified_at()?.into_values().max();
    Ok(is_overdue(last, listing, VERIFY_DAYS, now).then(|| {
        let what = match last {
            Some(_) => format!("nothing was verified for {VERIFY_DAYS} days"),
            None => "no snapshot was ever verified".to_owned(),
        };
        Finding::warning("no-verify", what).mend(suggest::command("verify --read-data"))
    }))
}

fn drilled(
    repository: &Repository,
    listing: &Listing,
    now: DateTime<Utc>,
) -> Result<Option<Finding>, Failure> {
    let last = repository.drills()?.pop();
    if let Some(drill) = last.as_ref().filter(|drill| !drill.good) {
        let what = format!(
            "the last drill failed, of snapshot {}",
            drill.snapshot.short()
        );
        return Ok(Some(
            Finding::bad("drill-failed", Exit::Damage, what).mend(suggest::command("drill")),
        ));
    }
    let last = last.map(|drill| drill.time_ms);
    Ok(is_overdue(last, listing, DRILL_DAYS, now).then(|| {
        let what = format!("no restore was tried out within {DRILL_DAYS} days");
        Finding::advice("no-drill", what).mend(suggest::command("drill"))
    }))
}

/// Whoever reads the repository reads all data.
fn readable(folder: &Path) -> Option<Finding> {
    let mode = folder.metadata().ok()?.permissions().mode();
    (mode & 0o007 != 0).then(|| {
        let what = format!("every user may look into {}", facts::shown(folder));
        Finding::warning("world-readable", what).mend(format!("chmod o-rwx {}", quoted(folder)))
    })
}

fn room(
    repository: &Repository,
    config: &Config,
    listing: &Listing,
    now: DateTime<Utc>,
) -> Option<Finding> {
    let free = repository.store().free_bytes().ok().flatten()?;
    let growth = growth_per_day(&listing.snapshots, now);
    let days = growth.and_then(|growth| free.checked_div(growth));
    let is_low = free < config.low_space() || days.is_some_and(|days| days < FULL_DAYS);
    is_low.then(|| {
        let place = facts::shown(&repository.place());
        let until = days.map_or_else(String::new, |days| {
            format!(", full in {}", words::counted(days, "day", "days"))
        });
        let what = format!("{} free at {place}{until}", words::size(free));
        Finding::bad("low-space", Exit::NoSpace, what).mend(format!(
            "{}, or move the repository to a larger disk",
            suggest::command("forget --keep-daily 30 --gc")
        ))
    })
}

fn no_folder(folder: &Path) -> Finding {
    let what = format!(
        "the folder for zips {} does not exist",
        facts::shown(folder)
    );
    Finding::bad("zip-dir-missing", Exit::Target, what)
        .mend(format!("mount its disk, or mkdir -p {}", quoted(folder)))
}
