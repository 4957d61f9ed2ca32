//! When a job is due: so long after its last run, or at certain times of the day in a certain zone.
//!
//! The hazard of the second sort are the two days a year on which a time of day is twice or never: a job of a fixed time runs
//! once on each of them, at the first of the two and at the end of the gap.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use chrono::{DateTime, Local, TimeZone, Utc};
use chrono_tz::Tz;
use croner::Cron;

mod told;

/// When a job is due, and by how much that is spread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Timing {
    pub(crate) rule: Rule,
    /// Each run is late by any part of this, so that many machines do not come all at once.
    pub(crate) jitter: Duration,
}

/// The rule itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Rule {
    /// So long after the begin of the last run: the shorter while the data changes, the longer while it does not. Both are
    /// the same where the interval is fixed.
    Every { least: Duration, most: Duration },
    /// At certain times of the day.
    Calendar(Calendar),
}

impl Timing {
    /// Always so long after the last begin.
    pub(crate) const fn every(interval: Duration) -> Self {
        Self {
            rule: Rule::Every {
                least: interval,
                most: interval,
            },
            jitter: Duration::ZERO,
        }
    }
}

/// Times of the day, as cron knows them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Calendar {
    /// Due at each time that any of them names.
    patterns: Vec<Cron>,
    zone: Zone,
}

/// Whose time of day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Zone {
    /// That of this machine, whatever it is at the moment.
    Local,
    Named(Tz),
}

impl Calendar {
    /// Of cron expressions of five fields, or of six that begin with seconds, in the zone of this machine.
    ///
    /// # Errors
    /// In words, where one is none, or names no time that ever comes.
    pub(crate) fn parse(expressions: &[String]) -> Result<Self, String> {
        let patterns = expressions.iter().map(|text| {
            let cron: Cron = text.parse().map_err(|error| refusal(text, &error))?;
            let comes = cron.find_next_occurrence(&Utc.timestamp_nanos(0), false);
            comes.map_err(|_| format!("'{text}' names a time that never comes"))?;
            Ok(cron)
        });
        let patterns = patterns.collect::<Result<_, String>>()?;
        let zone = Zone::Local;
        Ok(Self { patterns, zone })
    }

    /// The same times of the day elsewhere.
    pub(crate) fn in_zone(self, zone: Zone) -> Self {
        Self { zone, ..self }
    }

    /// The first of its times after this one; `None` where the calendar ends.
    pub(crate) fn after(&self, time: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let next = |pattern: &Cron| match self.zone {
            Zone::Local => next_in(pattern, &time.with_timezone(&Local)),
            Zone::Named(zone) => next_in(pattern, &time.with_timezone(&zone)),
        };
        self.patterns.iter().filter_map(next).min()
    }
}

fn next_in<Z: TimeZone>(pattern: &Cron, time: &DateTime<Z>) -> Option<DateTime<Utc>> {
    let next = pattern.find_next_occurrence(time, false).ok()?;
    Some(next.with_timezone(&Utc))
}

fn refusal(text: &str, error: &croner::errors::CronError) -> String {
    let reason = error.to_string();
    let reason = reason.trim_end_matches('.');
    format!("'{text}' is no cron expression such as \"30 2 * * *\": {reason}")
}

/// A part of the span that is the same for the same seed, job and run, and another one for others.
pub(crate) fn jitter(span: Duration, seed: u64, job: &str, run: u64) -> Duration {
    let mut hasher = DefaultHasher::new();
    (seed, job, run).hash(&mut hasher);
    // The upper bits, as a part of one with as many digits as a double has.
    let part = (hasher.finish() >> 11) as f64 / (1_u64 << 53) as f64;
    span.mul_f64(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn berlin(expression: &str) -> Calendar {
        let calendar = Calendar::parse(&[expression.to_owned()]).unwrap();
        calendar.in_zone(Zone::Named(Tz::Europe__Berlin))
    }

    /// All times of the calendar between two others.
    fn times(calendar: &Calendar, from: &str, to: &str) -> Vec<String> {
        let (mut time, to): (DateTime<Utc>, DateTime<Utc>) =
            (from.parse().unwrap(), to.parse().unwrap());
        let mut times = Vec::new();
        while let Some(next) = calendar.after(time).filter(|next| *next <= to) {
            times.push(next.to_rfc3339());
            time = next;
        }
        times
    }

    #[test]
    fn f22_a_time_that_does_not_exist_on_a_day_comes_at_the_end_of_the_gap() {
        // On 29 March 2026, 02:00 is followed by 03:00 in Berlin.
        let of_days = times(
            &berlin("30 2 * * *"),
            "2026-03-28T00:00:00Z",
            "2026-03-31T00:00:00Z",
        );
        assert_eq!(
            of_days,
            [
                "2026-03-28T01:30:00+00:00",
                "2026-03-29T01:00:00+00:00",
                "2026-03-30T00:30:00+00:00"
            ]
        );
    }

    #[test]
    fn f22_a_time_that_is_twice_on_a_day_comes_once() {
        // On 25 October 2026, 02:00 to 03:00 is twice in Berlin.
        let of_days = times(
            &berlin("30 2 * * *"),
            "2026-10-24T12:00:00Z",
            "2026-10-26T12:00:00Z",
        );
        assert_eq!(
            of_days,
            ["2026-10-25T00:30:00+00:00", "2026-10-26T01:30:00+00:00"]
        );
    }

    #[test]
    fn f22_what_comes_every_half_hour_comes_every_half_hour_on_those_days_too() {
        for day in ["2026-03-29", "2026-10-25"] {
            let from = format!("{day}T00:00:00Z");
            let to = format!("{day}T03:00:00Z");
            assert_eq!(times(&berlin("*/30 * * * *"), &from, &to).len(), 6, "{day}");
        }
    }

    #[test]
    fn several_expressions_are_due_at_each_of_their_times() {
        let expressions = ["0 8 * * *", "30 12 * * *"].map(str::to_owned);
        let calendar = Calendar::parse(&expressions).unwrap();
        let calendar = calendar.in_zone(Zone::Named(Tz::UTC));
        let of_day = times(&calendar, "2026-11-21T00:00:00Z", "2026-11-22T00:00:00Z");
        assert_eq!(
            of_day,
            ["2026-11-21T08:00:00+00:00", "2026-11-21T12:30:00+00:00"]
        );
    }

    #[test]
    fn what_never_comes_is_refused() {
        for bad in ["0 0 30 2 *", "61 * * * *", "soon", ""] {
            let refused = Calendar::parse(&[bad.to_owned()]);
            assert!(refused.is_err(), "{bad}");
        }
    }

    #[test]
    fn jitter_is_within_its_span_and_the_same_for_the_same_run() {
        let span = Duration::from_secs(600);
        let of = |seed, run| jitter(span, seed, "backup clinic", run);
        assert_eq!(of(1, 7), of(1, 7));
        assert_ne!(of(1, 7), of(2, 7));
        assert_ne!(of(1, 7), of(1, 8));
        let mut all: Vec<_> = (0..1000).map(|run| of(3, run)).collect();
        all.sort();
        assert!(all.first() < Some(&(span / 50)) && all.last() > Some(&(span / 50 * 49)));
        assert!(all.iter().all(|jitter| *jitter < span));
    }
}
