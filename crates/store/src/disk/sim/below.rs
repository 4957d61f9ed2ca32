//! A folder of a simulated disk as a disk of its own.

use std::io;
use std::path::PathBuf;

use super::SimDisk;
use crate::disk::{Disk, Listed, Lock, Map, NewFile, OpenFile};

/// A folder of a [`SimDisk`]. Its changes are in the log of the whole disk.
#[derive(Debug, Clone)]
pub struct Below {
    disk: SimDisk,
    folder: String,
}

impl Below {
    pub(super) fn new(disk: SimDisk, folder: &str) -> Self {
        Self {
            disk,
            folder: folder.to_owned(),
        }
    }

    fn path(&self, path: &str) -> String {
        if path.is_empty() {
            self.folder.clone()
        } else {
            format!("{}/{path}", self.folder)
        }
    }
}

impl Disk for Below {
    fn create_new(&self, path: &str) -> io::Result<Box<dyn NewFile>> {
        self.disk.create_new(&self.path(path))
    }

    fn open(&self, path: &str) -> io::Result<Box<dyn OpenFile>> {
        self.disk.open(&self.path(path))
    }

    fn map(&self, path: &str) -> io::Result<Box<dyn Map>> {
        self.disk.map(&self.path(path))
    }

    fn rename_new(&self, from: &str, to: &str) -> io::Result<()> {
        self.disk.rename_new(&self.path(from), &self.path(to))
    }

    fn move_file(&self, from: &str, to: &str) -> io::Result<()> {
        self.disk.move_file(&self.path(from), &self.path(to))
    }

    fn replace_file(&self, from: &str, to: &str) -> io::Result<()> {
        self.disk.replace_file(&self.path(from), &self.path(to))
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        self.disk.remove(&self.path(path))
    }

    fn create_dir(&self, path: &str) -> io::Result<()> {
        self.disk.create_dir(&self.path(path))
    }

    fn list(&self, dir: &str) -> io::Result<Vec<Listed>> {
        self.disk.list(&self.path(dir))
    }

    fn sync_dir(&self, dir: &str) -> io::Result<()> {
        self.disk.sync_dir(&self.path(dir))
    }

    fn try_lock(&self, path: &str) -> io::Result<Option<Box<dyn Lock>>> {
        self.disk.try_lock(&self.path(path))
    }

    fn free_bytes(&self) -> io::Result<Option<u64>> {
        self.disk.free_bytes()
    }

    fn locate(&self, path: &str) -> PathBuf {
        self.disk.locate(&self.path(path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_paths_are_those_of_the_folder() {
        let disk = SimDisk::new();
        let below = disk.below("cache");
        assert_eq!(below.list("").unwrap_err().kind(), io::ErrorKind::NotFound);
        below.create_dir("").unwrap();
        below.create_new("a.tmp").unwrap().sync().unwrap();
        below.rename_new("a.tmp", "a").unwrap();
        below.move_file("a", "b").unwrap();
        below.move_file("b", "a").unwrap();
        below.sync_dir("").unwrap();
        assert_eq!(below.list("").unwrap(), disk.list("cache").unwrap());
        assert_eq!(below.open("a").unwrap().len().unwrap(), 0);
        assert!((*below.map("a").unwrap()).as_ref().is_empty());
        assert!(below.try_lock("a").unwrap().is_some());
        assert_eq!(below.locate("a"), disk.locate("cache/a"));
        below.create_dir("inner").unwrap();
        below.remove("a").unwrap();
        assert!(disk.files().is_empty());
        assert_eq!(below.free_bytes().unwrap(), None);
    }
}
