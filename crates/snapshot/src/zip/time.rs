//! Times as a zip writes them: a DOS date for every reader, unix seconds for those that know the extra field.
//!
//! The hazard is the DOS date: local time without saying of which place, from 1980 to 2107, in steps of two seconds. It
//! is computed with an offset that the caller gives, never with the machine's own zone, so that the same input gives the
//! same archive everywhere. The unix seconds have 32 bits; a time outside of them has a DOS date only.

use chrono::{DateTime, Datelike, Timelike};

const FIRST_DOS_YEAR: i32 = 1980;
const LAST_DOS_YEAR: i32 = 2107;

/// When an entry was last modified, in both forms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Modified {
    pub(super) dos_time: u16,
    pub(super) dos_date: u16,
    pub(super) unix: Option<i32>,
}

impl Modified {
    /// `secs` since 1970 in UTC; the DOS date is that of a clock `utc_offset` seconds east of it.
    pub(super) fn new(secs: i64, utc_offset: i32) -> Self {
        let (dos_time, dos_date) = dos(secs.saturating_add(i64::from(utc_offset)));
        Self {
            dos_time,
            dos_date,
            unix: i32::try_from(secs).ok(),
        }
    }
}

/// Time and date in DOS bits, the nearest that they can say.
fn dos(secs: i64) -> (u16, u16) {
    const FIRST: (u16, u16) = (0, bits(0, 9) | bits(1, 5) | 1);
    const LAST: (u16, u16) = (
        bits(23, 11) | bits(59, 5) | 29,
        bits(127, 9) | bits(12, 5) | 31,
    );
    let Some(at) = DateTime::from_timestamp(secs, 0) else {
        return if secs < 0 { FIRST } else { LAST };
    };
    match at.year() {
        ..FIRST_DOS_YEAR => FIRST,
        FIRST_DOS_YEAR..=LAST_DOS_YEAR => (
            bits(at.hour(), 11) | bits(at.minute(), 5) | bits(at.second() / 2, 0),
            bits(at.year().abs_diff(FIRST_DOS_YEAR), 9) | bits(at.month(), 5) | bits(at.day(), 0),
        ),
        _ => LAST,
    }
}

/// `value`, which is below 128, shifted to its place.
const fn bits(value: u32, shift: u32) -> u16 {
    (value << shift) as u16
}
