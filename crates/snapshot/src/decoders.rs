//! Every decoder of this crate that meets bytes which anybody may have written, for tests that feed it any bytes at all,
//! with those of the store: none may panic, or take time or memory out of proportion.

use std::path::Path;

use lifeboat_store::decoders::{Decoder, small};
use lifeboat_store::envelope;

use crate::capture::Excludes;
use crate::content::decode_list;
use crate::drill::Drill;
use crate::folder::decode_node;
use crate::history::Run;
use crate::manifest::Manifest;
use crate::path::{TreePath, escape};
use crate::pins::Pin;
use crate::record::{self, Snapshot};

/// All of them, by name, those of the store included.
pub fn all() -> Vec<(&'static str, Decoder)> {
    let own: [(&str, Decoder); 13] = [
        ("record", record),
        ("list", list),
        ("folder", folder),
        ("manifest", manifest),
        ("excludes", excludes),
        ("path", path),
        ("zip", crate::zip::try_all),
        ("pin", pin),
        ("drill", drill),
        ("run", run),
        ("parts", crate::export::try_table),
        ("journal", journal),
        ("leader", crate::inplace::try_leader),
    ];
    let stores = lifeboat_store::decoders::DECODERS;
    own.into_iter().chain(stores).collect()
}

/// Feeds the decoder of this name.
///
/// # Panics
/// Where the decoder does, which is what it is called for, and where there is none of this name.
pub fn feed(name: &str, bytes: &[u8]) {
    let found = all().into_iter().find(|(known, _)| *known == name);
    let (_, decoder) = found.unwrap_or_else(|| unreachable!("no decoder is called {name}"));
    decoder(bytes);
}

/// The payload of a snapshot record.
fn record(payload: &[u8]) {
    let kind = envelope::Kind::Snapshot;
    let bytes = envelope::sealed(kind, record::VERSION, payload);
    if let Ok(snapshot) = envelope::unwrap::<Snapshot>(kind, record::VERSION, &bytes) {
        let _ = (snapshot.time(), snapshot.order());
    }
    small::<Snapshot>(kind, record::VERSION, payload);
}

fn pin(payload: &[u8]) {
    small::<Pin>(envelope::Kind::Pin, 1, payload);
}

fn drill(payload: &[u8]) {
    small::<Drill>(envelope::Kind::Drill, 1, payload);
}

fn run(payload: &[u8]) {
    small::<Run>(envelope::Kind::Run, 1, payload);
}

fn list(bytes: &[u8]) {
    let _ = decode_list(bytes);
}

fn folder(bytes: &[u8]) {
    let _ = decode_node(bytes);
}

fn manifest(bytes: &[u8]) {
    if let Ok(manifest) = Manifest::decode(bytes) {
        let again = manifest.encode();
        assert!(
            again.is_ok_and(|again| again == bytes),
            "a manifest has one encoding"
        );
    }
}

/// Patterns, a line each. They are the user's own, so how many there are is theirs to say: each byte of them may take some
/// kilobytes of memory.
fn excludes(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes.get(..32 << 10).unwrap_or(bytes));
    let patterns: Vec<String> = text.lines().take(100).map(str::to_owned).collect();
    let root = Path::new("/srv/data");
    if let Ok(excludes) = Excludes::new(root, &patterns, Vec::new()) {
        for path in ["a", "a/b.txt", "a/b/c/d", ".git", "Müller"] {
            let _ = excludes.by_pattern(&root.join(path), path.len() < 2);
        }
    }
}

/// What a restore in place has written down. It stands in a folder that nobody else can write to, so how long it is, is the
/// user's own to say: each byte of it may take a hundred of memory.
fn journal(bytes: &[u8]) {
    crate::inplace::try_journal(bytes.get(..128 << 10).unwrap_or(bytes));
}

/// A path as it is typed.
fn path(bytes: &[u8]) {
    if let Ok(path) = TreePath::parse(bytes) {
        let again = TreePath::parse(&path.to_bytes());
        assert!(again.is_ok_and(|again| again == path));
    }
    let shown = escape(bytes);
    assert!(shown.chars().all(crate::path::is_plain), "{shown:?}");
}
