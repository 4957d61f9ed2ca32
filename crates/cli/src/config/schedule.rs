//! The `[schedule]`: when the daemon backs up, at the top or of a source, which then holds instead of that at the top.

use std::num::NonZeroUsize;
use std::time::Duration;

use serde::Deserialize;

use super::retention::Span;
use super::{Config, Source};
use crate::daemon::timing::{Rule, Timing, Zone};
use written::{Daily, Every, Expression, Limit, Nice, OnBattery, Weekly, ZoneName};

pub(super) mod written;

/// How often a source is backed up of which nothing is said.
const USUAL: Duration = Duration::from_secs(4 * 3600);

/// The `[schedule]` at the top.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Keys")]
pub(crate) struct Schedule {
    timing: Timing,
    /// How many backups run at once.
    pub(crate) at_once: usize,
    /// Niceness of what the daemon runs.
    pub(crate) nice: i32,
    /// Whether nothing is started while the machine runs on its battery.
    pub(crate) spares_battery: bool,
    limit: Option<Limit>,
}

impl Default for Schedule {
    fn default() -> Self {
        Self {
            timing: Timing::every(USUAL),
            at_once: 1,
            nice: 10,
            spares_battery: false,
            limit: None,
        }
    }
}

/// The `[source.NAME.schedule]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "SourceKeys")]
pub(crate) struct SourceSchedule {
    timing: Timing,
    limit: Option<Limit>,
}

/// As it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Keys {
    every: Option<Every>,
    cron: Option<Expression>,
    daily: Option<Daily>,
    weekly: Option<Weekly>,
    timezone: Option<ZoneName>,
    jitter: Option<Span>,
    at_once: Option<NonZeroUsize>,
    nice: Option<Nice>,
    time_limit: Option<Limit>,
    on_battery: Option<OnBattery>,
}

/// As it is written of a source.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SourceKeys {
    every: Option<Every>,
    cron: Option<Expression>,
    daily: Option<Daily>,
    weekly: Option<Weekly>,
    timezone: Option<ZoneName>,
    jitter: Option<Span>,
    time_limit: Option<Limit>,
}

impl TryFrom<Keys> for Schedule {
    type Error = String;

    fn try_from(keys: Keys) -> Result<Self, String> {
        let usual = Self::default();
        let (at_once, nice) = (keys.at_once, keys.nice);
        let spares_battery = keys.on_battery == Some(OnBattery::Skip);
        let says_when = SourceKeys {
            every: keys.every,
            cron: keys.cron,
            daily: keys.daily,
            weekly: keys.weekly,
            timezone: keys.timezone,
            jitter: keys.jitter,
            time_limit: keys.time_limit,
        };
        Ok(Self {
            spares_battery,
            limit: says_when.time_limit,
            timing: says_when.timing()?,
            at_once: at_once.map_or(usual.at_once, NonZeroUsize::get),
            nice: nice.map_or(usual.nice, |Nice(nice)| nice),
        })
    }
}

impl TryFrom<SourceKeys> for SourceSchedule {
    type Error = String;

    fn try_from(keys: SourceKeys) -> Result<Self, String> {
        Ok(Self {
            limit: keys.time_limit,
            timing: keys.timing()?,
        })
    }
}

impl SourceKeys {
    fn timing(self) -> Result<Timing, String> {
        let calendars = [
            self.cron.map(|Expression(calendar)| calendar),
            self.daily.map(|Daily(calendar)| calendar),
            self.weekly.map(|Weekly(calendar)| calendar),
        ];
        let mut calendars = calendars.into_iter().flatten();
        let zone = self.timezone.map_or(Zone::Local, |ZoneName(zone)| zone);
        let rule = match (self.every, calendars.next(), calendars.next()) {
            (None, None, None) => Timing::every(USUAL).rule,
            (Some(every), None, None) => every.rule(),
            (None, Some(calendar), None) => Rule::Calendar(calendar.in_zone(zone)),
            _ => {
                return Err("only one of every, cron, daily and weekly can hold".to_owned());
            }
        };
        let jitter = self.jitter.map_or(Duration::ZERO, |jitter| jitter.get());
        Ok(Timing { rule, jitter })
    }
}

impl Source {
    /// Whether it says how long its backups may take.
    pub(super) fn has_limit(&self) -> bool {
        self.schedule
            .as_ref()
            .is_some_and(|schedule| schedule.limit.is_some())
    }
}

impl Config {
    /// What holds of all runs of the daemon.
    pub(crate) fn schedule(&self) -> Schedule {
        self.schedule.clone().unwrap_or_default()
    }

    /// When a source is backed up, or any that says nothing of it.
    pub(super) fn timing_of(&self, source: Option<&Source>) -> Timing {
        let own = source.and_then(|source| source.schedule.as_ref());
        match (own, &self.schedule) {
            (Some(own), _) => own.timing.clone(),
            (None, Some(schedule)) => schedule.timing.clone(),
            (None, None) => Schedule::default().timing,
        }
    }

    /// How long a backup of a source may take that the daemon has started; `None` for ever.
    pub(super) fn time_limit_of(&self, source: Option<&Source>) -> Option<Duration> {
        let own = source.and_then(|source| source.schedule.as_ref()?.limit);
        let top = self.schedule.as_ref().and_then(|schedule| schedule.limit);
        own.or(top).unwrap_or_default().0
    }

    /// Whether the top says how long backups may take.
    pub(super) fn has_limit(&self) -> bool {
        self.schedule
            .as_ref()
            .is_some_and(|schedule| schedule.limit.is_some())
    }

    /// Whether anything says when to back up.
    pub(crate) fn has_schedule(&self) -> bool {
        let mut sources = self.sources.values();
        self.schedule.is_some() || sources.any(|source| source.schedule.is_some())
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Utc};

    use super::*;

    fn schedule(text: &str) -> Schedule {
        toml::from_str(text).unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    fn next(text: &str, after: &str) -> String {
        let after: DateTime<Utc> = after.parse().unwrap();
        match schedule(text).timing.rule {
            Rule::Calendar(calendar) => calendar.after(after).unwrap().to_rfc3339(),
            rule => panic!("{rule:?}"),
        }
    }

    #[test]
    fn intervals_have_one_bound_or_two() {
        let (hour, minute) = (Duration::from_secs(3600), Duration::from_secs(60));
        assert_eq!(schedule("every = '4h'").timing, Timing::every(hour * 4));
        let adaptive = Rule::Every {
            least: minute * 5,
            most: hour * 4,
        };
        assert_eq!(schedule("every = '5m..4h'").timing.rule, adaptive);
        assert_eq!(schedule("jitter = '10m'").timing.jitter, minute * 10);
    }

    #[test]
    fn times_of_the_day_are_those_of_the_zone() {
        let berlin = "timezone = 'Europe/Berlin'";
        let (saturday, sunday) = ("2026-11-21T12:00:00Z", "2026-11-22T02:00:00+00:00");
        assert_eq!(
            next(&format!("daily = '03:00'\n{berlin}"), saturday),
            sunday
        );
        assert_eq!(
            next(&format!("weekly = 'Sunday 03:00'\n{berlin}"), saturday),
            sunday
        );
        assert_eq!(
            next(&format!("cron = '0 3 * * *'\n{berlin}"), saturday),
            sunday
        );
        let thursday = next(
            "weekly = 'mon, thu 9:05'\ntimezone = 'UTC'",
            "2026-11-24T00:00:00Z",
        );
        assert_eq!(thursday, "2026-11-26T09:05:00+00:00");
    }

    #[test]
    fn nonsense_is_refused() {
        for bad in [
            "every = '0s'",
            "every = '4h..1h'",
            "every = '1h'\ndaily = '02:30'",
            "cron = '* *'",
            "cron = '0 0 31 2 *'",
            "daily = '24:00'",
            "daily = '2'",
            "weekly = '03:00'",
            "weekly = 'someday 03:00'",
            "timezone = 'Berlin'",
            "at_once = 0",
            "nice = -5",
            "evry = '4h'",
        ] {
            assert!(toml::from_str::<Schedule>(bad).is_err(), "{bad}");
        }
    }
}
