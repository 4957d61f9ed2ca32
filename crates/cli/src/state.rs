//! The folder of this user in which it stands what is to be remembered or locked beside all repositories: they may be what
//! cannot be reached.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use lifeboat_snapshot::store::{ChunkId, Kind};

/// `$XDG_STATE_HOME/lifeboat`, else `~/.local/state/lifeboat`; `None` where the user has neither.
pub(crate) fn folder() -> Option<PathBuf> {
    lifeboat_snapshot::state_folder()
}

/// Opens a file in such a folder, which is made where it is not there; nobody else can open either.
pub(crate) fn open_lock(folder: &Path, name: &str) -> io::Result<File> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)?;
    OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(folder.join(name))
}

/// A short name for a path, as that of a file.
pub(crate) fn name_of(path: &Path) -> String {
    let name = ChunkId::of(Kind::Meta, path.as_os_str().as_encoded_bytes()).to_string();
    name.get(..16).unwrap_or(&name).to_owned()
}
