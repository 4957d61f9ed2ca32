//! Whether a file was changed so recently that another change could leave the same time.
//!
//! Files are known by their times, and times stand still between two ticks of the clock that stamps them: a change right
//! after a look is then invisible for ever. What changed that recently is therefore not believed to be known.

use std::time::{Duration, SystemTime};

/// More than a tick of the kernel's clock.
const TICK: Duration = Duration::from_millis(40);

/// The same where only seconds are stored, two at a time on FAT.
pub(crate) const COARSE_TICK: Duration = Duration::from_secs(3);

/// Whether a time of change, in seconds and nanoseconds since 1970, is too close to `now`; one in the future is.
pub(crate) fn is_recent(changed: (i64, i64), now: SystemTime) -> bool {
    let (seconds, nanoseconds) = changed;
    let tick = if nanoseconds == 0 { COARSE_TICK } else { TICK };
    let since = |number| u64::try_from(number).unwrap_or_default();
    let changed = Duration::from_secs(since(seconds)) + Duration::from_nanos(since(nanoseconds));
    let age = now.duration_since(SystemTime::UNIX_EPOCH + changed);
    age.map_or(true, |age| age < tick)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_has_had_its_tick_is_known() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_millis(10_000_100);
        assert!(!is_recent((9_999, 999_000_001), now));
        assert!(is_recent((10_000, 90_000_000), now));
        // A whole second may be a file system that knows no finer time.
        assert!(is_recent((9_999, 0), now));
        assert!(is_recent((10_001, 1), now));
    }
}
