//! Descriptions in the repository: encoded values behind one byte that says what they are and of which version.
//!
//! A program that meets a newer version says so, as against calling it damaged. Bytes in `docs/format.md`, "Metadata".

use lifeboat_store::StoreError;
use lifeboat_store::codec::{self, CodecError};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Result, SnapshotError};
use lifeboat_store::words::in_one_line;

/// Newest version of descriptions that this program reads, and the one it writes.
const VERSION: u8 = 1;

/// What a description describes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    /// Chunks of a content.
    List = 1,
    /// Entries of a folder.
    Folder = 2,
    /// A snapshot's content.
    Manifest = 3,
}

impl Kind {
    const fn words(self) -> &'static str {
        match self {
            Self::List => "a list of chunks",
            Self::Folder => "a folder",
            Self::Manifest => "a manifest",
        }
    }

    /// The byte in front of a description.
    pub(crate) const fn tag(self) -> u8 {
        (self as u8) << 4 | VERSION
    }
}

/// A description's bytes.
pub(crate) fn encode<T: Serialize>(kind: Kind, value: &T) -> Result<Vec<u8>> {
    let encoded = codec::encode(value).map_err(|source| unstorable(kind, source))?;
    Ok([&[kind.tag()], encoded.as_slice()].concat())
}

/// The description in these bytes.
pub(crate) fn decode<T: Serialize + DeserializeOwned>(kind: Kind, bytes: &[u8]) -> Result<T> {
    let encoded = open(kind, bytes)?;
    codec::decode(encoded).map_err(|error| refused(kind, &error))
}

/// The bytes behind the first one, if that one is right.
pub(crate) fn open(kind: Kind, bytes: &[u8]) -> Result<&[u8]> {
    match bytes.split_first() {
        Some((&tag, encoded)) if tag == kind.tag() => Ok(encoded),
        Some((&tag, _)) if tag >> 4 == kind as u8 && tag & 15 > VERSION => {
            Err(SnapshotError::Store(StoreError::NewerFormat {
                object: kind.words().into(),
                found: u16::from(tag & 15),
                supported: u16::from(VERSION),
            }))
        }
        _ => Err(SnapshotError::Refused {
            what: kind.words(),
            reason: "it is something else".to_owned(),
        }),
    }
}

/// The error of a description that no backup would have written.
pub(crate) fn refused(kind: Kind, error: &CodecError) -> SnapshotError {
    SnapshotError::Refused {
        what: kind.words(),
        reason: in_one_line(error),
    }
}

/// The error of a description that is too long to be read back.
pub(crate) fn unstorable(kind: Kind, source: CodecError) -> SnapshotError {
    SnapshotError::Unstorable {
        what: kind.words().to_owned(),
        source,
    }
}
