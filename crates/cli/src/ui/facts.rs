//! Facts as JSON, where more than one command tells them: paths, times, warnings, databases.
//!
//! A path is bytes. Where they are no UTF-8, `path` is an escaped text to look at and `path_bytes` the hexadecimal truth.

use std::collections::HashMap;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use chrono::{DateTime, SecondsFormat, Utc};
use data_encoding::HEXLOWER;
use lifeboat_snapshot::entry::Time;
use lifeboat_snapshot::manifest::Database;
use lifeboat_snapshot::monitor::Warning;
use lifeboat_snapshot::path::escape;
use lifeboat_snapshot::sqlite::{Checked, Count};
use lifeboat_snapshot::store::SnapshotId;
use lifeboat_snapshot::{Flaws, Snapshot};
use serde_json::{Map, Value, json};

/// An object that begins with a path, under this name.
pub(crate) fn with_path(name: &str, bytes: &[u8]) -> Map<String, Value> {
    let mut object = Map::new();
    match std::str::from_utf8(bytes) {
        Ok(text) => drop(object.insert(name.to_owned(), json!(text))),
        Err(_) => {
            object.insert(name.to_owned(), json!(escape(bytes)));
            object.insert(format!("{name}_bytes"), json!(HEXLOWER.encode(bytes)));
        }
    }
    object
}

/// The same of a path on this machine.
pub(crate) fn with_local_path(name: &str, path: &Path) -> Map<String, Value> {
    with_path(name, path.as_os_str().as_bytes())
}

/// A path of this machine for people.
pub(crate) fn shown(path: &Path) -> String {
    escape(path.as_os_str().as_bytes())
}

/// A snapshot's time, with the offset it had there.
pub(crate) fn time(snapshot: &Snapshot) -> String {
    snapshot
        .time()
        .to_rfc3339_opts(SecondsFormat::Millis, false)
}

/// The moment of a time in milliseconds.
pub(crate) fn moment(ms: i64) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp_millis(ms)
}

/// A time that is nobody's local one.
pub(crate) fn utc(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, false)
}

/// The time of an entry, as exactly as it is known; `None` where no calendar has it.
pub(crate) fn entry_time(time: Time) -> Option<String> {
    let time = DateTime::from_timestamp(time.secs, time.nanos)?;
    Some(time.to_rfc3339_opts(SecondsFormat::AutoSi, false))
}

/// A snapshot's sources as text.
pub(crate) fn sources(snapshot: &Snapshot) -> Vec<String> {
    let text =
        |bytes: &[u8]| std::str::from_utf8(bytes).map_or_else(|_| escape(bytes), str::to_owned);
    snapshot.sources.iter().map(|source| text(source)).collect()
}

/// When everything of a snapshot was last read, by what verifications have left.
pub(crate) fn verified(looks: &HashMap<SnapshotId, i64>, id: SnapshotId) -> Option<DateTime<Utc>> {
    looks.get(&id).and_then(|ms| moment(*ms))
}

/// What every listing says of a snapshot; `verified` is when everything of it was last read.
pub(crate) fn snapshot(
    snapshot: &Snapshot,
    is_pinned: bool,
    verified: Option<DateTime<Utc>>,
) -> Map<String, Value> {
    let facts = json!({
        "id": snapshot.id.to_string(),
        "time": time(snapshot),
        "host": snapshot.host,
        "sources": sources(snapshot),
        "tags": snapshot.tags,
        "description": snapshot.description,
        "files": snapshot.files,
        "bytes": snapshot.bytes,
        "stored_bytes": snapshot.stored_bytes,
        "pinned": is_pinned,
        "verified_at": verified.map(utc),
    });
    let mut facts = object(facts);
    if snapshot
        .sources
        .iter()
        .any(|source| std::str::from_utf8(source).is_err())
    {
        let sources: Vec<String> = snapshot
            .sources
            .iter()
            .map(|source| HEXLOWER.encode(source))
            .collect();
        facts.insert("sources_bytes".to_owned(), json!(sources));
    }
    facts
}

/// What a snapshot lacks; `None` where its manifest cannot be read.
pub(crate) fn flaws(flaws: Option<&Flaws>) -> Map<String, Value> {
    object(json!({
        "complete": flaws.map(Flaws::is_complete),
        "missing": flaws.map(|flaws| flaws.missing),
        "damaged": flaws.map(|flaws| flaws.damaged),
        "changed": flaws.map(|flaws| flaws.changed),
    }))
}

/// A warning, without the word that it is one.
pub(crate) fn warning(warning: &Warning) -> Map<String, Value> {
    let mut facts = with_local_path("path", &warning.path);
    facts.insert("kind".to_owned(), json!(warning.kind.word()));
    facts.insert("message".to_owned(), json!(warning.message));
    facts
}

/// A database, at this place in the snapshot.
pub(crate) fn database(path: &[u8], database: &Database) -> Map<String, Value> {
    let facts = &database.facts;
    let mut object = with_path("path", path);
    object.extend(self::object(json!({
        "page_size": facts.page_size,
        "pages": facts.pages,
        "bytes": facts.bytes(),
        "journal_mode": facts.journal_mode,
        "encoding": facts.encoding,
        "user_version": facts.user_version,
        "application_id": facts.application_id,
        "schema_hash": facts.schema_hash.as_ref().map(|hash| HEXLOWER.encode(hash)),
        "check": check_word(&facts.check),
        "checked_at": database.checked_ms.and_then(moment).map(utc),
        "row_counts": facts.row_counts,
        "row_counts_complete": facts.row_counts_complete,
        "rolled_back": facts.rolled_back,
    })));
    match &facts.check {
        Checked::Damaged(findings) => {
            object.insert("findings".to_owned(), json!(findings));
        }
        Checked::Unable(reason) => {
            object.insert("findings".to_owned(), json!([reason]));
        }
        Checked::Ok | Checked::NotDone => {}
    }
    object.extend(counts(database));
    object
}

fn counts(database: &Database) -> Map<String, Value> {
    let (mut known, mut unknown) = (Map::new(), Map::new());
    for (name, count) in &database.facts.counts {
        match count {
            Count::Is(number) => known.insert(name.clone(), json!(number)),
            Count::Unknown(reason) => unknown.insert(name.clone(), json!(reason)),
        };
    }
    let mut object = Map::new();
    object.insert("counts".to_owned(), Value::Object(known));
    if !unknown.is_empty() {
        object.insert("counts_failed".to_owned(), Value::Object(unknown));
    }
    object
}

/// The word for the result of SQLite's check.
pub(crate) fn check_word(check: &Checked) -> &'static str {
    match check {
        Checked::Ok => "ok",
        Checked::NotDone => "not-done",
        Checked::Unable(_) => "unable",
        Checked::Damaged(_) => "damaged",
    }
}

/// The fields of a literal object.
pub(crate) fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_keep_their_bytes() {
        let plain = with_path("path", "Müller\n".as_bytes());
        assert_eq!(Value::Object(plain), json!({"path": "Müller\n"}));
        let lossy = with_path("path", b"a\xff");
        assert_eq!(
            Value::Object(lossy),
            json!({"path": "a\\xff", "path_bytes": "61ff"})
        );
    }

    #[test]
    fn times_of_entries_are_exact_and_those_beyond_all_calendars_are_none() {
        let at = |secs, nanos| entry_time(Time { secs, nanos });
        assert_eq!(at(0, 0).as_deref(), Some("1970-01-01T00:00:00+00:00"));
        let exact = Some("1969-12-31T23:59:59.000000001+00:00");
        assert_eq!(at(-1, 1).as_deref(), exact);
        assert_eq!(at(i64::MAX, 0), None);
    }
}
