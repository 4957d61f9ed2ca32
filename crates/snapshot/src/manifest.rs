//! What a snapshot holds, apart from when and why it was taken: the same bytes for the same state, so that a snapshot of
//! nothing new stores no manifest. Layout in `docs/format.md`, "Manifest".

use lifeboat_store::codec::{self, CodecError};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use crate::entry::Entry;
use crate::error::{Result, SnapshotError};
use crate::limits::{MAX_DATABASES, MAX_FLAGS, MAX_ITEMS, MAX_SOURCES};
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
        self.check_limits()?;
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
        let rest = meta::open(Kind::Manifest, bytes)?;
        let mut decoder = Decoder { rest, items: 0 };
        let manifest = Self {
            sources: decoder.list(MAX_SOURCES)?,
            databases: decoder.list(MAX_DATABASES)?,
            flags: decoder.list(MAX_FLAGS)?,
        };
        if decoder.rest.is_empty() {
            return Ok(manifest);
        }
        let extra = decoder.rest.len();
        let error = CodecError::Trailing { extra };
        Err(meta::refused(Kind::Manifest, &error))
    }

    /// A snapshot of more than any reader takes is not made.
    fn check_limits(&self) -> Result<()> {
        let counts = [
            ("sources", self.sources.len(), MAX_SOURCES),
            ("databases", self.databases.len(), MAX_DATABASES),
            ("flags", self.flags.len(), MAX_FLAGS),
        ];
        for (what, count, limit) in counts {
            if count > limit {
                return Err(SnapshotError::TooMany { what, count, limit });
            }
        }
        Ok(())
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

/// What an item counts for, beside its bytes.
trait Weigh {
    /// Parts of paths, tables, counts and findings in it.
    fn items(&self) -> usize {
        0
    }
}

impl Weigh for Source {}

impl Weigh for Flag {
    fn items(&self) -> usize {
        self.path.parts().len()
    }
}

impl Weigh for Database {
    fn items(&self) -> usize {
        self.path.parts().len() + self.facts.items()
    }
}

/// Reads lists of items and gives up at their limits.
struct Decoder<'a> {
    rest: &'a [u8],
    items: usize,
}

impl Decoder<'_> {
    fn list<T: Serialize + DeserializeOwned + Weigh>(&mut self, most: usize) -> Result<Vec<T>> {
        let count: u64 = self.take()?;
        if count > most as u64 {
            return Err(over(count, most));
        }
        // Nothing is reserved for a count that is only claimed: the items end when the bytes do.
        (0..count).map(|_| self.item()).collect()
    }

    fn item<T: Serialize + DeserializeOwned + Weigh>(&mut self) -> Result<T> {
        let item: T = self.take()?;
        self.items += item.items();
        if self.items > MAX_ITEMS {
            return Err(over(self.items as u64, MAX_ITEMS));
        }
        Ok(item)
    }

    fn take<T: Serialize + DeserializeOwned>(&mut self) -> Result<T> {
        codec::take(&mut self.rest).map_err(|error| meta::refused(Kind::Manifest, &error))
    }
}

fn over(count: u64, most: usize) -> SnapshotError {
    SnapshotError::Refused {
        what: "a manifest",
        reason: format!("it claims {count} of what there may be {most} of"),
    }
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
