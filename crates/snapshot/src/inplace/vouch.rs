//! Which journals are this user's own: what they are is noted outside the data before they are there.
//!
//! Stages are found by their names in folders whose contents may come from anybody, as out of an archive, and a journal
//! names whole paths: one that says of itself that it is good proves nothing. So a restore notes the hash of what it is about
//! to write in a folder that nobody else can write to, and what has no such note is not obeyed. A note is no secret: a
//! backup of that folder tells nobody how to make another.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

use super::files::sync_folder;
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

/// What the notes say of bytes in a stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Vouched {
    /// They were written by a restore of this user.
    Yes,
    /// That stage is this user's, and these bytes are not what was written.
    Changed,
    /// There is no note of that stage.
    No,
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

    /// Whether these bytes were written in this stage by a restore of this user.
    ///
    /// # Errors
    /// Where there is a note that cannot be read.
    pub(super) fn vouch(&self, stage: &Path, bytes: &[u8]) -> Result<Vouched> {
        let mut vouched = Vouched::No;
        for folder in &self.folders {
            let note = read(folder, &name(stage)).context("read the notes in", folder)?;
            let Some((hash, path)) = note.as_deref().and_then(<[u8]>::split_first_chunk::<32>)
            else {
                continue;
            };
            if path != stage.as_os_str().as_bytes() {
                continue;
            }
            if blake3::hash(bytes) == *hash {
                return Ok(Vouched::Yes);
            }
            vouched = Vouched::Changed;
        }
        Ok(vouched)
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
    let missing: Vec<&Path> = folder.ancestors().take_while(|at| !at.exists()).collect();
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true).mode(0o700).create(folder)?;
    for above in missing.iter().filter_map(|made| made.parent()) {
        sync_folder(above)?;
    }
    if !is_private(folder)? {
        return Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            "somebody else can write there",
        ));
    }
    let temporary = folder.join(format!("{name}.partial"));
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    options.custom_flags(OFlags::NOFOLLOW.bits().cast_signed());
    let mut file = options.open(&temporary)?;
    file.write_all(note)?;
    file.sync_all()?;
    fs::rename(&temporary, folder.join(name))?;
    sync_folder(folder)
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
    let is_own = stat.is_file() && is_own(&stat) && stat.mode() & OTHERS_WRITE == 0;
    Ok(is_own.then_some(file))
}

fn is_nowhere(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory | io::ErrorKind::PermissionDenied
    )
}

fn is_own(stat: &fs::Metadata) -> bool {
    stat.uid() == rustix::process::geteuid().as_raw()
}

/// Whether nobody but this user and root can write into a folder, or put another in its place.
fn is_private(folder: &Path) -> io::Result<bool> {
    let folder = folder.canonicalize()?;
    let stat = folder.metadata()?;
    if !is_own(&stat) || stat.mode() & OTHERS_WRITE != 0 {
        return Ok(false);
    }
    for above in folder.ancestors().skip(1) {
        let stat = above.metadata()?;
        let is_trusted = is_own(&stat) || matches!(stat.uid(), 0 | OVERFLOW);
        let is_open = stat.mode() & OTHERS_WRITE != 0 && stat.mode() & STICKY == 0;
        if !is_trusted || is_open {
            return Ok(false);
        }
    }
    Ok(true)
}
