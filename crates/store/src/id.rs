//! Names of things: newtypes over raw bytes, so that a chunk is never looked up by a pack's name.
//!
//! `Display` prints the whole id; shortening is an explicit [`short`](ChunkId::short), because an id that was
//! shortened by accident names nothing.

use std::fmt;
use std::str::FromStr;

use data_encoding::HEXLOWER_PERMISSIVE;
use serde::{Deserialize, Serialize};

use crate::pack::Kind;

/// A text that is not the hexadecimal form of an id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{text}' is not an id of {expected} hexadecimal digits")]
pub struct BadId {
    /// What was given.
    pub text: String,
    /// How many digits an id of this kind has.
    pub expected: usize,
}

macro_rules! id_type {
    ($(#[$doc:meta])* $name:ident, $len:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub struct $name([u8; $len]);

        impl $name {
            /// Bytes in an id of this kind.
            pub const LEN: usize = $len;

            /// The id made of these bytes.
            pub const fn from_bytes(bytes: [u8; $len]) -> Self {
                Self(bytes)
            }

            /// The raw bytes, as they stand in stored objects.
            pub const fn as_bytes(&self) -> &[u8; $len] {
                &self.0
            }

            /// The first eight digits, for people; ambiguous by nature.
            pub fn short(&self) -> String {
                self.to_string().chars().take(8).collect()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&HEXLOWER_PERMISSIVE.encode(&self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl FromStr for $name {
            type Err = BadId;

            fn from_str(text: &str) -> Result<Self, BadId> {
                HEXLOWER_PERMISSIVE
                    .decode(text.as_bytes())
                    .ok()
                    .and_then(|bytes| bytes.try_into().ok())
                    .map(Self)
                    .ok_or_else(|| BadId { text: text.to_owned(), expected: 2 * $len })
            }
        }
    };
}

id_type!(
    /// Name of a chunk: the BLAKE3 of its plain bytes, in a mode of its own for metadata (invariant I11 of
    /// `docs/format.md`).
    ChunkId,
    32
);
id_type!(
    /// Name of a pack: random, never derived from content and never used twice (invariant I3).
    PackId,
    16
);
id_type!(
    /// Name of a snapshot and of the session that makes it: random, never used twice.
    SnapshotId,
    16
);
id_type!(
    /// Name of what a round of verification left behind: random, never used twice.
    RoundId,
    16
);
id_type!(
    /// Name of the record of a run: random, never used twice.
    RunId,
    16
);
id_type!(
    /// Name of a repository: random, made once by its creation.
    RepositoryId,
    16
);

/// Sets the ids of metadata apart. Part of the format.
const META_CONTEXT: &str = "lifeboat 1 metadata";

impl ChunkId {
    /// The id of these plain bytes of this kind. A file that holds the bytes of a description is not that description.
    pub fn of(kind: Kind, plain: &[u8]) -> Self {
        match kind {
            Kind::Data => Self(*blake3::hash(plain).as_bytes()),
            Kind::Meta => Self(blake3::derive_key(META_CONTEXT, plain)),
        }
    }

    /// An id that begins so, for messages about a base of which only the prefix is known.
    pub(crate) fn with_prefix(prefix: u64) -> Self {
        let mut bytes = [0; Self::LEN];
        for (to, from) in bytes.iter_mut().zip(prefix.to_be_bytes()) {
            *to = from;
        }
        Self(bytes)
    }

    /// The first eight bytes as a number: how a delta names its base (see `docs/format.md`, "Stored chunks").
    pub fn prefix(&self) -> u64 {
        let [a, b, c, d, e, f, g, h, ..] = self.0;
        u64::from_be_bytes([a, b, c, d, e, f, g, h])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn display_is_the_whole_id_and_parses_back() {
        let id = ChunkId::of(Kind::Data, b"lifeboat");
        assert_eq!(id.to_string().len(), 64);
        assert_eq!(id.to_string().parse::<ChunkId>().unwrap(), id);
        assert_eq!(id.short(), &id.to_string()[..8]);
    }

    #[test]
    fn wrong_text_is_refused() {
        for text in ["", "ab", "zz", &"0".repeat(63), &"g".repeat(64)] {
            assert!(text.parse::<ChunkId>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_same_bytes_have_one_id_for_each_kind() {
        let [data, meta] = [Kind::Data, Kind::Meta].map(|kind| ChunkId::of(kind, b"x"));
        assert_ne!(data, meta);
    }

    #[test]
    fn prefix_orders_as_the_id_does() {
        let low = ChunkId::from_bytes([1; 32]);
        let high = ChunkId::from_bytes([2; 32]);
        assert!(low.prefix() < high.prefix());
    }
}
