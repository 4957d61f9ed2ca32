//! The one durable write of lifeboat: whatever step fails, the final name is absent or the file behind it is whole.

use std::io;
use std::path::PathBuf;

use crate::disk::{Disk, NewFile};
use crate::error::{IoContext, Result};
use crate::layout::TEMPORARY;
use crate::random::{Random, SystemRandom};

/// Left-over temporary files of one name that are stepped around.
const MAX_TEMPORARIES: u32 = 1000;

/// A file on its way to its name: temporary name in the same folder → write → check the length → sync → rename to a name
/// that is not taken → sync the folder.
pub struct DurableFile<'a> {
    disk: &'a dyn Disk,
    folder: &'a str,
    path: String,
    temporary: String,
    file: Option<Box<dyn NewFile>>,
    written: u64,
}

impl<'a> DurableFile<'a> {
    /// Begins the file that will stand at `path` in `folder`.
    ///
    /// The temporary name of a process that died may still be there, and that of one at work: neither is touched.
    ///
    /// # Errors
    /// Where the folder takes no new file.
    pub fn create(disk: &'a dyn Disk, folder: &'a str, path: String) -> Result<Self> {
        let stem = path.clone();
        Self::begin(disk, folder, path, &stem, |file, _| {
            // Tells a file at work from one that was left over. Where there are no locks nobody collects either.
            let _ = file.try_lock();
            Ok(true)
        })
    }

    /// The same in a folder that is not ours alone: the temporary name has a part that nobody else would use, and the file
    /// is locked for as long as it has that name, so that [`remove_left_over`] can tell it from one of a process that died.
    /// The name is never used again: between a look at it and its removal it could have become another's.
    ///
    /// # Errors
    /// Where the folder takes no new file.
    pub fn create_marked(
        disk: &'a dyn Disk,
        folder: &'a str,
        path: String,
        mark: &str,
    ) -> Result<Self> {
        let own = unique().context("create", || disk.locate(&path))?;
        let stem = format!("{path}.{mark}.{own}");
        Self::begin(disk, folder, path, &stem, |file, temporary| {
            // Where there are no locks, nobody removes what is left over either.
            let is_locked = file.try_lock().unwrap_or(true);
            // Before it was locked it looked like one that was left over.
            Ok(is_locked && disk.open(temporary).is_ok())
        })
    }

    /// Takes the first temporary name that is free, and of whose file `claim` says that it is ours.
    fn begin(
        disk: &'a dyn Disk,
        folder: &'a str,
        path: String,
        stem: &str,
        claim: impl Fn(&mut dyn NewFile, &str) -> io::Result<bool>,
    ) -> Result<Self> {
        let mut number = 0;
        loop {
            let temporary = match number {
                0 => format!("{stem}{TEMPORARY}"),
                _ => format!("{stem}.{number}{TEMPORARY}"),
            };
            let created = disk.create_new(&temporary).and_then(|mut file| {
                let is_ours = claim(file.as_mut(), &temporary)?;
                Ok(is_ours.then_some(file))
            });
            match created {
                Ok(Some(file)) => {
                    return Ok(Self {
                        disk,
                        folder,
                        path,
                        temporary,
                        file: Some(file),
                        written: 0,
                    });
                }
                Ok(None) if number < MAX_TEMPORARIES => number += 1,
                Err(error)
                    if error.kind() == io::ErrorKind::AlreadyExists && number < MAX_TEMPORARIES =>
                {
                    number += 1;
                }
                result => {
                    let taken = || io::Error::from(io::ErrorKind::AlreadyExists);
                    return result
                        .and_then(|_| Err(taken()))
                        .context("create", || disk.locate(&temporary));
                }
            }
        }
    }

    fn located(&self) -> PathBuf {
        self.disk.locate(&self.temporary)
    }

    /// Appends bytes.
    ///
    /// # Errors
    /// After one, the file is lost.
    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.write_at(bytes, self.written)
    }

    /// Writes bytes from the offset on: over earlier ones, past the end, or both.
    ///
    /// # Errors
    /// After one, the file is lost.
    pub fn write_at(&mut self, bytes: &[u8], offset: u64) -> Result<()> {
        let (disk, temporary) = (self.disk, &self.temporary);
        if let Some(file) = &mut self.file {
            file.write_all_at(bytes, offset)
                .context("write", || disk.locate(temporary))?;
            self.written = self.written.max(offset + bytes.len() as u64);
        }
        Ok(())
    }

    /// Length so far, in bytes.
    pub fn len(&self) -> u64 {
        self.written
    }

    /// Whether nothing has been written yet.
    pub fn is_empty(&self) -> bool {
        self.written == 0
    }

    /// Makes it durable under its name. `false` where the name was taken.
    ///
    /// # Errors
    /// After one, nobody may rely on the file.
    pub fn publish(mut self) -> Result<bool> {
        let Some(mut file) = self.file.take() else {
            return Ok(false);
        };
        let result = self.publish_file(file.as_mut());
        if !matches!(result, Ok(true)) {
            self.discard();
        }
        drop(file);
        result
    }

    /// Makes it durable in the place of the file that has its name, in one step. `false` where there is none.
    ///
    /// # Errors
    /// After one, the name is that of the old or of the new file.
    pub(crate) fn replace(mut self) -> Result<bool> {
        let Some(mut file) = self.file.take() else {
            return Ok(false);
        };
        let result = self.replace_file(file.as_mut());
        if !matches!(result, Ok(true)) {
            self.discard();
        }
        drop(file);
        result
    }

    fn replace_file(&self, file: &mut dyn NewFile) -> Result<bool> {
        check_length(file, self.written).context("write", || self.located())?;
        file.sync().context("sync", || self.located())?;
        match self.disk.open(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            // Why it is replaced may be that it cannot be read.
            _ => {}
        }
        self.disk
            .replace_file(&self.temporary, &self.path)
            .context("rename", || self.located())?;
        self.disk
            .sync_dir(self.folder)
            .context("sync", || self.disk.locate(self.folder))?;
        Ok(true)
    }

    fn publish_file(&self, file: &mut dyn NewFile) -> Result<bool> {
        check_length(file, self.written).context("write", || self.located())?;
        file.sync().context("sync", || self.located())?;
        match self.disk.rename_new(&self.temporary, &self.path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(false),
            result => result.context("rename", || self.located())?,
        }
        self.disk
            .sync_dir(self.folder)
            .context("sync", || self.disk.locate(self.folder))?;
        Ok(true)
    }

    /// Best effort: a temporary file that stays is never read. The file is still open, and so locked: once it is not, its
    /// name may be another's.
    fn discard(&self) {
        let _ = self.disk.remove(&self.temporary);
    }
}

impl Drop for DurableFile<'_> {
    fn drop(&mut self) {
        if let Some(file) = self.file.take() {
            self.discard();
            drop(file);
        }
    }
}

/// A part of a name that no other process draws.
fn unique() -> io::Result<String> {
    let mut bytes = [0; 8];
    SystemRandom.fill(&mut bytes)?;
    Ok(data_encoding::HEXLOWER.encode(&bytes))
}

/// Removes what processes that died have left of files with this mark at the top of the disk. One that is locked is being
/// written.
pub fn remove_left_over(disk: &dyn Disk, mark: &str) {
    let inside = format!(".{mark}.");
    let is_left_over = |name: &String| name.contains(&inside) && name.ends_with(TEMPORARY);
    let names = disk.list("").unwrap_or_default().into_iter();
    for name in names.map(|entry| entry.name).filter(is_left_over) {
        if let Ok(Some(_lock)) = disk.try_lock(&name) {
            let _ = disk.remove(&name);
        }
    }
}

/// A short file after writes that reported success is a write that failed late.
pub(crate) fn check_length(file: &dyn NewFile, written: u64) -> io::Result<()> {
    let actual = file.len()?;
    if actual == written {
        return Ok(());
    }
    Err(io::Error::other(format!(
        "{actual} bytes on disk after {written} were written"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::RealDisk;

    /// Many write a file of one name at once, each clearing away what is left over first. One of them gets the name; the
    /// others are told that it is taken, and nobody takes another's file for one that was left over.
    #[test]
    fn f17_of_several_that_write_one_name_each_keeps_its_own_file_until_it_ends() {
        let folder = tempfile::tempdir().unwrap();
        let write = || {
            let disk = RealDisk::new(folder.path());
            for number in 0..300 {
                remove_left_over(&disk, "mark");
                let mut file = DurableFile::create_marked(&disk, "", "one.zip".to_owned(), "mark")
                    .expect("there are names enough");
                file.write(&[7; 100]).unwrap();
                match number % 3 {
                    0 => drop(file),
                    _ => drop(file.publish().expect("nobody takes it away")),
                }
                let _ = disk.remove("one.zip");
            }
        };
        std::thread::scope(|scope| (0..8).for_each(|_| drop(scope.spawn(write))));
        let left = std::fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(left, 0, "and nothing is left over");
    }
}
