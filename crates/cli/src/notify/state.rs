//! The folder in which messages wait and in which it stands what was told: one for each repository, on this machine, because
//! the repository itself may be what cannot be reached.
//!
//! Nothing depends on it but notifications. Whatever is wrong with it costs at most a message that is told twice.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::files;
use crate::state;

/// A longer file is none of ours.
const MAX_LEN: u64 = 1 << 20;

/// How often the lock is tried, and the time between two tries.
const TRIES: u32 = 40;
const PAUSE: Duration = Duration::from_millis(25);

/// The folder.
#[derive(Debug, Clone)]
pub(crate) struct State {
    path: PathBuf,
}

impl State {
    /// That of a repository: `$XDG_STATE_HOME/lifeboat/notify/…`, else below `~/.local/state`.
    pub(crate) fn of(repository: &Path) -> Option<Self> {
        let folder = state::folder()?.join("notify");
        Some(Self::at(folder.join(state::name_of(repository))))
    }

    /// At a place.
    pub(crate) const fn at(path: PathBuf) -> Self {
        Self { path }
    }

    /// The path of something in it.
    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Keeps others out until the value is dropped. Nobody sends while holding it, so whoever holds it for a second was
    /// stopped, and is not waited for.
    pub(crate) fn lock(&self) -> io::Result<File> {
        let file = state::open_lock(&self.path, "lock")?;
        for _ in 0..TRIES {
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Err(rustix::io::Errno::WOULDBLOCK) => thread::sleep(PAUSE),
                locked => return Ok(locked.map(|()| file)?),
            }
        }
        Err(io::ErrorKind::TimedOut.into())
    }

    /// Whether something can be written into it.
    ///
    /// # Errors
    /// Where it cannot.
    pub(crate) fn probe(&self) -> io::Result<()> {
        self.make()?;
        rustix::fs::access(self.join("outbox"), rustix::fs::Access::WRITE_OK)?;
        Ok(())
    }

    /// For its owner only: messages name files.
    fn make(&self) -> io::Result<()> {
        let mut builder = DirBuilder::new();
        builder.recursive(true).mode(0o700);
        builder.create(self.join("outbox"))
    }

    /// What a file says; `None` where it is not there or says nothing that can be understood.
    pub(crate) fn read<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        read(&self.join(name))
    }

    /// Replaces a file as a whole.
    pub(crate) fn write(&self, name: &str, value: &impl Serialize) -> io::Result<()> {
        self.make()?;
        replace(&self.join(name), value)
    }
}

/// Replaces a file as a whole.
pub(crate) fn replace(path: &Path, value: &impl Serialize) -> io::Result<()> {
    files::replace(path, 0o600, &serde_json::to_vec(value)?)
}

/// What a file says, if it is one of ours.
pub(crate) fn read<T: DeserializeOwned>(path: &Path) -> Option<T> {
    let options = OpenOptions::new()
        .read(true)
        .custom_flags(NONBLOCK)
        .open(path)
        .ok()?;
    let mut text = Vec::new();
    let len = options.take(MAX_LEN + 1).read_to_end(&mut text).ok()?;
    if len as u64 > MAX_LEN {
        return None;
    }
    serde_json::from_slice(&text).ok()
}

/// A pipe in the place of a file is not waited for.
const NONBLOCK: i32 = rustix::fs::OFlags::NONBLOCK.bits() as i32;
