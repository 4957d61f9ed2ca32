//! `--if-older-than`: whether a backup is due.
//!
//! The hazard is a clock that was wrong once: a snapshot "from tomorrow" must not keep backups from being taken until
//! tomorrow, so what lies in the future counts as old.

use std::collections::BTreeSet;
use std::os::unix::ffi::OsStrExt;
use std::time::Duration;

use chrono::{DateTime, Utc};
use lifeboat_snapshot::{Backup, Repository, Snapshot, SnapshotError};

use crate::context::real;

/// The newest snapshot of the same sources on this machine, if it is younger than that.
pub(super) fn find(
    repository: &Repository,
    plan: &Backup,
    limit: Duration,
) -> Result<Option<Snapshot>, SnapshotError> {
    let wanted: BTreeSet<Vec<u8>> = plan
        .sources
        .iter()
        .map(|path| real(path).as_os_str().as_bytes().to_vec())
        .collect();
    let is_same = |snapshot: &Snapshot| {
        let sources = snapshot.sources.iter().map(|source| source.to_vec());
        snapshot.host == plan.host && sources.collect::<BTreeSet<_>>() == wanted
    };
    let mut snapshots = repository.snapshots()?.snapshots.into_iter();
    let newest = snapshots.rfind(is_same);
    Ok(newest.filter(|snapshot| is_younger(snapshot.time().to_utc(), limit, Utc::now())))
}

fn is_younger(time: DateTime<Utc>, limit: Duration, now: DateTime<Utc>) -> bool {
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
