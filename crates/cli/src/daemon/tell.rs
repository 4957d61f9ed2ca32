//! What the daemon says of its work: a line for each run, or an event for a program.
//!
//! Whoever reads along may go away; that must not end the daemon.

use std::time::Duration;

use chrono::{DateTime, Local, Utc};
use lifeboat_snapshot::path::escape;
use serde_json::{Value, json};

use super::child::End;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::ui::{Ui, facts, words};

/// Something that is no run.
pub(super) fn said(ui: &Ui, event: &str, text: &str) {
    match ui.is_json() {
        true => tell(ui, &json!({"event": event, "message": text})),
        false => line(ui, text),
    }
}

/// Something that is wrong and does not end the daemon.
pub(super) fn wrong(ui: &Ui, failure: &Failure) {
    match ui.is_json() {
        true => tell(ui, &failure.event()),
        false => ui.failure(failure),
    }
}

/// A run begins.
pub(super) fn started(ui: &Ui, job: &str, process: u32) {
    if ui.is_json() {
        tell(ui, &json!({"event": "started", "job": job, "pid": process}));
    }
}

/// A look for news has ended.
pub(super) fn looked(ui: &Ui) {
    if ui.is_json() {
        tell(ui, &json!({"event": "looked"}));
    }
}

/// A run has ended.
pub(super) fn ended(ui: &Ui, job: &str, end: &End, took: Duration, error: Option<&str>) {
    let word = Exit::word_of(end.exit);
    if ui.is_json() {
        let summary = end.said.summary.as_ref();
        let snapshot = summary.and_then(|summary| summary.get("snapshot"));
        return tell(
            ui,
            &json!({
                "event": "ended",
                "job": job,
                "exit_code": end.exit,
                "result": word,
                "duration_s": took.as_secs_f64(),
                "snapshot": snapshot.unwrap_or(&Value::Null),
                "error": error,
                "warnings": end.said.warnings,
            }),
        );
    }
    let result = if end.exit == 0 { "ok" } else { word };
    let mut text = format!("{job}: {result} in {}", words::took(took));
    if let Some(bytes) = end.said.number("stored_bytes") {
        text.push_str(&format!(", {} stored", words::size(bytes)));
    }
    let why = error
        .into_iter()
        .chain(end.said.warnings.iter().map(String::as_str));
    for reason in why {
        text.push_str(&format!("; {reason}"));
    }
    line(ui, &text);
}

/// Nothing is to be done until then.
pub(super) fn waiting(
    ui: &Ui,
    now: DateTime<Utc>,
    running: usize,
    next: Option<(DateTime<Utc>, &str)>,
) {
    if ui.is_json() {
        let event = json!({
            "event": "waiting",
            "time": facts::utc(now),
            "running": running,
            "next": next.map(|(time, _)| facts::utc(time)),
            "job": next.map(|(_, job)| job),
        });
        tell(ui, &event);
    }
}

fn tell(ui: &Ui, event: &Value) {
    let _ = ui.event(event);
}

/// The journal has the time of each line already.
fn line(ui: &Ui, text: &str) {
    let text = escape(text.as_bytes());
    let text = match std::env::var_os("JOURNAL_STREAM") {
        Some(_) => text,
        None => format!("{}  {text}", Local::now().format("%Y-%m-%d %H:%M:%S")),
    };
    let _ = ui.summary([text]);
    let _ = ui.finish();
}
