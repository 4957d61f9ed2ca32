//! A private folder in the repository for what is being taken in. It goes with the value, or, where the process died,
//! with the next import.

use std::fs::{DirBuilder, File};
use std::os::unix::fs::DirBuilderExt as _;
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
                    let lock = File::open(&path).context("open", &path)?;
                    // Where there are no locks, nobody removes what is left over.
                    let _ = lock.try_lock();
                    return Ok(Self { path, _lock: lock });
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

fn remove_left_over(place: &Path) {
    for entry in std::fs::read_dir(place).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let is_ours = name.starts_with(BEGIN) && name.ends_with(END);
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if is_ours && is_folder && is_free(&entry.path()) {
            remove(&entry.path());
        }
    }
}

fn is_free(path: &Path) -> bool {
    File::open(path).is_ok_and(|folder| folder.try_lock().is_ok())
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
