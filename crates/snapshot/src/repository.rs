//! A repository as its users know it: where snapshots are taken, listed, found and read.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use lifeboat_store::{
    Backing, Clock, Hold, SnapshotId, Store, StoreError, SystemClock, envelope, unwrap_object,
};
use rayon::prelude::*;

use crate::content::read_all;
use crate::copies::Read;
use crate::error::{Result, SnapshotError};
use crate::manifest::{self, Manifest};
use crate::nested::check_place;
use crate::record::{self, Snapshot};
use crate::tree::Tree;

/// Bytes of stack for each worker; the walks recurse nowhere, so this is for SQLite and zstd.
const STACK: usize = 8 << 20;

/// An open repository. It can be shared between threads.
pub struct Repository {
    store: Arc<Store>,
    clock: Arc<dyn Clock>,
}

/// The snapshots of a repository, and what is wrong with some.
#[derive(Debug, Default)]
pub struct Listing {
    /// Those that can be read, oldest first.
    pub snapshots: Vec<Snapshot>,
    /// Records that are there and cannot be read, each with the reason.
    pub damaged: Vec<(SnapshotId, StoreError)>,
    /// Records that cannot be read but for their copies: they are among the snapshots, each here with the reason.
    pub mendable: Vec<(SnapshotId, StoreError)>,
}

impl Listing {
    /// The names of all records, whether they can be read or not.
    pub fn ids(&self) -> impl Iterator<Item = SnapshotId> + '_ {
        let good = self.snapshots.iter().map(|snapshot| snapshot.id);
        good.chain(self.damaged.iter().map(|(id, _)| *id))
    }
}

impl Repository {
    /// Creates a repository in a folder that is missing or empty.
    ///
    /// # Errors
    /// Where there is one, or something else, and where the place is inside another repository.
    pub fn create(place: &Path) -> Result<Self> {
        check_place(place)?;
        Self::create_on(Backing::local(place), Arc::new(SystemClock))
    }

    /// Opens a repository.
    ///
    /// # Errors
    /// Where there is none that this program can read.
    pub fn open(place: &Path) -> Result<Self> {
        Self::open_on(Backing::local(place), Arc::new(SystemClock))
    }

    /// Opens a repository, or creates it where there is nothing. Several may do so at once.
    ///
    /// # Errors
    /// Where there is something else, and where it would be created inside another repository.
    pub fn open_or_create(place: &Path) -> Result<Self> {
        match Self::open(place) {
            Err(SnapshotError::Store(StoreError::NoRepository { .. })) => {}
            result => return result,
        }
        match Self::create(place) {
            // Another process was first, and may still be at it.
            Err(SnapshotError::Store(StoreError::AlreadyExists { .. })) => Self::open(place),
            result => result,
        }
    }

    /// Creates a repository on any backing, with any clock.
    ///
    /// # Errors
    /// As [`create`](Self::create).
    pub fn create_on(backing: Backing, clock: Arc<dyn Clock>) -> Result<Self> {
        let store = Arc::new(Store::create(backing)?);
        Ok(Self { store, clock })
    }

    /// Opens a repository on any backing, with any clock.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_on(backing: Backing, clock: Arc<dyn Clock>) -> Result<Self> {
        let store = Arc::new(Store::open(backing)?);
        Ok(Self { store, clock })
    }

    /// Where it is.
    pub fn place(&self) -> PathBuf {
        self.store.place()
    }

    /// The chunk store below.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The same, for what outlives the borrow of a repository.
    pub(crate) fn shared_store(&self) -> Arc<Store> {
        Arc::clone(&self.store)
    }

    /// Where its times come from.
    pub fn clock(&self) -> &dyn Clock {
        self.clock.as_ref()
    }

    /// All committed snapshots.
    ///
    /// # Errors
    /// Where they cannot be listed. A record that cannot be read is part of the answer.
    pub fn snapshots(&self) -> Result<Listing> {
        let ids = self.store.records()?;
        let read = |&id: &SnapshotId| (id, self.read_record(id));
        let records: Vec<_> = ids.par_iter().map(read).collect();
        let mut listing = Listing::default();
        for (id, record) in records {
            match record {
                Ok(Read { snapshot, was }) => {
                    listing.snapshots.push(snapshot);
                    listing.mendable.extend(was.map(|error| (id, error)));
                }
                // Gone since it was listed.
                Err(StoreError::NoRecord { .. }) => {}
                Err(error) => listing.damaged.push((id, error)),
            }
        }
        listing.snapshots.sort_by_key(Snapshot::order);
        Ok(listing)
    }

    /// The snapshot of this very name.
    pub(crate) fn snapshot(&self, id: SnapshotId) -> Result<Snapshot, StoreError> {
        Ok(self.read_record(id)?.snapshot)
    }

    fn read_record(&self, id: SnapshotId) -> Result<Read, StoreError> {
        let read = self.store.record(id);
        self.or_copy(id, self.store.locate_record(id), read)
    }

    /// The snapshot in the bytes of the record of this name, which may be a forgotten one's.
    pub(crate) fn decode_record(
        &self,
        id: SnapshotId,
        path: PathBuf,
        bytes: &[u8],
    ) -> Result<Snapshot, StoreError> {
        let kind = envelope::Kind::Snapshot;
        let snapshot: Snapshot = unwrap_object(path.clone(), kind, record::VERSION, bytes)?;
        let is_sane = snapshot.sequence <= record::MAX_SEQUENCE;
        if snapshot.id == id && snapshot.repository == self.store.id() && is_sane {
            return Ok(snapshot);
        }
        Err(StoreError::Damaged {
            object: path,
            what: "it is the record of another snapshot or repository, or its number cannot be"
                .to_owned(),
        })
    }

    /// Keeps collections from taking what the snapshot holds, for as long as the value lives.
    ///
    /// # Errors
    /// [`SnapshotError::SnapshotRemoved`] where it was removed since it was found.
    pub(crate) fn hold(&self, snapshot: &Snapshot) -> Result<Hold<'_>> {
        let hold = self.store.hold();
        match self.store.record(snapshot.id) {
            Err(StoreError::NoRecord { id }) => Err(SnapshotError::SnapshotRemoved { id }),
            // What else may be wrong with the record is no matter of this.
            _ => Ok(hold),
        }
    }

    /// What the snapshot holds.
    ///
    /// # Errors
    /// Where its manifest cannot be read.
    pub fn manifest(&self, snapshot: &Snapshot) -> Result<Manifest> {
        let content = &snapshot.manifest;
        if content.len > manifest::MAX_BYTES {
            return Err(SnapshotError::Refused {
                what: "a manifest",
                reason: format!("it claims {} bytes", content.len),
            });
        }
        let manifest = Manifest::decode(&read_all(&self.store, content)?)?;
        let sources = manifest.sources.iter().map(|source| &source.path);
        if !sources.eq(&snapshot.sources) {
            return Err(SnapshotError::Refused {
                what: "a manifest",
                reason: "it is of other sources than the snapshot's record tells".to_owned(),
            });
        }
        Ok(manifest)
    }

    /// Opens several snapshots at the same time, in their order, for looking into them. All are held in memory.
    pub fn trees(&self, snapshots: &[Snapshot]) -> Vec<Result<Tree<'_>>> {
        // The first one loads the index; several that began at once would each do so.
        let (first, others) = snapshots.split_at(snapshots.len().min(1));
        let mut trees: Vec<_> = first.iter().map(|snapshot| self.tree(snapshot)).collect();
        let others = others.par_iter();
        trees.par_extend(others.map(|snapshot| self.tree(snapshot)));
        trees
    }

    /// Runs work on a pool of its own of this many threads.
    pub(crate) fn in_pool<T: Send>(
        &self,
        threads: Option<usize>,
        work: impl FnOnce() -> Result<T> + Send,
    ) -> Result<T> {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads.unwrap_or(0))
            .stack_size(STACK)
            .build();
        match pool {
            Ok(pool) => pool.install(work),
            // A machine that gives no more threads still has this one (fault F-74), which is then a pool of its own.
            Err(_) => {
                let alone = rayon::ThreadPoolBuilder::new()
                    .num_threads(1)
                    .use_current_thread()
                    .build();
                let done = work();
                drop(alone);
                done
            }
        }
    }
}
