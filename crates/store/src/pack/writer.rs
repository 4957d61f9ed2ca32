//! A pack on its way into the repository: chunks are appended as they come, the trailer is written last.

use super::trailer::{HEAD, MAX_ENTRIES, Trailer};
use super::{Kind, Stored};
use crate::error::{Result, StoreError};
use crate::frame::Frame;
use crate::id::{ChunkId, PackId};
use crate::parity::{ParityMaker, WORTH};
use crate::storage::Upload;

/// Small chunks are gathered to this many bytes before they are written.
const BUFFER: usize = 256 << 10;

/// A pack being filled.
pub(crate) struct PackWriter<'a> {
    upload: Box<dyn Upload + 'a>,
    buffer: Vec<u8>,
    hasher: blake3::Hasher,
    trailer: Trailer,
    parity: Option<ParityMaker>,
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

impl<'a> PackWriter<'a> {
    /// Begins a pack in an upload of its name, with the parity that is made of it.
    pub(crate) fn begin(
        upload: Box<dyn Upload + 'a>,
        pack: PackId,
        kind: Kind,
        parity: Option<ParityMaker>,
    ) -> Self {
        let mut buffer = Vec::with_capacity(BUFFER);
        buffer.extend_from_slice(HEAD);
        Self {
            upload,
            buffer,
            hasher: blake3::Hasher::new(),
            trailer: Trailer {
                pack,
                kind,
                body_hash: [0; 32],
                body_len: 0,
                entries: Vec::new(),
            },
            parity,
        }
    }

    /// Appends a stored chunk.
    pub(crate) fn push(&mut self, id: ChunkId, plain_len: u32, frame: &Frame) -> Result<()> {
        self.hasher.update(&frame.bytes);
        if self.buffer.len() + frame.bytes.len() > BUFFER {
            self.flush()?;
        }
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
        Ok(())
    }

    /// Whether it holds as much as a pack should, given how many stored bytes that is.
    pub(crate) fn is_full(&self, pack_bytes: u64) -> bool {
        self.trailer.body_len >= pack_bytes
            || self.trailer.entries.len() >= MAX_ENTRIES as usize / 2
    }

    /// Writes the trailer. Gives what made the parity too, for the next pack.
    pub(crate) fn seal(mut self) -> Result<(Sealed<'a>, Option<ParityMaker>)> {
        self.trailer.body_hash = *self.hasher.finalize().as_bytes();
        let end = self.trailer.encode();
        if Trailer::decode(&end).as_ref() != Ok(&self.trailer) {
            return Err(StoreError::WriteCheck);
        }
        self.buffer.extend_from_slice(&end);
        self.flush()?;
        let file_len = HEAD.len() as u64 + self.trailer.body_len + end.len() as u64;
        let mut maker = self.parity.filter(|_| file_len >= WORTH);
        let made = maker
            .as_mut()
            .map(|maker| maker.finish(self.trailer.pack))
            .transpose()?;
        let pack = Written {
            trailer: self.trailer,
            file_len,
            parity: made.map(|(parity, _)| parity),
        };
        let upload = self.upload;
        Ok((Sealed { upload, pack }, maker))
    }

    fn flush(&mut self) -> Result<()> {
        self.upload.write(&self.buffer)?;
        if let Some(parity) = &mut self.parity {
            parity.push(&self.buffer)?;
        }
        self.buffer.clear();
        Ok(())
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
