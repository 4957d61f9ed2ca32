//! What is on a simulated disk, read and changed past its callers: for tests of damage, and to carry states
//! from and to other disks.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use super::SimDisk;
use super::state::Image;
use super::tree::{Entry, FileId, Tree, parent};
use crate::disk::Disk;

impl SimDisk {
    /// A disk with these files, all durable, and the folders that their paths need.
    pub fn from_files(files: BTreeMap<String, Vec<u8>>) -> Self {
        let mut image = Image {
            tree: Tree::with_root(),
            files: BTreeMap::new(),
        };
        for (number, (path, bytes)) in (1..).map(FileId).zip(files) {
            add_folders(&mut image.tree, parent(&path));
            image.tree.insert(&path.into(), Entry::File(number));
            image.files.insert(number, Arc::new(bytes));
        }
        Self::from_image(image)
    }

    /// A disk with everything that another holds, all durable.
    ///
    /// # Errors
    /// Where the other cannot be read.
    pub fn copy_from(other: &dyn Disk) -> io::Result<Self> {
        let mut image = Image {
            tree: Tree::with_root(),
            files: BTreeMap::new(),
        };
        let mut folders = vec![String::new()];
        let mut last = 0;
        while let Some(folder) = folders.pop() {
            for entry in other.list(&folder)? {
                let path = join(&folder, &entry.name);
                if entry.is_dir {
                    image.tree.insert(&path.as_str().into(), Entry::Folder);
                    folders.push(path);
                    continue;
                }
                last += 1;
                image
                    .files
                    .insert(FileId(last), Arc::new(read(other, &path)?));
                image.tree.insert(&path.into(), Entry::File(FileId(last)));
            }
        }
        Ok(Self::from_image(image))
    }

    /// Writes everything to another disk, which should be empty: to look at a state, or to start a program on it.
    ///
    /// # Errors
    /// Where the other cannot be written.
    pub fn copy_to(&self, other: &dyn Disk) -> io::Result<()> {
        let image = self.state().image();
        for (path, entry) in image.tree.iter().filter(|(path, _)| !path.is_empty()) {
            match entry {
                Entry::Folder => other.create_dir(path)?,
                Entry::File(file) => {
                    let bytes = image.files.get(&file).cloned().unwrap_or_default();
                    other.create_new(path)?.write_all_at(&bytes, 0)?;
                }
            }
        }
        Ok(())
    }

    /// All files and their bytes, as readers see them.
    pub fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let image = self.state().image();
        let files = image.tree.iter().filter_map(|(path, entry)| match entry {
            Entry::Folder => None,
            Entry::File(file) => Some((path.to_string(), image.files.get(&file)?.to_vec())),
        });
        files.collect()
    }

    /// Changes a byte of a file. Like all damage, it is done to a disk at rest: see [`SimDisk::settle`].
    ///
    /// # Errors
    /// Where there is no such byte.
    pub fn corrupt(
        &self,
        path: &str,
        offset: usize,
        change: impl FnOnce(u8) -> u8,
    ) -> io::Result<()> {
        self.damage(path, |bytes| {
            let byte = bytes.get_mut(offset).ok_or(io::ErrorKind::UnexpectedEof)?;
            *byte = change(*byte);
            Ok(())
        })
    }

    /// Cuts a file to this length, or lengthens it with zeros.
    ///
    /// # Errors
    /// Where there is no such file.
    pub fn truncate(&self, path: &str, len: usize) -> io::Result<()> {
        self.damage(path, |bytes| {
            bytes.resize(len, 0);
            Ok(())
        })
    }

    /// Changes the bytes of a file in any way.
    ///
    /// # Errors
    /// Where there is no such file, or the change fails.
    pub fn damage(
        &self,
        path: &str,
        change: impl FnOnce(&mut Vec<u8>) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut state = self.state();
        let file = state.tree.file(path)?;
        let mut bytes = state.bytes(file).to_vec();
        change(&mut bytes)?;
        state.replace(file, bytes);
        state.settle();
        Ok(())
    }

    /// Makes a file vanish.
    ///
    /// # Errors
    /// Where there is no such file.
    pub fn delete(&self, path: &str) -> io::Result<()> {
        let mut state = self.state();
        let file = state.tree.file(path)?;
        state.tree.remove(path);
        state.forget_unused(file);
        state.settle();
        Ok(())
    }

    /// Lets two files have each other's bytes.
    ///
    /// # Errors
    /// Where one is missing.
    pub fn swap(&self, one: &str, other: &str) -> io::Result<()> {
        let mut state = self.state();
        let (one, other) = (state.tree.file(one)?, state.tree.file(other)?);
        let (first, second) = (state.bytes(one).to_vec(), state.bytes(other).to_vec());
        state.replace(one, second);
        state.replace(other, first);
        state.settle();
        Ok(())
    }

    /// Puts a file where there may be one already.
    pub fn plant(&self, path: &str, bytes: &[u8]) {
        let mut state = self.state();
        let file = FileId(state.number());
        add_folders(&mut state.tree, parent(path));
        state.tree.insert(&path.into(), Entry::File(file));
        state.replace(file, bytes.to_vec());
        state.settle();
    }
}

fn add_folders(tree: &mut Tree, folder: &str) {
    if !folder.is_empty() {
        add_folders(tree, parent(folder));
        tree.insert(&folder.into(), Entry::Folder);
    }
}

fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() {
        name.to_owned()
    } else {
        format!("{folder}/{name}")
    }
}

fn read(disk: &dyn Disk, path: &str) -> io::Result<Vec<u8>> {
    let file = disk.open(path)?;
    let len = usize::try_from(file.len()?).map_err(io::Error::other)?;
    let mut bytes = vec![0; len];
    file.read_exact_at(&mut bytes, 0)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::super::Budget;
    use super::*;
    use crate::disk::RealDisk;

    fn disk() -> SimDisk {
        let files = [("packs/a", "first"), ("packs/b", "second"), ("config", "")];
        let files = files.map(|(path, text)| (path.to_owned(), text.as_bytes().to_vec()));
        SimDisk::from_files(files.into())
    }

    #[test]
    fn files_come_back_as_they_were_put() {
        let disk = disk();
        assert_eq!(SimDisk::from_files(disk.files()).files(), disk.files());
        assert_eq!(disk.copy().files(), disk.files());
        assert_eq!(disk.list("packs").unwrap().len(), 2);
        assert_eq!(
            disk.crash_states(&Budget::default()).count(),
            1,
            "nothing is in doubt"
        );
    }

    #[test]
    fn it_goes_to_a_real_disk_and_back() {
        let disk = disk();
        disk.create_dir("empty").unwrap();
        let folder = tempfile::tempdir().unwrap();
        let real = RealDisk::new(folder.path());
        disk.copy_to(&real).unwrap();
        assert_eq!(
            std::fs::read(folder.path().join("packs/b")).unwrap(),
            b"second"
        );
        let back = SimDisk::copy_from(&real).unwrap();
        assert_eq!(back.files(), disk.files());
        assert!(back.list("empty").unwrap().is_empty());
    }

    #[test]
    fn each_kind_of_damage_does_what_it_says() {
        let disk = disk();
        disk.corrupt("packs/a", 1, |byte| byte ^ 1).unwrap();
        assert_eq!(disk.files()["packs/a"], b"fhrst");
        assert!(disk.corrupt("packs/a", 5, |byte| byte).is_err());
        disk.truncate("packs/a", 2).unwrap();
        assert_eq!(disk.files()["packs/a"], b"fh");
        disk.truncate("packs/a", 3).unwrap();
        assert_eq!(disk.files()["packs/a"], b"fh\0");
        disk.swap("packs/a", "packs/b").unwrap();
        assert_eq!(disk.files()["packs/a"], b"second");
        disk.delete("packs/a").unwrap();
        assert!(disk.delete("packs/a").is_err());
        disk.plant("other/c", b"planted");
        disk.plant("config", b"replaced");
        let files = disk.files();
        assert_eq!(
            files.keys().collect::<Vec<_>>(),
            ["config", "other/c", "packs/b"]
        );
        assert_eq!(files["config"], b"replaced");
        let states: Vec<_> = disk.crash_states(&Budget::default()).collect();
        assert_eq!(states.len(), 1);
        assert_eq!(states[0].disk.files(), files, "damage is durable");
    }

    #[test]
    fn a_copy_is_damaged_alone() {
        let disk = disk();
        disk.copy().delete("packs/a").unwrap();
        assert!(disk.files().contains_key("packs/a"));
    }
}
