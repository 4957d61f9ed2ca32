//! One stored copy as 64 bytes of a cache segment. Records sort by id first.

use super::Location;
use crate::id::{ChunkId, PackId};
use crate::pack::{MAX_STORED, Reader, decode_encoding, decode_kind, encoding_tag};

/// Bytes of a record: id 32, offset 8, base 8, pack number 4, stored length 4, plain length 4, encoding 1, kind 1, zero 2.
pub(crate) const RECORD: usize = 64;

/// Where the number of the pack stands.
const PACK: usize = 32 + 8 + 8;

/// A stored copy, in the bytes of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Record([u8; RECORD]);

impl Record {
    /// The record of a copy whose pack has this number in its segment.
    pub(crate) fn new(location: &Location, pack_number: u32) -> Self {
        let mut bytes = Vec::with_capacity(RECORD);
        bytes.extend_from_slice(location.id.as_bytes());
        bytes.extend_from_slice(&location.offset.to_le_bytes());
        bytes.extend_from_slice(&location.encoding.base().unwrap_or(0).to_le_bytes());
        bytes.extend_from_slice(&pack_number.to_le_bytes());
        bytes.extend_from_slice(&location.stored_len.to_le_bytes());
        bytes.extend_from_slice(&location.plain_len.to_le_bytes());
        bytes.push(encoding_tag(location.encoding));
        bytes.push(location.kind as u8);
        let mut record = [0; RECORD];
        for (to, from) in record.iter_mut().zip(bytes) {
            *to = from;
        }
        Self(record)
    }

    /// The same copy where its pack has another number.
    pub(crate) fn renumbered(&self, pack_number: u32) -> Self {
        let mut bytes = self.0;
        for (to, from) in bytes.iter_mut().skip(PACK).zip(pack_number.to_le_bytes()) {
            *to = from;
        }
        Self(bytes)
    }

    /// The record of these bytes.
    pub(crate) fn from_bytes(bytes: &[u8; RECORD]) -> Self {
        Self(*bytes)
    }

    /// The record in these bytes.
    pub(crate) fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// Its bytes.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The prefix of the id.
    pub(crate) fn prefix(&self) -> u64 {
        prefix_of(&self.0)
    }

    /// The chunk.
    pub(crate) fn id(&self) -> ChunkId {
        let id = self.0.first_chunk().copied();
        ChunkId::from_bytes(id.unwrap_or_default())
    }

    /// Number of the pack in its segment.
    pub(crate) fn pack_number(&self) -> u32 {
        self.fields()
            .map_or(u32::MAX, |(_, _, _, number, _)| number)
    }

    /// The copy, in the pack that its number stands for.
    pub(crate) fn location(&self, pack: PackId) -> Option<Location> {
        let (id, offset, base, _, rest) = self.fields()?;
        let mut read = Reader(rest);
        let (stored_len, plain_len) = (read.u32()?, read.u32()?);
        let encoding = decode_encoding(read.u8()?, Some(base))?;
        let kind = decode_kind(read.u8()?)?;
        // Lengths past any limit would be allocated before the pack is read.
        if stored_len.max(plain_len) > MAX_STORED {
            return None;
        }
        Some(Location {
            id,
            kind,
            pack,
            offset,
            stored_len,
            plain_len,
            encoding,
        })
    }

    fn fields(&self) -> Option<(ChunkId, u64, u64, u32, &[u8])> {
        let mut read = Reader(&self.0);
        let id = ChunkId::from_bytes(read.take()?);
        Some((id, read.u64()?, read.u64()?, read.u32()?, read.0))
    }
}

/// The prefix of the id of the record with these bytes.
pub(crate) fn prefix_of(record: &[u8; RECORD]) -> u64 {
    let head = record.first_chunk();
    head.map_or(0, |head| u64::from_be_bytes(*head))
}
