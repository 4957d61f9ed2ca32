//! The time of day, as a value that tests can set.
//!
//! Time is for display and for retention; no decision on what is safe to delete or to trust rests on it (rule R8).

use std::time::Duration;

use chrono::{DateTime, Utc};
use rustix::time::{ClockId, clock_gettime};

/// Where the time comes from.
pub trait Clock: Send + Sync {
    /// The time now. It may jump, in both directions.
    fn now(&self) -> DateTime<Utc>;
}

/// The operating system's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> DateTime<Utc> {
        #[cfg(feature = "testing")]
        if let Some((now, _)) = set::read() {
            return now;
        }
        Utc::now()
    }
}

impl SystemClock {
    /// The time since some moment in the past, the same one for as long as the machine is up. It never jumps, whatever is
    /// done to the time of day, and it goes on while the machine sleeps.
    pub fn steady(&self) -> Duration {
        #[cfg(feature = "testing")]
        if let Some((_, steady)) = set::read() {
            return steady;
        }
        let time = clock_gettime(STEADY);
        let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
        let nanoseconds = u32::try_from(time.tv_nsec).unwrap_or_default();
        Duration::new(seconds, nanoseconds)
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
const STEADY: ClockId = ClockId::Boottime;

/// Elsewhere this one goes on while the machine sleeps.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const STEADY: ClockId = ClockId::Monotonic;

/// The clock of whole processes under test, in a file that they all read. No program that is not built for tests has it.
#[cfg(feature = "testing")]
mod set {
    use super::{DateTime, Duration, Utc};

    /// Names the file: the time of day and the steady time, both in milliseconds.
    const VARIABLE: &str = "LIFEBOAT_TEST_CLOCK";

    pub(super) fn read() -> Option<(DateTime<Utc>, Duration)> {
        let text = std::fs::read_to_string(std::env::var_os(VARIABLE)?).ok()?;
        let (now, steady) = text.trim().split_once(' ')?;
        let now = DateTime::from_timestamp_millis(now.parse().ok()?)?;
        Some((now, Duration::from_millis(steady.parse().ok()?)))
    }
}

/// A clock that stands still until it is set.
#[cfg(feature = "testing")]
#[derive(Debug)]
pub struct FixedClock(std::sync::Mutex<DateTime<Utc>>);

#[cfg(feature = "testing")]
impl FixedClock {
    /// A clock that shows this time.
    pub fn at(time: DateTime<Utc>) -> Self {
        Self(std::sync::Mutex::new(time))
    }

    /// Sets it, forwards or backwards.
    pub fn set(&self, time: DateTime<Utc>) {
        *self
            .0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner) = time;
    }
}

#[cfg(feature = "testing")]
impl Clock for FixedClock {
    fn now(&self) -> DateTime<Utc> {
        *self
            .0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
