//! A private folder in the repository for what is being taken in. It goes with the value, or, where the process died,
//! with the next import or collection.

use std::fs::{DirBuilder, File, TryLockError};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use crate::error::{IoContext, Result};

const BEGIN: &str = "import-";
const END: &str = ".partial";

/// Names that are tried.
const TRIES: u32 = 1000;

/// The folder, which is locked for as long as it is used.
pub(super) struct Scratch {
    path: PathBuf,
    _lock: File,
}

impl Scratch {
    /// A new one in `place`, for its owner only.
    pub(super) fn new(place: &Path) -> Result<Self> {
        remove_left_over(place);
        let mut number = std::process::id();
        for _ in 0..TRIES {
            let path = place.join(format!("{BEGIN}{number}{END}"));
            match DirBuilder::new().mode(0o700).create(&path) {
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                    number = number.wrapping_add(1);
                }
                created => {
                    created.context("create", &path)?;
                    if let Some(lock) = claim(&path)? {
                        return Ok(Self { path, _lock: lock });
                    }
                    number = number.wrapping_add(1);
                }
            }
        }
        let full = std::io::Error::from(std::io::ErrorKind::AlreadyExists);
        Err(full).context("create", &place.join(format!("{BEGIN}{END}")))
    }

    /// Where things are unpacked.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        remove(&self.path);
    }
}

/// Removes what imports that died have left in `place`, as far as that can be done.
pub(crate) fn remove_left_over(place: &Path) {
    for entry in std::fs::read_dir(place).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let is_ours = name.starts_with(BEGIN) && name.ends_with(END);
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if is_ours && is_folder {
            remove_if_free(&entry.path());
        }
    }
}

/// The lock is held until the folder is gone: whoever made it a moment ago, and has yet to lock it, must not get it.
fn remove_if_free(path: &Path) {
    if let Ok(folder) = File::open(path)
        && folder.try_lock().is_ok()
        && is_at(&folder, path)
    {
        remove(path);
    }
}

/// Locks a folder that was just made. `None` where somebody took it for one that was left over before it was locked:
/// then it goes, or is gone.
fn claim(path: &Path) -> Result<Option<File>> {
    let folder = match File::open(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        opened => opened.context("open", path)?,
    };
    match folder.try_lock() {
        Err(TryLockError::WouldBlock) => Ok(None),
        // Where there are no locks, nobody removes what is left over either.
        Ok(()) | Err(TryLockError::Error(_)) => Ok(is_at(&folder, path).then_some(folder)),
    }
}

/// Whether the path still leads to the open folder.
fn is_at(folder: &File, path: &Path) -> bool {
    let name = |stat: std::fs::Metadata| (stat.dev(), stat.ino());
    match (folder.metadata(), std::fs::symlink_metadata(path)) {
        (Ok(open), Ok(named)) => name(open) == name(named),
        _ => false,
    }
}

/// Folders that were made read-only, as the archive said, are made writable first.
fn remove(path: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    let mut folders = vec![path.to_owned()];
    while let Some(folder) = folders.pop() {
        let _ = std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o700));
        let entries = std::fs::read_dir(&folder).into_iter().flatten().flatten();
        let is_folder =
            |entry: &std::fs::DirEntry| entry.file_type().is_ok_and(|kind| kind.is_dir());
        folders.extend(entries.filter(is_folder).map(|entry| entry.path()));
    }
    let _ = std::fs::remove_dir_all(path);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_another_import_took_for_left_over_is_not_used() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join(format!("{BEGIN}1{END}"));
        DirBuilder::new().create(&path).unwrap();
        let other = File::open(&path).unwrap();
        other.try_lock().unwrap();
        assert!(claim(&path).unwrap().is_none());
        // And once it is gone.
        remove(&path);
        assert!(claim(&path).unwrap().is_none());
        DirBuilder::new().create(&path).unwrap();
        assert!(!is_at(&other, &path), "another folder of that name");
        assert!(claim(&path).unwrap().is_some());
    }

    #[test]
    fn a_folder_in_use_stays_and_one_left_over_goes() {
        let place = tempfile::tempdir().unwrap();
        let left = place.path().join(format!("{BEGIN}0{END}"));
        DirBuilder::new().create(&left).unwrap();
        let one = Scratch::new(place.path()).unwrap();
        let two = Scratch::new(place.path()).unwrap();
        assert!(!left.exists());
        assert_ne!(one.path(), two.path());
        assert!(one.path().is_dir() && two.path().is_dir());
    }

    #[test]
    fn imports_that_begin_at_once_do_not_remove_what_another_unpacks() {
        let place = tempfile::tempdir().unwrap();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..200 {
                        let scratch = Scratch::new(place.path()).unwrap();
                        let file = scratch.path().join("a");
                        std::fs::write(&file, "a").unwrap();
                        remove_left_over(place.path());
                        assert!(file.exists());
                    }
                });
            }
        });
    }
}
