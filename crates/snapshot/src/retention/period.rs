//! Hours, days, weeks, months and years where the machine was.

use chrono::{DateTime, FixedOffset};

/// A length of the calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Period {
    /// An hour of a day; the one that a change to winter time repeats is two.
    Hour,
    /// A day.
    Day,
    /// A week, from Monday on.
    Week,
    /// A month.
    Month,
    /// A year.
    Year,
}

impl Period {
    /// The period that a time is in, such as `2026-11-21` or `2026-W47`.
    pub fn of(self, time: DateTime<FixedOffset>) -> String {
        let format = match self {
            Self::Hour => "%Y-%m-%d %H:00 %:z",
            Self::Day => "%Y-%m-%d",
            Self::Week => "%G-W%V",
            Self::Month => "%Y-%m",
            Self::Year => "%Y",
        };
        time.format(format).to_string()
    }

    /// The word of its rule.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Hour => "hourly",
            Self::Day => "daily",
            Self::Week => "weekly",
            Self::Month => "monthly",
            Self::Year => "yearly",
        }
    }
}
