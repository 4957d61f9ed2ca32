//! The bytes of a file as a row of chunks, however long: few references stand in the entry itself, many in a tree of
//! list nodes that deduplicate (and delta) like everything else, so that an unchanged gigabyte costs a snapshot nothing
//! and one changed page a few hundred bytes. Layout in `docs/format.md`, "Content".

use lifeboat_store::{ChunkId, Kind, Session, Store, StoreError};
use serde::{Deserialize, Serialize};

use crate::error::{Result, SnapshotError};
use crate::limits::{self, MAX_REFS};

#[cfg(feature = "testing")]
pub(crate) use list::decode_list;
pub(crate) use list::read_list;
pub use reader::{Chunks, ContentReader, Near};
pub(crate) use reader::{read_all, read_chunk};
pub use writer::{ContentWriter, Cut, put_meta};

mod list;
mod reader;
mod writer;

/// Most references that stand in an entry itself.
const INLINE: usize = 8;

/// References of a list node of evenly cut content; what unevenly cut content aims at.
const FANOUT: usize = 1024;

/// Deepest tree of list nodes: more than 2⁶⁴ bytes need.
const MAX_DEPTH: u8 = 8;

/// Most bytes: no system has a longer file.
const MAX_LEN: u64 = i64::MAX as u64;

/// A run of bytes, by reference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    /// How many bytes.
    pub len: u64,
    /// 0: the references are to the bytes; n: to list nodes whose references have depth n − 1.
    pub depth: u8,
    /// In order.
    #[serde(deserialize_with = "limits::list::<MAX_REFS, _, _>")]
    pub refs: Vec<Ref>,
}

/// A part of a content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Ref {
    /// The chunk with the bytes, or with an encoded list of references.
    pub id: ChunkId,
    /// Bytes of the content that it stands for.
    pub len: u64,
}

impl Content {
    /// No bytes.
    pub const fn empty() -> Self {
        Self {
            len: 0,
            depth: 0,
            refs: Vec::new(),
        }
    }

    /// Whether the numbers in it fit each other and any file can be as long; what is decoded is checked before it is walked.
    pub(crate) fn is_sound(&self) -> bool {
        self.depth <= MAX_DEPTH && self.len <= MAX_LEN && sum(&self.refs) == Some(self.len)
    }

    /// Its references, if the numbers fit each other.
    ///
    /// # Errors
    /// Where they do not.
    pub(crate) fn checked_refs(&self) -> Result<&[Ref]> {
        match self.is_sound() {
            true => Ok(&self.refs),
            false => Err(unsound("its lengths do not add up")),
        }
    }
}

/// Bytes of all references; `None` where that many cannot be. A reference to nothing would let a small list stand for
/// endless work.
fn sum(refs: &[Ref]) -> Option<u64> {
    refs.iter()
        .try_fold(0_u64, |sum, r| sum.checked_add(r.len).filter(|_| r.len > 0))
}

pub(crate) fn unsound(what: &str) -> SnapshotError {
    SnapshotError::Store(StoreError::Damaged {
        object: "the list of a file's chunks".into(),
        what: what.to_owned(),
    })
}
