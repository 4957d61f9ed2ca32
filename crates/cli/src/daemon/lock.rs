//! One daemon a config and user: a file in the user's own state folder is locked. Whoever can read the config could lock that,
//! and keep the daemon from its work.
//!
//! Where the user has no such folder, or cannot write there, it is the config itself all the same.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use lifeboat_snapshot::path::real;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::state;

/// Who only looks whether a daemon works holds the lock for a moment: that is outwaited.
const LOOK: Duration = Duration::from_millis(20);

/// How often.
const LOOKS: usize = 10;

/// Held for as long as the daemon lives.
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    /// Takes it.
    ///
    /// # Errors
    /// Where another daemon has it.
    pub(super) fn take(config: &Path) -> Result<Self, Failure> {
        Self::take_in(config, place(config).as_deref())
    }

    fn take_in(config: &Path, place: Option<&Path>) -> Result<Self, Failure> {
        let what = || format!("cannot lock the config {}", config.display());
        let cannot = |error: &_| Failure::io(what(), error).path(config);
        let own = place.and_then(open);
        let file = match own {
            Some(file) => file,
            None => File::open(config).map_err(|error| cannot(&error))?,
        };
        let mut tried = file.try_lock();
        for _ in 0..LOOKS {
            if !matches!(tried, Err(TryLockError::WouldBlock)) {
                break;
            }
            thread::sleep(LOOK);
            tried = file.try_lock();
        }
        match tried {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(held(config)),
            Err(TryLockError::Error(error)) => Err(cannot(&error)),
        }
    }
}

/// The file that is locked.
fn place(config: &Path) -> Option<PathBuf> {
    let name = state::name_of(&real(config));
    Some(state::folder()?.join("daemon").join(name))
}

/// Opens it, where that can be.
fn open(place: &Path) -> Option<File> {
    let (folder, name) = (place.parent()?, place.file_name()?.to_str()?);
    state::open_lock(folder, name).ok()
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

/// Whether a daemon of this user works by this config; `None` where that cannot be told.
pub(crate) fn is_running(config: &Path) -> Option<bool> {
    is_running_in(config, place(config).as_deref())
}

fn is_running_in(config: &Path, place: Option<&Path>) -> Option<bool> {
    let own = place.map(|place| OpenOptions::new().write(true).open(place));
    let file = match own {
        Some(Ok(file)) => file,
        // There was never one. The daemon of somebody else's config is somebody else's.
        Some(Err(error)) if error.kind() == io::ErrorKind::NotFound => {
            let owner = config.metadata().ok()?.uid();
            return (owner == rustix::process::geteuid().as_raw()).then_some(false);
        }
        _ => File::open(config).ok()?,
    };
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
    fn one_daemon_a_config_and_nobody_who_reads_that_can_keep_it_from_starting() {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("lifeboat.toml");
        std::fs::write(&config, "").unwrap();
        let place = folder.path().join("state/daemon/lock");
        let is_running = || is_running_in(&config, Some(&place));
        assert_eq!(is_running(), Some(false));
        // A reader of the config.
        let reader = File::open(&config).unwrap();
        reader.try_lock().unwrap();
        let lock = Lock::take_in(&config, Some(&place)).ok().unwrap();
        assert_eq!(place.metadata().unwrap().mode() & 0o777, 0o600);
        assert_eq!(
            place.parent().unwrap().metadata().unwrap().mode() & 0o777,
            0o700
        );
        assert_eq!(is_running(), Some(true));
        let refused = Lock::take_in(&config, Some(&place)).err().unwrap();
        assert_eq!(refused.exit(), Exit::Held);
        drop(lock);
        assert_eq!(is_running(), Some(false));
    }

    #[test]
    fn without_a_folder_of_its_own_the_config_is_locked() {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("lifeboat.toml");
        std::fs::write(&config, "").unwrap();
        let barred = config.join("no/folder");
        for place in [None, Some(&*barred)] {
            let lock = Lock::take_in(&config, place).ok().unwrap();
            let refused = Lock::take_in(&config, place).err().unwrap();
            assert_eq!(refused.exit(), Exit::Held);
            assert_eq!(is_running_in(&config, place), Some(true));
            drop(lock);
            assert_eq!(is_running_in(&config, place), Some(false));
        }
    }
}
