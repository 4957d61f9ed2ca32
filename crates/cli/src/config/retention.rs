//! The `[retention]` of the config: what is to stay, and whether a backup sees to it.

use std::ffi::OsStr;
use std::num::NonZeroU32;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::Duration;

use lifeboat_snapshot::retention::Policy;
use serde::Deserialize;

use super::Config;
use crate::ui::words;

/// A `[retention]`, at the top or of a source, which then holds instead of that at the top.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Retention {
    last: Option<Count>,
    hourly: Option<Count>,
    daily: Option<Count>,
    weekly: Option<Count>,
    monthly: Option<Count>,
    yearly: Option<Count>,
    within: Option<Span>,
    tag: Vec<String>,
    /// Whether each backup applies it.
    pub(crate) prune: bool,
}

impl Retention {
    /// The library's word for it.
    pub(crate) fn policy(&self) -> Policy {
        let count = |count: Option<Count>| count.map(|Count(count)| count);
        Policy {
            last: count(self.last),
            hourly: count(self.hourly),
            daily: count(self.daily),
            weekly: count(self.weekly),
            monthly: count(self.monthly),
            yearly: count(self.yearly),
            within: self.within.as_ref().map(|Span(span)| *span),
            tags: self.tag.clone(),
        }
    }
}

impl Config {
    /// What is to stay of the snapshots of these sources: what holds for all of them, or what stands at the top.
    pub(crate) fn retention_of(&self, sources: &[impl AsRef<[u8]>]) -> Retention {
        let of = |source: &[u8]| {
            self.settings(Path::new(OsStr::from_bytes(source)))
                .retention
        };
        let mut each = sources.iter().map(|source| of(source.as_ref()));
        match each.next() {
            Some(first) if each.all(|other| other == first) => first,
            _ => self.retention.clone(),
        }
    }

    /// Whether anything says what is to stay.
    pub(crate) fn has_retention(&self) -> bool {
        let of_sources = self
            .sources
            .values()
            .filter_map(|source| source.retention.as_ref());
        let mut all = of_sources.chain([&self.retention]);
        all.any(|retention| !retention.policy().is_empty())
    }
}

/// How many a rule keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "i64")]
struct Count(NonZeroU32);

impl TryFrom<i64> for Count {
    type Error = String;

    fn try_from(number: i64) -> Result<Self, String> {
        parse_count(&number.to_string()).map(Self)
    }
}

/// A number of snapshots that a rule keeps, as it is typed.
pub(crate) fn parse_count(text: &str) -> Result<NonZeroU32, String> {
    match text.parse::<i64>() {
        Ok(0) => Err("a rule that keeps 0 would forget every snapshot: leave it out".to_owned()),
        Ok(number) => u32::try_from(number)
            .ok()
            .and_then(NonZeroU32::new)
            .ok_or_else(|| format!("a rule cannot keep {number} snapshots")),
        Err(_) => Err("a number of snapshots is needed".to_owned()),
    }
}

/// A length of time that a rule keeps, as it is typed.
pub(crate) fn parse_within(text: &str) -> Result<Duration, String> {
    match words::parse_span(text)? {
        Duration::ZERO => {
            Err("a rule that keeps 0s keeps next to nothing: leave it out".to_owned())
        }
        span => Ok(span),
    }
}

/// A length of time such as `4h`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Span(Duration);

impl TryFrom<String> for Span {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        parse_within(&text).map(Self)
    }
}
