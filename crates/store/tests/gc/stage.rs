//! A repository on a simulated disk to be collected, by somebody who knows what its records lead to.

use std::borrow::Borrow;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use lifeboat_store::disk::Disk;
use lifeboat_store::disk::sim::SimDisk;
use lifeboat_store::gc::{Collect, Collected, Marks, Reach, Root, Watch};
use lifeboat_store::progress::Progress;
use lifeboat_store::{ChunkId, Forgotten, Result, SnapshotId, Store, StoreError};

use crate::support::{Acknowledged, back_up, backing, check, unseal, words};

/// Bytes of a pack that holds one chunk; with some dozens of them there is an index cache.
pub(crate) const SMALL: u64 = 500;

/// Bytes of a pack that holds all chunks of its kind.
pub(crate) const LARGE: u64 = 1 << 20;

/// Reads the records of these tests: a row of ids with a seal.
pub(crate) struct Rows<'s>(pub(crate) &'s Store);

impl Reach for Rows<'_> {
    type Error = StoreError;

    fn mark(&self, roots: &[Root], marks: &Marks) -> Result<()> {
        for root in roots {
            for id in unseal(&read(self.0, *root)?).expect("a record that is not whole") {
                marks.note([id])?;
            }
        }
        Ok(())
    }

    fn expired(&self, forgotten: &[Forgotten]) -> Result<Vec<Forgotten>> {
        Ok(forgotten.to_vec())
    }
}

fn read(store: &Store, root: Root) -> Result<Vec<u8>> {
    let mut root = root;
    // It may be forgotten and brought back meanwhile.
    for _ in 0..8 {
        let bytes = match root {
            Root::Snapshot(id) => store.record(id),
            Root::Forgotten(forgotten) => store.forgotten_record(forgotten),
        };
        match bytes {
            Err(StoreError::NoRecord { .. }) => {}
            bytes => return bytes,
        }
        let found = store
            .forgotten()?
            .into_iter()
            .find(|found| found.id == root.id());
        root = found.map_or(Root::Snapshot(root.id()), Root::Forgotten);
    }
    Err(StoreError::NoRecord { id: root.id() })
}

/// Looks so often whether sessions have ended.
pub(crate) struct Patience(AtomicUsize);

impl Patience {
    pub(crate) fn of(looks: usize) -> Self {
        Self(AtomicUsize::new(looks))
    }
}

impl Progress for Patience {}

impl Watch for Patience {
    fn pause(&self, _: usize) -> bool {
        let left = |looks: usize| looks.checked_sub(1);
        self.0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, left)
            .is_ok()
    }
}

/// Instead of waiting, does something else once.
pub(crate) struct Sleeper<'a, T>(Mutex<Dream<'a, T>>);

enum Dream<'a, T> {
    ToCome(Box<dyn FnOnce() -> T + Send + 'a>),
    Is(Option<T>),
}

impl<'a, T> Sleeper<'a, T> {
    pub(crate) fn new(meanwhile: impl FnOnce() -> T + Send + 'a) -> Self {
        Self(Mutex::new(Dream::ToCome(Box::new(meanwhile))))
    }

    /// What came of it.
    pub(crate) fn result(self) -> Option<T> {
        match self.0.into_inner().unwrap() {
            Dream::ToCome(_) => None,
            Dream::Is(result) => result,
        }
    }
}

impl<T: Send> Progress for Sleeper<'_, T> {}

impl<T: Send> Watch for Sleeper<'_, T> {
    fn pause(&self, _: usize) -> bool {
        let mut dream = self.0.lock().unwrap();
        if let Dream::ToCome(meanwhile) = std::mem::replace(&mut *dream, Dream::Is(None)) {
            *dream = Dream::Is(Some(meanwhile()));
        }
        true
    }
}

/// Collects without waiting for anybody, and without writing anything anew.
pub(crate) fn collect(store: &Store) -> Result<Collected> {
    let options = Collect {
        max_repack: 0,
        ..Collect::default()
    };
    store.collect(options, &Rows(store), &Patience::of(0))
}

/// Collects, and writes anew what is worth it.
pub(crate) fn repack(store: &Store) -> Result<Collected> {
    store.collect(Collect::default(), &Rows(store), &Patience::of(0))
}

/// What a collection would do.
pub(crate) fn rehearse(store: &Store) -> Result<Collected> {
    let options = Collect {
        dry_run: true,
        ..Collect::default()
    };
    store.collect(options, &Rows(store), &Patience::of(0))
}

/// Forgets a snapshot as the program does: by one rename, made durable.
pub(crate) fn forget(disk: &SimDisk, id: SnapshotId) {
    let to = format!("snapshots/{id}.1.forgotten");
    disk.move_file(&format!("snapshots/{id}.snapshot"), &to)
        .unwrap();
    disk.sync_dir("snapshots").unwrap();
}

/// An empty repository, all durable.
pub(crate) fn repository() -> SimDisk {
    let disk = SimDisk::new();
    Store::create(backing(&disk, 1)).unwrap();
    disk.settle();
    disk
}

/// The repository as another process opens it.
pub(crate) fn open(disk: &SimDisk, process: u64) -> Store {
    Store::open(backing(disk, process)).unwrap()
}

/// A backup by a process of its own.
pub(crate) fn backs_up(
    disk: &SimDisk,
    process: u64,
    chunks: std::ops::Range<u32>,
    pack_bytes: u64,
) -> Acknowledged {
    back_up(&open(disk, process), chunks, pack_bytes).unwrap()
}

/// Names of the packs that are there.
pub(crate) fn packs(disk: &SimDisk) -> Vec<String> {
    let files = disk.files();
    let packs = files.keys().filter(|path| path.ends_with(".pack"));
    packs.cloned().collect()
}

/// That nothing is there but what the records need: the next collection finds nothing, and no file is left over.
pub(crate) fn check_clean(disk: &SimDisk, process: u64) -> Result<(), String> {
    let further = rehearse(&open(disk, process)).map_err(words)?;
    if further.packs > 0 || further.forgotten > 0 {
        return Err(format!("left over: {further:?}"));
    }
    let stray = |path: &&String| {
        [".partial", ".pending", ".evicted", ".forgotten"]
            .iter()
            .any(|ending| path.ends_with(ending))
    };
    match disk.files().keys().find(stray) {
        Some(path) => Err(format!("left over: {}", kind_of(path))),
        None => Ok(()),
    }
}

/// A path without its random part.
fn kind_of(path: &str) -> String {
    let letters = path.split(['/', '.']);
    let words: Vec<&str> = letters.filter(|part| part.len() < 20).collect();
    words.join(" ")
}

/// The ids in a record.
pub(crate) fn ids(record: &Acknowledged) -> Vec<ChunkId> {
    unseal(&record.record).unwrap()
}

/// That these are whole, as they were stored.
pub(crate) fn assert_holds<A: Borrow<Acknowledged>>(disk: &SimDisk, known: &[A]) {
    let known: Vec<Acknowledged> = known.iter().map(|one| one.borrow().clone()).collect();
    check(&open(disk, 90), &known).unwrap();
}
