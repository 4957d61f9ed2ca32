//! `backup_manifest.json` of somebody else's archive, or of one of ours: its date and its numbers, and what it says of files.

use std::collections::BTreeMap;
use std::path::Path;

use chrono::{DateTime, NaiveDateTime, Offset as _};
use data_encoding::HEXLOWER_PERMISSIVE;
use lifeboat_store::{RepositoryId, SnapshotId};
use serde_json::{Map, Value};

use super::{newer, refused};
use crate::capture::CountQuery;
use crate::error::{Result, SnapshotError};

/// Longest description that is read of an archive without files. What is read takes many times its length of memory, and
/// a zip can hold it in a thousandth of it.
const MAX_BYTES: u64 = 16 << 20;

/// How much longer for each file, beside its names: its hash, its numbers and their keys.
const FILE_BYTES: u64 = 1 << 10;

/// How much longer for each byte of a name, which may be told twice, and escaped.
const NAME_BYTES: u64 = 16;

/// What numbers of ours are called, and of the apps.
const COUNT_ENDING: &str = "_count";

/// What an archive says of itself.
#[derive(Debug, Clone, Default)]
pub(super) struct Described {
    local: NaiveDateTime,
    /// East of UTC, in minutes, where it says so.
    offset: Option<i32>,
    /// Numbers at its top, by name.
    numbers: BTreeMap<String, i64>,
    pub(super) app_version: Option<String>,
    /// Hash and length of each file, where it is one of ours.
    pub(super) files: Option<BTreeMap<Vec<u8>, (u64, String)>>,
    /// Names in the archive that stand for others.
    pub(super) renamed: BTreeMap<Vec<u8>, Vec<u8>>,
    snapshot: Option<(String, String)>,
}

/// Longest description that is read of an archive with files of these names, each of which it may tell of.
pub(super) fn most_bytes<'n>(names: impl Iterator<Item = &'n [u8]>) -> u64 {
    let of = |name: &[u8]| FILE_BYTES.saturating_add(NAME_BYTES.saturating_mul(name.len() as u64));
    names.map(of).fold(MAX_BYTES, u64::saturating_add)
}

/// Why one that is longer is not read.
pub(super) fn too_long(path: &Path, len: u64, most: u64) -> SnapshotError {
    let reason = format!("its description has {len} bytes, and more than {most} are not read");
    refused(path, reason)
}

impl Described {
    /// What these bytes say.
    pub(super) fn parse(path: &Path, bytes: &[u8]) -> Result<Self> {
        let value: Value = serde_json::from_slice(bytes)
            .map_err(|error| refused(path, format!("its description is no JSON: {error}")))?;
        let Value::Object(top) = value else {
            return Err(refused(path, "its description is no JSON object"));
        };
        check_version(path, &top)?;
        let mut described = Self::dated(path, &top)?;
        let is_number = |name: &str| name.ends_with(COUNT_ENDING) && name.len() < 100;
        let numbers = top.iter().filter(|(name, _)| is_number(name));
        described.numbers = numbers
            .filter_map(|(name, value)| Some((name.clone(), value.as_i64()?)))
            .take(1000)
            .collect();
        let version = top.get("app_version").and_then(Value::as_str);
        described.app_version = version.map(|version| version.chars().take(100).collect());
        if let Some(Value::Object(ours)) = top.get("lifeboat") {
            described.take_ours(path, ours)?;
        }
        Ok(described)
    }

    /// Of a folder without a description, whose name has a date.
    pub(super) fn by_name(path: &Path) -> Option<Self> {
        let local = date_in_name(path)?;
        Some(Self {
            local,
            ..Self::default()
        })
    }

    fn dated(path: &Path, top: &Map<String, Value>) -> Result<Self> {
        let text = top.get("created_at").and_then(Value::as_str);
        let text = text.ok_or_else(|| refused(path, "its description has no created_at"))?;
        let (local, offset) = parse_date(text)
            .ok_or_else(|| refused(path, "created_at of its description is no date"))?;
        Ok(Self {
            local,
            offset,
            ..Self::default()
        })
    }

    /// What only our own zips say.
    fn take_ours(&mut self, path: &Path, ours: &Map<String, Value>) -> Result<()> {
        let unsound = || {
            refused(
                path,
                "the part of its description that is lifeboat's makes no sense",
            )
        };
        let text = |value: &Value, key: &str| Some(value.get(key)?.as_str()?.to_owned());
        let mut files = BTreeMap::new();
        for file in ours
            .get("files")
            .and_then(Value::as_array)
            .ok_or_else(unsound)?
        {
            let name = text(file, "path").ok_or_else(unsound)?;
            let len = file
                .get("bytes")
                .and_then(Value::as_u64)
                .ok_or_else(unsound)?;
            let hash = text(file, "blake3").ok_or_else(unsound)?;
            files.insert(name.into_bytes(), (len, hash));
        }
        self.files = Some(files);
        for renamed in ours
            .get("renamed")
            .and_then(Value::as_array)
            .ok_or_else(unsound)?
        {
            let name = text(renamed, "zip").ok_or_else(unsound)?;
            let bytes = text(renamed, "path_bytes")
                .and_then(|hex| HEXLOWER_PERMISSIVE.decode(hex.as_bytes()).ok());
            self.renamed
                .insert(name.into_bytes(), bytes.ok_or_else(unsound)?);
        }
        let time = ours.get("time").and_then(Value::as_str);
        let time = time.and_then(|time| DateTime::parse_from_rfc3339(time).ok());
        if let Some(time) = time {
            self.local = time.naive_local();
            self.offset = Some(time.offset().fix().local_minus_utc() / 60);
        }
        let id = |key| ours.get(key).and_then(Value::as_str).map(str::to_owned);
        self.snapshot = id("repository").zip(id("snapshot"));
        Ok(())
    }

    /// Its date.
    pub(super) fn time_ms(&self, offset: fn(NaiveDateTime) -> i32) -> i64 {
        let minutes = i64::from(self.offset_minutes(offset));
        let local = self.local.and_utc().timestamp_millis();
        local.saturating_sub(minutes * 60_000)
    }

    /// What it says itself, else what the caller makes of its date.
    pub(super) fn offset_minutes(&self, offset: fn(NaiveDateTime) -> i32) -> i32 {
        self.offset.unwrap_or_else(|| offset(self.local))
    }

    /// The snapshot of this repository that it was made from.
    pub(super) fn snapshot_of(&self, id: RepositoryId) -> Option<SnapshotId> {
        let (repository, snapshot) = self.snapshot.as_ref()?;
        (*repository == id.to_string()).then(|| snapshot.parse().ok())?
    }

    /// Numbers to keep of its database: asked of the data where the caller knows how, else as it says.
    pub(super) fn counts(&self, database: Option<&Path>, asked: &[CountQuery]) -> Vec<CountQuery> {
        let mut counts = asked.to_vec();
        let Some(database) = database else {
            return counts;
        };
        for (name, number) in &self.numbers {
            if !asked.iter().any(|count| count.name == *name) {
                counts.push(CountQuery {
                    database: database.to_owned(),
                    name: name.clone(),
                    query: format!("SELECT {number}"),
                });
            }
        }
        counts
    }
}

/// Only the first number counts: `1.1` adds what we need not know.
fn check_version(path: &Path, top: &Map<String, Value>) -> Result<()> {
    let version = match top.get("version") {
        None => return Ok(()),
        Some(Value::String(version)) => version.clone(),
        Some(Value::Number(version)) => version.to_string(),
        Some(_) => String::new(),
    };
    let major = version
        .split('.')
        .next()
        .and_then(|major| major.parse::<u16>().ok());
    match major {
        Some(1) => Ok(()),
        Some(major @ 2..) => Err(newer(path, major)),
        _ => Err(refused(path, "the version of its description is none")),
    }
}

fn parse_date(text: &str) -> Option<(NaiveDateTime, Option<i32>)> {
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Some((
            time.naive_local(),
            Some(time.offset().local_minus_utc() / 60),
        ));
    }
    let forms = [
        "%Y-%m-%dT%H:%M:%S%.f",
        "%Y-%m-%d %H:%M:%S%.f",
        "%Y-%m-%dT%H:%M",
    ];
    let local = forms
        .iter()
        .find_map(|form| NaiveDateTime::parse_from_str(text, form).ok())?;
    Some((local, None))
}

/// The date in `backup_2024-05-01_10-00-00` and its kin.
pub(super) fn date_in_name(path: &Path) -> Option<NaiveDateTime> {
    let name = path.file_name()?.to_str()?;
    let (_, date) = name.split_once("backup_")?;
    let digits: String = date.chars().filter(char::is_ascii_digit).take(14).collect();
    let is_date = date
        .chars()
        .all(|c| c.is_ascii_digit() || "-_T:. ".contains(c));
    match is_date {
        true => NaiveDateTime::parse_from_str(&digits, "%Y%m%d%H%M%S").ok(),
        false => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_as_the_apps_write_them() {
        let date = |text| parse_date(text).map(|(local, offset)| (local.to_string(), offset));
        let at = "2024-05-01 10:00:00".to_owned();
        assert_eq!(date("2024-05-01T10:00:00"), Some((at.clone(), None)));
        assert_eq!(date("2024-05-01T10:00:00+02:00"), Some((at, Some(120))));
        assert_eq!(
            date("2024-05-01T10:00:00.123456"),
            Some(("2024-05-01 10:00:00.123456".to_owned(), None))
        );
        assert_eq!(date("yesterday"), None);
    }

    #[test]
    fn dates_in_names_are_found_and_others_are_not() {
        let date = |name: &str| date_in_name(Path::new(name)).map(|date| date.to_string());
        let at = Some("2024-05-01 10:00:07".to_owned());
        assert_eq!(date("/x/backup_2024-05-01_10-00-07"), at);
        assert_eq!(date("safety_backup_20240501_100007"), at);
        for other in [
            "backup_of_mine",
            "backup_",
            "backup_2024-05-01",
            "2024-05-01_10-00-07",
        ] {
            assert_eq!(date(other), None, "{other}");
        }
    }

    #[test]
    fn bad_51_versions_that_are_newer_or_none_are_told_apart() {
        let parse = |text: &str| Described::parse(Path::new("/a.zip"), text.as_bytes());
        assert!(parse(r#"{"created_at":"2024-05-01T10:00:00","version":"1.3"}"#).is_ok());
        let newer = parse(r#"{"created_at":"2024-05-01T10:00:00","version":"2.0"}"#);
        let store = |error| match error {
            crate::error::SnapshotError::Store(error) => error,
            other => panic!("{other}"),
        };
        assert!(matches!(
            newer.map_err(store),
            Err(lifeboat_store::StoreError::NewerFormat { found: 2, .. })
        ));
        for bad in [
            r#"{"version":"1.0"}"#,
            "[]",
            "",
            r#"{"created_at":"x"}"#,
            r#"{"created_at":"2024-05-01T10:00:00","version":"x"}"#,
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
