//! Whether backups are being taken: the newest snapshot of each source, and the newest of the same sources.
//!
//! Two hazards. A snapshot that lacks something is no backup of what it lacks, so only those count that have
//! everything. And clocks are wrong at times: a snapshot "from tomorrow" must not keep backups from being taken until
//! tomorrow.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::error::Result;
use crate::manifest::{Flaw, Manifest};
use crate::path::real;
use crate::record::Snapshot;
use crate::repository::{Listing, Repository};

/// A source: the name of its machine, and its absolute path there.
pub type SourceKey = (String, Vec<u8>);

/// How many entries of a snapshot are not what they should be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Flaws {
    /// Could not be read, and are missing.
    pub missing: u64,
    /// Changed while they were read.
    pub changed: u64,
    /// Are databases that SQLite finds damaged.
    pub damaged: u64,
}

impl Flaws {
    /// What a manifest tells.
    pub fn of(manifest: &Manifest) -> Self {
        let count = |flaw| {
            manifest
                .flags
                .iter()
                .filter(|flag| flag.flaw == flaw)
                .count() as u64
        };
        Self {
            missing: count(Flaw::Missing),
            changed: count(Flaw::Changed),
            damaged: count(Flaw::Damaged),
        }
    }

    /// Whether there are none: everything is in the snapshot, as it was.
    pub const fn is_complete(&self) -> bool {
        self.has_everything() && self.changed == 0
    }

    /// Whether every entry could be read and every database is well. Files that programs write all the time may have changed
    /// while they were read; that is told, and no reason to be alarmed at each backup.
    pub const fn has_everything(&self) -> bool {
        self.missing == 0 && self.damaged == 0
    }
}

/// The newest snapshot of a source.
#[derive(Debug, Clone)]
pub struct Newest {
    /// The newest of all.
    pub snapshot: Snapshot,
    /// What it lacks; `None` where its manifest cannot be read.
    pub flaws: Option<Flaws>,
    /// The newest that lacks nothing, if there is one.
    pub complete: Option<Snapshot>,
}

impl Newest {
    /// Whether the newest snapshot lacks nothing.
    pub fn is_complete(&self) -> bool {
        self.flaws.is_some_and(|flaws| flaws.is_complete())
    }

    /// Whether it has everything; see [`Flaws::has_everything`].
    pub fn has_everything(&self) -> bool {
        self.flaws.is_some_and(|flaws| flaws.has_everything())
    }
}

impl Repository {
    /// How many entries of a snapshot are not what they should be.
    ///
    /// # Errors
    /// Where its manifest cannot be read.
    pub fn flaws(&self, snapshot: &Snapshot) -> Result<Flaws> {
        self.manifest(snapshot).map(|manifest| Flaws::of(&manifest))
    }

    /// The newest snapshot of each wanted source, or of each that any snapshot has where none is wanted. `None` of a source
    /// that was never backed up.
    pub fn newest(
        &self,
        listing: &Listing,
        wanted: &[SourceKey],
    ) -> BTreeMap<SourceKey, Option<Newest>> {
        let mut by_source: BTreeMap<SourceKey, Vec<&Snapshot>> =
            wanted.iter().map(|key| (key.clone(), Vec::new())).collect();
        // An import is no backup that somebody has taken lately.
        let own = listing.snapshots.iter();
        for snapshot in own.filter(|snapshot| !snapshot.is_imported()) {
            for source in &snapshot.sources {
                let key = (snapshot.host.clone(), source.to_vec());
                if wanted.is_empty() || by_source.contains_key(&key) {
                    by_source.entry(key).or_default().push(snapshot);
                }
            }
        }
        by_source
            .into_iter()
            .map(|(key, snapshots)| (key, self.newest_of(&snapshots)))
            .collect()
    }

    fn newest_of(&self, snapshots: &[&Snapshot]) -> Option<Newest> {
        let newest = *snapshots.last()?;
        let is_complete = |snapshot: &&&Snapshot| {
            let flaws = self.flaws(snapshot);
            flaws.is_ok_and(|flaws| flaws.is_complete())
        };
        let complete = snapshots.iter().rev().find(is_complete);
        Some(Newest {
            snapshot: newest.clone(),
            flaws: self.flaws(newest).ok(),
            complete: complete.map(|snapshot| (*snapshot).clone()),
        })
    }

    /// The newest snapshot with everything of exactly these sources on this machine, if it is younger than that.
    ///
    /// # Errors
    /// Where the snapshots cannot be listed.
    pub fn recent(
        &self,
        host: &str,
        sources: &[PathBuf],
        younger_than: Duration,
    ) -> Result<Option<Snapshot>> {
        use std::os::unix::ffi::OsStrExt;
        let paths = sources.iter().map(|path| real(path));
        let wanted: BTreeSet<Vec<u8>> = paths
            .map(|path| path.as_os_str().as_bytes().into())
            .collect();
        let now = self.clock().now();
        let is_same = |snapshot: &Snapshot| {
            let sources = snapshot.sources.iter().map(|source| source.to_vec());
            !snapshot.is_imported()
                && snapshot.host == host
                && sources.collect::<BTreeSet<_>>() == wanted
        };
        let is_candidate = |snapshot: &Snapshot| {
            is_younger(snapshot.time().to_utc(), younger_than, now) && is_same(snapshot)
        };
        let newest_first = self.snapshots()?.snapshots.into_iter().rev();
        Ok(newest_first.filter(is_candidate).find(|snapshot| {
            self.flaws(snapshot)
                .is_ok_and(|flaws| flaws.has_everything())
        }))
    }
}

/// Whether something of this time is younger than that. What lies in the future is old: a clock that is wrong must not keep
/// anybody calm.
pub fn is_younger(time: DateTime<Utc>, limit: Duration, now: DateTime<Utc>) -> bool {
    let age = now.signed_duration_since(time).to_std();
    age.is_ok_and(|age| age < limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_in_the_future_is_old() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let hour = Duration::from_secs(3600);
        assert!(is_younger(now, hour, now));
        assert!(is_younger(now - hour / 2, hour, now));
        assert!(!is_younger(now - hour, hour, now));
        assert!(!is_younger(now + hour, hour, now));
    }
}
