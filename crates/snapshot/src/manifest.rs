//! What a snapshot holds, apart from when and why it was taken: the same bytes for the same state, so that a snapshot of
//! nothing new stores no manifest. Layout in `docs/format.md`, "Manifest".

use lifeboat_store::codec::{self, CodecError};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use crate::entry::Entry;
use crate::error::Result;
use crate::meta::{self, Kind};
use crate::path::TreePath;
use crate::sqlite::Facts;

/// Most bytes of an encoded manifest: room for half a million databases or flags.
pub(crate) const MAX_BYTES: u64 = 64 << 20;

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

impl Manifest {
    /// Its bytes: three lists, each a count and then the items one by one, so that no item is limited by the others.
    pub(crate) fn encode(&self) -> Result<Vec<u8>> {
        let mut bytes = vec![Kind::Manifest.tag()];
        encode_all(&self.sources, &mut bytes)?;
        encode_all(&self.databases, &mut bytes)?;
        encode_all(&self.flags, &mut bytes)?;
        if bytes.len() as u64 > MAX_BYTES {
            let error = CodecError::TooLong { len: bytes.len() };
            return Err(meta::unstorable(Kind::Manifest, error));
        }
        Ok(bytes)
    }

    /// The manifest in these bytes.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self> {
        let mut rest = meta::open(Kind::Manifest, bytes)?;
        let manifest = Self {
            sources: decode_all(&mut rest)?,
            databases: decode_all(&mut rest)?,
            flags: decode_all(&mut rest)?,
        };
        if rest.is_empty() {
            return Ok(manifest);
        }
        let error = CodecError::Trailing { extra: rest.len() };
        Err(meta::refused(Kind::Manifest, &error))
    }
}

fn encode_all<T: Serialize>(items: &[T], bytes: &mut Vec<u8>) -> Result<()> {
    let unstorable = |error| meta::unstorable(Kind::Manifest, error);
    bytes.extend(codec::encode(&(items.len() as u64)).map_err(unstorable)?);
    for item in items {
        bytes.extend(codec::encode(item).map_err(unstorable)?);
    }
    Ok(())
}

fn decode_all<T: Serialize + DeserializeOwned>(rest: &mut &[u8]) -> Result<Vec<T>> {
    let refused = |error| meta::refused(Kind::Manifest, &error);
    let count: u64 = codec::take(rest).map_err(refused)?;
    // Nothing is reserved for a count that is only claimed: the items end when the bytes do.
    (0..count)
        .map(|_| codec::take(rest).map_err(refused))
        .collect()
}

/// One folder or file that was backed up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// Its absolute path on the machine it was on.
    pub path: ByteBuf,
    /// Files and databases in it.
    pub files: u64,
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
    /// What was read from the captured bytes.
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

/// What happened, as the end of a sentence.
impl std::fmt::Display for Flaw {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Changed => "it was changing, and may be a mixture of before and after",
            Self::Missing => "it could not be read, and is not in it",
            Self::Damaged => "SQLite found damage in it",
        })
    }
}
