//! The `[retention]` of the config: what is to stay, and whether a backup sees to it.

use std::num::NonZeroU32;
use std::path::Path;
use std::time::Duration;

use lifeboat_snapshot::retention::Policy;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::Config;
use crate::suggest;
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

impl Retention {
    /// The rules that count, by their keys.
    fn counts(&self) -> impl Iterator<Item = (&'static str, u32)> {
        let counts = [
            ("last", self.last),
            ("hourly", self.hourly),
            ("daily", self.daily),
            ("weekly", self.weekly),
            ("monthly", self.monthly),
            ("yearly", self.yearly),
        ];
        counts
            .into_iter()
            .filter_map(|(key, count)| Some((key, count?.0.get())))
    }

    /// For people.
    pub(super) fn words(&self) -> String {
        let mut parts: Vec<String> = self
            .counts()
            .map(|(key, count)| format!("{key} {count}"))
            .collect();
        if let Some(Span(span)) = &self.within {
            parts.push(format!("within {}", words::span(span.as_secs())));
        }
        parts.extend(self.tag.iter().map(|tag| format!("tag {tag}")));
        match (parts.is_empty(), self.prune) {
            (true, _) => "everything stays".to_owned(),
            (false, true) => format!("{}; each backup applies it", parts.join(", ")),
            (false, false) => format!(
                "{}; {} applies it",
                parts.join(", "),
                suggest::command("forget")
            ),
        }
    }

    /// For programs.
    pub(super) fn facts(&self) -> Value {
        let counts = self
            .counts()
            .map(|(key, count)| (key.to_owned(), json!(count)));
        let mut facts: Map<String, Value> = counts.collect();
        let within = self.within.as_ref().map(|Span(span)| span.as_secs());
        facts.insert("within_s".to_owned(), json!(within));
        facts.insert("tag".to_owned(), json!(self.tag));
        facts.insert("prune".to_owned(), json!(self.prune));
        Value::Object(facts)
    }
}

impl Config {
    /// What is to stay of the snapshots of these sources: what holds for all of them, or what stands at the top.
    pub(crate) fn retention_of(&self, sources: &[impl AsRef<Path>]) -> Retention {
        let mut each = sources
            .iter()
            .map(|source| self.settings(source.as_ref()).retention);
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

impl Span {
    /// The length of time, which is never none.
    pub(super) fn get(&self) -> Duration {
        self.0
    }
}

impl TryFrom<String> for Span {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        parse_within(&text).map(Self)
    }
}
