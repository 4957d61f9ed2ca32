//! `backup_manifest.json`: what the apps that restore from the zip read, and under one key of ours all else.

use serde_json::{Map, Value, json};

use crate::manifest::Database;
use crate::path::TreePath;
use crate::record::Snapshot;
use crate::sqlite::{Checked, Count};
use crate::tree::Tree;

/// Version of the description, as the apps know it.
const VERSION: &str = "1.0";

/// What the zip holds.
#[derive(Default)]
pub(super) struct Listing {
    files: Vec<Value>,
    names: Vec<Value>,
}

impl Listing {
    /// A file in the zip.
    pub(super) fn add(&mut self, name: &str, len: u64, hash: blake3::Hash) {
        let hash = hash.to_hex();
        self.files
            .push(json!({"path": name, "bytes": len, "blake3": hash.as_str()}));
    }

    /// An entry whose name in the zip is not its own.
    pub(super) fn renamed(&mut self, path: &TreePath, name: &str) {
        let bytes: String = path.to_bytes().iter().map(|b| format!("{b:02x}")).collect();
        self.names.push(json!({"zip": name, "path_bytes": bytes}));
    }

    /// The description's bytes.
    pub(super) fn to_json(&self, snapshot: &Snapshot, tree: &Tree<'_>) -> Vec<u8> {
        let mut top = Map::new();
        let local = snapshot.time().naive_local();
        let created_at = local.format("%Y-%m-%dT%H:%M:%S%.6f").to_string();
        top.insert("created_at".to_owned(), json!(created_at));
        top.insert("version".to_owned(), json!(VERSION));
        let databases = &tree.manifest().databases;
        for (name, count) in databases.iter().flat_map(|database| &database.facts.counts) {
            if let Count::Is(value) = count {
                // The keys above are the apps' own and stay what they are.
                top.entry(name.clone()).or_insert_with(|| json!(value));
            }
        }
        let sources: Vec<String> = snapshot
            .sources
            .iter()
            .map(|source| crate::path::escape(source))
            .collect();
        top.insert(
            "lifeboat".to_owned(),
            json!({
                "repository": snapshot.repository.to_string(),
                "snapshot": snapshot.id.to_string(),
                "time": snapshot.time().to_rfc3339(),
                "number": snapshot.sequence,
                "host": snapshot.host,
                "sources": sources,
                "files": self.files,
                "renamed": self.names,
                "databases": databases.iter().map(|d| describe(d, tree)).collect::<Vec<_>>(),
            }),
        );
        let mut bytes = format!("{:#}", Value::Object(top)).into_bytes();
        bytes.push(b'\n');
        bytes
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
