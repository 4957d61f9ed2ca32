//! A pack on its way into the repository: chunks are appended as they come, the trailer is written last.
//!
//! It has two halves, so that one thread can append while another one hashes and writes what was appended before.

use super::trailer::{HEAD, MAX_ENTRIES, Trailer};
use super::{Kind, Stored};
use crate::error::{Result, StoreError};
use crate::frame::Frame;
use crate::id::{ChunkId, PackId};
use crate::parity::{ParityMaker, WORTH};
use crate::storage::Upload;

/// A pack is written in pieces of whole multiples of this many bytes, but for its last one: large ones are hashed much
/// faster than chunks one by one.
const PIECE: usize = 256 << 10;

/// Entries of a pack that is full. Of very small chunks the table is most of a session's memory, several times over while
/// it is written and checked.
const MOST_ENTRIES: usize = MAX_ENTRIES as usize / 8;

/// The half that takes chunks.
pub(crate) struct PackWriter {
    /// What has not been handed on.
    buffer: Vec<u8>,
    trailer: Trailer,
}

/// The half that takes what was handed on, in that order.
pub(crate) struct PackBody<'a> {
    upload: Box<dyn Upload + 'a>,
    hasher: blake3::Hasher,
    is_begun: bool,
}

/// A pack whose bytes are all written, but not yet under its name.
pub(crate) struct Sealed<'a> {
    upload: Box<dyn Upload + 'a>,
    pack: Written,
}

/// What was written.
pub(crate) struct Written {
    pub(crate) trailer: Trailer,
    /// Bytes of its file.
    pub(crate) file_len: u64,
    /// The parity object that belongs beside it, where it is worth one.
    pub(crate) parity: Option<Vec<u8>>,
}

impl PackWriter {
    /// Begins a pack; `spare` is memory that may be used, or none.
    pub(crate) fn begin(pack: PackId, kind: Kind, spare: Vec<u8>) -> Self {
        let mut buffer = room_in(spare);
        buffer.extend_from_slice(HEAD);
        Self {
            buffer,
            trailer: Trailer {
                pack,
                kind,
                body_hash: [0; 32],
                body_len: 0,
                entries: Vec::new(),
            },
        }
    }

    /// Its name.
    pub(crate) fn pack(&self) -> PackId {
        self.trailer.pack
    }

    /// Appends a stored chunk. What it gives is for [`PackBody::write`]; `spare` gives memory for what follows that.
    pub(crate) fn push(
        &mut self,
        id: ChunkId,
        plain_len: u32,
        frame: &Frame,
        spare: impl FnOnce() -> Vec<u8>,
    ) -> Option<Vec<u8>> {
        self.buffer.extend_from_slice(&frame.bytes);
        // Both lengths are at most MAX_PLAIN.
        let stored_len = frame.bytes.len() as u32;
        self.trailer.body_len += u64::from(stored_len);
        self.trailer.entries.push(Stored {
            id,
            encoding: frame.encoding,
            stored_len,
            plain_len,
        });
        let whole = self.buffer.len() / PIECE * PIECE;
        let rest = self.buffer.get(whole..).filter(|_| whole > 0)?;
        let mut buffer = room_in(spare());
        buffer.extend_from_slice(rest);
        let mut piece = std::mem::replace(&mut self.buffer, buffer);
        piece.truncate(whole);
        Some(piece)
    }

    /// Whether it holds as much as a pack should, given how many stored bytes that is.
    pub(crate) fn is_full(&self, pack_bytes: u64) -> bool {
        self.trailer.body_len >= pack_bytes || self.trailer.entries.len() >= MOST_ENTRIES
    }
}

fn room_in(mut spare: Vec<u8>) -> Vec<u8> {
    spare.clear();
    spare.reserve_exact(PIECE);
    spare
}

impl<'a> PackBody<'a> {
    /// In an upload of the pack's name.
    pub(crate) fn begin(upload: Box<dyn Upload + 'a>) -> Self {
        Self {
            upload,
            hasher: blake3::Hasher::new(),
            is_begun: false,
        }
    }

    /// Writes a piece, and makes parity of it where asked.
    pub(crate) fn write(&mut self, piece: &[u8], parity: Option<&mut ParityMaker>) -> Result<()> {
        self.hash(piece);
        self.append(piece, parity)
    }

    /// The head is no part of the body.
    fn hash(&mut self, piece: &[u8]) {
        let head = if self.is_begun { 0 } else { HEAD.len() };
        self.is_begun = true;
        self.hasher.update(piece.get(head..).unwrap_or_default());
    }

    fn append(&mut self, piece: &[u8], parity: Option<&mut ParityMaker>) -> Result<()> {
        self.upload.write(piece)?;
        parity.map_or(Ok(()), |parity| parity.push(piece))
    }

    /// Writes what was not handed on, and the trailer.
    pub(crate) fn seal(
        mut self,
        writer: PackWriter,
        mut parity: Option<&mut ParityMaker>,
    ) -> Result<Sealed<'a>> {
        let PackWriter {
            mut buffer,
            mut trailer,
        } = writer;
        self.hash(&buffer);
        trailer.body_hash = *self.hasher.finalize().as_bytes();
        let end = trailer.encode();
        if Trailer::decode(&end).as_ref() != Ok(&trailer) {
            return Err(StoreError::WriteCheck);
        }
        buffer.extend_from_slice(&end);
        self.append(&buffer, parity.as_deref_mut())?;
        let file_len = HEAD.len() as u64 + trailer.body_len + end.len() as u64;
        let parity = match parity {
            Some(parity) if file_len >= WORTH => Some(parity.finish(trailer.pack)?.0),
            Some(parity) => {
                parity.forget();
                None
            }
            None => None,
        };
        let upload = self.upload;
        let pack = Written {
            trailer,
            file_len,
            parity,
        };
        Ok(Sealed { upload, pack })
    }
}

impl Sealed<'_> {
    /// Makes the pack durable under its name.
    pub(crate) fn publish(self) -> Result<Written> {
        match self.upload.publish()? {
            true => Ok(self.pack),
            false => Err(StoreError::NameTaken {
                name: self.pack.trailer.pack.to_string(),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::Encoding;

    #[test]
    fn what_follows_a_piece_is_gathered_in_the_memory_of_one_before() {
        let pack = PackId::from_bytes([1; 16]);
        let mut writer = PackWriter::begin(pack, Kind::Data, Vec::new());
        let mut spare = Vec::with_capacity(2 * PIECE);
        let mut places = vec![spare.as_ptr()];
        let mut written = Vec::new();
        for byte in 0..20 {
            let frame = Frame {
                encoding: Encoding::Raw,
                bytes: vec![byte; PIECE - 1000],
            };
            let id = ChunkId::of(Kind::Data, &frame.bytes);
            let piece = writer.push(id, frame.bytes.len() as u32, &frame, || {
                std::mem::take(&mut spare)
            });
            if let Some(piece) = piece {
                assert_eq!(piece.len() % PIECE, 0);
                written.extend_from_slice(&piece);
                places.push(piece.as_ptr());
                spare = piece;
            }
        }
        places.sort_unstable();
        places.dedup();
        assert!(places.len() <= 3, "{} buffers", places.len());
        written.extend_from_slice(&writer.buffer);
        let chunks = (0..20).flat_map(|byte| vec![byte; PIECE - 1000]);
        assert!(written.into_iter().skip(HEAD.len()).eq(chunks));
    }
}
