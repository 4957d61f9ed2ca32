//! The state of the backups as a monitoring system reads it: the text format of Prometheus, for a scrape or a textfile.

use std::fmt::Write as _;

use lifeboat_snapshot::path::escape;

use super::{Answer, Row};
use crate::exit::Exit;

/// Name and help of a metric, and its value for a source.
type OfSource = (&'static str, &'static str, fn(&Row) -> Option<f64>);

/// Metrics that each source has.
const PER_SOURCE: [OfSource; 5] = [
    (
        "lifeboat_last_snapshot_timestamp_seconds",
        "When the newest snapshot of the source was begun.",
        |row| Some(row.newest.as_ref()?.snapshot.time().timestamp() as f64),
    ),
    (
        "lifeboat_last_complete_snapshot_timestamp_seconds",
        "When the newest snapshot that lacks nothing was begun.",
        |row| Some(row.newest.as_ref()?.complete.as_ref()?.time().timestamp() as f64),
    ),
    (
        "lifeboat_last_snapshot_bytes",
        "Plain bytes in the newest snapshot.",
        |row| Some(row.newest.as_ref()?.snapshot.bytes as f64),
    ),
    (
        "lifeboat_last_verify_timestamp_seconds",
        "When everything of the newest verified snapshot was last read.",
        |row| Some(row.verified?.timestamp() as f64),
    ),
    (
        "lifeboat_source_state",
        "0 fresh, 1 incomplete, 2 stale, 3 none, 4 failed.",
        |row| Some(f64::from(row.state.number())),
    ),
];

/// All metrics.
pub(super) fn text(answer: &Answer) -> String {
    let mut text = String::new();
    for (name, help, value) in PER_SOURCE {
        head(&mut text, name, help);
        for row in &answer.rows {
            if let Some(value) = value(row) {
                let (host, source) = (label(&row.key.0), label(&escape(&row.key.1)));
                let _ = writeln!(
                    text,
                    "{name}{{host=\"{host}\",source=\"{source}\"}} {value}"
                );
            }
        }
    }
    let whole: [(&str, &str, Option<f64>); 4] = [
        (
            "lifeboat_snapshots",
            "Snapshots in the repository.",
            Some(answer.snapshots as f64),
        ),
        (
            "lifeboat_free_bytes",
            "Bytes that the repository may still grow by.",
            answer.free.map(|free| free as f64),
        ),
        (
            "lifeboat_growth_bytes_per_day",
            "Bytes that the repository grew by each day, over the last thirty.",
            answer.growth.map(|growth| growth as f64),
        ),
        (
            "lifeboat_days_until_full",
            "For how many days there is room at this growth.",
            answer.days_left().map(|days| days as f64),
        ),
    ];
    for (name, help, value) in whole {
        if let Some(value) = value {
            head(&mut text, name, help);
            let _ = writeln!(text, "{name} {value}");
        }
    }
    runs(&mut text, answer);
    text + &exit(answer.worst.exit())
}

/// How the status ends as a whole: all there is to tell where the repository cannot be read.
pub(super) fn exit(exit: Exit) -> String {
    let mut text = String::new();
    let name = "lifeboat_status_exit_code";
    head(&mut text, name, "How lifeboat status ends: 0 is well.");
    let _ = writeln!(text, "{name} {}", exit.code());
    text
}

fn runs(text: &mut String, answer: &Answer) {
    for (name, help) in [
        (
            "lifeboat_last_run_timestamp_seconds",
            "When the last run of each kind was begun.",
        ),
        (
            "lifeboat_last_run_exit_code",
            "How the last run of each kind ended.",
        ),
    ] {
        head(text, name, help);
        for run in &answer.last_runs {
            let value = match name.ends_with("exit_code") {
                true => f64::from(run.exit),
                false => run.began().timestamp() as f64,
            };
            let _ = writeln!(text, "{name}{{kind=\"{}\"}} {value}", run.kind.word());
        }
    }
}

fn head(text: &mut String, name: &str, help: &str) {
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} gauge");
}

/// A label's text, as the format wants it.
fn label(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}
