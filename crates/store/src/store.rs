//! The store: opening a repository, and getting chunks and records out of it. Putting them in is [`Session`]'s.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use crate::config::{self, Config};
use crate::disk::{Disk, OpenFile, RealDisk};
use crate::error::{IoContext, Result, StoreError};
use crate::frame;
use crate::id::{ChunkId, PackId, RepositoryId, SnapshotId};
use crate::index::{Index, Location, MAX_LINKS, list_packs};
use crate::layout::{CACHE, Folder, Object};
use crate::pack::PackReader;
use crate::random::{Random, SystemRandom};
use crate::session::{Options, Session};
use crate::small::read_object;
use crate::storage::{LocalStorage, Storage};

/// Packs that are kept open for reading. A process may have few descriptors (fault F-74).
const OPEN_PACKS: usize = 16;

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
            cache: Some(Arc::new(RealDisk::new(path.join(CACHE)))),
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
        let mut id = [0; RepositoryId::LEN];
        fill(backing.random.as_ref(), &mut id)?;
        let config = Config {
            id: RepositoryId::from_bytes(id),
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

    /// Registers a session and reads what it may build on, in the order that gc relies on (steps b1 to b4).
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
        let objects = self.storage().list(Folder::Snapshots)?;
        Ok(objects
            .into_iter()
            .filter_map(|object| match object {
                Object::Snapshot(id) => Some(id),
                _ => None,
            })
            .collect())
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

    /// The plain bytes of a chunk, checked against its id. Where one copy is damaged, another is taken.
    ///
    /// # Errors
    /// [`StoreError::ChunkMissing`] where no pack has it, else what is wrong with the last copy tried.
    pub fn get(&self, id: &ChunkId) -> Result<Vec<u8>> {
        let index = self.index()?;
        let first = self.get_from(&index, id);
        match first {
            Err(error) if error.is_damage() => self.get_again(&index, id, error),
            result => result,
        }
    }

    /// What this process knew may be old, and what the cache knows may be wrong: asks again if packs came or went, and
    /// then the packs themselves.
    fn get_again(&self, known: &Index, id: &ChunkId, error: StoreError) -> Result<Vec<u8>> {
        if !known.is_of(&list_packs(self.storage())?) {
            let index = self.load_index()?;
            if let Ok(plain) = self.get_from(&index, id) {
                return Ok(plain);
            }
        }
        let uncached = self.get_from(self.uncached_index()?.as_ref(), id);
        uncached.map_err(|last| match last {
            // What keeps a pack from being read is the better answer.
            StoreError::Io { .. } => last,
            _ => error,
        })
    }

    /// Whether a pack that can be read has the chunk.
    ///
    /// # Errors
    /// Where the packs cannot be listed.
    pub fn contains(&self, id: &ChunkId) -> Result<bool> {
        Ok(self.index()?.contains(id))
    }

    fn get_from(&self, index: &Index, id: &ChunkId) -> Result<Vec<u8>> {
        let mut result = Err(index.missing(id));
        for copy in index.copies(id) {
            result = self.read_copy(index, &copy);
            if result.is_ok() {
                break;
            }
        }
        result
    }

    /// The plain bytes of one stored copy, checked against its id.
    pub(crate) fn read_copy(&self, index: &Index, copy: &Location) -> Result<Vec<u8>> {
        self.read_link(index, copy, 0)
    }

    /// The same, of a copy from which others up to `depth` links away are to be made.
    fn read_link(&self, index: &Index, copy: &Location, depth: usize) -> Result<Vec<u8>> {
        let path = self.storage().locate(Object::Pack(copy.pack));
        let Some(file) = self.open_pack(copy.pack)? else {
            return Err(StoreError::ChunkMissing { id: copy.id });
        };
        let reader = PackReader::new(file.as_ref(), &path);
        let stored = reader.read(copy.offset, u64::from(copy.stored_len))?;
        self.decode_link(index, copy, &stored, depth)
    }

    /// Decodes the stored bytes of a copy and checks the result against its id.
    pub(crate) fn decode_copy(
        &self,
        index: &Index,
        copy: &Location,
        stored: &[u8],
    ) -> Result<Vec<u8>> {
        self.decode_link(index, copy, stored, 0)
    }

    fn decode_link(
        &self,
        index: &Index,
        copy: &Location,
        stored: &[u8],
        depth: usize,
    ) -> Result<Vec<u8>> {
        let Some(prefix) = copy.encoding.base() else {
            return self.decode_with(copy, stored, None);
        };
        let mut result = Err(StoreError::ChunkMissing {
            id: prefix_only(prefix),
        });
        // A chain that goes on is nobody's, and might go round in a circle.
        let bases = if depth < MAX_LINKS {
            index.named(prefix)
        } else {
            Vec::new()
        };
        // Different chunks may begin alike: the right base is the one with which the id comes out.
        // Deep in a chain fewer are tried: tries multiply, and only an attacker makes many that fail.
        let most = if depth == 0 { 8 } else { 2 };
        for base in bases.into_iter().take(most) {
            result = self
                .read_link(index, &base, depth + 1)
                .and_then(|base| self.decode_with(copy, stored, Some(&base)));
            if result.is_ok() {
                break;
            }
        }
        result
    }

    fn decode_with(&self, copy: &Location, stored: &[u8], base: Option<&[u8]>) -> Result<Vec<u8>> {
        let damaged = |what| StoreError::ChunkDamaged {
            id: copy.id,
            object: self.storage().locate(Object::Pack(copy.pack)),
            what,
        };
        let plain_len = copy.plain_len as usize;
        let plain = frame::decode(copy.encoding, stored, plain_len, base).map_err(damaged)?;
        if ChunkId::of(copy.kind, &plain) == copy.id {
            Ok(plain)
        } else {
            Err(damaged("its content does not match its id".to_owned()))
        }
    }

    fn open_pack(&self, pack: PackId) -> Result<Option<Arc<dyn OpenFile>>> {
        let mut open = self
            .open_packs
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some((_, file)) = open.iter().find(|(id, _)| *id == pack) {
            return Ok(Some(file.clone()));
        }
        let Some(file) = self.storage().open(Object::Pack(pack))? else {
            return Ok(None);
        };
        let file: Arc<dyn OpenFile> = Arc::from(file);
        if open.len() >= OPEN_PACKS {
            open.remove(0);
        }
        open.push((pack, file.clone()));
        Ok(Some(file))
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
        let index = Arc::new(Index::load(self.storage(), cache, self.config.id)?);
        *self.index.write().unwrap_or_else(PoisonError::into_inner) = Some(index.clone());
        Ok(index)
    }

    /// The index made of trailers alone. Read at most once for one state of the packs: it is the last resort for each of
    /// many chunks that may be lost.
    fn uncached_index(&self) -> Result<Arc<Index>> {
        let mut known = self.uncached.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(index) = known.as_ref()
            && index.is_of(&list_packs(self.storage())?)
        {
            return Ok(index.clone());
        }
        let index = Arc::new(Index::load(self.storage(), None, self.config.id)?);
        *known = Some(index.clone());
        Ok(index)
    }

    /// Makes the next reader look again.
    pub(crate) fn forget_index(&self) {
        *self.index.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    pub(crate) fn storage(&self) -> &dyn Storage {
        self.backing.storage.as_ref()
    }

    pub(crate) fn cache(&self) -> Option<&dyn Disk> {
        self.backing.cache.as_deref()
    }

    pub(crate) fn fill_random(&self, bytes: &mut [u8]) -> Result<()> {
        fill(self.backing.random.as_ref(), bytes)
    }
}

/// For messages about a base of which only the prefix is known.
fn prefix_only(prefix: u64) -> ChunkId {
    let mut bytes = [0; ChunkId::LEN];
    for (to, from) in bytes.iter_mut().zip(prefix.to_be_bytes()) {
        *to = from;
    }
    ChunkId::from_bytes(bytes)
}

fn fill(random: &dyn Random, bytes: &mut [u8]) -> Result<()> {
    random
        .fill(bytes)
        .context("get random bytes from", || "the system".into())
}
