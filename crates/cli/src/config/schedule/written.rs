//! Times as people write them in the config.

use std::time::Duration;

use chrono_tz::Tz;
use serde::Deserialize;

use crate::daemon::timing::{Calendar, Rule, Zone};
use crate::ui::words;

/// An interval such as `4h`, or two bounds of one such as `5m..4h`.
#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Every(Duration, Duration);

impl Every {
    /// As a rule.
    pub(crate) const fn rule(&self) -> Rule {
        let Self(least, most) = *self;
        Rule::Every { least, most }
    }
}

impl TryFrom<String> for Every {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let (least, most) = text.split_once("..").unwrap_or((&text, &text));
        let (least, most) = (words::parse_span(least)?, words::parse_span(most)?);
        if least.is_zero() || least > most {
            return Err(format!(
                "'{text}' is no interval such as 4h, nor bounds of one such as 5m..4h"
            ));
        }
        Ok(Self(least, most))
    }
}

/// A cron expression.
#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Expression(pub(super) Calendar);

impl TryFrom<String> for Expression {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Calendar::parse(&[text]).map(Self)
    }
}

/// Times of every day, such as `02:30` or `08:00, 12:30`.
#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Daily(pub(super) Calendar);

impl TryFrom<String> for Daily {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        daily(&text).map(Self)
    }
}

/// Days and a time, such as `sun 03:00` or `mon, thu 03:00`.
#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Weekly(pub(super) Calendar);

impl TryFrom<String> for Weekly {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        weekly(&text).map(Self)
    }
}

/// A name of a zone such as `Europe/Berlin`.
#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct ZoneName(pub(in crate::config) Zone);

impl TryFrom<String> for ZoneName {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let zone: Result<Tz, _> = text.parse();
        let zone = zone.map_err(|_| {
            format!("'{text}' is no time zone such as Europe/Berlin, America/New_York or UTC")
        })?;
        Ok(Self(Zone::Named(zone)))
    }
}

/// How much others are preferred.
#[derive(Debug, Deserialize)]
#[serde(try_from = "i64")]
pub(crate) struct Nice(pub(super) i32);

impl TryFrom<i64> for Nice {
    type Error = String;

    fn try_from(number: i64) -> Result<Self, String> {
        let nice = i32::try_from(number).ok();
        nice.filter(|nice| (0..=19).contains(nice))
            .map(Self)
            .ok_or_else(|| format!("{number} is no niceness from 0 to 19"))
    }
}

/// How long something may take: a day where nothing is said, `never` for no end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Limit(pub(in crate::config) Option<Duration>);

impl Default for Limit {
    fn default() -> Self {
        Self(Some(Duration::from_secs(86_400)))
    }
}

impl TryFrom<String> for Limit {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match text.as_str() {
            "never" => Ok(Self(None)),
            text => match words::parse_span(text)? {
                Duration::ZERO => Err("1s at least is needed, or never".to_owned()),
                span => Ok(Self(Some(span))),
            },
        }
    }
}

/// What becomes of backups while the machine runs on its battery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum OnBattery {
    /// They wait.
    Skip,
    /// They run.
    Run,
}

/// A time of the day as two fields of a cron expression.
fn time_of_day(text: &str) -> Option<String> {
    let (hour, minute) = text.trim().split_once(':')?;
    let number = |text: &str, most: u8| {
        let is_short = (1..=2).contains(&text.len());
        let number: u8 = is_short.then(|| text.parse().ok())??;
        (number <= most).then_some(number)
    };
    let (hour, minute) = (number(hour, 23)?, number(minute, 59)?);
    Some(format!("{minute} {hour}"))
}

/// Times of every day.
pub(crate) fn daily(text: &str) -> Result<Calendar, String> {
    let times = text.split(',').map(|time| {
        let time = time_of_day(time)
            .ok_or_else(|| format!("'{text}' is no time of the day such as 02:30"))?;
        Ok(format!("{time} * * *"))
    });
    Calendar::parse(&times.collect::<Result<Vec<_>, String>>()?)
}

/// Days of every week, and a time.
pub(crate) fn weekly(text: &str) -> Result<Calendar, String> {
    const DAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
    let bad = || format!("'{text}' is no day and time such as sun 03:00");
    let (days, time) = text
        .trim()
        .rsplit_once(char::is_whitespace)
        .ok_or_else(bad)?;
    let time = time_of_day(time).ok_or_else(bad)?;
    let day = |day: &str| {
        let day = day.trim().to_ascii_lowercase();
        DAYS.contains(&day.get(..3)?)
            .then_some(day.get(..3)?.to_owned())
    };
    let days: Option<Vec<String>> = days.split(',').map(day).collect();
    let days = days.ok_or_else(bad)?.join(",");
    Calendar::parse(&[format!("{time} * * {days}")])
}
