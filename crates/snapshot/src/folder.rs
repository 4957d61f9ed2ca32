//! A folder's entries as stored chunks: sorted by name, cut into nodes by the names themselves.
//!
//! A node ends behind a name that hashes so, which makes the same names end the same nodes in every snapshot: one changed
//! file in a folder of a million changes one node. Layout in `docs/format.md`, "Folders".

use lifeboat_store::{Store, codec};

use crate::content::{Chunks, Content, Ref, read_chunk};
use crate::entry::Entry;
use crate::error::{Result, SnapshotError};
use crate::inplace::is_name_of_stage;
use crate::limits::MAX_NODE;
use crate::meta;

pub(crate) use before::{Before, SharedBefore};
pub(crate) use reader::FolderReader;
pub(crate) use writer::FolderWriter;

mod before;
mod reader;
#[cfg(test)]
mod tests;
mod writer;

/// The nodes of a folder, without reading them.
pub(crate) fn nodes<'a>(
    store: &'a Store,
    content: &Content,
) -> impl Iterator<Item = Result<Ref>> + 'a {
    Chunks::of(store, content).map(|node| node.map(|(_, node)| node))
}

/// The entries of one node.
pub(crate) fn read_node(store: &Store, node: &Ref) -> Result<Vec<Entry>> {
    let entries = decode_node(&read_chunk(store, node)?)?;
    // Nobody writes an empty node, and a list may name one without end.
    if entries.is_empty() {
        return Err(refused("a node of it is empty"));
    }
    Ok(entries)
}

/// The entries in these bytes.
pub(crate) fn decode_node(bytes: &[u8]) -> Result<Vec<Entry>> {
    let mut encoded = meta::open(meta::Kind::Folder, bytes)?;
    // An entry takes many times the memory of its fewest bytes, so only one may be long.
    if bytes.len() > MAX_NODE && !matches!(codec::take::<u64>(&mut encoded), Ok(1)) {
        return Err(refused("a node of it is too long"));
    }
    let entries: Vec<Entry> = meta::decode(meta::Kind::Folder, bytes)?;
    // Backups leave them out, and what is restored under such a name would be looked at as the rest of a restore.
    let mut names = entries.iter().map(|entry| entry.name.as_bytes());
    match names.any(is_name_of_stage) {
        true => Err(refused(
            "an entry has the name of a folder of a restore in place",
        )),
        false => Ok(entries),
    }
}

fn refused(what: &str) -> SnapshotError {
    SnapshotError::Refused {
        what: "a folder",
        reason: what.to_owned(),
    }
}
