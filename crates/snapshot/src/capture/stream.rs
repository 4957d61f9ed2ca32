//! From a producer of pieces to stored chunks: one thread reads and cuts, all others hash, compress and store.
//!
//! One bounded batch waits between them, so memory is a few batches however long the stream is and however slow the
//! repository. References come back in the order of the pieces.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use std::vec;

use lifeboat_store::{ChunkId, Kind, Session};
use rayon::prelude::*;

use crate::content::Ref;
use crate::error::{Result, SnapshotError};
use crate::monitor::{Monitor, go_on};

/// How often somebody who waits for the producer looks whether to stop.
const LOOK: Duration = Duration::from_millis(100);

/// Bytes that a thread takes at a time: less would make the threads stand in each other's way.
const AT_ONCE: usize = 256 << 10;

/// Batches that wait between the reader and the others: it fills the next one while they are at work, and that is enough.
const WAITING: usize = 0;

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
    /// Bytes at which a batch is full.
    batch_bytes: usize,
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
        if self.bytes < self.batch_bytes {
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
/// A batch of `batch_bytes` should have work for every core; some four are in memory.
/// `kin` is asked, in order, what each of a few pieces in a row may be told by; `take` is given each stored piece in order.
/// The result is the producer's, unless storing failed. `stop` is set for the producer when the monitor wants to stop.
pub(crate) fn store<T: Send>(
    session: &Session<'_>,
    monitor: &dyn Monitor,
    stop: &AtomicBool,
    batch_bytes: usize,
    produce: impl FnOnce(&mut Outlet) -> T + Send,
    kin: &mut (dyn FnMut(&[Piece]) -> Result<Vec<Kin>> + Send),
    take: &mut (dyn FnMut(Stored) -> Result<()> + Send),
) -> Result<T> {
    let (sender, receiver) = sync_channel(WAITING);
    let spares = Arc::new(Spares::default());
    let kept = Arc::clone(&spares);
    std::thread::scope(|scope| {
        let producer = std::thread::Builder::new().spawn_scoped(scope, move || {
            let mut outlet = Outlet {
                batch: Vec::new(),
                bytes: 0,
                batch_bytes,
                sender,
                spares: kept,
            };
            let result = produce(&mut outlet);
            // A closed channel is told by the consumer's error.
            let _ = outlet.flush();
            result
        });
        let producer = producer.map_err(|source| SnapshotError::NoThread { source })?;
        // When it returns nobody receives any more, so that a producer that waits for room is let go.
        let consumed = consume(session, monitor, receiver, &spares, kin, take);
        if monitor.cancelled() {
            // The producer may be waiting for something else than us.
            stop.store(true, Ordering::Relaxed);
        }
        match producer.join() {
            Ok(result) => consumed.map(|()| result),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

fn consume(
    session: &Session<'_>,
    monitor: &dyn Monitor,
    receiver: Receiver<Vec<Piece>>,
    spares: &Spares,
    kin: &mut (dyn FnMut(&[Piece]) -> Result<Vec<Kin>> + Send),
    take: &mut (dyn FnMut(Stored) -> Result<()> + Send),
) -> Result<()> {
    let incoming = Incoming {
        monitor,
        receiver,
        kin,
        batch: Vec::new().into_iter(),
    };
    let ordered = Mutex::new(Ordered {
        next: 0,
        early: BTreeMap::new(),
        take,
    });
    // Whoever is done with a few pieces takes the next ones: nobody waits for the others at the end of a batch.
    (0..)
        .zip(incoming)
        .par_bridge()
        .try_for_each(|(number, pieces)| {
            let stored = pieces?.into_iter();
            let stored = stored.map(|(kin, piece)| {
                let stored = put(session, monitor, kin, &piece);
                spares.keep(piece.bytes);
                stored
            });
            let stored = stored.collect::<Result<Vec<_>>>()?;
            let mut ordered = ordered.lock().unwrap_or_else(PoisonError::into_inner);
            ordered.put(number, stored)
        })
}

/// Pieces as they come from the producer, each with what it may be told by.
struct Incoming<'a, 'k> {
    monitor: &'a dyn Monitor,
    receiver: Receiver<Vec<Piece>>,
    kin: &'a mut (dyn FnMut(&[Piece]) -> Result<Vec<Kin>> + Send + 'k),
    batch: vec::IntoIter<(Kin, Piece)>,
}

impl Incoming<'_, '_> {
    /// Some of the batch; none where it is used up.
    fn few(&mut self) -> Vec<(Kin, Piece)> {
        let mut few = Vec::new();
        let mut bytes = 0;
        while bytes < AT_ONCE
            && let Some(next) = self.batch.next()
        {
            bytes += next.1.bytes.len();
            few.push(next);
        }
        few
    }

    /// The next batch; `None` where the producer has no more.
    fn receive(&mut self) -> Result<Option<Vec<(Kin, Piece)>>> {
        loop {
            match self.receiver.recv_timeout(LOOK) {
                Ok(batch) => {
                    let kin = (self.kin)(&batch)?;
                    return Ok(Some(kin.into_iter().zip(batch).collect()));
                }
                Err(RecvTimeoutError::Timeout) => go_on(self.monitor)?,
                Err(RecvTimeoutError::Disconnected) => return Ok(None),
            }
        }
    }
}

impl Iterator for Incoming<'_, '_> {
    type Item = Result<Vec<(Kin, Piece)>>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let few = self.few();
            if !few.is_empty() {
                return Some(Ok(few));
            }
            match self.receive().transpose()? {
                Ok(batch) => self.batch = batch.into_iter(),
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

/// Hands on in order what is stored in any.
struct Ordered<'a, 'k> {
    next: u64,
    /// Those that were stored before one that comes before them: no more than there are threads, but for one that is slow.
    early: BTreeMap<u64, Vec<Stored>>,
    take: &'a mut (dyn FnMut(Stored) -> Result<()> + Send + 'k),
}

impl Ordered<'_, '_> {
    fn put(&mut self, number: u64, stored: Vec<Stored>) -> Result<()> {
        self.early.insert(number, stored);
        while let Some(stored) = self.early.remove(&self.next) {
            self.next += 1;
            stored.into_iter().try_for_each(&mut *self.take)?;
        }
        Ok(())
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
