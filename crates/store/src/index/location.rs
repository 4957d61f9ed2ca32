//! Where copies of chunks stand, as packs tell it.

use std::collections::HashSet;

use crate::error::Result;
use crate::frame::Encoding;
use crate::id::{ChunkId, PackId};
use crate::layout::{Folder, Object};
use crate::pack::{HEAD, Kind, PackReader, Trailer};
use crate::storage::Storage;

/// One stored copy of a chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Location {
    pub(crate) id: ChunkId,
    pub(crate) kind: Kind,
    pub(crate) pack: PackId,
    pub(crate) offset: u64,
    pub(crate) stored_len: u32,
    pub(crate) plain_len: u32,
    pub(crate) encoding: Encoding,
}

impl Location {
    /// What tells one copy from all others.
    pub(crate) const fn place(&self) -> (PackId, u64) {
        (self.pack, self.offset)
    }
}

/// The copies that a trailer tells of.
pub(crate) fn locations(trailer: &Trailer) -> impl Iterator<Item = Location> + '_ {
    let mut offset = HEAD.len() as u64;
    trailer.entries.iter().map(move |entry| {
        let location = Location {
            id: entry.id,
            kind: trailer.kind,
            pack: trailer.pack,
            offset,
            stored_len: entry.stored_len,
            plain_len: entry.plain_len,
            encoding: entry.encoding,
        };
        offset += u64::from(entry.stored_len);
        location
    })
}

/// The names of all packs.
pub(crate) fn list_packs(storage: &dyn Storage) -> Result<HashSet<PackId>> {
    Ok(storage
        .list(Folder::Packs)?
        .into_iter()
        .filter_map(|object| match object {
            Object::Pack(pack) => Some(pack),
            _ => None,
        })
        .collect())
}

/// The trailer of a pack; `None` where the pack is gone.
pub(crate) fn read_trailer(storage: &dyn Storage, pack: PackId) -> Result<Option<Trailer>> {
    let object = Object::Pack(pack);
    let Some(file) = storage.open(object)? else {
        return Ok(None);
    };
    PackReader::new(file.as_ref(), &storage.locate(object))
        .trailer(pack)
        .map(Some)
}
