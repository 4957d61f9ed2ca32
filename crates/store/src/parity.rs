//! Parity: redundancy for packs, so that bytes which rot are made again and not only noticed.
//!
//! Beside a pack may stand a parity object of the same name. The pack's bytes, trailer and all, are cut into *shards* of
//! equal length; a *stripe* of shards is extended by *recovery shards* of a Reed-Solomon code, which replace as many
//! lost ones, whichever they are. The code cannot tell a wrong shard from a right one, so each has a checksum, and what was
//! mended must have the hash of the whole pack. Bytes in `docs/format.md`, "Parity"; the choice of library and sizes in
//! `docs/decisions/0015-parity.md`.
//!
//! Parity is never needed for reading: a pack without it is a whole pack.

use crate::error::StoreError;

pub(crate) use head::Head;
pub(crate) use maker::{Encoder, ParityMaker};
pub(crate) use mend::mend;

mod head;
mod maker;
mod mend;
mod shape;
mod verify;

/// How much parity is written, as a part of the packs' bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    per_mille: u16,
}

impl Share {
    /// No parity.
    pub const NONE: Self = Self { per_mille: 0 };

    /// So many thousandths, at most 1000: as many recovery shards as there are shards.
    pub const fn per_mille(per_mille: u16) -> Option<Self> {
        if per_mille <= 1000 {
            Some(Self { per_mille })
        } else {
            None
        }
    }

    /// In thousandths.
    pub const fn get(self) -> u16 {
        self.per_mille
    }

    /// Whether none is written.
    pub const fn is_none(self) -> bool {
        self.per_mille == 0
    }
}

impl Default for Share {
    /// A twentieth.
    fn default() -> Self {
        Self { per_mille: 50 }
    }
}

/// Bytes of a pack from which a session writes parity for it. A smaller pack is one block of a disk, which is lost whole or
/// not at all, and a single wrong byte in it is found by trying.
pub(crate) const WORTH: u64 = 4096;

/// Bytes of a shard's checksum.
const CHECKSUM: usize = 8;

/// Tells a shard that is what was written. It guards against accidents; the mended whole is checked by its full hash.
fn checksum(shard: &[u8]) -> [u8; CHECKSUM] {
    let hash = blake3::hash(shard);
    hash.as_bytes()
        .first_chunk()
        .copied()
        .unwrap_or([0; CHECKSUM])
}

/// The library refuses numbers only that [`Shape`] never makes.
fn refused(error: reed_solomon_simd::Error) -> StoreError {
    StoreError::Io {
        action: "make parity",
        path: "memory".into(),
        source: std::io::Error::other(error.to_string()),
    }
}

#[cfg(test)]
mod tests;
