//! Which journals are this user's own: what they are is noted outside the data before they are there.
//!
//! Stages are found by their names in folders whose contents may come from anybody, as out of an archive, and a journal
//! names whole paths: one that says of itself that it is good proves nothing. So a restore notes the hash of what it is about
//! to write in a folder that nobody else can write to, and what has no such note is not obeyed. A note is no secret: a
//! backup of that folder tells nobody how to make another.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use lifeboat_store::{Disk, RealDisk};
use rustix::fs::OFlags;

use super::files::write_whole;
use super::stage::{self, is_own};
use crate::error::{IoContext, Result};

/// The folder of the notes in that of the state.
const NAME: &str = "restores";

/// Most bytes that are read of a note: a hash and a path.
const MAX_BYTES: u64 = 16 * 1024;

/// Whom files belong to whose owner has no number in this container.
const OVERFLOW: u32 = 65_534;

/// Rights to write of anybody but the owner.
const OTHERS_WRITE: u32 = 0o022;
const STICKY: u32 = 0o1000;

/// What stands in a stage under a name that this program gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Found<T> {
    /// Nothing.
    Nothing,
    /// What this user's restore has written.
    Own(T),
    /// What no restore of this user has: nothing of it is believed.
    Foreign,
}

/// The folders with the notes: one of the user's state, and one for where that cannot be written.
pub(super) struct Vouchers {
    folders: Vec<PathBuf>,
}

/// Where this user keeps what is to be remembered beside all repositories: `$XDG_STATE_HOME/lifeboat`, else
/// `~/.local/state/lifeboat`; `None` where there is neither.
pub fn state_folder() -> Option<PathBuf> {
    let absolute = |path: &PathBuf| path.is_absolute();
    let named = std::env::var_os("XDG_STATE_HOME").map(PathBuf::from);
    let home = std::env::home_dir().filter(absolute);
    let folder = named
        .filter(absolute)
        .or_else(|| Some(home?.join(".local/state")))?;
    Some(folder.join("lifeboat"))
}

impl Vouchers {
    /// With this folder for the state, or the user's own.
    pub(super) fn new(state: Option<&Path>) -> Self {
        let own = state.map(Path::to_owned).or_else(state_folder);
        let user = rustix::process::geteuid().as_raw();
        let spare = PathBuf::from(format!("/var/tmp/lifeboat-{user}"));
        let folders = own.into_iter().chain([spare]);
        Self {
            folders: folders.map(|folder| folder.join(NAME)).collect(),
        }
    }

    /// Notes durably that these bytes, about to be written in this stage, are this user's.
    ///
    /// # Errors
    /// Where no folder takes the note.
    pub(super) fn give(&self, stage: &Path, bytes: &[u8]) -> Result<()> {
        let mut note = blake3::hash(bytes).as_bytes().to_vec();
        note.extend_from_slice(stage.as_os_str().as_bytes());
        let mut failed = None;
        for folder in &self.folders {
            match write(folder, &name(stage), &note) {
                Ok(()) => return Ok(()),
                Err(error) => failed.get_or_insert((error, folder)),
            };
        }
        match failed {
            Some((error, folder)) => Err(error).context("note the restore in", folder),
            None => Ok(()),
        }
    }

    /// What a restore of this user has written in a stage under this name, of at most so many bytes; `None` where what stands
    /// there is not that any more. Of a stage without a note nothing is read: there may be any amount of it.
    ///
    /// # Errors
    /// Where it, or a note of it, cannot be read.
    pub(super) fn read(
        &self,
        stage: &Path,
        name: &str,
        most: u64,
    ) -> Result<Found<Option<Vec<u8>>>> {
        let file = match stage::open_file(stage, name)? {
            Found::Nothing => return Ok(Found::Nothing),
            Found::Foreign => return Ok(Found::Foreign),
            Found::Own(file) => file,
        };
        let noted = self.noted(stage)?;
        if noted.is_empty() {
            return Ok(Found::Foreign);
        }
        let mut bytes = Vec::new();
        let read = file.take(most).read_to_end(&mut bytes);
        read.context("read", &stage.join(name))?;
        let is_written = noted.contains(blake3::hash(&bytes).as_bytes());
        Ok(Found::Own(is_written.then_some(bytes)))
    }

    /// The hashes that are noted of a stage.
    pub(super) fn noted(&self, stage: &Path) -> Result<Vec<[u8; 32]>> {
        let mut noted = Vec::new();
        for folder in &self.folders {
            let note = read(folder, &name(stage)).context("read the notes in", folder)?;
            match note.as_deref().and_then(<[u8]>::split_first_chunk) {
                Some((hash, path)) if path == stage.as_os_str().as_bytes() => noted.push(*hash),
                _ => {}
            }
        }
        Ok(noted)
    }

    /// Takes back what was noted of a stage that is over. A note that stays harms nothing: it is of bytes that are gone.
    pub(super) fn forget(&self, stage: &Path) {
        for folder in &self.folders {
            let _ = fs::remove_file(folder.join(name(stage)));
        }
    }
}

fn name(stage: &Path) -> String {
    let hash = blake3::hash(stage.as_os_str().as_bytes()).to_hex();
    hash.get(..32).unwrap_or_default().to_owned()
}

fn write(folder: &Path, name: &str, note: &[u8]) -> io::Result<()> {
    match RealDisk::new(folder).create_dir("") {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ if is_private(folder)? => write_whole(folder, name, note),
        _ => Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            "somebody else can write there",
        )),
    }
}

fn read(folder: &Path, name: &str) -> io::Result<Option<Vec<u8>>> {
    match open(folder, name) {
        Err(error) if is_nowhere(&error) => Ok(None),
        Err(error) => Err(error),
        Ok(None) => Ok(None),
        Ok(Some(file)) => {
            let mut bytes = Vec::new();
            file.take(MAX_BYTES).read_to_end(&mut bytes)?;
            Ok(Some(bytes))
        }
    }
}

/// Opens a note that nobody else can have written.
fn open(folder: &Path, name: &str) -> io::Result<Option<File>> {
    if !is_private(folder)? {
        return Ok(None);
    }
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let mut options = OpenOptions::new();
    let file = options
        .read(true)
        .custom_flags(flags.bits().cast_signed())
        .open(folder.join(name))?;
    let stat = file.metadata()?;
    let is_own = stat.is_file() && is_own(stat.uid()) && stat.mode() & OTHERS_WRITE == 0;
    Ok(is_own.then_some(file))
}

fn is_nowhere(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory | io::ErrorKind::PermissionDenied
    )
}

/// Whether nobody but this user and root can write into a folder, or put another in its place.
fn is_private(folder: &Path) -> io::Result<bool> {
    let folder = folder.canonicalize()?;
    let stat = folder.metadata()?;
    if !is_own(stat.uid()) || stat.mode() & OTHERS_WRITE != 0 {
        return Ok(false);
    }
    for above in folder.ancestors().skip(1) {
        let stat = above.metadata()?;
        let is_trusted = is_own(stat.uid()) || matches!(stat.uid(), 0 | OVERFLOW);
        let is_open = stat.mode() & OTHERS_WRITE != 0 && stat.mode() & STICKY == 0;
        if !is_trusted || is_open {
            return Ok(false);
        }
    }
    Ok(true)
}
