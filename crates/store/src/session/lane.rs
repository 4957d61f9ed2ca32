//! Where the chunks of a kind go: appended to a pack by many threads, hashed and written by one at a time.
//!
//! Two locks, so that nobody who has a chunk to append waits for the hashing: that of the writer, and that of the body, which
//! is taken before the first is let go. So pieces reach the body in the order in which they were filled, and no pack's
//! before the one that came before it is written to its end; one maker of parity, whose memory is most of a session's,
//! is enough.

use std::sync::{Mutex, MutexGuard};

use super::{Session, lock};
use crate::error::{Result, StoreError};
use crate::frame::Frame;
use crate::id::{ChunkId, PackId};
use crate::layout::Object;
use crate::pack::{Kind, PackBody, PackWriter, Sealed};
use crate::parity::ParityMaker;

/// The way of one kind of chunks into packs.
#[derive(Default)]
pub(super) struct Lane<'a> {
    writer: Mutex<Option<PackWriter>>,
    body: Mutex<Body<'a>>,
    /// Memory of a piece that is written. With one for each, taken and given back by different threads, the process's memory
    /// would be in pieces.
    spare: Mutex<Vec<u8>>,
}

#[derive(Default)]
struct Body<'a> {
    /// Of the pack under way, once a piece of it was filled.
    pack: Option<PackBody<'a>>,
    parity: Option<ParityMaker>,
    /// A piece was not written: nothing may follow it (rule R5). Another thread may have filled one before it learns that.
    is_broken: bool,
}

impl Lane<'_> {
    fn spare(&self) -> Vec<u8> {
        std::mem::take(&mut lock(&self.spare))
    }

    /// Takes back the memory of a parity object that is written.
    pub(super) fn give_back(&self, object: Vec<u8>) {
        if let Some(parity) = &mut lock(&self.body).parity {
            parity.give_back(object);
        }
    }
}

impl<'a> Session<'a> {
    pub(super) fn lane(&self, kind: Kind) -> &Lane<'a> {
        match kind {
            Kind::Data => &self.data,
            Kind::Meta => &self.meta,
        }
    }

    /// Appends a stored chunk to the pack under way.
    pub(super) fn append(
        &self,
        kind: Kind,
        id: ChunkId,
        plain_len: u32,
        frame: &Frame,
    ) -> Result<()> {
        let lane = self.lane(kind);
        let mut open = lock(&lane.writer);
        let mut writer = match open.take() {
            Some(writer) => writer,
            None => {
                let pack = PackId::from_bytes(self.store.draw()?);
                PackWriter::begin(pack, kind, lane.spare())
            }
        };
        let pack = writer.pack();
        let piece = writer.push(id, plain_len, frame, || lane.spare());
        let full = match writer.is_full(self.options.pack_bytes) {
            true => Some(writer),
            false => {
                *open = Some(writer);
                None
            }
        };
        if piece.is_none() && full.is_none() {
            return Ok(());
        }
        self.hand_on(lane, open, pack, piece, full)
    }

    /// Writes the pack under way to its end and makes it durable.
    pub(super) fn end_pack(&self, kind: Kind) -> Result<()> {
        let lane = self.lane(kind);
        let mut open = lock(&lane.writer);
        let Some(writer) = open.take() else {
            return Ok(());
        };
        self.hand_on(lane, open, writer.pack(), None, Some(writer))
    }

    /// Writes what was filled while nobody else can: the lock of the body is taken before that of the writer is let go.
    fn hand_on(
        &self,
        lane: &Lane<'a>,
        open: MutexGuard<'_, Option<PackWriter>>,
        pack: PackId,
        piece: Option<Vec<u8>>,
        full: Option<PackWriter>,
    ) -> Result<()> {
        let body = lock(&lane.body);
        drop(open);
        let sealed = self.write(body, pack, piece.as_deref(), full)?;
        if let Some(piece) = piece {
            *lock(&lane.spare) = piece;
        }
        match sealed {
            Some(sealed) => self.publish(sealed),
            None => Ok(()),
        }
    }

    /// Writes a piece of a pack, and the rest of it if it is full.
    fn write(
        &self,
        mut body: MutexGuard<'_, Body<'a>>,
        pack: PackId,
        piece: Option<&[u8]>,
        full: Option<PackWriter>,
    ) -> Result<Option<Sealed<'a>>> {
        if std::mem::replace(&mut body.is_broken, true) {
            self.check_running()?;
            return Err(StoreError::Stopped { session: self.id });
        }
        let written = self.write_into(&mut body, pack, piece, full);
        match &written {
            Ok(_) => body.is_broken = false,
            // Before the lock is let go, so that whoever comes next knows the reason.
            Err(error) => drop(self.failed.set(error.again())),
        }
        written
    }

    fn write_into(
        &self,
        body: &mut Body<'a>,
        pack: PackId,
        piece: Option<&[u8]>,
        full: Option<PackWriter>,
    ) -> Result<Option<Sealed<'a>>> {
        let mut under_way = match body.pack.take() {
            Some(under_way) => under_way,
            None => PackBody::begin(self.store.storage().create(Object::Pack(pack))?),
        };
        let share = self.options.parity;
        if body.parity.is_none() && !share.is_none() {
            body.parity = Some(ParityMaker::new(share, &self.encoder));
        }
        if let Some(piece) = piece {
            under_way.write(piece, body.parity.as_mut())?;
        }
        if let Some(writer) = full {
            return under_way.seal(writer, body.parity.as_mut()).map(Some);
        }
        body.pack = Some(under_way);
        Ok(None)
    }
}

#[cfg(all(test, feature = "testing"))]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::disk::sim::{Among, Call, Fault, Harm, SimDisk};
    use crate::frame::Encoding;
    use crate::random::SeededRandom;
    use crate::storage::LocalStorage;
    use crate::store::{Backing, Store};
    use crate::{Options, Result};

    const EIO: i32 = 5;

    /// Noise of more than one piece.
    fn append(session: &Session<'_>, number: u8) -> Result<()> {
        let mut bytes = vec![0; 300 << 10];
        let mut noise = blake3::Hasher::new().update(&[number]).finalize_xof();
        noise.fill(&mut bytes);
        let id = ChunkId::of(Kind::Data, &bytes);
        let frame = Frame {
            encoding: Encoding::Raw,
            bytes,
        };
        session.append(Kind::Data, id, 300 << 10, &frame)
    }

    #[test]
    fn r5_nothing_follows_a_piece_that_was_not_written() {
        let disk = SimDisk::new();
        let store = Store::create(Backing {
            storage: Arc::new(LocalStorage::new(Arc::new(disk.clone()))),
            cache: None,
            random: Arc::new(SeededRandom::new(1)),
        })
        .unwrap();
        let session = store.begin(Options::default()).unwrap();
        append(&session, 1).unwrap();
        let write = Among::Only(Call::Write);
        disk.inject(Fault::nth(1, Harm::Errno(EIO)).among(write));
        let failed = append(&session, 2).unwrap_err();
        // As another thread would that had a chunk ready before it learned of the failure: it is told the reason.
        let after = append(&session, 3).unwrap_err();
        assert_eq!(after.to_string(), failed.to_string());
        assert!(session.end_pack(Kind::Data).is_err());
        assert!(!disk.files().keys().any(|path| path.ends_with(".pack")));
    }
}
