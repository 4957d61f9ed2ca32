//! What a snapshot holds, apart from when and why it was taken: the same bytes for the same state, so that a snapshot of
//! nothing new stores no manifest. Layout in `docs/format.md`, "Manifest".

use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use crate::entry::Entry;
use crate::path::TreePath;
use crate::sqlite::Facts;

/// Everything in a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// What was backed up, in the order it was given.
    pub sources: Vec<Source>,
    /// The databases in it, by source and path.
    pub databases: Vec<Database>,
    /// Entries that are not what they should be, by source and path.
    pub flags: Vec<Flag>,
}

/// One folder or file that was backed up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// Its absolute path on the machine it was on.
    pub path: ByteBuf,
    /// The folder or file itself.
    pub root: Entry,
}

/// A database in a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Database {
    /// Number of its source.
    pub source: u32,
    /// Where in the source.
    pub path: TreePath,
    /// What was read from the captured bytes. `facts.lock` is zero here.
    pub facts: Facts,
    /// When SQLite's check last ran on it, in milliseconds since 1970.
    pub checked_ms: Option<i64>,
}

/// An entry that is stored and not whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flag {
    /// Number of its source.
    pub source: u32,
    /// Where in the source.
    pub path: TreePath,
    /// What is the matter.
    pub flaw: Flaw,
}

/// What is the matter with an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Flaw {
    /// It changed while it was read.
    Changed,
    /// It could not be read and is not in the snapshot.
    Missing,
    /// It is a database that SQLite's check finds damaged.
    Damaged,
}
