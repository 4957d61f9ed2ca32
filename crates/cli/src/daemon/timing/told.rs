//! Timings as they are told: to people much as they are written in the config, to programs in numbers.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Calendar, Rule, Timing, Zone};

impl Timing {
    /// For people.
    pub(crate) fn words(&self) -> String {
        let rule = match &self.rule {
            Rule::Every { least, most } if least == most => format!("every {}", exact(*least)),
            Rule::Every { least, most } => format!("every {}..{}", exact(*least), exact(*most)),
            Rule::Calendar(calendar) => format!("cron {}", calendar.expressions().join("; ")),
        };
        let zone = match &self.rule {
            Rule::Calendar(calendar) => calendar.zone_name().map(|name| format!(" in {name}")),
            Rule::Every { .. } => None,
        };
        let jitter = match self.jitter {
            Duration::ZERO => String::new(),
            jitter => format!(", up to {} late", exact(jitter)),
        };
        format!("{rule}{}{jitter}", zone.unwrap_or_default())
    }

    /// For programs.
    pub(crate) fn facts(&self) -> Value {
        let jitter = self.jitter.as_secs();
        match &self.rule {
            Rule::Every { least, most } => {
                json!({"every_s": least.as_secs(), "at_most_s": most.as_secs(), "jitter_s": jitter})
            }
            Rule::Calendar(calendar) => {
                let (cron, zone) = (calendar.expressions(), calendar.zone_name());
                json!({"cron": cron, "timezone": zone, "jitter_s": jitter})
            }
        }
    }
}

impl Calendar {
    fn expressions(&self) -> Vec<String> {
        let patterns = self.patterns.iter();
        patterns
            .map(|cron| cron.pattern.as_str().to_owned())
            .collect()
    }

    /// None of the zone of this machine, which may be another one tomorrow.
    fn zone_name(&self) -> Option<&'static str> {
        match self.zone {
            Zone::Local => None,
            Zone::Named(zone) => Some(zone.name()),
        }
    }
}

/// A length of time as it is typed, with nothing left out.
fn exact(time: Duration) -> String {
    let mut rest = time.as_secs();
    let mut text = String::new();
    for (unit, seconds) in [("d", 86_400), ("h", 3600), ("m", 60), ("s", 1)] {
        if rest >= seconds {
            text.push_str(&format!("{}{unit}", rest / seconds));
            rest %= seconds;
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_is_what_was_written() {
        let hour = Duration::from_secs(3600);
        assert_eq!(Timing::every(hour * 36).words(), "every 1d12h");
        let calendar = Calendar::parse(&["30 2 * * *".to_owned()]).unwrap();
        let calendar = calendar.in_zone(Zone::Named(chrono_tz::Tz::Europe__Berlin));
        let timing = Timing {
            rule: Rule::Calendar(calendar),
            jitter: hour / 4,
        };
        let words = "cron 30 2 * * * in Europe/Berlin, up to 15m late";
        assert_eq!(timing.words(), words);
        assert_eq!(timing.facts()["timezone"], "Europe/Berlin");
    }
}
