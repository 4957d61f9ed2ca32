//! One daemon a config: the file itself is locked, so nothing has to be written anywhere and nothing stays behind.
//!
//! An editor may put a new file in its place, on which there is no lock: [`Lock::follow`] locks that one too.

use std::fs::{File, TryLockError};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use crate::exit::Exit;
use crate::failure::Failure;

/// Who only looks whether a daemon works holds the lock for a moment: that is outwaited.
const LOOK: Duration = Duration::from_millis(20);

/// How often.
const LOOKS: usize = 10;

/// Held for as long as the daemon lives.
pub(super) struct Lock {
    path: PathBuf,
    file: File,
}

impl Lock {
    /// Takes it.
    ///
    /// # Errors
    /// Where another daemon has it.
    pub(super) fn take(path: &Path) -> Result<Self, Failure> {
        let cannot =
            |error: &_| Failure::io(format!("cannot lock the config {}", path.display()), error);
        let file = File::open(path).map_err(|error| cannot(&error).path(path))?;
        let mut tried = file.try_lock();
        for _ in 0..LOOKS {
            if !matches!(tried, Err(TryLockError::WouldBlock)) {
                break;
            }
            thread::sleep(LOOK);
            tried = file.try_lock();
        }
        match tried {
            Ok(()) => Ok(Self {
                path: path.to_owned(),
                file,
            }),
            Err(TryLockError::WouldBlock) => Err(held(path)),
            Err(TryLockError::Error(error)) => Err(cannot(&error).path(path)),
        }
    }

    /// Takes that of the file which is now in the place of the one that was locked. Where that cannot be had, the old one is
    /// held on to, and the next call tries again.
    pub(super) fn follow(&mut self) {
        if !self.is_at_its_place()
            && let Ok(new) = Self::take(&self.path)
        {
            *self = new;
        }
    }

    fn is_at_its_place(&self) -> bool {
        let id = |metadata: std::fs::Metadata| (metadata.dev(), metadata.ino());
        let held = self.file.metadata().map(id);
        match (held, self.path.metadata().map(id)) {
            (Ok(held), Ok(there)) => held == there,
            // A file that is gone is no other one.
            _ => true,
        }
    }
}

fn held(path: &Path) -> Failure {
    Failure::new(
        Exit::Held,
        format!("another daemon works by the config {}", path.display()),
    )
    .because("one daemon a config backs up; two would do everything twice")
    .hint("send SIGHUP to the one that runs to have it read a changed config")
    .path(path)
}

/// Whether a daemon works by this config; `None` where that cannot be told.
pub(crate) fn is_running(config: &Path) -> Option<bool> {
    let file = File::open(config).ok()?;
    match file.try_lock_shared() {
        Ok(()) => Some(false),
        Err(TryLockError::WouldBlock) => Some(true),
        Err(TryLockError::Error(_)) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_daemon_a_config_even_where_the_file_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lifeboat.toml");
        std::fs::write(&path, "").unwrap();
        assert_eq!(is_running(&path), Some(false));
        let mut lock = Lock::take(&path).unwrap();
        assert_eq!(is_running(&path), Some(true));
        let refused = Lock::take(&path).err().unwrap();
        assert_eq!(refused.exit(), Exit::Held);
        let other = folder.path().join("new");
        std::fs::write(&other, "x = 1").unwrap();
        std::fs::rename(&other, &path).unwrap();
        assert_eq!(is_running(&path), Some(false));
        lock.follow();
        assert_eq!(is_running(&path), Some(true));
        drop(lock);
        assert_eq!(is_running(&path), Some(false));
    }
}
