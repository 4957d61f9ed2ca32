//! How fast a repository grows, told from its snapshots.

use chrono::{DateTime, Utc};

use crate::record::Snapshot;

/// How fast a repository grows, in bytes a day: over the last thirty days, or since the first snapshot, which is no growth.
/// `None` where there is less than a day to tell from.
pub fn growth_per_day(snapshots: &[Snapshot], now: DateTime<Utc>) -> Option<u64> {
    const DAY_S: i64 = 86_400;
    let age_s = |snapshot: &Snapshot| now.signed_duration_since(snapshot.time()).num_seconds();
    let (first, later) = snapshots.split_first()?;
    let window_s = age_s(first).min(30 * DAY_S);
    if window_s < DAY_S {
        return None;
    }
    let recent = later.iter().filter(|snapshot| age_s(snapshot) <= window_s);
    let stored = recent.fold(0_u64, |sum, snapshot| {
        sum.saturating_add(snapshot.stored_bytes)
    });
    let per_day = u128::from(stored) * DAY_S as u128 / u128::try_from(window_s).ok()?;
    u64::try_from(per_day).ok()
}
