//! A disk on which every call is a place where another thread may go on.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use lifeboat_store::disk::sim::SimDisk;
use lifeboat_store::disk::{Disk, Listed, Lock, Map, NewFile, OpenFile};

use crate::baton::Baton;

/// The disk as one of the actors has it, who dies after some calls if it is to.
#[derive(Clone)]
pub(crate) struct Turned {
    disk: SimDisk,
    below: &'static str,
    baton: Arc<Baton>,
    me: usize,
    left: Arc<AtomicU64>,
}

impl Turned {
    pub(crate) fn new(disk: &SimDisk, baton: &Arc<Baton>, me: usize, calls: u64) -> Self {
        Self {
            disk: disk.clone(),
            below: "",
            baton: baton.clone(),
            me,
            left: Arc::new(AtomicU64::new(calls)),
        }
    }

    pub(crate) fn below(&self, folder: &'static str) -> Self {
        Self {
            below: folder,
            ..self.clone()
        }
    }

    /// Whether its time is over.
    pub(crate) fn is_dead(&self) -> bool {
        self.left.load(Ordering::Relaxed) == 0
    }

    fn path(&self, path: &str) -> String {
        match (self.below, path) {
            ("", path) => path.to_owned(),
            (below, "") => below.to_owned(),
            (below, path) => format!("{below}/{path}"),
        }
    }

    fn turn(&self) -> io::Result<()> {
        let left = |left: u64| left.checked_sub(1);
        let order = Ordering::Relaxed;
        if self.left.fetch_update(order, order, left).is_err() {
            return Err(io::Error::other("dead"));
        }
        self.baton.step(self.me);
        Ok(())
    }

    fn file<T>(&self, file: T) -> TurnedFile<T> {
        TurnedFile {
            file,
            disk: self.clone(),
        }
    }
}

struct TurnedFile<T> {
    file: T,
    disk: Turned,
}

impl Disk for Turned {
    fn create_new(&self, path: &str) -> io::Result<Box<dyn NewFile>> {
        self.turn()?;
        Ok(Box::new(self.file(self.disk.create_new(&self.path(path))?)))
    }

    fn open(&self, path: &str) -> io::Result<Box<dyn OpenFile>> {
        self.turn()?;
        Ok(Box::new(self.file(self.disk.open(&self.path(path))?)))
    }

    fn map(&self, path: &str) -> io::Result<Box<dyn Map>> {
        self.turn()?;
        self.disk.map(&self.path(path))
    }

    fn rename_new(&self, from: &str, to: &str) -> io::Result<()> {
        self.turn()?;
        self.disk.rename_new(&self.path(from), &self.path(to))
    }

    fn move_file(&self, from: &str, to: &str) -> io::Result<()> {
        self.turn()?;
        self.disk.move_file(&self.path(from), &self.path(to))
    }

    fn replace_file(&self, from: &str, to: &str) -> io::Result<()> {
        self.turn()?;
        self.disk.replace_file(&self.path(from), &self.path(to))
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        self.turn()?;
        self.disk.remove(&self.path(path))
    }

    fn create_dir(&self, path: &str) -> io::Result<()> {
        self.turn()?;
        self.disk.create_dir(&self.path(path))
    }

    fn list(&self, dir: &str) -> io::Result<Vec<Listed>> {
        self.turn()?;
        self.disk.list(&self.path(dir))
    }

    fn sync_dir(&self, dir: &str) -> io::Result<()> {
        self.turn()?;
        self.disk.sync_dir(&self.path(dir))
    }

    fn try_lock(&self, path: &str) -> io::Result<Option<Box<dyn Lock>>> {
        self.turn()?;
        self.disk.try_lock(&self.path(path))
    }

    fn free_bytes(&self) -> io::Result<Option<u64>> {
        self.disk.free_bytes()
    }

    fn locate(&self, path: &str) -> PathBuf {
        self.disk.locate(&self.path(path))
    }
}

impl NewFile for TurnedFile<Box<dyn NewFile>> {
    fn write_all_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.disk.turn()?;
        self.file.write_all_at(bytes, offset)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.disk.turn()?;
        self.file.sync()
    }

    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn try_lock(&mut self) -> io::Result<bool> {
        self.disk.turn()?;
        self.file.try_lock()
    }
}

impl OpenFile for TurnedFile<Box<dyn OpenFile>> {
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        self.disk.turn()?;
        self.file.read_exact_at(buf, offset)
    }
}
