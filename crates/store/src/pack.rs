//! A pack: one write-once file of stored chunks, with a trailer that tells all about them.
//!
//! The trailer alone rebuilds the index, and two hashes cover every byte. Layout and invariants: `docs/format.md`,
//! "Packs".

pub(crate) use reader::PackReader;
#[cfg(feature = "testing")]
pub(crate) use trailer::Footer;
pub(crate) use trailer::{
    HEAD, MAX_STORED, Reader, Trailer, decode_encoding, decode_kind, encoding_tag,
};
pub(crate) use writer::{PackBody, PackWriter, Sealed};

mod reader;
mod stray;
mod trailer;
mod writer;

use crate::frame::Encoding;
use crate::id::ChunkId;

/// What a pack's chunks are: bytes of sources, or descriptions of them. They stand in separate packs, so that reading
/// descriptions does not read past data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Kind {
    /// Bytes of files and databases.
    Data = 1,
    /// Tree nodes, chunk lists and manifests.
    Meta = 2,
}

impl Kind {
    /// Both kinds.
    pub const ALL: [Self; 2] = [Self::Data, Self::Meta];
}

/// One stored chunk as its pack's trailer tells it; where it stands follows from the lengths before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stored {
    pub(crate) id: ChunkId,
    pub(crate) encoding: Encoding,
    pub(crate) stored_len: u32,
    pub(crate) plain_len: u32,
}
