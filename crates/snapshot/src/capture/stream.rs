//! From a producer of pieces to stored chunks: one thread reads and cuts, all others hash, compress and store.
//!
//! Two bounded batches wait between them, so memory is a few batches however long the stream is and however slow the
//! repository. References come back in the order of the pieces.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use lifeboat_store::{ChunkId, Kind, Session};
use rayon::prelude::*;

use crate::content::Ref;
use crate::error::{Result, SnapshotError};
use crate::monitor::{Monitor, go_on};

/// Bytes of a batch: enough for every core to find work in it.
const BATCH: usize = 2 << 20;

/// How often somebody who waits for the producer looks whether to stop.
const LOOK: Duration = Duration::from_millis(100);

/// Batches that wait between the reader and the others.
const WAITING: usize = 1;

/// A run of bytes that becomes one chunk.
pub(crate) struct Piece {
    /// Where it stands, in a unit that the producer chooses.
    pub(crate) position: u64,
    /// The bytes.
    pub(crate) bytes: Vec<u8>,
}

/// The consumer has stopped taking pieces: its error is the one that counts.
pub(crate) struct Closed;

/// Where a producer puts its pieces.
pub(crate) struct Outlet {
    batch: Vec<Piece>,
    bytes: usize,
    sender: SyncSender<Vec<Piece>>,
}

impl Outlet {
    /// Hands on a piece; waits where the others are behind.
    pub(crate) fn push(&mut self, piece: Piece) -> Result<(), Closed> {
        self.bytes += piece.bytes.len();
        self.batch.push(piece);
        if self.bytes < BATCH {
            return Ok(());
        }
        self.flush()
    }

    fn flush(&mut self) -> Result<(), Closed> {
        self.bytes = 0;
        let batch = std::mem::take(&mut self.batch);
        self.sender.send(batch).map_err(|_| Closed)
    }
}

/// Chunks that a piece may be told by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Kin {
    /// What stood there before.
    pub(crate) near: Option<ChunkId>,
    /// What is of the same kind of content: a dictionary, or a chunk that may be told by one.
    pub(crate) like: Option<ChunkId>,
}

/// A stored piece.
pub(crate) struct Stored {
    /// As the producer gave it.
    pub(crate) position: u64,
    /// What stood there before.
    pub(crate) near: Option<ChunkId>,
    /// The chunk.
    pub(crate) chunk: Ref,
}

/// Runs the producer on a thread of its own and stores what it gives.
///
/// `kin` is asked, in order, what each of a few pieces in a row may be told by; `take` is given each stored piece in order.
/// The result is the producer's, unless storing failed. `stop` is set for the producer when the monitor wants to stop.
pub(crate) fn store<T: Send>(
    session: &Session<'_>,
    monitor: &dyn Monitor,
    stop: &AtomicBool,
    produce: impl FnOnce(&mut Outlet) -> T + Send,
    kin: &mut dyn FnMut(&[Piece]) -> Result<Vec<Kin>>,
    take: &mut dyn FnMut(Stored) -> Result<()>,
) -> Result<T> {
    let (sender, receiver) = sync_channel(WAITING);
    std::thread::scope(|scope| {
        let producer = std::thread::Builder::new().spawn_scoped(scope, move || {
            let mut outlet = Outlet {
                batch: Vec::new(),
                bytes: 0,
                sender,
            };
            let result = produce(&mut outlet);
            // A closed channel is told by the consumer's error.
            let _ = outlet.flush();
            result
        });
        let producer = producer.map_err(|source| SnapshotError::NoThread { source })?;
        let consumed = consume(session, monitor, &receiver, kin, take);
        if monitor.cancelled() {
            // The producer may be waiting for something else than us.
            stop.store(true, Ordering::Relaxed);
        }
        // A producer that waits for room must be let go before it is waited for.
        drop(receiver);
        match producer.join() {
            Ok(result) => consumed.map(|()| result),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

fn consume(
    session: &Session<'_>,
    monitor: &dyn Monitor,
    receiver: &Receiver<Vec<Piece>>,
    kin: &mut dyn FnMut(&[Piece]) -> Result<Vec<Kin>>,
    take: &mut dyn FnMut(Stored) -> Result<()>,
) -> Result<()> {
    loop {
        let batch = match receiver.recv_timeout(LOOK) {
            Ok(batch) => batch,
            Err(RecvTimeoutError::Timeout) if monitor.cancelled() => {
                return Err(SnapshotError::cancelled());
            }
            Err(RecvTimeoutError::Timeout) => continue,
            Err(RecvTimeoutError::Disconnected) => return Ok(()),
        };
        let kin = kin(&batch)?;
        let stored: Vec<Stored> = kin
            .into_par_iter()
            .zip(batch)
            .map(|(kin, piece)| put(session, monitor, kin, &piece))
            .collect::<Result<_>>()?;
        stored.into_iter().try_for_each(&mut *take)?;
    }
}

fn put(session: &Session<'_>, monitor: &dyn Monitor, kin: Kin, piece: &Piece) -> Result<Stored> {
    go_on(monitor)?;
    let Kin { near, like } = kin;
    let put = session.put_like(Kind::Data, &piece.bytes, near.as_ref(), like.as_ref())?;
    let len = piece.bytes.len() as u64;
    monitor.advance(len);
    Ok(Stored {
        position: piece.position,
        near,
        chunk: Ref { id: put.id, len },
    })
}
