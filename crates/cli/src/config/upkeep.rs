//! The `[upkeep]`: what the daemon does for the repository beside backups, when, and how much of it at a time.
//!
//! What is left out is done at its usual time: a repository that nobody looks at fills up and rots. Only the drill has to be
//! asked for, since it needs as much room again as everything that is backed up.

use std::path::PathBuf;
use std::time::Duration;

use lifeboat_snapshot::store::Share;
use serde::Deserialize;

use super::Config;
use super::parity::parse;
use super::retention::Span;
use super::schedule::written::{Every, Limit, ZoneName, daily, weekly};
use super::size::Size;
use crate::daemon::timing::{Calendar, Rule, Timing};

const DAY: Duration = Duration::from_secs(86_400);

/// The `[upkeep]`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Upkeep {
    prune: Option<At>,
    gc: Option<At>,
    verify: Option<At>,
    drill: Option<At>,
    timezone: Option<ZoneName>,
    gc_grace: Option<Span>,
    gc_max_repack: Option<Size>,
    verify_subset: Option<Subset>,
    pub(super) drill_scratch: Option<PathBuf>,
    time_limit: Option<Limit>,
}

/// When something is done, in one line: `every 7d`, `daily 03:00`, `weekly sun 03:00`, `cron 0 3 * * *`, or `never`.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "String")]
struct At(Option<Rule>);

impl TryFrom<String> for At {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let (word, rest) = text.trim().split_once(' ').unwrap_or((text.trim(), ""));
        let rule = match word {
            "never" if rest.is_empty() => return Ok(Self(None)),
            "every" => Every::try_from(rest.trim().to_owned())?.rule(),
            "daily" => Rule::Calendar(daily(rest)?),
            "weekly" => Rule::Calendar(weekly(rest)?),
            "cron" => Rule::Calendar(Calendar::parse(&[rest.trim().to_owned()])?),
            _ => {
                return Err(format!(
                    "'{text}' is neither never nor a time such as every 7d, daily 03:00, weekly sun 03:00 or cron 0 3 * * *"
                ));
            }
        };
        Ok(Self(Some(rule)))
    }
}

/// What is done beside backups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Chore {
    /// Snapshots are forgotten by the rules of retention.
    Prune,
    /// What nothing needs is freed.
    Collect {
        grace: Duration,
        max_repack: Option<u64>,
    },
    /// A part of what is stored is read.
    Verify(Share),
    /// A restore is tried out.
    Drill(Option<PathBuf>),
}

impl Chore {
    /// As its key in the config.
    pub(crate) const fn word(&self) -> &'static str {
        match self {
            Self::Prune => "prune",
            Self::Collect { .. } => "gc",
            Self::Verify(_) => "verify",
            Self::Drill(_) => "drill",
        }
    }
}

impl Config {
    /// All that is to be done beside backups, in the order in which it makes sense, and when.
    pub(crate) fn chores(&self) -> Vec<(Chore, Timing)> {
        let upkeep = &self.upkeep;
        let grace = upkeep.gc_grace.as_ref().map_or(7 * DAY, Span::get);
        let collect = Chore::Collect {
            grace,
            max_repack: upkeep.gc_max_repack.map(|size| size.0),
        };
        // Everything once in twenty runs.
        let share = upkeep.verify_subset.map(|Subset(share)| share);
        let verify = Chore::Verify(share.unwrap_or_default());
        let drill = Chore::Drill(upkeep.drill_scratch.clone());
        // Without rules there is nothing to prune by.
        let prune = self.has_retention().then_some(DAY);
        let all = [
            (Chore::Prune, &upkeep.prune, prune),
            (collect, &upkeep.gc, Some(7 * DAY)),
            (verify, &upkeep.verify, Some(DAY)),
            (drill, &upkeep.drill, None),
        ];
        let timed = all.into_iter().filter_map(|(chore, said, usual)| {
            let timing = match said {
                Some(At(rule)) => rule.clone().map(|rule| self.upkeep.timing(rule)),
                None => usual.map(Timing::every),
            };
            Some((chore, timing?))
        });
        timed.collect()
    }

    /// How long each of them may take; `None` for ever.
    pub(crate) fn chore_limit(&self) -> Option<Duration> {
        self.upkeep.time_limit.unwrap_or_default().0
    }
}

impl Upkeep {
    /// Whether it says when this is done.
    pub(super) const fn says(&self, chore: &Chore) -> bool {
        match chore {
            Chore::Prune => self.prune.is_some(),
            Chore::Collect { .. } => self.gc.is_some(),
            Chore::Verify(_) => self.verify.is_some(),
            Chore::Drill(_) => self.drill.is_some(),
        }
    }

    fn timing(&self, rule: Rule) -> Timing {
        let rule = match (rule, &self.timezone) {
            (Rule::Calendar(calendar), Some(ZoneName(zone))) => {
                Rule::Calendar(calendar.in_zone(*zone))
            }
            (rule, _) => rule,
        };
        let jitter = Duration::ZERO;
        Timing { rule, jitter }
    }
}

/// A part of what is stored, and not none of it.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(try_from = "String")]
struct Subset(Share);

impl TryFrom<String> for Subset {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let share = parse(&text).ok().filter(|share| !share.is_none());
        let share =
            share.ok_or_else(|| format!("'{text}' is no part of what is stored such as 5%"));
        share.map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chores(text: &str) -> Vec<(Chore, Timing)> {
        let config: Config = toml::from_str(text).unwrap_or_else(|error| panic!("{error}"));
        config.chores()
    }

    #[test]
    fn a_repository_is_looked_after_even_where_nothing_is_said() {
        let usual = chores("");
        let kinds: Vec<&Chore> = usual.iter().map(|(chore, _)| chore).collect();
        assert!(matches!(
            kinds[..],
            [Chore::Collect { .. }, Chore::Verify(_)]
        ));
        let with_rules = chores("[retention]\nlast = 3");
        assert_eq!(with_rules[0], (Chore::Prune, Timing::every(DAY)));
    }

    #[test]
    fn each_has_its_own_time_and_budget() {
        let text = "[upkeep]\nprune = 'never'\ngc = 'weekly sun 03:00'\ngc_grace = '1d'\ngc_max_repack = '2G'\n\
                    verify = 'every 2d'\nverify_subset = '10%'\ndrill = 'cron 0 4 1 * *'\ntimezone = 'Europe/Berlin'";
        let [(collect, weekly), (verify, every), (drill, _)] = &chores(text)[..] else {
            panic!("three of them");
        };
        let budget = Chore::Collect {
            grace: DAY,
            max_repack: Some(2 << 30),
        };
        assert_eq!(*collect, budget);
        assert!(matches!(weekly.rule, Rule::Calendar(_)));
        assert_eq!(*verify, Chore::Verify(parse("10%").unwrap()));
        assert_eq!(*every, Timing::every(2 * DAY));
        assert_eq!(*drill, Chore::Drill(None));
    }

    #[test]
    fn nonsense_is_refused() {
        for bad in [
            "gc = 'sometimes'",
            "gc = 'never again'",
            "gc = 'every 0s'",
            "drill = 'daily'",
            "gcc = 'never'",
            "verify_subset = '0'",
            "time_limit = '0s'",
            "time_limit = 'soon'",
        ] {
            let text = format!("[upkeep]\n{bad}");
            assert!(toml::from_str::<Config>(&text).is_err(), "{bad}");
        }
    }
}
