//! `backup_manifest.json`: what the apps that restore from the zip read, and under one key of ours all else.
//!
//! What is noted of each file until the end is packed, and the description is never in memory as a whole.

use std::collections::BTreeMap;
use std::io;

use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use super::packed::{Line, Lines};
use crate::manifest::Database;
use crate::path::TreePath;
use crate::record::Snapshot;
use crate::sqlite::{Checked, Count};
use crate::tree::Tree;
use crate::zip::{DEFAULT_LEVEL, SEGMENT_LEN, Segment};

/// Version of the description, as the apps know it.
const VERSION: &str = "1.0";

/// What the zip holds.
#[derive(Default)]
pub(super) struct Listing {
    files: Lines,
    names: Lines,
}

impl Listing {
    /// A file in the zip.
    pub(super) fn add(&mut self, name: &str, len: u64, hash: blake3::Hash) {
        self.files.push(name, len, hash.as_bytes());
    }

    /// An entry whose name in the zip is not its own.
    pub(super) fn renamed(&mut self, path: &TreePath, name: &str) {
        self.names.push(name, 0, &path.to_bytes());
    }

    /// The description, compressed.
    ///
    /// # Errors
    /// None, as long as it can be written down at all.
    pub(super) fn to_segments(
        &self,
        snapshot: &Snapshot,
        tree: &Tree<'_>,
    ) -> io::Result<Vec<Segment>> {
        let mut text = Text::default();
        serde_json::to_writer_pretty(&mut text, &self.top(snapshot, tree))?;
        Ok(text.finish())
    }

    /// The keys in their order.
    fn top<'a>(&'a self, snapshot: &'a Snapshot, tree: &'a Tree<'_>) -> BTreeMap<&'a str, Top<'a>> {
        let local = snapshot.time().naive_local();
        let created_at = local.format("%Y-%m-%dT%H:%M:%S%.6f").to_string();
        let mut top = BTreeMap::from([
            ("created_at", Top::Value(json!(created_at))),
            ("version", Top::Value(json!(VERSION))),
        ]);
        let databases = &tree.manifest().databases;
        for (name, count) in databases.iter().flat_map(|database| &database.facts.counts) {
            if let Count::Is(value) = count {
                // The keys above are the apps' own and stay what they are.
                top.entry(name).or_insert_with(|| Top::Value(json!(value)));
            }
        }
        top.insert("lifeboat", Top::Own(self.own(snapshot, tree)));
        top
    }

    fn own<'a>(&'a self, snapshot: &'a Snapshot, tree: &Tree<'_>) -> Own<'a> {
        let databases = &tree.manifest().databases;
        let sources = snapshot.sources.iter();
        Own {
            databases: databases.iter().map(|d| describe(d, tree)).collect(),
            files: Files(&self.files),
            host: &snapshot.host,
            number: snapshot.sequence,
            renamed: Renamed(&self.names),
            repository: snapshot.repository.to_string(),
            snapshot: snapshot.id.to_string(),
            sources: sources.map(|source| crate::path::escape(source)).collect(),
            time: snapshot.time().to_rfc3339(),
        }
    }
}

/// What stands under a key of the description.
#[derive(Serialize)]
#[serde(untagged)]
enum Top<'a> {
    Value(Value),
    Own(Own<'a>),
}

/// What stands under our key; as everywhere in the description, keys ascend.
#[derive(Serialize)]
struct Own<'a> {
    databases: Vec<Value>,
    files: Files<'a>,
    host: &'a str,
    number: u64,
    renamed: Renamed<'a>,
    repository: String,
    snapshot: String,
    sources: Vec<String>,
    time: String,
}

struct Files<'a>(&'a Lines);

#[derive(Serialize)]
struct File<'a> {
    blake3: String,
    bytes: u64,
    path: &'a str,
}

impl Serialize for Files<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|Line { name, len, bytes }| File {
            blake3: hex(bytes),
            bytes: len,
            path: name,
        }))
    }
}

struct Renamed<'a>(&'a Lines);

#[derive(Serialize)]
struct Name<'a> {
    path_bytes: String,
    zip: &'a str,
}

impl Serialize for Renamed<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|Line { name, bytes, .. }| Name {
            path_bytes: hex(bytes),
            zip: name,
        }))
    }
}

fn hex(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(bytes)
}

/// The description's text on its way: what was written of it is compressed at once.
#[derive(Default)]
struct Text {
    plain: Vec<u8>,
    segments: Vec<Segment>,
}

impl Text {
    fn close(&mut self) {
        self.segments
            .push(Segment::deflate(&self.plain, DEFAULT_LEVEL));
        self.plain.clear();
    }

    fn finish(mut self) -> Vec<Segment> {
        self.plain.push(b'\n');
        self.close();
        self.segments
    }
}

impl io::Write for Text {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.plain.len() >= SEGMENT_LEN {
            self.close();
        }
        let room = SEGMENT_LEN - self.plain.len();
        let (now, _) = bytes.split_at_checked(room).unwrap_or((bytes, &[]));
        self.plain.extend_from_slice(now);
        Ok(now.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn describe(database: &Database, tree: &Tree<'_>) -> Value {
    let facts = &database.facts;
    json!({
        "path": tree.database_path(database).to_string(),
        "page_size": facts.page_size,
        "pages": facts.pages,
        "journal_mode": facts.journal_mode,
        "user_version": facts.user_version,
        "application_id": facts.application_id,
        "row_counts": facts.row_counts,
        "row_counts_complete": facts.row_counts_complete,
        "check": match facts.check {
            Checked::Ok => "ok",
            Checked::NotDone => "not done",
            Checked::Unable(_) => "unable",
            Checked::Damaged(_) => "damaged",
        },
    })
}
