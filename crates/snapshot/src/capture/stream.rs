//! From a producer of pieces to stored chunks: one thread reads and cuts, all others hash, compress and store.
//!
//! Two bounded batches wait between them, so memory is a few batches however long the stream is and however slow the
//! repository. References come back in the order of the pieces.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
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
    spares: Arc<Spares>,
}

/// The memory of pieces that are stored. Fresh memory costs a page fault for each 4 KiB, which for a database that mostly is
/// unchanged is a tenth of all its time. There is none until a producer asks for it: only then is anything kept.
#[derive(Default)]
struct Spares {
    are_wanted: AtomicBool,
    kept: Mutex<Vec<Vec<u8>>>,
}

impl Spares {
    fn take(&self) -> Vec<u8> {
        self.are_wanted.store(true, Ordering::Relaxed);
        self.lock().pop().unwrap_or_default()
    }

    fn keep(&self, bytes: Vec<u8>) {
        if self.are_wanted.load(Ordering::Relaxed) {
            self.lock().push(bytes);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Vec<u8>>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
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

    /// Memory of a piece that is stored, whatever is in it; nothing where there is none.
    pub(crate) fn spare(&self) -> Vec<u8> {
        self.spares.take()
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
    let spares = Arc::new(Spares::default());
    let kept = Arc::clone(&spares);
    std::thread::scope(|scope| {
        let producer = std::thread::Builder::new().spawn_scoped(scope, move || {
            let mut outlet = Outlet {
                batch: Vec::new(),
                bytes: 0,
                sender,
                spares: kept,
            };
            let result = produce(&mut outlet);
            // A closed channel is told by the consumer's error.
            let _ = outlet.flush();
            result
        });
        let producer = producer.map_err(|source| SnapshotError::NoThread { source })?;
        let consumed = consume(session, monitor, &receiver, &spares, kin, take);
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
    spares: &Spares,
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
            .map(|(kin, piece)| {
                let stored = put(session, monitor, kin, &piece);
                spares.keep(piece.bytes);
                stored
            })
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
