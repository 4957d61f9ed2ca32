//! The store: a repository made or opened, its records, and the index that all reading of chunks begins with.
//!
//! Chunks are put in by a [`Session`] and come out in [`read`].

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use crate::config::{self, Config};
use crate::disk::{Disk, OpenFile, RealDisk};
use crate::error::{IoContext, Result, StoreError};
use crate::id::{ChunkId, PackId, RepositoryId, SnapshotId};
use crate::index::{Index, list_packs};
use crate::layout::{CACHE, Folder, Object};
use crate::random::{Random, SystemRandom};
use crate::repair::Mendable;
use crate::session::{Options, Session};
use crate::small::read_object;
use crate::storage::{LocalStorage, Storage};

pub use footprint::Footprint;
pub use forgotten::Forgotten;

use roots::Roots;

mod copies;
mod drills;
mod effort;
mod footprint;
mod forgotten;
mod pins;
mod read;
mod roots;
mod runs;

/// What a store stands on.
#[derive(Clone)]
pub struct Backing {
    /// Where the objects are.
    pub storage: Arc<dyn Storage>,
    /// A local folder for the index cache, if there is one.
    pub cache: Option<Arc<dyn Disk>>,
    /// Where names come from.
    pub random: Arc<dyn Random>,
}

impl Backing {
    /// A repository in a folder of this machine, its cache inside.
    pub fn local(path: &Path) -> Self {
        Self {
            storage: Arc::new(LocalStorage::new(Arc::new(RealDisk::new(path)))),
            cache: Some(Arc::new(RealDisk::inside(path.join(CACHE)))),
            random: Arc::new(SystemRandom),
        }
    }
}

/// An open repository.
pub struct Store {
    backing: Backing,
    pub(crate) config: Config,
    index: RwLock<Option<Arc<Index>>>,
    uncached: Mutex<Option<Arc<Index>>>,
    open_packs: Mutex<Vec<(PackId, Arc<dyn OpenFile>)>>,
    roots: Roots,
    /// Damaged packs that a repair has found a way to read.
    pub(crate) mendable: RwLock<Mendable>,
}

impl Store {
    /// Creates a repository in a place that is missing, empty, or was left by an interrupted creation.
    ///
    /// # Errors
    /// [`StoreError::AlreadyExists`] where there is one, [`StoreError::NotARepository`] where there is something else.
    pub fn create(backing: Backing) -> Result<Self> {
        let place = backing.storage.place();
        match config::read(backing.storage.as_ref()) {
            Ok(_) => return Err(StoreError::AlreadyExists { place }),
            Err(StoreError::NoRepository { .. }) => {}
            Err(error) => return Err(error),
        }
        backing.storage.prepare()?;
        let config = Config {
            id: RepositoryId::from_bytes(draw(backing.random.as_ref())?),
            required_features: Vec::new(),
        };
        if !config::write(backing.storage.as_ref(), &config)? {
            return Err(StoreError::AlreadyExists { place });
        }
        Ok(Self::with(backing, config))
    }

    /// Opens a repository.
    ///
    /// # Errors
    /// [`StoreError::NoRepository`], [`StoreError::NotARepository`] or [`StoreError::NewerFormat`] where it cannot be.
    pub fn open(backing: Backing) -> Result<Self> {
        let config = config::read(backing.storage.as_ref())?;
        Ok(Self::with(backing, config))
    }

    fn with(backing: Backing, config: Config) -> Self {
        Self {
            backing,
            config,
            index: RwLock::new(None),
            uncached: Mutex::new(None),
            open_packs: Mutex::new(Vec::new()),
            roots: Roots::default(),
            mendable: RwLock::default(),
        }
    }

    /// The repository's name.
    pub fn id(&self) -> RepositoryId {
        self.config.id
    }

    /// Where a person would find it.
    pub fn place(&self) -> PathBuf {
        self.storage().place()
    }

    /// Bytes that it may still grow by, where that is known.
    ///
    /// # Errors
    /// Where the system cannot be asked.
    pub fn free_bytes(&self) -> Result<Option<u64>> {
        self.storage().free_bytes()
    }

    /// Registers a session and reads what it may build on, in the order of `docs/format.md`, "Write order" (steps b1 to b4).
    ///
    /// # Errors
    /// Where the repository cannot be written or listed.
    pub fn begin(&self, options: Options) -> Result<Session<'_>> {
        Session::begin(self, options)
    }

    /// The names of all committed records, in no order.
    ///
    /// # Errors
    /// Where they cannot all be listed.
    pub fn records(&self) -> Result<Vec<SnapshotId>> {
        self.storage()
            .listed(Folder::Snapshots, |object| match object {
                Object::Snapshot(id) => Some(id),
                _ => None,
            })
    }

    /// The bytes of a committed record.
    ///
    /// # Errors
    /// [`StoreError::NoRecord`] where there is none.
    pub fn record(&self, id: SnapshotId) -> Result<Vec<u8>> {
        read_object(self.storage(), Object::Snapshot(id))?.ok_or(StoreError::NoRecord { id })
    }

    /// Where a person would find a committed record.
    pub fn locate_record(&self, id: SnapshotId) -> PathBuf {
        self.storage().locate(Object::Snapshot(id))
    }

    /// Whether a pack that can be read has the chunk.
    ///
    /// # Errors
    /// Where the packs cannot be listed.
    pub fn contains(&self, id: &ChunkId) -> Result<bool> {
        Ok(self.index()?.contains(id))
    }

    /// The length of a chunk's plain bytes, as its packs tell it; `None` where no pack has the chunk.
    ///
    /// # Errors
    /// Where the packs cannot be listed.
    pub fn plain_len(&self, id: &ChunkId) -> Result<Option<u32>> {
        let copies = self.index()?.copies(id);
        Ok(copies.first().map(|copy| copy.plain_len))
    }

    /// The index of this opening, read on first use.
    pub(crate) fn index(&self) -> Result<Arc<Index>> {
        let known = self.index.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(index) = known.as_ref() {
            return Ok(index.clone());
        }
        drop(known);
        self.load_index()
    }

    /// Reads the index anew.
    pub(crate) fn load_index(&self) -> Result<Arc<Index>> {
        let cache = self.backing.cache.as_deref();
        let mut index = Index::load(self.storage(), cache, self.config.id)?;
        self.add_mendable(&mut index);
        let index = Arc::new(index);
        *self.index.write().unwrap_or_else(PoisonError::into_inner) = Some(index.clone());
        Ok(index)
    }

    /// The index without packs that nobody may build on. Readers have the whole one.
    pub(crate) fn load_index_without(&self, condemned: &[PackId]) -> Result<Arc<Index>> {
        if condemned.is_empty() {
            return self.load_index();
        }
        let cache = self.backing.cache.as_deref();
        let mut index = Index::load(self.storage(), cache, self.config.id)?;
        index.leave_out(condemned);
        Ok(Arc::new(index))
    }

    /// The index anew, for whoever deletes by it: no part of the cache that is damaged may hide a chunk.
    pub(crate) fn load_whole_index(&self) -> Result<Arc<Index>> {
        let index = self.load_index()?;
        let mut damaged = index.segments().iter().filter(|part| !part.is_whole());
        let Some(first) = damaged.next() else {
            return Ok(index);
        };
        for part in damaged.chain([first]) {
            if let Some(cache) = self.cache() {
                // Where it stays, the trailers are read below all the same.
                let _ = cache.remove(part.name());
            }
        }
        let index = self.load_index()?;
        match index.segments().iter().all(|part| part.is_whole()) {
            true => Ok(index),
            false => Ok(Arc::new(Index::load(self.storage(), None, self.config.id)?)),
        }
    }

    /// The index made of trailers alone. Read at most once for one state of the packs: it is the last resort for each of
    /// many chunks that may be lost.
    pub(crate) fn uncached_index(&self) -> Result<Arc<Index>> {
        let mut known = self.uncached.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(index) = known.as_ref()
            && index.is_of(&list_packs(self.storage())?)
        {
            return Ok(index.clone());
        }
        let mut index = Index::load(self.storage(), None, self.config.id)?;
        self.add_mendable(&mut index);
        let index = Arc::new(index);
        *known = Some(index.clone());
        Ok(index)
    }

    /// Makes the next reader look again.
    pub(crate) fn forget_index(&self) {
        *self.index.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Makes the next reader look again, and open packs again.
    pub(crate) fn forget_packs(&self) {
        self.forget_index();
        self.roots.clear();
        *self.uncached.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.open_packs
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }

    /// Removes the index cache, and lets go of what is mapped of it.
    pub(crate) fn clear_index_cache(&self) {
        self.forget_packs();
        if let Some(cache) = self.cache() {
            Index::clear_cache(cache);
        }
    }

    pub(crate) fn storage(&self) -> &dyn Storage {
        self.backing.storage.as_ref()
    }

    /// The folder of the index cache, for other disposable files of this repository.
    pub fn cache(&self) -> Option<&dyn Disk> {
        self.backing.cache.as_deref()
    }

    /// Random bytes for a new name.
    pub(crate) fn draw<const N: usize>(&self) -> Result<[u8; N]> {
        draw(self.backing.random.as_ref())
    }
}

fn draw<const N: usize>(random: &dyn Random) -> Result<[u8; N]> {
    let mut bytes = [0; N];
    random
        .fill(&mut bytes)
        .context("get random bytes from", || "the system".into())?;
    Ok(bytes)
}
