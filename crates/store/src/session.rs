//! A session: everything that one backup puts into a repository, ending in one record or in nothing.
//!
//! The order of its steps keeps the promises (`docs/format.md`, "Write order"): the pending record is there before
//! anything is read (b1), packs are listed after that (b4), packs are durable before the record that needs them, and one
//! rename commits (b8). A session that fails or is dropped leaves packs behind that no record leads to: they cost room and
//! nothing else.
//!
//! A write that failed ends the session (rule R5): what the disk then holds is unknown, and only new names are safe.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use crate::dictionary::Prepared;
use crate::error::{Result, StoreError};
use crate::frame::{self, Base};
use crate::id::{ChunkId, SnapshotId};
use crate::index::{Index, Location, MAX_LINKS};
use crate::layout::Object;
use crate::mutant::{self, Mutant};
use crate::pack::Kind;
use crate::parity::Encoder;
use crate::storage::Claim;
use crate::store::Store;

pub use terms::{Options, Put, Totals};

use lane::Lane;
use own::Own;
use salvage::Salvage;
use siblings::Siblings;

mod back;
mod dictionaries;
mod known;
mod lane;
mod own;
mod publish;
mod register;
mod salvage;
mod siblings;
mod terms;

/// One backup's way into the repository. All methods may be called from several threads.
pub struct Session<'a> {
    store: &'a Store,
    id: SnapshotId,
    claim: Mutex<Box<dyn Claim + 'a>>,
    index: Arc<Index>,
    options: Options,
    /// What the session stores or has stored.
    own: Mutex<Own>,
    data: Lane<'a>,
    meta: Lane<'a>,
    encoder: Encoder,
    prepared: Mutex<Prepared>,
    siblings: Mutex<Siblings>,
    /// The first failure, as far as it can be told again.
    failed: OnceLock<Option<StoreError>>,
    /// Where it is a repair's: what it looks for.
    salvage: Option<Salvage>,
    new_bytes: AtomicU64,
    stored_bytes: AtomicU64,
    new_chunks: AtomicU64,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic elsewhere cannot leave these half changed: each is replaced or pushed to in one step.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn unlocked<T>(mutex: Mutex<T>) -> T {
    mutex.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// Most links of a chain that is written. Descriptions change a little with every snapshot, and a list that named again all
/// that has changed since it was last stored whole would cost more each time; data is read more often than it changes.
const fn links(kind: Kind) -> usize {
    match kind {
        // The lowest may be a dictionary.
        Kind::Data => 5,
        Kind::Meta => MAX_LINKS,
    }
}

/// Where in a full chain the next delta stands: on the first copy that is at least as large as all those above it
/// together, or on the whole chunk. The delta repeats what those said that it passes over, so they are passed over once
/// they are many and small beside what is kept: each change is repeated a few times and not with every full chain.
fn shortened(near: &Location, chain: &[Location]) -> Option<Location> {
    let mut above = near.stored_len;
    let base = chain.iter().find(|link| {
        let is_large = link.stored_len >= above;
        above = above.saturating_add(link.stored_len);
        is_large
    });
    base.or(chain.last()).copied()
}

impl<'a> Session<'a> {
    pub(crate) fn begin(store: &'a Store, options: Options) -> Result<Self> {
        let id = SnapshotId::from_bytes(store.draw()?);
        let (claim, index) = register::register(store, id)?;
        Ok(Self::over(store, id, claim, index, options))
    }

    fn over(
        store: &'a Store,
        id: SnapshotId,
        claim: Box<dyn Claim + 'a>,
        index: Arc<Index>,
        options: Options,
    ) -> Self {
        Self {
            store,
            id,
            claim: Mutex::new(claim),
            index,
            options,
            own: Mutex::new(Own::new(store.id(), options.most_held)),
            data: Lane::default(),
            meta: Lane::default(),
            encoder: Encoder::default(),
            prepared: Mutex::default(),
            siblings: Mutex::default(),
            failed: OnceLock::new(),
            salvage: None,
            new_bytes: AtomicU64::new(0),
            stored_bytes: AtomicU64::new(0),
            new_chunks: AtomicU64::new(0),
        }
    }

    /// The name that the snapshot will have.
    pub fn id(&self) -> SnapshotId {
        self.id
    }

    /// The store that the session writes to.
    pub fn store(&self) -> &'a Store {
        self.store
    }

    /// What has been stored so far. Bytes count once their pack is published.
    pub fn totals(&self) -> Totals {
        Totals {
            new_bytes: self.new_bytes.load(Ordering::Relaxed),
            stored_bytes: self.stored_bytes.load(Ordering::Relaxed),
            new_chunks: self.new_chunks.load(Ordering::Relaxed),
        }
    }

    /// Stores a chunk, unless it is there. `near` may name a chunk that is likely to differ in little: the one that
    /// stood at the same place before.
    ///
    /// # Errors
    /// Where it cannot be stored; the session is then over.
    pub fn put(&self, kind: Kind, plain: &[u8], near: Option<&ChunkId>) -> Result<Put> {
        self.put_like(kind, plain, near, None)
    }

    /// The same, where `like` may name a dictionary, or a chunk that is of the same kind of content.
    ///
    /// # Errors
    /// Where it cannot be stored; the session is then over.
    pub fn put_like(
        &self,
        kind: Kind,
        plain: &[u8],
        near: Option<&ChunkId>,
        like: Option<&ChunkId>,
    ) -> Result<Put> {
        let id = ChunkId::of(kind, plain);
        if !self.needs(&id) || !lock(&self.own).claim(id) {
            return Ok(Put { id, new: false });
        }
        let is_rehearsal = self.salvage.as_ref().is_some_and(|s| s.is_rehearsal);
        let stored = self.check_running().and_then(|()| {
            if is_rehearsal {
                return Ok(());
            }
            let base = near.and_then(|near| self.read_base(kind, near));
            let base = base.as_ref().map(|(prefix, plain)| Base {
                prefix: *prefix,
                plain,
            });
            let dictionary = || self.dictionary_of(like?);
            let frame = frame::encode(plain, self.options.level, base, dictionary)?;
            self.append(kind, id, plain.len() as u32, &frame)
        });
        if let Err(error) = stored {
            let _ = self.failed.set(error.again());
            return Err(error);
        }
        self.new_bytes
            .fetch_add(plain.len() as u64, Ordering::Relaxed);
        self.new_chunks.fetch_add(1, Ordering::Relaxed);
        Ok(Put { id, new: true })
    }

    /// Whether an earlier session stored the chunk in a pack that this one may build on (invariant I6).
    pub fn has(&self, id: &ChunkId) -> bool {
        self.index.contains(id)
    }

    /// Whether a chunk that was not put here is to be stored: no pack that may be built on has it (invariant I6), or it is to be
    /// stored again.
    pub fn needs(&self, id: &ChunkId) -> bool {
        match &self.salvage {
            Some(salvage) => salvage.wants(id),
            None => !self.has(id),
        }
    }

    fn check_running(&self) -> Result<()> {
        match self.failed.get() {
            None => Ok(()),
            // Of several threads that are told, any may be the one whose error is reported: each must know the reason.
            Some(failure) => Err(failure
                .as_ref()
                .and_then(StoreError::again)
                .unwrap_or(StoreError::Stopped { session: self.id })),
        }
    }

    /// A chunk to make a delta against: the near one, unless its own chain is as long as chains get. Where the base cannot
    /// be read the chunk is stored whole; telling of the damage is verify's.
    fn read_base(&self, kind: Kind, near: &ChunkId) -> Option<(u64, Vec<u8>)> {
        let near = *self.index.copies(near).first()?;
        let chain = self.index.chain(near.encoding)?;
        let base = match chain.len() + 1 > links(kind) {
            false => near,
            true => shortened(&near, &chain)?,
        };
        let plain = self.store.read_copy(&self.index, &base).ok()?;
        Some((base.id.prefix(), plain))
    }

    /// Makes every chunk that was put durable. After it, [`totals`](Self::totals) is what the packs cost.
    ///
    /// # Errors
    /// Where it cannot; the session is then over.
    pub fn flush(&self) -> Result<()> {
        for kind in Kind::ALL {
            self.check_running()?;
            self.end_pack(kind)
                .inspect_err(|error| drop(self.failed.set(error.again())))?;
        }
        Ok(())
    }

    /// Makes everything durable and commits the record: the snapshot exists when this returns, or it never will.
    ///
    /// # Errors
    /// [`StoreError::Evicted`] where the session was given up for dead meanwhile, else why nothing was committed.
    pub fn commit(self, record: &[u8]) -> Result<()> {
        self.flush()?;
        self.check_running()?;
        unlocked(self.claim).commit(record)?;
        // Nothing is stored any more, and the index cache wants memory.
        drop((self.data, self.meta, self.encoder, self.prepared));
        // The snapshot is there; without its copy it is as whole as with it.
        let _ = self.store.copy_record(self.id, record);
        self.store.forget_index();
        if let Some(cache) = self.store.cache() {
            let mut index = self.index;
            if let Some(index) = Arc::get_mut(&mut index) {
                index.append(unlocked(self.own).into_index());
            }
            index.save(cache);
        }
        Ok(())
    }

    /// Ends the session without a snapshot. What it stored stays: another session may have found it already (I9).
    ///
    /// # Errors
    /// Where its pending record stays; whoever needs to evicts it.
    pub fn abandon(self) -> Result<()> {
        if mutant::is(Mutant::AbortDeletes) {
            for pack in self.written() {
                self.store.storage().remove(Object::Pack(pack))?;
            }
        }
        unlocked(self.claim).abandon()
    }
}
