//! Numbers as people read them: sizes, counts, times and ages.
//!
//! For people only. JSON carries plain bytes, seconds and RFC 3339; what is rounded here must not find its way there.

use std::ffi::OsStr;
use std::time::Duration;

use chrono::{DateTime, FixedOffset, Local, TimeDelta, Utc};
use lifeboat_snapshot::entry::Time;

const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

/// A size, as in `683.2 MiB`.
pub(crate) fn size(bytes: u64) -> String {
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut value = bytes as f64 / 1024.0;
    let mut units = UNITS.iter();
    let mut unit = units.next().copied().unwrap_or_default();
    // 1023.95 would be shown as 1024.0 of a unit that has a larger neighbour.
    while value >= 1023.95 {
        let Some(larger) = units.next() else { break };
        value /= 1024.0;
        unit = larger;
    }
    format!("{value:.1} {unit}")
}

/// A number with separators, as in `12,004`.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A signed number with separators.
pub(crate) fn signed(number: i64) -> String {
    let sign = if number < 0 { "-" } else { "" };
    format!("{sign}{}", count(number.unsigned_abs()))
}

/// A number and what is counted, as in `1 file` or `12,004 files`.
pub(crate) fn counted(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(number), if number == 1 { one } else { many })
}

/// How long something took, as in `0.4 s` or `4 min 3 s`.
pub(crate) fn took(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0 if time.as_millis() < 100 => format!("{} ms", time.as_millis()),
        0..60 => format!("{:.1} s", time.as_secs_f64()),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds / 60 % 60),
    }
}

/// A length of time in its largest unit, as in `12 min`.
pub(crate) fn span(seconds: u64) -> String {
    const MINUTE: u64 = 60;
    const HOUR: u64 = 60 * MINUTE;
    const DAY: u64 = 24 * HOUR;
    match seconds {
        0..MINUTE => format!("{seconds} s"),
        MINUTE..HOUR => format!("{} min", seconds / MINUTE),
        // Up to two days in hours: "30 h" tells more than "1 day".
        HOUR..172_800 => format!("{} h", seconds / HOUR),
        _ => counted(seconds / DAY, "day", "days"),
    }
}

/// How long ago a time was; clocks jump, so it may be still to come.
pub(crate) fn age(time: DateTime<FixedOffset>, now: DateTime<Utc>) -> String {
    let passed = now.signed_duration_since(time);
    if passed < TimeDelta::seconds(-5) {
        return format!("in {}", span(passed.num_seconds().unsigned_abs()));
    }
    match passed.num_seconds() {
        ..10 => "just now".to_owned(),
        seconds => format!("{} ago", span(seconds.unsigned_abs())),
    }
}

/// What a snapshot lacks, as in `2 missing, 1 changed while read`; empty where it lacks nothing.
pub(crate) fn flaws(flaws: &lifeboat_snapshot::Flaws) -> String {
    let parts = [
        (flaws.missing, "missing"),
        (flaws.damaged, "damaged"),
        (flaws.changed, "changed while read"),
    ];
    let parts = parts.into_iter().filter(|(number, _)| *number > 0);
    let parts: Vec<String> = parts
        .map(|(number, word)| format!("{} {word}", count(number)))
        .collect();
    parts.join(", ")
}

/// A time of day where the reader is.
pub(crate) fn local(time: DateTime<FixedOffset>) -> String {
    time.with_timezone(&Local)
        .format("%Y-%m-%d %H:%M")
        .to_string()
}

/// The same of the time of an entry; empty where no calendar has it.
pub(crate) fn entry_time(time: Time) -> String {
    let time = DateTime::from_timestamp(time.secs, time.nanos);
    time.map_or_else(String::new, |time| local(time.fixed_offset()))
}

/// A word or path as a shell takes it, for lines that can be pasted.
pub(crate) fn quoted(word: impl AsRef<OsStr>) -> String {
    let word = word.as_ref().to_string_lossy();
    let is_plain = |c: char| c.is_alphanumeric() || "/._-+,:=@%".contains(c);
    match !word.is_empty() && word.chars().all(is_plain) {
        true => word.into_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

/// A number of bytes: `1000`, `64k`, `100M`, `1.5G`, `2TiB`; a letter means a power of 1024, as in what is shown.
pub(crate) fn parse_size(text: &str) -> Result<u64, String> {
    let bad = || format!("'{text}' is not a size such as 64k, 100M or 1.5G");
    let text = text.trim();
    let letters = text
        .find(|c: char| c.is_ascii_alphabetic())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(letters);
    let number: f64 = number.trim().parse().map_err(|_| bad())?;
    let power = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 0,
        "k" | "kb" | "kib" => 1,
        "m" | "mb" | "mib" => 2,
        "g" | "gb" | "gib" => 3,
        "t" | "tb" | "tib" => 4,
        _ => return Err(bad()),
    };
    let bytes = number * 1024_f64.powi(power);
    // What a double holds exactly is more than any disk has.
    if (0.0..9e15).contains(&bytes) {
        Ok(bytes as u64)
    } else {
        Err(bad())
    }
}

/// A length of time as it is typed: `90s`, `1h30m`, `30d`, `2w`.
pub(crate) fn parse_span(text: &str) -> Result<Duration, String> {
    let mut total = 0_u64;
    let mut rest = text.trim();
    let bad = || format!("'{text}' is not a length of time such as 90s, 15m, 4h or 30d");
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(bad)?;
        let (number, behind) = rest.split_at(digits);
        let letters = behind
            .find(|c: char| !c.is_ascii_alphabetic())
            .unwrap_or(behind.len());
        let (unit, behind) = behind.split_at(letters);
        let number: u64 = number.parse().map_err(|_| bad())?;
        let seconds = seconds_in(unit).ok_or_else(bad)?;
        let part = number.checked_mul(seconds).ok_or_else(bad)?;
        total = total.checked_add(part).ok_or_else(bad)?;
        rest = behind.trim_start();
    }
    if text.trim().is_empty() {
        return Err(bad());
    }
    Ok(Duration::from_secs(total))
}

fn seconds_in(unit: &str) -> Option<u64> {
    Some(match unit {
        "s" | "sec" => 1,
        "m" | "min" => 60,
        "h" => 3600,
        "d" => 86_400,
        "w" => 604_800,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_stay_in_their_unit() {
        let cases = [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (1_048_575, "1.0 MiB"),
            (716_389_171, "683.2 MiB"),
            (u64::MAX, "16.0 EiB"),
        ];
        for (bytes, text) in cases {
            assert_eq!(size(bytes), text);
        }
    }

    #[test]
    fn counts_have_separators() {
        assert_eq!(count(0), "0");
        assert_eq!(count(999), "999");
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(signed(-1000), "-1,000");
        assert_eq!(counted(1, "file", "files"), "1 file");
    }

    #[test]
    fn typed_sizes_parse_or_are_refused() {
        assert_eq!(parse_size("1000"), Ok(1000));
        assert_eq!(parse_size("64k"), Ok(65_536));
        assert_eq!(parse_size("100M"), Ok(104_857_600));
        assert_eq!(parse_size(" 1.5 GiB"), Ok(1_610_612_736));
        for bad in ["", "M", "-1k", "1e3", "nan", "10 miles", "99999999T"] {
            assert!(parse_size(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn typed_spans_parse_or_are_refused() {
        let seconds = |text| parse_span(text).map(|span| span.as_secs());
        assert_eq!(seconds("90s"), Ok(90));
        assert_eq!(seconds("1h30m"), Ok(5400));
        assert_eq!(seconds(" 1h 30min "), Ok(5400));
        assert_eq!(seconds("30d"), Ok(2_592_000));
        for bad in [
            "",
            "5",
            "h",
            "-1h",
            "1.5h",
            "3 fortnights",
            "99999999999999999999s",
        ] {
            assert!(parse_span(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_is_quoted_can_be_pasted() {
        for plain in ["/srv/Müller.db", "--to=/a:b", "50%"] {
            assert_eq!(quoted(plain), plain);
        }
        assert_eq!(quoted("/a b/it's"), r"'/a b/it'\''s'");
        assert_eq!(quoted("a;b"), "'a;b'");
        assert_eq!(quoted(""), "''");
    }

    #[test]
    fn ages_survive_a_clock_that_jumped() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let ago = |seconds| age((now - TimeDelta::seconds(seconds)).fixed_offset(), now);
        assert_eq!(ago(0), "just now");
        assert_eq!(ago(725), "12 min ago");
        assert_eq!(ago(30 * 3600), "30 h ago");
        assert_eq!(ago(3 * 86_400), "3 days ago");
        assert_eq!(ago(-7200), "in 2 h");
    }

    #[test]
    fn spans_name_what_took_long() {
        assert_eq!(took(Duration::from_millis(12)), "12 ms");
        assert_eq!(took(Duration::from_millis(1250)), "1.2 s");
        assert_eq!(took(Duration::from_secs(243)), "4 min 3 s");
        assert_eq!(took(Duration::from_secs(7260)), "2 h 1 min");
    }
}
