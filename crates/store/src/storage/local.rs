//! A repository in a folder: objects are files, published by the one durable write of the project.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use super::{Claim, Storage, Upload, Version};
use crate::disk::{Disk, OpenFile};
use crate::durable::DurableFile;
use crate::error::{IoContext, Result, StoreError};
use crate::id::SnapshotId;
use crate::layout::{CACHE, EXPORTS, FEATURES, Folder, Object, PLANS, QUARANTINE, TEMPORARY};

mod cell;
mod claim;
mod leftovers;
mod quarantine;

use claim::LocalClaim;

/// Objects as files of a [`Disk`].
pub struct LocalStorage {
    disk: Arc<dyn Disk>,
}

impl LocalStorage {
    /// The repository at the root of this disk.
    pub fn new(disk: Arc<dyn Disk>) -> Self {
        Self { disk }
    }

    fn create_dir(&self, path: &str) -> Result<()> {
        match self.disk.create_dir(path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            result => result.context("create", || self.disk.locate(path)),
        }
    }

    fn settle_dir(&self, path: &str) -> Result<()> {
        self.disk
            .sync_dir(path)
            .context("sync", || self.disk.locate(path))
    }

    /// Makes a folder that is not there from the beginning, durably.
    fn create_late(&self, path: &str) -> Result<()> {
        self.create_dir(path)?;
        self.settle_dir("")
    }
}

fn is_missing(error: &StoreError) -> bool {
    matches!(error, StoreError::Io { source, .. } if source.kind() == io::ErrorKind::NotFound)
}

impl Storage for LocalStorage {
    fn prepare(&self) -> Result<()> {
        self.create_dir("")?;
        for folder in Folder::ALL {
            self.create_dir(folder.path())?;
        }
        self.disk
            .sync_dir("")
            .context("sync", || self.disk.locate(""))
    }

    fn create(&self, object: Object) -> Result<Box<dyn Upload + '_>> {
        if matches!(object, Object::Pin(_)) {
            self.create_late(object.folder())?;
        }
        let begin = || DurableFile::create(self.disk.as_ref(), object.folder(), object.path());
        let upload = match begin() {
            Err(error) if object.is_in_late_folder() && is_missing(&error) => {
                self.create_late(object.folder())?;
                begin()?
            }
            result => result?,
        };
        Ok(Box::new(upload))
    }

    fn open(&self, object: Object) -> Result<Option<Box<dyn OpenFile>>> {
        let path = object.path();
        match self.disk.open(&path) {
            Ok(file) => Ok(Some(file)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).context("open", || self.disk.locate(&path)),
        }
    }

    fn harden(&self) -> Result<()> {
        for folder in ["", Folder::Packs.path()] {
            self.settle_dir(folder)?;
        }
        Ok(())
    }

    fn harden_all(&self) -> Result<()> {
        self.harden()?;
        for folder in [Folder::Snapshots.path(), Folder::Copies.path(), PLANS] {
            match self.disk.sync_dir(folder) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                result => result.context("sync", || self.disk.locate(folder))?,
            }
        }
        Ok(())
    }

    fn plan(&self) -> Result<Option<(Version, Vec<u8>)>> {
        cell::read(self.disk.as_ref())
    }

    fn swap_plan(&self, seen: Option<Version>, bytes: &[u8]) -> Result<bool> {
        self.create_dir(PLANS)?;
        cell::swap(self.disk.as_ref(), seen, bytes)
    }

    fn leftovers(&self) -> Result<Vec<String>> {
        leftovers::list(self)
    }

    fn clear(&self, leftover: &str) -> Result<u64> {
        leftovers::clear(self.disk.as_ref(), leftover)
    }

    fn list(&self, folder: Folder) -> Result<Vec<Object>> {
        let listed = match self.disk.list(folder.path()) {
            // The folders that a repository is created with must be there; one that is not is no empty one.
            Err(error)
                if error.kind() == io::ErrorKind::NotFound && !Folder::ALL.contains(&folder) =>
            {
                return Ok(Vec::new());
            }
            result => result.context("list", || self.disk.locate(folder.path()))?,
        };
        Ok(listed
            .iter()
            // Whatever has the name of an object is taken for one: a folder in its place is damage and not nothing.
            .filter_map(|entry| Object::parse(folder, &entry.name))
            .collect())
    }

    fn names(&self, folder: &str) -> Result<Vec<String>> {
        let listed = match self.disk.list(folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            result => result.context("list", || self.disk.locate(folder))?,
        };
        Ok(listed.into_iter().map(|entry| entry.name).collect())
    }

    fn strangers(&self) -> Result<Vec<String>> {
        let ours = |name: &str| {
            let mut folders = Folder::ALL.iter().chain(&Folder::LATE);
            folders.any(|folder| folder.path() == name)
                || [CACHE, EXPORTS, FEATURES, PLANS, QUARANTINE].contains(&name)
                || name.ends_with(TEMPORARY)
        };
        let mut names = self.names("")?;
        names.retain(|name| !ours(name));
        Ok(names)
    }

    fn claim(&self, session: SnapshotId) -> Result<Box<dyn Claim + '_>> {
        LocalClaim::take(self.disk.as_ref(), session).map(|claim| Box::new(claim) as _)
    }

    fn evict(&self, session: SnapshotId) -> Result<bool> {
        let pending = Object::Pending(session).path();
        let locate = || self.disk.locate(&pending);
        let lock = match self.disk.try_lock(&pending) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            result => result.context("lock", locate)?,
        };
        if lock.is_none() {
            return Ok(false);
        }
        let evicted = Object::Evicted(session).path();
        match self.disk.move_file(&pending, &evicted) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error).context("rename", locate),
        }
    }

    fn rename_record(&self, from: Object, to: Object) -> Result<bool> {
        let (from, to) = (from.path(), to.path());
        match self.disk.move_file(&from, &to) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            result => result
                .map(|()| true)
                .context("rename", || self.disk.locate(&from)),
        }
    }

    fn settle(&self, folder: Folder) -> Result<()> {
        self.settle_dir(folder.path())
    }

    fn remove(&self, object: Object) -> Result<()> {
        let path = object.path();
        match self.disk.remove(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            result => result.context("remove", || self.disk.locate(&path)),
        }
    }

    fn quarantine(&self, object: Object) -> Result<bool> {
        quarantine::take(self, object)
    }

    fn replace(&self, object: Object, bytes: &[u8]) -> Result<bool> {
        quarantine::replace(self, object, bytes)
    }

    fn free_bytes(&self) -> Result<Option<u64>> {
        self.disk
            .free_bytes()
            .context("ask for the free space of", || self.disk.locate(""))
    }

    fn locate(&self, object: Object) -> PathBuf {
        self.disk.locate(&object.path())
    }

    fn place(&self) -> PathBuf {
        self.disk.locate("")
    }
}

impl Upload for DurableFile<'_> {
    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        Self::write(self, bytes)
    }

    fn publish(self: Box<Self>) -> Result<bool> {
        Self::publish(*self)
    }
}
